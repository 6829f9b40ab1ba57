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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_admitted_leaves_the_others_their_proportions() {
        // Either few draws meet the heavy candidate, or nearly all do and the walk decides.
        for heavy in [1, 1000] {
            let weights = [1, 2, heavy, 3];
            let schedule =
                Schedule::new((0..).zip(weights).map(|(i, w)| Candidate::new(i, w)).collect());
            let mut random = fastrand::Rng::with_seed(1);
            let mut seen = [0usize; 4];
            for _ in 0..6000 {
                seen[pick(&schedule, &mut random, |i| i != 2).unwrap().index()] += 1;
            }
            let is_near = |n: usize, expected| n.abs_diff(expected) < 150;
            assert!(is_near(seen[0], 1000) && is_near(seen[1], 2000), "{heavy}: {seen:?}");
            assert!(is_near(seen[3], 3000) && seen[2] == 0, "{heavy}: {seen:?}");
        }
    }
}
