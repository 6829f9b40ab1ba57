//! Output of a process in a file of bounded size.
//!
//! The file is written by a thread of its own. A disk that stalls must hold up neither the process
//! nor the reader of its output, so what does not fit into a short queue is lost, counted, and said
//! to be in the file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::output::OutputTail;

/// Bytes that wait to be written at most.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

const THREAD_STACK_BYTES: usize = 128 * 1024;

/// Where output goes, and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// The file; appended to. Its directory must be there.
    pub path: PathBuf,
    /// A file that would grow beyond this is put aside as `path.1`, that as `path.2` and so on.
    pub bytes_max: u64,
    /// Files put aside that are kept.
    pub kept: u32,
}

/// The way into a file.
#[derive(Debug)]
pub(crate) struct Sink(Arc<Queue>);

/// What waits to be written.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    is_changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// At most [`WAITING_BYTES_MAX`].
    bytes: Vec<u8>,
    /// Bytes that came when it was full.
    lost: u64,
    is_over: bool,
}

impl Sink {
    /// Starts the thread that writes; it ends when the sink is dropped. Failures are noted in
    /// `tail`.
    pub(crate) fn start(file: OutputFile, tail: OutputTail) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let source = Arc::clone(&queue);
        thread::Builder::new()
            .name("output file".to_owned())
            .stack_size(THREAD_STACK_BYTES)
            .spawn(move || write_all(&file, &source, &tail))?;
        Ok(Self(queue))
    }

    /// Has the bytes written, or counts them as lost.
    pub(crate) fn put(&self, bytes: &[u8]) {
        let mut waiting = self.0.lock();
        if waiting.bytes.len() + bytes.len() > WAITING_BYTES_MAX {
            waiting.lost = waiting.lost.saturating_add(bytes.len() as u64);
        } else {
            waiting.bytes.extend_from_slice(bytes);
        }
        self.0.is_changed.notify_one();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.is_changed.notify_one();
    }
}

impl Queue {
    /// What has come since the last call, once there is something; `None` when nothing comes any
    /// more.
    fn take(&self) -> Option<Waiting> {
        let is_idle = |w: &mut Waiting| w.bytes.is_empty() && w.lost == 0 && !w.is_over;
        let waited = self.is_changed.wait_while(self.lock(), is_idle);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        let is_over = waiting.is_over;
        let taken = std::mem::take(&mut *waiting);
        waiting.is_over = is_over;
        (!taken.bytes.is_empty() || taken.lost > 0).then_some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while the lock was held cannot leave worse than a chunk less.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_all(file: &OutputFile, queue: &Queue, tail: &OutputTail) {
    let mut writer = Rotating::new(file);
    let mut has_failed = false;
    while let Some(Waiting { bytes, lost, .. }) = queue.take() {
        // What is lost came after what waited.
        let note = (lost > 0).then(|| format!("\n[roundel] {lost} bytes of output lost\n"));
        let note = note.as_deref().unwrap_or_default().as_bytes();
        let outcome = writer.write(&bytes).and_then(|()| writer.write(note));
        if let Err(error) = outcome
            && !std::mem::replace(&mut has_failed, true)
        {
            tail.note(&format!("[roundel] cannot write {}: {error}", file.path.display()));
        }
    }
}

/// A file that is put aside before it grows too large.
struct Rotating<'a> {
    spec: &'a OutputFile,
    open: Option<(File, u64)>,
}

impl<'a> Rotating<'a> {
    fn new(spec: &'a OutputFile) -> Self {
        Self { spec, open: None }
    }

    /// Appends the bytes, in files that end with a line where that is possible: what was written of
    /// a line before the file was full stays where it is.
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (mut file, size) = match self.open.take() {
                Some(open) => open,
                None => open(&self.spec.path)?,
            };
            let room = self.spec.bytes_max.saturating_sub(size);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let (now, later) = split(bytes, room, size == 0);
            file.write_all(now)?;
            bytes = later;
            self.open = Some(if later.is_empty() {
                (file, size.saturating_add(now.len() as u64))
            } else {
                self.renew()?
            });
        }
        Ok(())
    }

    /// Puts the full file aside and opens a new one.
    fn renew(&self) -> io::Result<(File, u64)> {
        let path = &self.spec.path;
        let aside = |n: u32| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".{n}"));
            PathBuf::from(name)
        };
        for n in (1..self.spec.kept).rev() {
            ignore_missing(std::fs::rename(aside(n), aside(n + 1)))?;
        }
        let gone = if self.spec.kept == 0 {
            std::fs::remove_file(path)
        } else {
            std::fs::rename(path, aside(1))
        };
        ignore_missing(gone)?;
        open(path)
    }
}

