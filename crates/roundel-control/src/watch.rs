//! Noticing that the configuration file has changed.
//!
//! The directory is watched, not the file: editors write a new file and rename it over the old one,
//! and Kubernetes swaps a symbolic link beside it, both of which leave a watch on the file itself
//! looking at something dead. What counts in the end is whether the content is another.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// How long the directory must be quiet: tools write a file in several steps.
const QUIET: Duration = Duration::from_millis(250);
/// A directory that is never quiet is looked at after so many events nevertheless.
const EVENTS_MAX: usize = 64;

/// Why a file cannot be watched. The process can go on; SIGHUP still reloads.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {path}: {source}")]
pub struct WatchError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: notify::Error,
}

/// Watches for as long as it lives.
#[derive(Debug)]
pub struct FileWatch {
    /// Owns the sending end that the thread listens to, so dropping it ends the thread.
    _watcher: RecommendedWatcher,
}

/// Calls `on_change`, on a thread of its own, each time the content of the file at `path` has
/// become another one and the directory has been quiet for a quarter of a second. A file that is
/// missing or cannot be read is no change.
pub fn watch(path: &Path, on_change: impl Fn() + Send + 'static) -> Result<FileWatch, WatchError> {
    start(path, on_change).map_err(|source| WatchError { path: path.to_owned(), source })
}

fn start(path: &Path, on_change: impl Fn() + Send + 'static) -> notify::Result<FileWatch> {
    // One waiting event says all: something happened since the last look.
    let (sender, events) = sync_channel(EVENTS_MAX);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.map_or(true, |event| may_change_content(event.kind)) {
            match sender.try_send(()) {
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    })?;
    watcher.watch(directory_of(path), RecursiveMode::NonRecursive)?;
    // Where the path leads through links, the file itself may also be changed in its own place.
    if let Ok(target) = path.canonicalize()
        && let Some(directory) = target.parent()
        && !directory_of(path).canonicalize().is_ok_and(|watched| watched == directory)
    {
        let _ = watcher.watch(directory, RecursiveMode::NonRecursive);
    }
    let content = std::fs::read(path).ok();
    let path = path.to_owned();
    thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || follow(&path, content, &events, on_change))
        .map_err(notify::Error::io)?;
    Ok(FileWatch { _watcher: watcher })
}

fn follow(path: &Path, mut content: Option<Vec<u8>>, events: &Receiver<()>, on_change: impl Fn()) {
    while events.recv().is_ok() {
        for _ in 0..EVENTS_MAX {
            match events.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        let Ok(now) = std::fs::read(path) else { continue };
        if content.as_ref() != Some(&now) {
            content = Some(now);
            on_change();
        }
    }
}

/// Reading the file is an event as well, and must not lead to reading it again.
fn may_change_content(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::mpsc::{Receiver, channel};

    use roundel_testkit::TempDir;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn watched(path: &Path) -> (FileWatch, Receiver<()>) {
        let (sender, changes) = channel();
        let watch = watch(path, move || sender.send(()).unwrap()).unwrap();
        (watch, changes)
    }

    #[test]
    fn writing_and_renaming_over_are_noticed() {
        let directory = TempDir::new();
        let path = directory.write("roundel.toml", "one");
        let (_watch, changes) = watched(&path);
        fs::write(&path, "two").unwrap();
        changes.recv_timeout(DEADLINE).unwrap();
        // As editors do, and again: the watch must not be on the old file.
        for text in ["three", "four"] {
            fs::rename(directory.write("roundel.toml~", text), &path).unwrap();
            changes.recv_timeout(DEADLINE).unwrap();
        }
    }

    #[test]
    fn a_swapped_link_is_noticed() {
        let directory = TempDir::new();
        // As Kubernetes mounts a config map: file → ..data/file, ..data → a dated directory.
        for (version, text) in [("v1", "one"), ("v2", "two")] {
            fs::create_dir(directory.path().join(version)).unwrap();
            directory.write(&format!("{version}/roundel.toml"), text);
        }
        let path = directory.path().join("roundel.toml");
        symlink("v1", directory.path().join("..data")).unwrap();
        symlink("..data/roundel.toml", &path).unwrap();
        let (_watch, changes) = watched(&path);
        symlink("v2", directory.path().join("..data_tmp")).unwrap();
        fs::rename(directory.path().join("..data_tmp"), directory.path().join("..data")).unwrap();
        changes.recv_timeout(DEADLINE).unwrap();
    }

    #[test]
    fn the_same_content_other_files_and_absence_are_no_change() {
        let directory = TempDir::new();
        let path = directory.write("roundel.toml", "one");
        let (watch, changes) = watched(&path);
        directory.write("other.toml", "x");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "one").unwrap();
        // The change that follows is the first one told.
        fs::write(&path, "two").unwrap();
        changes.recv_timeout(DEADLINE).unwrap();
        drop(watch);
        assert!(changes.recv_timeout(DEADLINE).is_err(), "nothing more, then the thread ended");
    }

    #[test]
    fn a_directory_that_does_not_exist_cannot_be_watched() {
        let error = watch(Path::new("/nonexistent/roundel.toml"), || {}).unwrap_err();
        assert!(error.to_string().starts_with("cannot watch /nonexistent/roundel.toml: "));
    }
}
