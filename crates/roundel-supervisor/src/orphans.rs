//! Orphans: processes whose parent has ended before them.
//!
//! The kernel gives an orphan to the nearest ancestor that asked for it (prctl(2),
//! `PR_SET_CHILD_SUBREAPER`), or else to process 1, which in a container is usually this very
//! process. Whoever gets it must reap it, or its process id is taken for good. This process asks for
//! its orphans, so that what instances leave behind is reaped here wherever it runs. It reaps nobody
//! else's: a child that it started is left to the one who waits for it ([`crate::own`]), and so is
//! whatever shares its process group, which only a child that something else in this process started
//! does.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};
use tokio::signal::unix::{SignalKind, signal};

use crate::own;

/// Deaths within this are dealt with together: a zombie costs a process id and no more.
const PAUSE: Duration = Duration::from_millis(500);

/// Has orphans among the descendants of this process given to it, and reaps them when they end, for
/// as long as the future is awaited.
///
/// # Errors
/// When the kernel refuses, or signals cannot be listened for.
///
/// # Panics
/// Outside of a tokio runtime with IO.
pub fn adopt_orphans() -> io::Result<impl Future<Output = ()> + Send> {
    let mut deaths = signal(SignalKind::child())?;
    set_child_subreaper(Some(getpid()))?;
    Ok(async move {
        // Some may have ended before there was anybody to hear of it.
        let mut is_due = true;
        while is_due || deaths.recv().await.is_some() {
            tokio::time::sleep(PAUSE).await;
            let reaped = tokio::task::spawn_blocking(reap_strangers).await;
            is_due = matches!(reaped, Ok(None));
        }
    })
}

/// Reaps the strangers among the children that have ended. How many there were; `None` when it has
/// to be tried again.
fn reap_strangers() -> Option<usize> {
    if !has_zombies() {
        return Some(0);
    }
    own::between_births(|is_own| {
        let strangers = zombies().into_iter().filter(|pid| !is_own(raw(*pid)));
        strangers.filter(|pid| reap(*pid)).count()
    })
}

/// Whether any child has ended and was not reaped yet.
fn has_zombies() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::All, options).is_ok_and(|status| status.is_some())
}

/// The children that have ended and do not belong to the process group of this process.
fn zombies() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let (parent, group) = (raw(getpid()), own_group());
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_one = |pid: &Pid| {
        let is_stranger =
            |stat: Stat| stat.is_zombie && stat.parent == parent && Some(stat.group) != group;
        Stat::of(&raw(*pid).to_string()).is_some_and(is_stranger)
    };
    ids.filter_map(Pid::from_raw).filter(is_one).collect()
}

/// The process group of this process. Not asked by getpgrp(2), whose answer is no process id where
/// the group's leader is outside of this process's namespace, as under `unshare --pid`.
fn own_group() -> Option<u32> {
    Stat::of("self").map(|stat| stat.group)
}

fn reap(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    waitid(WaitId::Pid(pid), options).is_ok_and(|status| status.is_some())
}

fn raw(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().cast_unsigned()
}

/// What `/proc/PID/stat` says (proc_pid_stat(5)), as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    is_zombie: bool,
    parent: u32,
    group: u32,
}

impl Stat {
    /// Of the process of that name below `/proc`; `None` when it has gone.
    fn of(process: &str) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{process}/stat")).ok()?)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        // The name, in parentheses, may have any byte in it: parentheses, and what is no text.
        let text = String::from_utf8_lossy(bytes);
        let (_, rest) = text.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let is_zombie = fields.next()? == "Z";
        let mut number = || fields.next()?.parse().ok();
        Some(Self { is_zombie, parent: number()?, group: number()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_anything_in_it_is_passed_over() {
        for (text, expected) in [
            (&b"7 (sh) Z 1 7 7 0"[..], Some((true, 1, 7))),
            (b"7 (a) Z 2 3) S 5 6 7", Some((false, 5, 6))),
            (b"7 (\xff\xfe) Z 1 7 7 0", Some((true, 1, 7))),
            (b"7 (sh) R 1", None),
            (b"", None),
        ] {
            let expected =
                expected.map(|(is_zombie, parent, group)| Stat { is_zombie, parent, group });
            assert_eq!(Stat::parse(text), expected, "{}", text.escape_ascii());
        }
    }
}
