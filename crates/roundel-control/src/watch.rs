//! Noticing that the configuration file has changed.
//!
//! The directory is watched, not the file: editors write a new file and rename it over the old one,
//! and Kubernetes swaps a symbolic link beside it, both of which leave a watch on the file itself
//! looking at something dead.
//!
//! No watch sees everything: a directory on the way to the file may be a link that is pointed
//! elsewhere (`current/roundel.toml` of a deployment), another machine may write to a network file
//! system, and the system may refuse a watch. So the content is also looked at every two seconds;
//! it is a small file. What counts in the end is whether the content is another, and whether it has
//! stayed so for a moment, so that a file that is still being written is not taken.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use std::{fs, io, thread};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// How long the directory must be quiet and the content the same: tools write a file in several
/// steps.
const QUIET: Duration = Duration::from_millis(250);

/// How often the content is looked at when nobody tells of a change.
const LOOK: Duration = Duration::from_secs(2);

/// A directory that is never quiet is looked at after so many events nevertheless.
const EVENTS_MAX: usize = 64;

/// Watches for as long as it lives.
#[derive(Debug)]
pub struct FileWatch {
    /// Has a sending end of the channel that the thread listens to, as this has the other: when
    /// both are gone, the thread ends.
    _watcher: Option<RecommendedWatcher>,
    _events: SyncSender<()>,
}

/// Calls `on_change`, on a thread of its own, each time the content of the file at `path` has
/// become another one and has stayed so for a quarter of a second. A file that is missing or cannot
/// be read is no change.
///
/// # Errors
/// When the system has no thread to spare. Where it refuses to tell of changes, they are still
/// found by looking.
pub fn watch(path: &Path, on_change: impl Fn() + Send + 'static) -> io::Result<FileWatch> {
    // One waiting event says all: something happened since the last look.
    let (sender, events) = sync_channel(EVENTS_MAX);
    let watcher = tell(path, sender.clone())
        .inspect_err(|error| {
            let path = path.display();
            tracing::debug!(%path, %error, "changes of the file are found by looking only");
        })
        .ok();
    let content = content_of(path);
    let path = path.to_owned();
    thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || follow(content, || content_of(&path), &events, on_change))?;
    Ok(FileWatch { _watcher: watcher, _events: sender })
}

/// Has the system tell `sender` of what happens where `path` is and where it leads to.
fn tell(path: &Path, sender: SyncSender<()>) -> notify::Result<RecommendedWatcher> {
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
    Ok(watcher)
}

/// Calls `on_change` when `look` finds something else than `content` until all senders are gone.
fn follow(
    mut content: Option<Vec<u8>>,
    mut look: impl FnMut() -> Option<Vec<u8>>,
    events: &Receiver<()>,
    on_change: impl Fn(),
) {
    loop {
        match events.recv_timeout(LOOK) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => match look() {
                now @ Some(_) if now != content => {}
                _ => continue,
            },
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(now) = settled(&mut look, events) else { continue };
        if content.as_ref() != Some(&now) {
            content = Some(now);
            on_change();
        }
    }
}

/// The content, once it is the same before and after a quiet moment. `None` when it is not within
/// so many events, or there is none: a later look will see.
fn settled(look: &mut impl FnMut() -> Option<Vec<u8>>, events: &Receiver<()>) -> Option<Vec<u8>> {
    let mut seen = look();
    for _ in 0..EVENTS_MAX {
        match events.recv_timeout(QUIET) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                let now = look();
                if now == seen {
                    return now;
                }
                seen = now;
            }
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    look().filter(|now| seen.as_ref() == Some(now))
}

/// What the file says; `None` where there is no file. Reading anything else, a pipe for example,
/// could wait for ever.
fn content_of(path: &Path) -> Option<Vec<u8>> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    fs::read(path).ok()
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
    use std::cell::Cell;
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

    /// As a deployment does: `current` leads to a release, and is pointed to the next.
    #[test]
    fn a_directory_on_the_way_that_is_pointed_elsewhere_is_noticed() {
        let directory = TempDir::new();
        let root = directory.path();
        for (release, text) in [("r1", "one"), ("r2", "two")] {
            fs::create_dir(root.join(release)).unwrap();
            directory.write(&format!("{release}/roundel.toml"), text);
        }
        symlink("r1", root.join("current")).unwrap();
        let (_watch, changes) = watched(&root.join("current/roundel.toml"));
        symlink("r2", root.join("next")).unwrap();
        fs::rename(root.join("next"), root.join("current")).unwrap();
        changes.recv_timeout(DEADLINE).unwrap();
        // Nobody was asked to tell of what happens in the new place.
        directory.write("r2/roundel.toml", "three");
        changes.recv_timeout(DEADLINE).unwrap();
    }

    #[test]
    fn what_nobody_can_tell_of_is_found_by_looking() {
        let directory = TempDir::new();
        let path = directory.path().join("later/roundel.toml");
        let (_watch, changes) = watched(&path);
        fs::create_dir(directory.path().join("later")).unwrap();
        directory.write("later/roundel.toml", "one");
        changes.recv_timeout(DEADLINE).unwrap();
    }

    /// Nobody tells of anything, and every look finds the next of these.
    #[test]
    fn a_file_that_is_still_written_is_taken_when_it_is_whole() {
        let looks = ["one", "on", "t", "tw", "two", "two"];
        let (sender, events) = sync_channel::<()>(1);
        let sender = Cell::new(Some(sender));
        let next = Cell::new(0);
        let look = || {
            let now = looks.get(next.replace(next.get() + 1)).expect("no look after the last");
            Some(now.as_bytes().to_vec())
        };
        follow(Some(b"one".to_vec()), look, &events, || drop(sender.take().unwrap()));
        assert_eq!(next.get(), looks.len(), "told once, and of nothing that was incomplete");
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let directory = TempDir::new();
        let path = directory.path().join("roundel.toml");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert_eq!(content_of(&path), None);
    }
}
