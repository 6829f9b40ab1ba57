//! What happens between fork and exec: limits, identity, the parent-death signal.
//!
//! The only way to do these for an arbitrary command is to run code in the child before it becomes
//! the command, which the standard library rightly calls unsafe. This module is that code and nothing
//! else.
//!
//! The order matters. Limits come first, since raising one takes the rights that a change of identity
//! gives up. Groups come before the user for the same reason. The parent-death signal comes last: the
//! kernel forgets it when a process changes its identity (prctl(2), `PR_SET_PDEATHSIG`).
#![allow(unsafe_code, reason = "`pre_exec` is the only door between fork and exec; see SAFETY")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{
    Resource, Rlimit, Signal, getpid, getppid, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};

use crate::identity::Identity;
use crate::process::Limits;

/// Has the child take on limits and an identity, and makes the kernel send it SIGKILL when the
/// **thread** that spawns it ends. Spawn from a thread that lives as long as the child.
pub(crate) fn prepare(command: &mut Command, limits: Limits, identity: Option<Identity>) {
    let parent = getpid();
    let become_child = move || -> io::Result<()> {
        limit(Resource::Nofile, limits.open_files)?;
        limit(Resource::Data, limits.memory_bytes)?;
        if let Some(Identity { uid, gid, groups, .. }) = &identity {
            // The child has one thread, so what the kernel calls a thread's is the process's.
            set_thread_groups(groups)?;
            set_thread_gid(*gid)?;
            set_thread_uid(*uid)?;
        }
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above; no signal comes then.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: between fork and exec of a threaded process only async-signal-safe work is allowed.
    // The closure makes system calls only (`prlimit`, `setgroups`, `setgid`, `setuid`, `prctl`,
    // `getppid`; rustix makes them directly, without the C library's locks), reads memory that it
    // owns and that was filled before the fork, and builds `io::Error`s of the kinds that hold no
    // allocation; it takes no lock, and neither allocates nor frees.
    unsafe {
        command.pre_exec(become_child);
    }
}

fn limit(resource: Resource, most: Option<u64>) -> io::Result<()> {
    let Some(most) = most else { return Ok(()) };
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}
