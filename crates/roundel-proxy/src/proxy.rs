//! Starting, feeding and stopping the workers.
//!
//! A panic in a task costs one connection. Should a worker's own loop fail, by panic or because
//! the kernel refuses to report events, the bug or the shortage would most likely strike again, so
//! the worker is not started anew: it gives up its sockets, and whoever owns the [`Proxy`] is told
//! ([`Proxy::failed`]) to finish what the others run and to end the process, which a service manager
//! then starts again. What must not happen is a process that looks well and serves with half of
//! its workers.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::{AccessLog, Registry, RequestLog};
use tokio::sync::{Notify, mpsc};

use crate::mailbox::Mailbox;
use crate::worker::{Parts, Worker};

/// Stack of a worker: the deepest path is far below, and untouched pages cost nothing.
const STACK_BYTES: usize = 1024 * 1024;

/// What the data plane is started with.
#[derive(Debug)]
pub struct ProxyOptions {
    /// How many workers; at least one. The snapshot's listeners have a socket for each.
    pub workers: usize,
    /// Where counters live.
    pub registry: Arc<Registry>,
    /// Where exchanges are logged, if anywhere.
    pub access_log: Option<Arc<AccessLog>>,
    /// Where people look for the latest exchanges, if anywhere.
    pub request_log: Option<RequestLog>,
    /// Where the control plane hears of failures.
    pub signals: mpsc::Sender<Signal>,
    /// Connections at once that listeners without a limit of their own may have, over all workers;
    /// those of other listeners count, too.
    pub connections_max: u32,
}

/// The running data plane.
#[derive(Debug)]
pub struct Proxy {
    mailboxes: Arc<[Arc<Mailbox>]>,
    threads: Vec<JoinHandle<io::Result<usize>>>,
    failure: Arc<Notify>,
}

/// Hands snapshots to the workers.
#[derive(Debug, Clone)]
pub struct Publisher {
    mailboxes: Arc<[Arc<Mailbox>]>,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Exchanges that outlived the grace time and were cut.
    pub cut: usize,
    /// Workers that had ended by themselves, with all their connections.
    pub failed: usize,
}

impl Proxy {
    /// Starts the workers on `snapshot`.
    ///
    /// # Errors
    /// When the system refuses a thread, an epoll instance or an event descriptor.
    pub fn start(snapshot: &Arc<Snapshot>, options: ProxyOptions) -> io::Result<Self> {
        let ProxyOptions { registry, access_log, request_log, signals, .. } = options;
        let workers = options.workers.max(1);
        let clients_max =
            options.connections_max.div_ceil(u32::try_from(workers).unwrap_or(u32::MAX));
        let mailboxes: Arc<[Arc<Mailbox>]> =
            (0..workers).map(|_| Mailbox::new().map(Arc::new)).collect::<io::Result<_>>()?;
        let publisher = Publisher { mailboxes: mailboxes.clone() };
        publisher.publish(snapshot);
        let failure = Arc::new(Notify::new());
        let threads = (0..workers)
            .map(|index| {
                let parts = Parts {
                    index,
                    mailboxes: mailboxes.clone(),
                    registry: registry.clone(),
                    log: access_log.as_ref().map(|log| log.buffer()),
                    requests: request_log.as_ref().map(|log| log.writer(index)),
                    signals: signals.clone(),
                    clients_max,
                };
                let failure = failure.clone();
                thread::Builder::new()
                    .name(format!("worker-{index}"))
                    .stack_size(STACK_BYTES)
                    .spawn(move || work(parts, &failure))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { mailboxes, threads, failure })
    }

    /// What hands new snapshots to the workers.
    pub fn publisher(&self) -> Publisher {
        Publisher { mailboxes: self.mailboxes.clone() }
    }

    /// Waits until a worker has ended although nobody told it to; as long as all is well, for ever.
    pub async fn failed(&self) {
        self.failure.notified().await;
    }

    /// Has the workers accept no more, finish what runs, and cut what still runs after `grace`.
    pub fn drain(&self, grace: Duration) {
        for mailbox in self.mailboxes.iter() {
            mailbox.leave(|mail| mail.drain = Some(grace));
        }
    }

    /// Waits until all workers have ended. Without [`Self::drain`] before, that is never.
    pub fn join(self) -> Drained {
        let mut drained = Drained { cut: 0, failed: 0 };
        for thread in self.threads {
            match thread.join() {
                Ok(Ok(cut)) => drained.cut += cut,
                Ok(Err(_)) | Err(_) => drained.failed += 1,
            }
        }
        drained
    }
}

/// A worker's thread. Returns how many exchanges were cut at its end.
fn work(parts: Parts, failure: &Notify) -> io::Result<usize> {
    let index = parts.index;
    let result = Worker::new(parts).and_then(|worker| {
        let run = catch_unwind(AssertUnwindSafe(|| worker.run()));
        let result = run.unwrap_or_else(|_| Err(io::Error::other("it panicked; this is a bug")));
        if result.is_err() {
            worker.give_up();
        }
        result
    });
    if let Err(error) = &result {
        tracing::error!(worker = index, %error, "a worker has ended and cannot go on");
        failure.notify_one();
    }
    result
}

impl Publisher {
    /// Hands `snapshot` to every worker; each takes it at its next turn.
    pub fn publish(&self, snapshot: &Arc<Snapshot>) {
        for mailbox in self.mailboxes.iter() {
            mailbox.leave(|mail| mail.snapshot = Some(snapshot.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::View;

    #[test]
    fn a_worker_that_ends_by_itself_is_noticed_and_the_others_still_drain() {
        // Counters for one worker only: the second panics at its first turn, outside of any task.
        let registry = Arc::new(Registry::new(1));
        let (signals, _receiver) = mpsc::channel(1);
        let options = ProxyOptions {
            workers: 2,
            registry,
            access_log: None,
            request_log: None,
            signals,
            connections_max: 1,
        };
        let proxy = Proxy::start(&View::empty().snapshot, options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(proxy.failed());
        proxy.drain(Duration::from_secs(30));
        assert_eq!(proxy.join(), Drained { cut: 0, failed: 1 });
    }
}
