//! The thread that writes, and the handle that steers it.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::buffer::{BUFFER_BYTES_MAX, Bell, LogBuffer, Slot};
use super::format::LogFormat;
use super::target::LogTarget;
use crate::shard::AccessLogMetrics;

/// After writing, the thread rests so long before it looks again: under load a write then carries
/// many lines, and workers need not wake it.
const REST: Duration = Duration::from_millis(5);

/// How long to wait before bytes that the target refused are offered again.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The access log. Cheap to clone; all clones steer the same thread.
#[derive(Debug, Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
    format: LogFormat,
}

/// What handle and thread share.
#[derive(Debug)]
struct Shared {
    bell: Arc<Bell>,
    slots: Mutex<Vec<Arc<Slot>>>,
    metrics: Arc<AccessLogMetrics>,
    wants_reopen: AtomicBool,
    wants_end: AtomicBool,
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
    fn lock_slots(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// State of the thread.
struct Writer {
    target: LogTarget,
    file: File,
    shared: Arc<Shared>,
    /// Lines taken from a slot, of which `written` bytes are out.
    batch: Vec<u8>,
    written: usize,
    /// Whether the last write failed; a change is worth a message, a repetition is not.
    is_failing: bool,
    /// Whether nobody is there to read any more.
    is_closed: bool,
}

/// What to do after a write was refused.
enum Refused {
    /// Offer the rest again after a pause.
    Retry(Duration),
    /// Forget the rest.
    GiveUp,
}

impl Writer {
    fn new(target: LogTarget, file: File, shared: Arc<Shared>) -> Self {
        Self {
            target,
            file,
            shared,
            batch: Vec::with_capacity(BUFFER_BYTES_MAX),
            written: 0,
            is_failing: false,
            is_closed: false,
        }
    }

    /// Runs until told to end. `_alive` tells the handle so by being dropped.
    fn run(mut self, _alive: Sender<Infallible>) {
        loop {
            if !self.shared.bell.answer() {
                thread::park();
                continue;
            }
            // Asked before the slots are emptied, so that all lines pushed before the request to
            // end are written.
            let is_last = self.shared.wants_end.load(Ordering::SeqCst);
            self.write_all_slots();
            self.reopen_if_wanted();
            if is_last {
                return;
            }
            thread::sleep(REST);
        }
    }

    fn write_all_slots(&mut self) {
        // Cloned, so that a target that does not take lines cannot hold up `AccessLog::buffer`.
        let slots = self.shared.lock_slots().clone();
        for slot in slots {
            slot.swap(&mut self.batch);
            self.write_batch();
            self.batch.clear();
            self.written = 0;
        }
    }

    /// Writes the batch, waiting for the target as long as it takes. Meanwhile workers fill their
    /// slots and then drop lines, which bounds memory.
    fn write_batch(&mut self) {
        while !self.is_closed && self.written < self.batch.len() {
            match self.file.write(&self.batch[self.written..]) {
                Ok(0) => self.handle_refusal(&ErrorKind::WriteZero.into()),
                Ok(n) => self.note_written(n),
                Err(error) => self.handle_refusal(&error),
            }
        }
        self.drop_rest();
    }

    fn note_written(&mut self, n: usize) {
        let end = (self.written + n).min(self.batch.len());
        let lines = count_lines(&self.batch[self.written..end]);
        self.shared.metrics.lines_written.add(lines);
        self.written = end;
        if std::mem::take(&mut self.is_failing) {
            tracing::info!(target = %self.target, "access log is written again");
        }
    }

    fn handle_refusal(&mut self, error: &io::Error) {
        match self.judge(error) {
            Refused::GiveUp => self.drop_rest(),
            Refused::Retry(pause) => {
                thread::park_timeout(pause);
                // A new file is how an operator mends a full disk: no reason to wait for the old.
                self.reopen_if_wanted();
            }
        }
    }

    fn judge(&mut self, error: &io::Error) -> Refused {
        match error.kind() {
            ErrorKind::Interrupted => return Refused::Retry(Duration::ZERO),
            // Standard output that another program made non-blocking, and a slow reader.
            ErrorKind::WouldBlock if !self.is_ending() => return Refused::Retry(REST),
            // As with any filter: when the reader has gone, there is nobody to tell.
            ErrorKind::BrokenPipe if self.target == LogTarget::Stdout => {
                self.is_closed = true;
                return Refused::GiveUp;
            }
            _ => {}
        }
        self.shared.metrics.write_errors.add(1);
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                target = %self.target,
                %error,
                "access log cannot be written: lines are kept while there is room, then dropped"
            );
        }
        if self.is_ending() { Refused::GiveUp } else { Refused::Retry(RETRY_AFTER) }
    }

    fn is_ending(&self) -> bool {
        self.shared.wants_end.load(Ordering::SeqCst)
    }

    /// Counts what is left of the batch as dropped.
    fn drop_rest(&mut self) {
        self.shared.metrics.lines_dropped.add(count_lines(&self.batch[self.written..]));
        self.written = self.batch.len();
    }

    fn reopen_if_wanted(&mut self) {
        if !self.shared.wants_reopen.swap(false, Ordering::SeqCst) {
            return;
        }
        match self.target.open() {
            Ok(file) => {
                self.file = file;
                self.is_closed = false;
                self.skip_torn_line();
            }
            Err(error) => {
                tracing::warn!(
                    target = %self.target,
                    %error,
                    "access log cannot be opened again: the old file stays in use"
                );
            }
        }
    }

    /// Gives up a line of which the old file has the beginning: its end alone would make the new
    /// file start with garbage.
    fn skip_torn_line(&mut self) {
        let (out, rest) = self.batch.split_at(self.written);
        if out.last().is_some_and(|byte| *byte != b'\n') {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            self.written += end;
            self.shared.metrics.lines_dropped.add(1);
        }
    }
}

/// How many line ends there are.
fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
