//! Any endpoint, by weight: no state at all, so nothing to share between workers or to get in step.
//!
//! It is the yardstick for the others, the fallback of a hash without a key, and the choice when
//! many balancers share a pool and must not move together. Its price is chance: with n endpoints
//! and n requests running, one of them has about ln n / ln ln n (Mitzenmacher, Upfal,
//! *Probability and Computing*, §5.2).

use super::schedule::{Candidate, Schedule};

/// Draws before the walk over all candidates, which is as fair but slower. While half of the
/// weight is admitted, fewer than one pick in 250 gets that far.
const DRAWS_MAX: usize = 8;

/// Draws an admitted candidate; `None` when none is admitted.
pub(super) fn pick(
    schedule: &Schedule,
    random: &mut fastrand::Rng,
    admits: impl Fn(usize) -> bool,
) -> Option<Candidate> {
    for _ in 0..DRAWS_MAX {
        let candidate = schedule.draw(random)?;
        if admits(candidate.index()) {
            return Some(candidate);
        }
    }
    schedule.select(random, admits)
}
