//! The parent-death signal: the kernel kills the child when its parent dies.
//!
//! The only way to set it for an arbitrary command is to run code between `fork` and `exec`, which
//! the standard library rightly calls unsafe. This module is that code and nothing else.
#![allow(unsafe_code, reason = "`pre_exec` is the only door between fork and exec; see SAFETY")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Makes the kernel send SIGKILL to the child when the **thread** that spawns it ends. Spawn from
/// a thread that lives as long as the child.
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    let set_signal = move || -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above; no signal comes then.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: between fork and exec of a threaded process only async-signal-safe work is allowed.
    // The closure makes two system calls (`prctl`, `getppid`), compares integers and builds an
    // `io::Error` of the kind that holds no allocation; it takes no lock, allocates nothing and
    // touches no memory but its own copy of one integer.
    unsafe {
        command.pre_exec(set_signal);
    }
}
