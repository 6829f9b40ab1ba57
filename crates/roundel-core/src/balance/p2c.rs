//! The less loaded of two random endpoints: most of what a full comparison brings, for two loads.
//!
//! With one random choice the fullest of n endpoints has about ln n / ln ln n requests, with the
//! better of two about ln ln n / ln 2 (Mitzenmacher, *The Power of Two Choices in Randomized Load
//! Balancing*, IEEE TPDS 2001); a third choice brings little more. And two reads of other
//! workers' cache lines are cheap at any pool size, while chance keeps several balancers
//! with stale counts from all running to the same endpoint.
//!
//! Both are drawn by weight and are distinct: two draws of the same endpoint would be no choice.
//! Of equals the first drawn is taken, which is chance by weight already.

use super::load::Loaded;
use super::random;
use super::schedule::{Candidate, Schedule};

/// Draws two admitted candidates and takes the less loaded; `None` when none is admitted.
pub(super) fn pick(
    schedule: &Schedule,
    random: &mut fastrand::Rng,
    admits: impl Fn(usize) -> bool,
    in_flight: impl Fn(usize) -> u32,
) -> Option<Candidate> {
    let first = random::pick(schedule, random, &admits)?;
    if schedule.candidates().len() == 1 {
        return Some(first);
    }
    let is_other = |index| index != first.index() && admits(index);
    let Some(second) = random::pick(schedule, random, is_other) else {
        return Some(first);
    };
    let loaded =
        |candidate: Candidate| Loaded { candidate, in_flight: in_flight(candidate.index()) };
    let (a, b) = (loaded(first), loaded(second));
    let takes_first = (a.is_idle() && b.is_idle()) || a.compare(b).is_le();
    Some(if takes_first { first } else { second })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(weights: &[u32], in_flight: &[u32], admits: impl Fn(usize) -> bool) -> Vec<u32> {
        let schedule =
            Schedule::new((0..).zip(weights).map(|(i, &w)| Candidate::new(i, w)).collect());
        let mut random = fastrand::Rng::with_seed(7);
        let mut seen = vec![0; weights.len()];
        for _ in 0..1000 {
            let picked = pick(&schedule, &mut random, &admits, |i| in_flight[i]).unwrap();
            seen[picked.index()] += 1;
        }
        seen
    }

    #[test]
    fn the_most_loaded_of_all_is_never_taken() {
        let seen = picks(&[1, 1, 1, 1], &[0, 1, 2, 3], |_| true);
        assert_eq!(seen[3], 0);
        assert!(seen[0] > seen[1] && seen[1] > seen[2] && seen[2] > 0, "{seen:?}");
    }

    #[test]
    fn two_candidates_are_always_compared_however_unequal() {
        assert_eq!(picks(&[1000, 1], &[2000, 0], |_| true), [0, 1000]);
    }

    #[test]
    fn equals_share_by_chance_and_weight() {
        for (weights, in_flight) in [([1, 1], [3, 3]), ([3, 3], [0, 0])] {
            let seen = picks(&weights, &in_flight, |_| true);
            assert!(seen.iter().all(|n| (400..600).contains(n)), "{seen:?}");
        }
        for in_flight in [[0, 0], [2, 8]] {
            let seen = picks(&[1, 3], &in_flight, |_| true);
            assert!((180..320).contains(&seen[0]), "{in_flight:?}: {seen:?}");
        }
    }

    #[test]
    fn a_lone_admitted_candidate_is_taken_whatever_its_load() {
        assert_eq!(picks(&[1, 1, 1], &[0, 99, 0], |i| i == 1), [0, 1000, 0]);
        assert_eq!(picks(&[1], &[99], |_| true), [1000]);
    }
}
