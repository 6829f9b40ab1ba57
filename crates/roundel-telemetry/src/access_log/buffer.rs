//! A worker's lines on their way to the log's thread.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use super::date::TimeText;
use super::format::{LogFormat, push_line};
use super::record::ExchangeRecord;
use crate::shard::AccessLogMetrics;

/// What a worker's buffer holds at most: some thousand lines, or a tenth of a second at full load.
pub(super) const BUFFER_BYTES_MAX: usize = 256 * 1024;

/// A worker's end of the access log. Each worker has its own.
#[derive(Debug)]
pub struct LogBuffer {
    format: LogFormat,
    time: TimeText,
    slot: Arc<Slot>,
    bell: Arc<Bell>,
    metrics: Arc<AccessLogMetrics>,
    /// Whether a line was taken since the last flush.
    has_news: bool,
}

/// Lines of one worker that the log's thread has not taken yet.
///
/// The thread holds the lock only to swap the vector for an empty one, so a worker finds it free.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Vec<u8>>);

/// Wakes the log's thread, once for as many lines as come before it looks.
#[derive(Debug, Default)]
pub(super) struct Bell {
    is_rung: AtomicBool,
    pub(super) thread: OnceLock<Thread>,
}

impl LogBuffer {
    pub(super) fn new(
        format: LogFormat,
        slot: Arc<Slot>,
        bell: Arc<Bell>,
        metrics: Arc<AccessLogMetrics>,
    ) -> Self {
        Self { format, time: TimeText::new(), slot, bell, metrics, has_news: false }
    }

    /// Takes the line of an ended exchange; drops and counts it when the buffer is full, that is,
    /// when the target has not taken lines for a while. Costs no system call and, in the steady
    /// state, no allocation.
    pub fn push(&mut self, record: &ExchangeRecord<'_>) {
        let mut lines = self.slot.lines();
        let len_before = lines.len();
        if len_before < BUFFER_BYTES_MAX {
            push_line(&mut lines, self.format, record, &mut self.time);
        }
        if len_before >= BUFFER_BYTES_MAX || lines.len() > BUFFER_BYTES_MAX {
            lines.truncate(len_before);
            self.metrics.lines_dropped.add(1);
        }
        self.has_news = true;
    }

    /// Lets the log's thread know of new lines. Called at the end of each turn of the worker's
    /// loop; costs a system call only when that thread sleeps.
    pub fn flush(&mut self) {
        if mem::take(&mut self.has_news) {
            self.bell.ring();
        }
    }
}

impl Drop for LogBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Slot {
    /// An empty slot with its memory reserved; pages are touched only as lines fill them.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Vec::with_capacity(BUFFER_BYTES_MAX)))
    }

    /// Moves the lines into `taken`, which must be empty and whose memory the slot goes on with.
    pub(super) fn swap(&self, taken: &mut Vec<u8>) {
        mem::swap(&mut *self.lines(), taken);
    }

    /// A panic while a line was formatted leaves at worst a torn line: better than no log.
    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    /// Wakes the thread unless it was woken and has not looked since.
    pub(super) fn ring(&self) {
        // The load comes first because the thread is mostly awake under load, and a load alone
        // leaves the cache line shared. Sequential consistency pairs with `answer`: whoever finds
        // the bell rung stored its news before the thread looks.
        if !self.is_rung.load(Ordering::SeqCst)
            && !self.is_rung.swap(true, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Whether the bell was rung since the last answer. The thread looks at slots after this.
    pub(super) fn answer(&self) -> bool {
        self.is_rung.swap(false, Ordering::SeqCst)
    }
}
