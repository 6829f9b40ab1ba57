//! How fast a number of instances may change.

use std::collections::VecDeque;
use std::time::Duration;

use super::AutoscalePolicy;
use crate::outlier::Moment;

/// A bound on change within any stretch of time of a certain length: a number of instances or a
/// share of those there were at its beginning, whichever is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many at least; at least 1, or the number would be stuck.
    pub instances: u32,
    /// Or this share; 100 doubles.
    pub percent: u32,
    /// The length.
    pub period: Duration,
}

impl Pace {
    /// How many more or fewer than `beginning` there may be.
    fn step(self, beginning: u32) -> u32 {
        let share = u64::from(beginning) * u64::from(self.percent) / 100;
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        share.max(self.instances).max(1)
    }
}

/// Changes of the number within the longer of the two periods, oldest first, each with the number
/// before it.
///
/// Looks that change nothing are not kept, and a number that moves at each look leaves one entry
/// for each until its period is over: bounded by the period and by [`CHANGES_MAX`].
#[derive(Debug, Default)]
pub(super) struct Changes(VecDeque<(Moment, u32)>);

/// When there are more the oldest go early, which lets a change happen early.
const CHANGES_MAX: usize = 1024;

impl Changes {
    /// Notes that the number went `from` one `to` another.
    pub(super) fn push(&mut self, now: Moment, from: u32, to: u32, policy: &AutoscalePolicy) {
        let period = policy.up.period.max(policy.down.period);
        while self.0.front().is_some_and(|(at, _)| now.since(*at) >= period)
            || self.0.len() >= CHANGES_MAX
        {
            self.0.pop_front();
        }
        if from != to {
            self.0.push_back((now, from));
        }
    }

    /// The most that `pace` allows now: one step above the fewest of the period.
    pub(super) fn most(&self, now: Moment, from: u32, pace: Pace) -> u32 {
        let fewest = self.within(now, pace.period).fold(from, u32::min);
        fewest.saturating_add(pace.step(fewest)).max(from)
    }

    /// The fewest that `pace` allows now: one step below the most of the period.
    pub(super) fn fewest(&self, now: Moment, from: u32, pace: Pace) -> u32 {
        let most = self.within(now, pace.period).fold(from, u32::max);
        most.saturating_sub(pace.step(most)).min(from)
    }

    /// The numbers that were left within the last `period`.
    fn within(&self, now: Moment, period: Duration) -> impl Iterator<Item = u32> {
        let is_within = move |(at, _): &&(Moment, u32)| now.since(*at) < period;
        self.0.iter().filter(is_within).map(|(_, from)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_number_or_a_share_whichever_is_more() {
        let pace = |instances, percent| Pace { instances, percent, period: Duration::ZERO };
        for (pace, beginning, expected) in [
            (pace(4, 100), 1, 4),
            (pace(4, 100), 10, 10),
            (pace(1, 50), 1, 1),
            (pace(1, 50), 9, 4),
            (pace(0, 0), 9, 1),
            (pace(2, 0), u32::MAX, 2),
            (pace(1, u32::MAX), u32::MAX, u32::MAX),
        ] {
            assert_eq!(pace.step(beginning), expected, "{pace:?} of {beginning}");
        }
    }
}
