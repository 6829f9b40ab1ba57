//! Starting, feeding and stopping the workers.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::{AccessLog, Registry};
use tokio::sync::mpsc;

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
    /// Where the control plane hears of failures.
    pub signals: mpsc::Sender<Signal>,
}

/// The running data plane.
#[derive(Debug)]
pub struct Proxy {
    mailboxes: Arc<[Arc<Mailbox>]>,
    threads: Vec<JoinHandle<io::Result<usize>>>,
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
}

impl Proxy {
    /// Starts the workers on `snapshot`.
    ///
    /// # Errors
    /// When the system refuses a thread, an epoll instance or an event descriptor.
    pub fn start(snapshot: &Arc<Snapshot>, options: ProxyOptions) -> io::Result<Self> {
        let ProxyOptions { workers, registry, access_log, signals } = options;
        let workers = workers.max(1);
        let mailboxes: Arc<[Arc<Mailbox>]> =
            (0..workers).map(|_| Mailbox::new().map(Arc::new)).collect::<io::Result<_>>()?;
        let publisher = Publisher { mailboxes: mailboxes.clone() };
        publisher.publish(snapshot);
        let threads = (0..workers)
            .map(|index| {
                let parts = Parts {
                    index,
                    mailboxes: mailboxes.clone(),
                    registry: registry.clone(),
                    log: access_log.as_ref().map(|log| log.buffer()),
                    signals: signals.clone(),
                };
                thread::Builder::new()
                    .name(format!("worker-{index}"))
                    .stack_size(STACK_BYTES)
                    .spawn(move || Worker::new(parts)?.run())
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { mailboxes, threads })
    }

    /// What hands new snapshots to the workers.
    pub fn publisher(&self) -> Publisher {
        Publisher { mailboxes: self.mailboxes.clone() }
    }

    /// Has the workers accept no more, finish what runs, and cut what still runs after `grace`.
    pub fn drain(&self, grace: Duration) {
        for mailbox in self.mailboxes.iter() {
            mailbox.leave(|mail| mail.drain = Some(grace));
        }
    }

    /// Waits until all workers have ended. Without [`Self::drain`] before, that is never.
    pub fn join(self) -> Drained {
        let mut cut = 0;
        for thread in self.threads {
            match thread.join() {
                Ok(Ok(n)) => cut += n,
                Ok(Err(error)) => tracing::error!(%error, "a worker could not go on"),
                Err(_) => tracing::error!("a worker panicked; this is a bug in Roundel"),
            }
        }
        Drained { cut }
    }
}

impl Publisher {
    /// Hands `snapshot` to every worker; each takes it at its next turn.
    pub fn publish(&self, snapshot: &Arc<Snapshot>) {
        for mailbox in self.mailboxes.iter() {
            mailbox.leave(|mail| mail.snapshot = Some(snapshot.clone()));
        }
    }
}
