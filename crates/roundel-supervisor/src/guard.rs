//! A second process that outlives this one by a moment, to clean up after it.
//!
//! When this process is killed (SIGKILL, or by the kernel for want of memory) it cannot end what it
//! started. The parent-death signal reaches the leaders of groups, but not what those started. So
//! with the first spawn a guard is started: the same program once more, which does nothing but wait
//! for the other end of a pipe to close. Then it kills whatever bears a mark of this process.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::marked;
use crate::own;

/// A process may fork between the look at it and its end, so it is looked again.
const LOOKS_MAX: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

static GUARD: Mutex<State> = Mutex::new(State::Unknown);

enum State {
    /// Nobody said how to start one: there is none.
    Unknown,
    /// To be started with the first process.
    Known(PathBuf, &'static str),
    /// Waits.
    Running(Child),
}

/// Has a guard started with the first process: `program`, told `argument` and what to look for,
/// which must call [`guard`] with the latter.
pub fn guard_by(program: PathBuf, argument: &'static str) {
    *state() = State::Known(program, argument);
}

/// What a guard does: waits until its standard input ends, then kills what bears a mark that begins
/// with `prefix`.
pub fn guard(prefix: &str) {
    // An error is an end, too.
    let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
    let is_meant = |mark: &[u8]| !prefix.is_empty() && mark.starts_with(prefix.as_bytes());
    for _ in 0..LOOKS_MAX {
        if marked::kill(is_meant) == 0 {
            return;
        }
        thread::sleep(PAUSE);
    }
}

/// Lets the guard go, if there is one, and waits for its end. Call it when no process is left.
pub fn dismiss_guard() {
    let before = std::mem::replace(&mut *state(), State::Unknown);
    if let State::Running(mut guard) = before {
        drop(guard.stdin.take());
        // It ends by itself within a moment; there is nothing to do about it if it does not.
        let _ = guard.wait();
        own::forget(guard.id());
    }
}

/// Starts the guard if it is known how and there is none yet.
pub(crate) fn ensure() -> io::Result<()> {
    let mut state = state();
    if let State::Known(program, argument) = &*state {
        let mut guard = Command::new(program);
        guard
            .args([argument, marked::prefix()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Signals from the terminal are not for it.
            .process_group(0);
        *state = State::Running(own::spawn(&mut guard)?);
    }
    Ok(())
}

fn state() -> std::sync::MutexGuard<'static, State> {
    GUARD.lock().unwrap_or_else(PoisonError::into_inner)
}
