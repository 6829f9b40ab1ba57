//! What happens when an instance ends by itself: again after a pause, or given up.
//!
//! A pause that doubles keeps a program that cannot start from taking the machine; the jitter keeps
//! instances that ended together from starting together; the bound on quick exits keeps a crash loop
//! from being taken for a service. An exit of an instance that had settled is an accident, and begins
//! the count anew.

use std::time::Duration;

use roundel_config::model::RestartPolicy;

/// A pause varies by up to this share in both directions.
const JITTER: f64 = 0.2;

/// What to do with an instance that ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Start it again after this pause.
    Again(Duration),
    /// Leave it.
    GiveUp,
}

/// Decides after an instance ended that had run for `lived`. `quick_exits` are those in a row before
/// this one, and become those with this one. `random_unit` is from 0 to 1.
pub(super) fn judge(
    policy: &RestartPolicy,
    lived: Duration,
    quick_exits: &mut u32,
    random_unit: f64,
) -> Verdict {
    *quick_exits = if lived < policy.settled_after { quick_exits.saturating_add(1) } else { 0 };
    if *quick_exits >= policy.max_quick_exits {
        return Verdict::GiveUp;
    }
    let doublings = quick_exits.saturating_sub(1).min(31);
    let pause = policy.base_pause.saturating_mul(1 << doublings).min(policy.max_pause);
    let factor = 1.0 + JITTER * (2.0 * random_unit.clamp(0.0, 1.0) - 1.0);
    // A pause is at most a day, so the product is a duration.
    Verdict::Again(pause.mul_f64(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        base_pause: Duration::from_millis(500),
        max_pause: Duration::from_secs(3),
        settled_after: Duration::from_secs(10),
        max_quick_exits: 6,
        unhealthy_for: None,
    };

    fn pause(lived: u64, quick_exits: &mut u32) -> Option<u128> {
        match judge(&POLICY, Duration::from_secs(lived), quick_exits, 0.5) {
            Verdict::Again(pause) => Some(pause.as_millis()),
            Verdict::GiveUp => None,
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_then_it_is_given_up() {
        let mut quick_exits = 0;
        let pauses: Vec<_> = (0..6).map(|_| pause(0, &mut quick_exits)).collect();
        assert_eq!(pauses, [Some(500), Some(1000), Some(2000), Some(3000), Some(3000), None]);
    }

    #[test]
    fn an_instance_that_had_settled_begins_anew() {
        let mut quick_exits = 5;
        assert_eq!(pause(10, &mut quick_exits), Some(500));
        assert_eq!(quick_exits, 0);
        assert_eq!(pause(9, &mut quick_exits), Some(500));
        assert_eq!(quick_exits, 1);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        for (random_unit, expected) in [(0.0, 400), (1.0, 600), (-5.0, 400), (f64::INFINITY, 600)] {
            let verdict = judge(&POLICY, Duration::from_secs(99), &mut 0, random_unit);
            assert_eq!(verdict, Verdict::Again(Duration::from_millis(expected)), "{random_unit}");
        }
    }

    #[test]
    fn one_quick_exit_is_enough_where_the_policy_says_so() {
        let policy = RestartPolicy { max_quick_exits: 1, ..POLICY };
        assert_eq!(judge(&policy, Duration::ZERO, &mut 0, 0.5), Verdict::GiveUp);
    }
}
