//! Waiting with an end: polling, and gates that a test opens by hand.
//!
//! Tests wait for a condition and fail with its name when it does not come true; they never wait for
//! a time and hope. Besides the pauses that an origin was asked for and the timetable of a load, this
//! is the only place that sleeps.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the kit waits for anything before it calls a test failed: long enough for a busy
/// two-core machine, short enough that a hang is found before the runner's own limit.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two looks at a condition.
const POLL_EVERY: Duration = Duration::from_millis(5);

/// Waits until `is_true`, looking every few milliseconds.
///
/// # Panics
/// When `limit` passes first, with `what` in the message.
#[track_caller]
pub fn eventually(limit: Duration, what: &str, is_true: impl FnMut() -> bool) {
    assert!(comes_true(limit, is_true), "waited {limit:?} in vain until {what}");
}

/// Waits until `is_true` or until `limit` has passed, and says which it was.
pub fn comes_true(limit: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if is_true() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(POLL_EVERY);
    }
}

/// A door that is shut until the test opens it: holds an origin's answer at an exact point without
/// a guess at how long the other side needs.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A shut gate.
    pub fn shut() -> Self {
        Self::default()
    }

    /// Opens the gate for everyone who waits and for everyone to come.
    pub fn open(&self) {
        *lock(&self.0.0) = true;
        self.0.1.notify_all();
    }

    /// Whether the gate has been opened.
    pub fn is_open(&self) -> bool {
        *lock(&self.0.0)
    }

    /// Waits at most `limit` for the gate; `true` when it is open.
    pub fn wait(&self, limit: Duration) -> bool {
        let waited = self.0.1.wait_timeout_while(lock(&self.0.0), limit, |open| !*open);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Locks, also after another thread panicked: the kit's data is plain counters and lists, and the
/// first panic is the one a reader of the failure wants to see.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_ends_the_wait() {
        let mut looks = 0;
        eventually(PATIENCE, "the third look", || {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
    }

    #[test]
    #[should_panic(expected = "in vain until pigs fly")]
    fn a_condition_that_never_comes_true_is_named() {
        eventually(Duration::from_millis(1), "pigs fly", || false);
    }

    #[test]
    fn a_gate_lets_through_only_after_it_was_opened() {
        let gate = Gate::shut();
        assert!(!gate.wait(Duration::ZERO));
        let other = gate.clone();
        std::thread::spawn(move || other.open());
        assert!(gate.wait(PATIENCE));
        assert!(gate.is_open());
    }
}
