//! Output of a process in a file of bounded size.
//!
//! The file is written by a thread of its own. A disk that stalls must hold up neither the process
//! nor the reader of its output, so what does not fit into a short queue is lost, counted, and said
//! to be in the file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::output::OutputTail;

/// Reads that wait to be written; each is at most 8 KiB.
const WAITING_MAX: usize = 128;

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
pub(crate) struct Sink {
    queue: SyncSender<Vec<u8>>,
    lost: Arc<AtomicU64>,
}

impl Sink {
    /// Starts the thread that writes; it ends when the sink is dropped. Failures are noted in
    /// `tail`.
    pub(crate) fn start(file: OutputFile, tail: OutputTail) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&lost);
        thread::Builder::new()
            .name("output file".to_owned())
            .stack_size(THREAD_STACK_BYTES)
            .spawn(move || write_all(&file, &waiting, &count, &tail))?;
        Ok(Self { queue, lost })
    }

    /// Has the bytes written, or counts them as lost.
    pub(crate) fn put(&self, bytes: &[u8]) {
        match self.queue.try_send(bytes.to_vec()) {
            Ok(()) => {}
            Err(TrySendError::Full(bytes) | TrySendError::Disconnected(bytes)) => {
                self.lost.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
        }
    }
}

fn write_all(file: &OutputFile, waiting: &Receiver<Vec<u8>>, lost: &AtomicU64, tail: &OutputTail) {
    let mut writer = Rotating::new(file);
    let mut has_failed = false;
    for bytes in waiting {
        let missing = lost.swap(0, Ordering::Relaxed);
        let note = (missing > 0).then(|| format!("\n[roundel] {missing} bytes of output lost\n"));
        let note = note.as_deref().unwrap_or_default().as_bytes();
        let outcome = writer.write(note).and_then(|()| writer.write(&bytes));
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

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len() as u64;
        let is_full = |size: u64| size > 0 && size.saturating_add(length) > self.spec.bytes_max;
        let (file, size) = match self.open.take() {
            Some((_, size)) if is_full(size) => self.renew()?,
            Some(open) => open,
            None => {
                let open = open(&self.spec.path)?;
                if is_full(open.1) { self.renew()? } else { open }
            }
        };
        let (file, size) = self.open.insert((file, size));
        file.write_all(bytes)?;
        *size = size.saturating_add(length);
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
    fn a_file_takes_what_fits_and_a_line_longer_than_all_is_not_lost() {
        let directory = Directory::new("fits");
        let spec = OutputFile { path: directory.0.join("log"), bytes_max: 10, kept: 1 };
        let mut writer = Rotating::new(&spec);
        for text in ["12345", "67890", "a line longer than the file may be", "x"] {
            writer.write(text.as_bytes()).unwrap();
        }
        assert_eq!(directory.read("log").as_deref(), Some("x"));
        let aside = directory.read("log.1");
        assert_eq!(aside.as_deref(), Some("a line longer than the file may be"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_noted_once() {
        let tail = OutputTail::default();
        let path = PathBuf::from("/nonexistent/log");
        let file = OutputFile { path, bytes_max: 10, kept: 1 };
        let (queue, waiting) = sync_channel(2);
        queue.send(b"a".to_vec()).unwrap();
        queue.send(b"b".to_vec()).unwrap();
        drop(queue);
        write_all(&file, &waiting, &AtomicU64::new(0), &tail);
        let [line] = tail.lines().try_into().unwrap();
        assert!(line.starts_with("[roundel] cannot write /nonexistent/log: "), "{line}");
    }

    #[test]
    fn what_was_lost_is_said_in_the_file() {
        let directory = Directory::new("lost");
        let path = directory.0.join("log");
        let file = OutputFile { path, bytes_max: 1000, kept: 1 };
        let (queue, waiting) = sync_channel(1);
        queue.send(b"after\n".to_vec()).unwrap();
        drop(queue);
        write_all(&file, &waiting, &AtomicU64::new(77), &OutputTail::default());
        let text = directory.read("log").unwrap();
        assert_eq!(text, "\n[roundel] 77 bytes of output lost\nafter\n");
    }
}
