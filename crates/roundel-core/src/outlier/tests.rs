//! Tables for each trigger and guard, and what no sequence of ejections may break.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::endpoint::Health;
use crate::policy::SuccessRate;

/// Five errors in a row or a share of successes below 85 % of at least 100 attempts.
fn policy(max_ejected_percent: u8) -> OutlierDetection {
    OutlierDetection {
        consecutive_errors: NonZeroU32::new(5),
        success_rate: Some(SuccessRate {
            interval: Duration::from_secs(10),
            minimum_requests: NonZeroU32::new(100).unwrap(),
            below_percent: 85,
        }),
        base_ejection: Duration::from_secs(30),
        max_ejection: Duration::from_mins(5),
        max_ejected_percent,
    }
}

const NOW: Moment = Moment(Duration::from_secs(1000));
const UNTIL: Moment = Moment(Duration::from_secs(1030));

fn well() -> Seen {
    let facts = EndpointFacts { health: Health::Healthy, ..EndpointFacts::default() };
    Seen { facts, window: Window { successes: 1000, errors: 0 }, ..Seen::default() }
}

fn ejected() -> Seen {
    let facts = EndpointFacts { is_ejected: true, ..well().facts };
    Seen { facts, ..well() }
}

fn disabled() -> Seen {
    let facts = EndpointFacts { admin_state: AdminState::Disabled, ..well().facts };
    Seen { facts, ..well() }
}

fn unhealthy() -> Seen {
    let facts = EndpointFacts { health: Health::Unhealthy, ..well().facts };
    Seen { facts, ..well() }
}

fn failing(errors_in_a_row: u32) -> Seen {
    Seen { errors_in_a_row, ..well() }
}

fn rate(successes: u64, errors: u64) -> Seen {
    Seen { window: Window { successes, errors }, ..well() }
}

/// What keeps the first endpoint of `pool`; `None` when it is ejected.
fn keeps_first(pool: &[Seen], max_ejected_percent: u8) -> Option<KeepReason> {
    match eject_on_consecutive(pool, 0, &policy(max_ejected_percent), NOW) {
        Decision::Eject { .. } => None,
        Decision::Keep(reason) => Some(reason),
    }
}

#[test]
fn errors_in_a_row_eject_from_the_limit_on() {
    assert_eq!(keeps_first(&[failing(4), well()], 50), Some(KeepReason::WithinLimit));
    let decision = eject_on_consecutive(&[failing(5), well()], 0, &policy(50), NOW);
    let reason = EjectReason::ConsecutiveErrors { errors: 5, limit: NonZeroU32::new(5).unwrap() };
    assert_eq!(decision, Decision::Eject { until: UNTIL, reason });
    assert_eq!(reason.to_string(), "5 failed attempts in a row (limit 5)");
}

#[test]
fn a_trigger_that_is_off_never_ejects() {
    let off = OutlierDetection { consecutive_errors: None, success_rate: None, ..policy(100) };
    let pool = [failing(u32::MAX), well()];
    let keep = Decision::Keep(KeepReason::WithinLimit);
    assert_eq!(eject_on_consecutive(&pool, 0, &off, NOW), keep);
    assert_eq!(success_rate_outliers(&[rate(0, 1000), well()], &off, NOW), []);
}

