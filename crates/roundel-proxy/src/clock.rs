//! The worker's clock, read once per turn of its loop.
//!
//! Reading a clock costs about as much as choosing an endpoint; within a turn nothing is waited
//! for, so one reading serves all. Deadlines and durations come from a monotonic clock and survive
//! jumps of the wall clock, which is read only for people: log lines and `Date`.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use crate::deadline::Millis;

/// Time as the present turn sees it.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    micros: Cell<u64>,
    date: RefCell<DateText>,
}

/// An HTTP date and the second that it is right for.
#[derive(Debug, Default)]
struct DateText {
    unix_seconds: u64,
    text: String,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), micros: Cell::new(0), date: RefCell::default() }
    }

    /// Reads the clock anew.
    pub(crate) fn turn(&self) {
        self.micros.set(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX));
    }

    /// Microseconds since the worker started.
    pub(crate) fn micros(&self) -> u64 {
        self.micros.get()
    }

    /// Milliseconds since the worker started.
    pub(crate) fn millis(&self) -> Millis {
        self.micros.get() / 1000
    }

    /// The deadline `timeout` from now.
    pub(crate) fn after(&self, timeout: Duration) -> Millis {
        self.millis().saturating_add(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
    }

    /// Wall-clock time in microseconds since 1970.
    pub(crate) fn unix_micros() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// Appends the present time as an HTTP date (RFC 9110 §5.6.7).
    pub(crate) fn write_date(&self, out: &mut Vec<u8>) {
        let now = SystemTime::now();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut date = self.date.borrow_mut();
        if date.unix_seconds != seconds {
            date.unix_seconds = seconds;
            date.text.clear();
            // Writing to a string does not fail.
            let _ = write!(date.text, "{}", HttpDate::from(now));
        }
        out.extend_from_slice(date.text.as_bytes());
    }
}
