//! Whether a body still moves fast enough: an idle limit between bytes, and a floor on the rate,
//! without which one byte just inside the idle limit would hold a connection for ever.

use std::time::Duration;

use crate::deadline::Millis;

/// Watches one direction of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    bytes: u64,
    moved_at: Millis,
    window_start: Millis,
    window_bytes: u64,
}

/// What a direction of a body must keep up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaceLimit {
    /// No byte for so long is too slow; also the window of the rate.
    pub(crate) idle: Duration,
    /// Fewer bytes a second, over a window, are too slow; 0 is no floor.
    pub(crate) bytes_per_second_min: u32,
}

impl Pace {
    pub(crate) fn start(bytes: u64, now: Millis) -> Self {
        Self { bytes, moved_at: now, window_start: now, window_bytes: bytes }
    }

    /// Notes how many bytes have moved in all. Returns when to look again at the latest, or `None`
    /// when the pace is too slow.
    pub(crate) fn check(&mut self, bytes: u64, now: Millis, limit: PaceLimit) -> Option<Millis> {
        let idle = u64::try_from(limit.idle.as_millis()).unwrap_or(u64::MAX).max(1);
        if bytes != self.bytes {
            self.bytes = bytes;
            self.moved_at = now;
        }
        if now.saturating_sub(self.moved_at) >= idle {
            return None;
        }
        let elapsed = now.saturating_sub(self.window_start);
        if elapsed >= idle {
            let floor = u64::from(limit.bytes_per_second_min).saturating_mul(elapsed) / 1000;
            if bytes.saturating_sub(self.window_bytes) < floor {
                return None;
            }
            self.window_start = now;
            self.window_bytes = bytes;
        }
        Some(self.moved_at.saturating_add(idle).min(self.window_start.saturating_add(idle)))
    }

    /// Starts anew, as when the other side is to blame for the wait.
    pub(crate) fn excuse(&mut self, now: Millis) {
        *self = Self::start(self.bytes, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: PaceLimit = PaceLimit { idle: Duration::from_secs(1), bytes_per_second_min: 100 };

    #[test]
    fn silence_for_the_idle_limit_is_too_slow() {
        let mut pace = Pace::start(0, 0);
        assert_eq!(pace.check(0, 999, LIMIT), Some(1000));
        assert_eq!(pace.check(0, 1000, LIMIT), None);
    }

    #[test]
    fn a_trickle_below_the_floor_is_too_slow() {
        let mut pace = Pace::start(0, 0);
        assert!(pace.check(1, 900, LIMIT).is_some());
        assert_eq!(pace.check(2, 1000, LIMIT), None);
    }

    #[test]
    fn enough_bytes_open_a_new_window() {
        let mut pace = Pace::start(0, 0);
        assert!(pace.check(150, 1000, LIMIT).is_some());
        assert!(pace.check(151, 1900, LIMIT).is_some());
        assert_eq!(pace.check(152, 2000, LIMIT), None);
    }

    #[test]
    fn an_excuse_restarts_the_clock() {
        let mut pace = Pace::start(0, 0);
        pace.excuse(900);
        assert_eq!(pace.check(0, 1500, LIMIT), Some(1900));
    }
}
