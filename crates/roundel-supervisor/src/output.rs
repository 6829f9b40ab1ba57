//! The last lines that a process wrote.
//!
//! A crashing app says why in its last lines, so those are kept; a chatty one must neither block on
//! a full pipe nor fill our memory, so everything older is dropped and counted.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use crate::output_file::Sink;

/// Longer lines are cut: enough for a stack frame or a JSON log line.
const LINE_BYTES_MAX: usize = 4096;
/// Lines kept.
const LINES_MAX: usize = 500;
/// Bytes kept, over all lines.
const TAIL_BYTES_MAX: usize = 256 * 1024;

/// The last lines that a process wrote to stdout and stderr, in the order of writing. Cheap to
/// clone; all clones see the same lines, also after the process has ended.
#[derive(Debug, Clone, Default)]
pub struct OutputTail(Arc<Mutex<Tail>>);

impl OutputTail {
    /// The lines kept, oldest first: at most 500 lines and 256 KiB, each line at most 4 KiB.
    /// Bytes that are not UTF-8 are replaced.
    pub fn lines(&self) -> Vec<String> {
        self.tail(|tail| tail.lines.iter().cloned().collect())
    }

    /// What was written of a line that has not ended, as of a prompt; at most 4 KiB.
    pub fn unfinished(&self) -> Option<String> {
        self.tail(|tail| {
            let begun = !tail.partial.is_empty();
            begun.then(|| String::from_utf8_lossy(&tail.partial).into_owned())
        })
    }

    /// Lines written so far, those no longer kept included.
    pub fn lines_written(&self) -> u64 {
        self.tail(|tail| tail.lines_written)
    }

    /// Adds a line of ours between those of the process.
    pub fn note(&self, line: &str) {
        self.tail(|tail| {
            tail.finish();
            tail.push(line.as_bytes());
            tail.finish();
        });
    }

    /// Reads until the last writer has closed, and passes on to `sink` what is read. Runs on a thread
    /// of its own.
    pub(crate) fn fill_from(&self, mut pipe: impl Read, sink: Option<&Sink>) {
        let mut chunk = [0; 8192];
        loop {
            match pipe.read(&mut chunk) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    let bytes = chunk.get(..n).unwrap_or_default();
                    self.tail(|tail| tail.push(bytes));
                    if let Some(sink) = sink {
                        sink.put(bytes);
                    }
                }
            }
        }
        self.tail(Tail::finish);
    }

    fn tail<T>(&self, f: impl FnOnce(&mut Tail) -> T) -> T {
        // A panic while the lock was held cannot leave the tail worse than a line short.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    /// Bytes in `lines`.
    bytes: usize,
    lines_written: u64,
    /// The line being written, at most [`LINE_BYTES_MAX`] of it.
    partial: Vec<u8>,
}

impl Tail {
    fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = bytes.split_at(end);
            self.extend_partial(line);
            self.end_line();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.extend_partial(bytes);
    }

    /// Keeps a last line that does not end in a newline.
    fn finish(&mut self) {
        if !self.partial.is_empty() {
            self.end_line();
        }
    }

    fn extend_partial(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX - self.partial.len();
        self.partial.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn end_line(&mut self) {
        let line = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        let line = String::from_utf8_lossy(line).into_owned();
        self.partial.clear();
        self.lines_written += 1;
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.bytes > TAIL_BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_the_bytes_are_cut() {
        let text = b"one\r\n\ntwo\nthree";
        for size in 1..=text.len() {
            let mut tail = Tail::default();
            text.chunks(size).for_each(|chunk| tail.push(chunk));
            tail.finish();
            assert_eq!(tail.lines, ["one", "", "two", "three"], "chunks of {size}");
            assert_eq!(tail.lines_written, 4);
        }
    }

    #[test]
    fn a_line_that_has_not_ended_is_no_line_yet_and_can_be_seen() {
        let output = OutputTail::default();
        output.tail(|tail| tail.push(b"line\npassword: "));
        assert_eq!(output.lines(), ["line"]);
        assert_eq!(output.unfinished().as_deref(), Some("password: "));
        output.tail(|tail| tail.push(b"x\n"));
        assert_eq!((output.lines_written(), output.unfinished()), (2, None));
    }

    #[test]
    fn a_flood_keeps_only_the_newest_lines() {
        let mut tail = Tail::default();
        (0..10_000).for_each(|i| tail.push(format!("line {i}\n").as_bytes()));
        assert_eq!(tail.lines.len(), LINES_MAX);
        assert_eq!(tail.lines.back().unwrap(), "line 9999");
        assert_eq!(tail.lines_written, 10_000);
    }

    #[test]
    fn long_lines_are_cut_and_the_whole_stays_within_its_bytes() {
        let mut tail = Tail::default();
        for _ in 0..1000 {
            tail.push(&vec![b'x'; 100_000]);
            tail.push(b"\n");
        }
        assert!(tail.lines.iter().all(|line| line.len() == LINE_BYTES_MAX));
        assert_eq!(tail.bytes, tail.lines.iter().map(String::len).sum::<usize>());
        assert!(tail.bytes <= TAIL_BYTES_MAX);
        assert!(tail.partial.capacity() <= 2 * LINE_BYTES_MAX);
    }
}