/// What goes into a file with so much room, and what into the next one. A line that is longer than
/// a whole file is cut.
fn split(bytes: &[u8], room: usize, is_new: bool) -> (&[u8], &[u8]) {
    if bytes.len() <= room {
        return (bytes, &[]);
    }
    let fitting = bytes.get(..room).unwrap_or_default();
    let end_of_line = fitting.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1);
    // An empty file that takes nothing would never be full.
    let whole = if is_new { room.max(1) } else { 0 };
    bytes.split_at(end_of_line.unwrap_or(whole))
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of this test's own, removed in the end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let name = format!("roundel-output-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn read(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.0.join(name)).ok()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn full_files_are_put_aside_and_the_oldest_go() {
        for (kept, aside) in [
            (0, [None, None, None]),
            (1, [Some("ccccccc\n"), None, None]),
            (2, [Some("ccccccc\n"), Some("bbbbbbb\n"), None]),
            (9, [Some("ccccccc\n"), Some("bbbbbbb\n"), Some("aaaaaaa\n")]),
        ] {
            let directory = Directory::new(&format!("kept-{kept}"));
            let spec = OutputFile { path: directory.0.join("log"), bytes_max: 10, kept };
            for line in ["aaaaaaa\n", "bbbbbbb\n", "ccccccc\n", "ddd\n"] {
                // As after a restart: what is there already counts.
                Rotating::new(&spec).write(line.as_bytes()).unwrap();
            }
            assert_eq!(directory.read("log").as_deref(), Some("ddd\n"), "{kept} kept");
            let found = ["log.1", "log.2", "log.3"].map(|name| directory.read(name));
            assert_eq!(found.each_ref().map(Option::as_deref), aside, "{kept} kept");
        }
    }

    #[test]
    fn files_end_with_a_line_unless_it_was_begun_or_is_longer_than_a_file() {
        let directory = Directory::new("lines");
        let spec = OutputFile { path: directory.0.join("log"), bytes_max: 10, kept: 9 };
        let mut writer = Rotating::new(&spec);
        for text in ["12\n45\n78", "90\nabcdefghijklm", "n\n"] {
            writer.write(text.as_bytes()).unwrap();
        }
        let files = ["log.4", "log.3", "log.2", "log.1", "log"].map(|name| directory.read(name));
        let files = files.each_ref().map(|text| text.as_deref().unwrap_or("none"));
        assert_eq!(files, ["none", "12\n45\n78", "90\n", "abcdefghij", "klmn\n"]);
    }

    /// What is in the queue when it is full, and what the tail says afterwards.
    fn write_queue(path: PathBuf, waiting: Waiting) -> OutputTail {
        let tail = OutputTail::default();
        let queue = Queue::default();
        *queue.lock() = Waiting { is_over: true, ..waiting };
        write_all(&OutputFile { path, bytes_max: 1000, kept: 1 }, &queue, &tail);
        tail
    }

    #[test]
    fn a_file_that_cannot_be_written_is_noted() {
        let waiting = Waiting { bytes: b"a".to_vec(), ..Waiting::default() };
        let tail = write_queue("/nonexistent/log".into(), waiting);
        let [line] = tail.lines().try_into().unwrap();
        assert!(line.starts_with("[roundel] cannot write /nonexistent/log: "), "{line}");
    }

    #[test]
    fn what_was_lost_is_said_in_the_file() {
        let directory = Directory::new("lost");
        let waiting = Waiting { bytes: b"before".to_vec(), lost: 77, is_over: false };
        write_queue(directory.0.join("log"), waiting);
        let text = directory.read("log").unwrap();
        assert_eq!(text, "before\n[roundel] 77 bytes of output lost\n");
    }

    #[test]
    fn no_more_waits_than_is_allowed() {
        let sink = Sink(Arc::default());
        let chunk = [0; 8192];
        for _ in 0..1000 {
            sink.put(&chunk);
        }
        let waiting = sink.0.take().unwrap();
        assert_eq!(waiting.bytes.len(), WAITING_BYTES_MAX);
        assert_eq!(waiting.lost, 1000 * 8192 - WAITING_BYTES_MAX as u64);
    }
}