#[test]
fn guards_keep_an_endpoint_that_fails() {
    use KeepReason as K;
    let bad = failing(9);
    for (pool, max_ejected_percent, expected) in [
        (vec![bad], 100, Some(K::LastEligible)),
        (vec![bad, ejected()], 100, Some(K::LastEligible)),
        (vec![bad, unhealthy(), disabled()], 100, Some(K::LastEligible)),
        (vec![Seen { errors_in_a_row: 9, ..ejected() }, well()], 100, Some(K::NotEligible)),
        (vec![Seen { errors_in_a_row: 9, ..unhealthy() }, well()], 100, Some(K::NotEligible)),
        (vec![Seen { errors_in_a_row: 9, ..disabled() }, well()], 100, Some(K::NotEligible)),
        // One may always be ejected, also where its share of the pool is larger than allowed.
        (vec![bad, well()], 10, None),
        (vec![bad, well()], 0, None),
        (vec![bad, ejected(), well()], 10, Some(K::ShareReached)),
        // Two of four are half of the pool, two of three with one disabled are more than half.
        (vec![bad, ejected(), well(), well()], 50, None),
        (vec![bad, ejected(), well(), well()], 49, Some(K::ShareReached)),
        (vec![bad, ejected(), well(), disabled()], 50, Some(K::ShareReached)),
        (vec![bad, ejected(), well(), unhealthy()], 50, None),
    ] {
        assert_eq!(keeps_first(&pool, max_ejected_percent), expected, "{pool:?}");
    }
}

#[test]
fn an_index_outside_of_the_pool_is_no_endpoint_to_eject() {
    let keep = Decision::Keep(KeepReason::NotEligible);
    assert_eq!(eject_on_consecutive(&[], 0, &policy(50), NOW), keep);
}

#[test]
fn later_ejections_last_longer() {
    let mut tracker = OutlierTracker::default();
    let second = tracker.eject(&policy(50), NOW);
    let pool = [Seen { tracker, ..failing(5) }, well()];
    match eject_on_consecutive(&pool, 0, &policy(50), second) {
        Decision::Eject { until, .. } => {
            assert_eq!(until.since(second), Duration::from_mins(1));
            assert_eq!(tracker.eject(&policy(50), second), until);
        }
        Decision::Keep(reason) => panic!("kept: {reason}"),
    }
}

/// Indices of ejected endpoints and of those kept, with the reason.
fn judge(pool: &[Seen], max_ejected_percent: u8) -> (Vec<usize>, Vec<(usize, KeepReason)>) {
    let (mut out, mut kept) = (Vec::new(), Vec::new());
    for (index, decision) in success_rate_outliers(pool, &policy(max_ejected_percent), NOW) {
        match decision {
            Decision::Eject { .. } => out.push(index),
            Decision::Keep(reason) => kept.push((index, reason)),
        }
    }
    (out, kept)
}

#[test]
fn a_share_of_successes_below_the_limit_ejects() {
    for (successes, errors, is_ejected) in
        [(85, 15, false), (84, 16, true), (0, 100, true), (0, 99, false), (100, 0, false)]
    {
        let (out, kept) = judge(&[well(), rate(successes, errors)], 50);
        assert_eq!(out, if is_ejected { vec![1] } else { vec![] }, "{successes} of {errors}");
        assert_eq!(kept, []);
    }
}

#[test]
fn the_worst_go_first_as_far_as_the_guards_allow() {
    use KeepReason as K;
    let pool = [rate(80, 20), rate(0, 200), rate(50, 50), well()];
    assert_eq!(judge(&pool, 100), (vec![1, 2, 0], vec![]));
    assert_eq!(judge(&pool, 50), (vec![1, 2], vec![(0, K::ShareReached)]));
    assert_eq!(judge(&pool, 0), (vec![1], vec![(2, K::ShareReached), (0, K::ShareReached)]));
}

#[test]
fn a_fault_that_all_share_ejects_nobody() {
    use KeepReason as K;
    let kept = vec![(0, K::SharedFault), (1, K::SharedFault)];
    assert_eq!(judge(&[rate(10, 90), rate(0, 100)], 100), (vec![], kept));
    // An endpoint with too few attempts is no witness that others could do better.
    assert_eq!(judge(&[rate(0, 100), rate(5, 0)], 100), (vec![], vec![(0, K::SharedFault)]));
}

