//! The handle that starts, steers and ends the access log.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::buffer::{Bell, LogBuffer, Slot};
use super::format::LogFormat;
use super::target::LogTarget;
use super::writer::Writer;
use crate::shard::AccessLogMetrics;

/// The access log. Cheap to clone; all clones steer the same thread, which lives until
/// [`AccessLog::shutdown`] or the end of the process.
#[derive(Debug, Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
    format: LogFormat,
}

/// What handle and thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) bell: Arc<Bell>,
    slots: Mutex<Vec<Arc<Slot>>>,
    pub(super) metrics: Arc<AccessLogMetrics>,
    pub(super) wants_reopen: AtomicBool,
    pub(super) wants_end: AtomicBool,
    /// Nothing is ever sent; disconnected when the thread has ended.
    ended: Mutex<Receiver<Infallible>>,
}

impl AccessLog {
    /// Opens `target` and starts the thread `roundel-log`.
    ///
    /// # Errors
    /// When the target cannot be opened or the thread not started.
    pub fn start(
        target: LogTarget,
        format: LogFormat,
        metrics: Arc<AccessLogMetrics>,
    ) -> io::Result<Self> {
        let file = target.open()?;
        Self::start_with(file, target, format, metrics)
    }

    /// Starts with an open file.
    pub(super) fn start_with(
        file: File,
        target: LogTarget,
        format: LogFormat,
        metrics: Arc<AccessLogMetrics>,
    ) -> io::Result<Self> {
        let (alive, ended) = channel();
        let shared = Arc::new(Shared {
            bell: Arc::default(),
            slots: Mutex::default(),
            metrics,
            wants_reopen: AtomicBool::new(false),
            wants_end: AtomicBool::new(false),
            ended: Mutex::new(ended),
        });
        let writer = Writer::new(target, file, Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("roundel-log".to_owned())
            .spawn(move || writer.run(alive))?;
        // Nobody else sets it, and nobody rings before `start` returns.
        let _ = shared.bell.thread.set(thread.thread().clone());
        Ok(Self { shared, format })
    }

    /// A buffer for one worker.
    pub fn buffer(&self) -> LogBuffer {
        let slot = Arc::new(Slot::new());
        self.shared.lock_slots().push(Arc::clone(&slot));
        let (bell, metrics) = (Arc::clone(&self.shared.bell), Arc::clone(&self.shared.metrics));
        LogBuffer::new(self.format, slot, bell, metrics)
    }

    /// Closes the file and opens it again by its name, as after a log rotation. What was logged
    /// before goes to the old file as far as it takes it. When the new one cannot be opened, the
    /// old one stays in use.
    pub fn reopen(&self) {
        self.shared.wants_reopen.store(true, Ordering::SeqCst);
        self.shared.bell.ring();
    }

    /// Writes what is buffered and ends the thread; waits at most `within`. Returns whether all was
    /// offered to the target in that time. Lines pushed later are lost.
    pub fn shutdown(&self, within: Duration) -> bool {
        self.shared.wants_end.store(true, Ordering::SeqCst);
        self.shared.bell.ring();
        let ended = self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(within) != Err(RecvTimeoutError::Timeout)
    }
}

impl Shared {
    /// The workers' slots.
    pub(super) fn lock_slots(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
