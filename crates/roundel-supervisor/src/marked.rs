//! Finding what a process left behind, wherever it went.
//!
//! A process that forks twice and leaves its group is out of reach of a signal to the group, and its
//! parent is whoever adopts orphans. What it keeps is the environment that it was started with. Each
//! process that is spawned here therefore gets a variable whose value nobody else has, and what has
//! that value in its environment descends from it. (A descendant that starts with an empty
//! environment of its own making is not found; it has gone to some length.)
//!
//! No stranger is signalled: a process is taken hold of (`pidfd_open`) before its environment is
//! read, and signalled by that hold, which does not pass on to a process that gets the same number.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that holds the mark.
pub(crate) const VARIABLE: &str = "ROUNDEL_RUN";

/// What all marks of this process begin with, and no other's do.
pub(crate) fn prefix() -> &'static str {
    static PREFIX: OnceLock<String> = OnceLock::new();
    PREFIX.get_or_init(|| {
        // Seeded by the system; twice, since one half alone is a number that others may try.
        let [high, low] = [(); 2].map(|()| RandomState::new().build_hasher().finish());
        format!("{}-{high:016x}{low:016x}-", std::process::id())
    })
}

/// A mark that no process has yet.
pub(crate) fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{}{}", prefix(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Kills each process whose mark is told to be meant, and tells how many those were.
pub(crate) fn kill(is_meant: impl Fn(&[u8]) -> bool) -> usize {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(Pid::from_raw).filter(|pid| kill_if(*pid, &is_meant)).count()
}

fn kill_if(pid: Pid, is_meant: impl Fn(&[u8]) -> bool) -> bool {
    let Ok(hold) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let Ok(environment) = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())) else {
        return false;
    };
    let mut variables = environment.split(|byte| *byte == 0);
    let mark = variables.find_map(|v| v.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="));
    mark.is_some_and(is_meant) && pidfd_send_signal(hold, Signal::KILL).is_ok()
}
