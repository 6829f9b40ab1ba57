//! How many exchanges a second are kept.
//!
//! A token bucket in the form of the generic cell rate algorithm: one number, the time at which
//! the bucket will be full again, stands for the tokens in it. Pure: time is an argument.

/// So many a second, and up to a second's worth at once.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    /// Time that one token takes to come back, in microseconds.
    token_us: u64,
    /// When the bucket will be full, in microseconds.
    full_at_us: u64,
}

/// A second's worth of tokens takes so long to come back.
const BURST_US: u64 = 1_000_000;

impl Budget {
    /// The part of `per_second` tokens, at least one in a second for all, that each of `workers`
    /// has.
    pub(super) fn shared(per_second: u32, workers: usize) -> Self {
        let workers = u64::try_from(workers).unwrap_or(u64::MAX);
        let token_us = BURST_US.saturating_mul(workers.max(1)) / u64::from(per_second.max(1));
        Self { token_us: token_us.max(1), full_at_us: 0 }
    }

    /// Takes a token at `now_us`, if there is one. A clock that goes back gives none for free.
    #[inline]
    pub(super) fn take(&mut self, now_us: u64) -> bool {
        // With a token that takes longer than the burst to come back, one at a time.
        let missing_max = BURST_US.max(self.token_us);
        let full_at_us = self.full_at_us.max(now_us) + self.token_us;
        let has_token = full_at_us - now_us <= missing_max;
        if has_token {
            self.full_at_us = full_at_us;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken(budget: &mut Budget, now_us: u64, tries: usize) -> usize {
        (0..tries).filter(|_| budget.take(now_us)).count()
    }

    #[test]
    fn a_full_bucket_gives_a_seconds_worth_and_then_the_rate() {
        let mut budget = Budget::shared(200, 1);
        assert_eq!(taken(&mut budget, 0, 1000), 200);
        assert_eq!(taken(&mut budget, 4_999, 10), 0);
        assert_eq!(taken(&mut budget, 5_000, 10), 1);
        assert_eq!(taken(&mut budget, 105_000, 1000), 20);
        assert_eq!(taken(&mut budget, 60_000_000, 1000), 200);
    }

    #[test]
    fn workers_share_the_rate() {
        assert_eq!(taken(&mut Budget::shared(200, 4), 7, 1000), 50);
        // One a second for four workers: each has one in four seconds.
        let mut budget = Budget::shared(1, 4);
        assert_eq!(taken(&mut budget, 0, 10), 1);
        assert_eq!(taken(&mut budget, 3_999_999, 10), 0);
        assert_eq!(taken(&mut budget, 4_000_000, 10), 1);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_for_free() {
        let mut budget = Budget::shared(10, 1);
        assert_eq!(taken(&mut budget, 10_000_000, 100), 10);
        assert_eq!(taken(&mut budget, 1, 100), 0);
        assert_eq!(taken(&mut budget, 10_100_000, 100), 1);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_a_burst(
            per_second in 1u32..2000,
            gaps in prop::collection::vec(0u64..20_000, 1..300),
        ) {
            let mut budget = Budget::shared(per_second, 1);
            let (mut now, mut taken) = (0, 0u64);
            for gap in gaps {
                now += gap;
                taken += u64::from(budget.take(now));
            }
            let allowed = u64::from(per_second) * (1_000_000 + now) / 1_000_000 + 2;
            // The time for a token is rounded down to a microsecond.
            prop_assert!(taken <= allowed + taken * u64::from(per_second) / 1_000_000, "{taken}");
        }
    }
}
