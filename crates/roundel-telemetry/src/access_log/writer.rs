//! The thread that writes.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use super::buffer::BUFFER_BYTES_MAX;
use super::handle::Shared;
use super::target::LogTarget;

/// After writing, the thread rests so long before it looks again: under load a write then carries
/// many lines, and workers need not wake it.
const REST: Duration = Duration::from_millis(5);

/// How long to wait before bytes that the target refused are offered again.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// State of the thread.
pub(super) struct Writer {
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
    /// A writer to `file`, which `target` was opened as.
    pub(super) fn new(target: LogTarget, file: File, shared: Arc<Shared>) -> Self {
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
    pub(super) fn run(mut self, _alive: Sender<Infallible>) {
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
            tracing::info!(log = %self.target, "access log is written again");
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
            // A standard stream that another program made non-blocking, and a slow reader: no error.
            ErrorKind::WouldBlock => return Refused::Retry(REST),
            // As with any filter: when the reader has gone, there is nobody to tell.
            ErrorKind::BrokenPipe if !matches!(self.target, LogTarget::File(_)) => {
                self.is_closed = true;
                return Refused::GiveUp;
            }
            _ => {}
        }
        self.shared.metrics.write_errors.add(1);
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                log = %self.target,
                %error,
                "access log cannot be written: lines are kept while there is room, then dropped"
            );
        }
        // Asked to end, the thread does not wait for a disk to be mended.
        let is_ending = self.shared.wants_end.load(Ordering::SeqCst);
        if is_ending { Refused::GiveUp } else { Refused::Retry(RETRY_AFTER) }
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
                    log = %self.target,
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

#[cfg(test)]
mod tests {
    use super::super::record::{ExchangeRecord, RequestFields, Timing};
    use super::super::{AccessLog, LogBuffer, LogFormat};
    use super::*;
    use crate::shard::AccessLogMetrics;
    use roundel_core::end::EndReason;
    use roundel_testkit::deadline::PATIENCE;
    use roundel_testkit::{TempDir, eventually};
    use std::io::{PipeReader, Read as _, pipe};
    use std::os::fd::OwnedFd;

    /// A log that writes to a pipe as if it were `target`.
    fn log_to_pipe(target: LogTarget) -> (AccessLog, PipeReader, Arc<AccessLogMetrics>) {
        let (reader, writer) = pipe().unwrap();
        rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).unwrap();
        let file = File::from(OwnedFd::from(writer));
        let metrics = Arc::<AccessLogMetrics>::default();
        let log =
            AccessLog::start_with(file, target, LogFormat::Combined, Arc::clone(&metrics)).unwrap();
        (log, reader, metrics)
    }

    /// Pushes lines that are told apart by their number of bytes sent.
    fn push_lines(buffer: &mut LogBuffer, count: u64) {
        for number in 0..count {
            buffer.push(&ExchangeRecord {
                at_unix_us: 0,
                client: ([127, 0, 0, 1], 1).into(),
                listener: "web",
                request: RequestFields::default(),
                route: None,
                pool: None,
                endpoint: None,
                attempts: 0,
                status: 200,
                request_bytes: 0,
                response_bytes: number,
                timing: Timing::default(),
                end: EndReason::Local,
            });
        }
        buffer.flush();
    }

    fn numbers(text: &str) -> Vec<u64> {
        text.lines().map(|line| line.split(' ').nth(7).unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn a_reader_of_standard_output_who_left_ends_writing_without_an_error() {
        let (log, reader, metrics) = log_to_pipe(LogTarget::Stdout);
        drop(reader);
        let mut buffer = log.buffer();
        push_lines(&mut buffer, 3);
        eventually(PATIENCE, "lines are given up", || metrics.lines_dropped.value() == 3);
        push_lines(&mut buffer, 2);
        assert!(log.shutdown(PATIENCE));
        assert_eq!(metrics.lines_dropped.value(), 5);
        assert_eq!((metrics.lines_written.value(), metrics.write_errors.value()), (0, 0));
    }

    #[test]
    fn a_slow_reader_gets_every_line() {
        let (log, mut reader, metrics) = log_to_pipe(LogTarget::Stdout);
        push_lines(&mut log.buffer(), 3_000);
        let reading = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        eventually(PATIENCE, "all lines are written", || metrics.lines_written.value() == 3_000);
        assert!(log.shutdown(PATIENCE));
        assert_eq!(numbers(&reading.join().unwrap()), (0..3_000).collect::<Vec<_>>());
        assert_eq!((metrics.lines_dropped.value(), metrics.write_errors.value()), (0, 0));
    }

    #[test]
    fn a_new_file_begins_with_a_whole_line() {
        let directory = TempDir::new();
        let path = directory.path().join("access.log");
        let (log, mut reader, metrics) = log_to_pipe(LogTarget::File(path.clone()));
        // More than a pipe holds: the write stops somewhere within a line.
        push_lines(&mut log.buffer(), 3_000);
        eventually(PATIENCE, "the pipe is full", || metrics.lines_written.value() > 0);
        log.reopen();
        assert!(log.shutdown(PATIENCE));

        let mut old = String::new();
        reader.read_to_string(&mut old).unwrap();
        let whole = old.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let new = numbers(&std::fs::read_to_string(&path).unwrap());
        let first = numbers(whole).len() as u64 + metrics.lines_dropped.value();
        assert_eq!(new, (first..3_000).collect::<Vec<_>>());
        assert_eq!(metrics.lines_dropped.value(), u64::from(!old.ends_with('\n')));
        assert_eq!(metrics.lines_written.value() + metrics.lines_dropped.value(), 3_000);
    }
}