#[test]
fn endpoints_out_of_service_are_not_judged() {
    let out = [ejected(), disabled(), unhealthy()]
        .map(|seen| Seen { window: Window { successes: 0, errors: 1000 }, ..seen });
    assert_eq!(judge(&[out[0], out[1], out[2], well(), well()], 100), (vec![], vec![]));
}

#[test]
fn the_reason_tells_the_share_and_its_limit() {
    let decisions = success_rate_outliers(&[well(), rate(40, 60)], &policy(50), NOW);
    let [(1, Decision::Eject { until: UNTIL, reason })] = decisions[..] else {
        panic!("{decisions:?}");
    };
    assert_eq!(reason.to_string(), "40 of 100 attempts good (limit 85 %)");
}

fn any_seen() -> impl Strategy<Value = Seen> {
    let admin_state = prop_oneof![
        4 => Just(AdminState::Enabled),
        1 => Just(AdminState::Draining),
        1 => Just(AdminState::Disabled),
    ];
    let health = prop_oneof![
        4 => Just(Health::Healthy),
        1 => Just(Health::Unhealthy),
        1 => Just(Health::Unknown),
    ];
    let window = (0u64..300, 0u64..300);
    (admin_state, health, prop::bool::weighted(0.2), 0u32..10, window).prop_map(
        |(admin_state, health, is_ejected, errors_in_a_row, (successes, errors))| Seen {
            facts: EndpointFacts { admin_state, health, is_ejected, ..EndpointFacts::default() },
            errors_in_a_row,
            window: Window { successes, errors },
            ..Seen::default()
        },
    )
}

/// Carries out the decisions on both triggers and returns how many endpoints they ejected.
fn carry_out(pool: &mut [Seen], policy: &OutlierDetection) -> usize {
    let mut ejected = 0;
    let mut decisions = success_rate_outliers(pool, policy, NOW);
    for index in 0..=pool.len() {
        for (index, decision) in decisions.drain(..) {
            if matches!(decision, Decision::Eject { .. }) {
                assert!(pool[index].facts.is_eligible(), "only an eligible endpoint is ejected");
                pool[index].facts.is_ejected = true;
                ejected += 1;
            }
        }
        decisions = vec![(index, eject_on_consecutive(pool, index, policy, NOW))];
    }
    ejected
}

proptest! {
    #[test]
    fn ejections_keep_one_eligible_and_stay_within_the_share(
        mut pool in prop::collection::vec(any_seen(), 0..12),
        max_ejected_percent in 0u8..=100,
    ) {
        let policy = policy(max_ejected_percent);
        let was_eligible = pool.iter().any(|seen| seen.facts.is_eligible());
        let count = |pool: &[Seen], is_ejected: bool| {
            let enabled = pool.iter().filter(|s| s.facts.admin_state == AdminState::Enabled);
            enabled.filter(|seen| seen.facts.is_ejected || !is_ejected).count()
        };
        let newly_ejected = carry_out(&mut pool, &policy);

        prop_assert_eq!(was_eligible, pool.iter().any(|seen| seen.facts.is_eligible()));
        if newly_ejected > 0 {
            let (ejected, enabled) = (count(&pool, true), count(&pool, false));
            let is_within = ejected * 100 <= enabled * usize::from(max_ejected_percent);
            prop_assert!(is_within || ejected == 1, "{} of {}", ejected, enabled);
        }
    }

    #[test]
    fn shares_are_ordered_exactly(a in any::<(u64, u64)>(), b in any::<(u64, u64)>()) {
        let window = |(successes, errors)| Window { successes, errors };
        let (a, b) = (window(a), window(b));
        prop_assert_eq!(a.compare_rate(b), b.compare_rate(a).reverse());
        let shares = [a, b].map(|w| w.successes as f64 / w.attempts() as f64);
        if (shares[0] - shares[1]).abs() > 1e-9 {
            prop_assert_eq!(Some(a.compare_rate(b)), shares[0].partial_cmp(&shares[1]));
        }
    }
}
