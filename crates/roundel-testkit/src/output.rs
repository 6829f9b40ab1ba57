//! What a child process prints, line by line, as it prints it.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::deadline::{comes_true, lock};

/// How long to wait for the last words of a process that has ended. Its output ends with it unless
/// a child of its own still holds the pipe.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The lines of one output, collected by a thread that ends with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Collected>>);

#[derive(Debug, Default)]
struct Collected {
    lines: Vec<String>,
    is_ended: bool,
}

impl Lines {
    /// Starts collecting.
    pub(crate) fn collect(source: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let kept = lines.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(source);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                lock(&kept.0).lines.push(text);
                line.clear();
            }
            lock(&kept.0).is_ended = true;
        });
        lines
    }

    /// Looks at the lines so far.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&[String]) -> T) -> T {
        look(&lock(&self.0).lines)
    }

    /// After the end of the process: waits until its last line is here.
    pub(crate) fn wait_for_end(&self) {
        comes_true(LAST_WORDS, || lock(&self.0).is_ended);
    }

    /// The last hundred lines, for failure messages.
    pub(crate) fn tail(&self) -> String {
        self.with(|lines| lines[lines.len().saturating_sub(100)..].join("\n"))
    }
}
