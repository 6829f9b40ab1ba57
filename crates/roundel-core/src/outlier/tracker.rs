//! One endpoint's ejections.
//!
//! Whether an endpoint is ejected follows from the present moment, so an ejection ends without
//! anybody ending it; a timer only makes the end visible in time. The length of the next one
//! grows with ejections in a row and shrinks with time in service.

use std::time::Duration;

use crate::policy::OutlierDetection;

/// A point of monotonic time, as the time since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub Duration);

impl Moment {
    /// The moment `duration` later; the end of time when there is none.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How long ago `earlier` was; zero when it is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// One endpoint's ejections. A new one was never ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutlierTracker {
    /// End of the last ejection; in the past when it is over, or zero when there was none.
    until: Moment,
    /// Ejections in a row, when the last one began.
    in_a_row: u32,
}

impl OutlierTracker {
    /// When the present ejection ends; `None` when the endpoint is not ejected.
    pub fn ejected_until(&self, now: Moment) -> Option<Moment> {
        (now < self.until).then_some(self.until)
    }

    /// Whether the endpoint is ejected.
    pub fn is_ejected(&self, now: Moment) -> bool {
        self.ejected_until(now).is_some()
    }

    /// Ejections in a row. Each [`OutlierDetection::base_ejection`] spent in service since the
    /// last one lowers the count by one.
    pub fn ejections_in_a_row(&self, policy: &OutlierDetection, now: Moment) -> u32 {
        let in_service = now.since(self.until).as_nanos();
        let forgiven = in_service.checked_div(policy.base_ejection.as_nanos()).unwrap_or(0);
        self.in_a_row.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    /// When an ejection that began now would end.
    pub fn would_end(&self, policy: &OutlierDetection, now: Moment) -> Moment {
        let in_a_row = self.ejections_in_a_row(policy, now).saturating_add(1);
        now.plus(policy.base_ejection.saturating_mul(in_a_row).min(policy.max_ejection))
    }

    /// Notes that the endpoint is ejected from now on, and returns until when. An endpoint that is
    /// ejected already stays so until the same moment.
    pub fn eject(&mut self, policy: &OutlierDetection, now: Moment) -> Moment {
        if let Some(until) = self.ejected_until(now) {
            return until;
        }
        let until = self.would_end(policy, now);
        // Past the longest ejection, more of them must not take ever more time to forgive.
        let in_a_row = self.ejections_in_a_row(policy, now);
        let is_longest = policy.base_ejection.saturating_mul(in_a_row) >= policy.max_ejection;
        self.in_a_row = if is_longest { in_a_row } else { in_a_row + 1 };
        self.until = until;
        until
    }

    /// Ends the present ejection, if any, and forgets all earlier ones: the operator vouches for
    /// the endpoint.
    pub fn pardon(&mut self, now: Moment) {
        *self = Self { until: self.until.min(now), in_a_row: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First ejection 30 s, longest 100 s.
    fn policy() -> OutlierDetection {
        OutlierDetection {
            consecutive_errors: None,
            success_rate: None,
            base_ejection: Duration::from_secs(30),
            max_ejection: Duration::from_secs(100),
            max_ejected_percent: 50,
        }
    }

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn a_new_endpoint_is_not_ejected() {
        let tracker = OutlierTracker::default();
        assert_eq!(tracker.ejected_until(at(0)), None);
        assert_eq!(tracker.ejections_in_a_row(&policy(), at(0)), 0);
    }

    #[test]
    fn an_ejection_ends_by_itself() {
        let mut tracker = OutlierTracker::default();
        assert_eq!(tracker.eject(&policy(), at(10)), at(40));
        assert_eq!(tracker.ejected_until(at(39)), Some(at(40)));
        assert!(!tracker.is_ejected(at(40)));
    }

    #[test]
    fn ejections_in_a_row_last_longer_up_to_the_limit() {
        let mut tracker = OutlierTracker::default();
        let mut now = at(0);
        for seconds in [30, 60, 90, 100, 100, 100] {
            let until = tracker.eject(&policy(), now);
            assert_eq!(until.since(now), Duration::from_secs(seconds));
            now = until;
        }
        // However many there were, four are forgiven like four.
        assert_eq!(tracker.ejections_in_a_row(&policy(), now), 4);
    }

    #[test]
    fn time_in_service_shortens_the_next_ejection() {
        for (in_service, next) in [(0, 90), (29, 90), (30, 60), (59, 60), (60, 30), (9999, 30)] {
            let mut tracker = OutlierTracker::default();
            let back = tracker.eject(&policy(), at(5));
            let back = tracker.eject(&policy(), back);
            let now = back.plus(Duration::from_secs(in_service));
            assert_eq!(tracker.would_end(&policy(), now).since(now), Duration::from_secs(next));
            assert_eq!(tracker.eject(&policy(), now).since(now), Duration::from_secs(next));
        }
    }

    #[test]
    fn ejecting_twice_changes_nothing() {
        let mut tracker = OutlierTracker::default();
        let until = tracker.eject(&policy(), at(0));
        let once = tracker;
        assert_eq!(tracker.eject(&policy(), at(20)), until);
        assert_eq!(tracker, once);
    }

    #[test]
    fn a_pardon_ends_the_ejection_and_forgets_the_rest() {
        let mut tracker = OutlierTracker::default();
        let back = tracker.eject(&policy(), at(0));
        tracker.eject(&policy(), back);
        tracker.pardon(at(40));
        assert!(!tracker.is_ejected(at(40)));
        assert_eq!(tracker.would_end(&policy(), at(40)), at(70));
    }

    #[test]
    fn extreme_policies_and_moments_do_not_overflow() {
        let endless = OutlierDetection {
            base_ejection: Duration::MAX,
            max_ejection: Duration::MAX,
            ..policy()
        };
        let nothing = OutlierDetection { base_ejection: Duration::ZERO, ..policy() };
        for policy in [endless, nothing] {
            let mut tracker = OutlierTracker::default();
            for now in [at(1), Moment(Duration::MAX), at(2)] {
                tracker.eject(&policy, now);
                tracker.ejections_in_a_row(&policy, now);
            }
        }
    }
}
