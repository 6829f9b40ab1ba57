//! Sequences of probes as words: `+` is a good probe, `-` a failed one; `H` and `U` mark where
//! health becomes healthy or unhealthy.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::policy::Probe;

fn check(healthy_after: u32, unhealthy_after: u32) -> HealthCheck {
    HealthCheck {
        probe: Probe::Tcp,
        interval: Duration::from_secs(10),
        unhealthy_interval: Duration::from_secs(2),
        jitter_percent: 10,
        timeout: Duration::from_secs(1),
        healthy_after: NonZeroU32::new(healthy_after).unwrap(),
        unhealthy_after: NonZeroU32::new(unhealthy_after).unwrap(),
    }
}

fn outcome(is_good: bool) -> ProbeOutcome {
    if is_good {
        ProbeOutcome::Success { took: Duration::from_millis(1) }
    } else {
        ProbeOutcome::Failure(ProbeFailure::Refused)
    }
}

/// Runs the probes in `word` and returns it with the changes of health marked.
fn mark(word: &str, check: &HealthCheck) -> String {
    let mut tracker = HealthTracker::default();
    let mut marked = String::new();
    for probe in word.chars() {
        marked.push(probe);
        match tracker.on_probe(&outcome(probe == '+'), check).map(|change| change.to) {
            Some(Health::Healthy) => marked.push('H'),
            Some(Health::Unhealthy) => marked.push('U'),
            Some(Health::Unknown) => marked.push('?'),
            None => {}
        }
    }
    marked
}

#[test]
fn health_changes_after_enough_outcomes_in_a_row() {
    for (healthy_after, unhealthy_after, marked) in [
        (2, 3, "+H+++"),
        (2, 3, "-U---"),
        (2, 3, "+H--+--+---U-"),
        (2, 3, "-U+-+-++H+"),
        (1, 1, "+H-U+H-U"),
        (3, 2, "+H-+--U++-+++H"),
        // The failure that decided alone counts as one in a row, and so does a success.
        (2, 2, "+H--U"),
        (2, 2, "-U++H"),
    ] {
        let word: String = marked.chars().filter(|c| matches!(c, '+' | '-')).collect();
        assert_eq!(mark(&word, &check(healthy_after, unhealthy_after)), marked);
    }
}

#[test]
fn a_transition_tells_from_where_to_where_and_after_how_many_probes() {
    let check = check(2, 3);
    let mut tracker = HealthTracker::default();
    let first = tracker.on_probe(&outcome(true), &check);
    assert_eq!(first, Some(Transition { from: Health::Unknown, to: Health::Healthy, in_a_row: 1 }));
    let changes: Vec<_> =
        (0..4).filter_map(|_| tracker.on_probe(&outcome(false), &check)).collect();
    assert_eq!(changes, [Transition { from: Health::Healthy, to: Health::Unhealthy, in_a_row: 3 }]);
    assert_eq!((tracker.successes_in_a_row(), tracker.failures_in_a_row()), (0, 4));
}

/// A reload may lower a threshold below what was already counted.
#[test]
fn a_lowered_threshold_takes_effect_with_the_next_probe() {
    let mut tracker = HealthTracker::default();
    tracker.on_probe(&outcome(true), &check(2, 9));
    for _ in 0..5 {
        assert_eq!(tracker.on_probe(&outcome(false), &check(2, 9)), None);
    }
    let change = tracker.on_probe(&outcome(false), &check(2, 3));
    assert_eq!(change.map(|change| change.in_a_row), Some(6));
}

#[test]
fn probes_are_frequent_unless_the_endpoint_is_healthy_and_settled() {
    let check = check(2, 3);
    for (word, seconds) in
        [("", 2), ("+", 10), ("+-", 2), ("+-+", 10), ("-", 2), ("-+", 2), ("-++", 10), ("+---", 2)]
    {
        let mut tracker = HealthTracker::default();
        for probe in word.chars() {
            tracker.on_probe(&outcome(probe == '+'), &check);
        }
        assert_eq!(tracker.next_probe_in(&check, 0.5), Duration::from_secs(seconds), "{word}");
    }
}

#[test]
fn jitter_spreads_the_interval_evenly_to_both_sides() {
    for (jitter_percent, random_unit, ms) in [
        (10, 0.0, 1800),
        (10, 0.5, 2000),
        (10, 1.0, 2200),
        (0, 0.9, 2000),
        (90, 0.0, 200),
        (255, 0.0, 200),
        (10, 7.0, 2200),
        (10, -7.0, 1800),
        (10, f64::NAN, 2000),
    ] {
        let check = HealthCheck { jitter_percent, ..check(2, 3) };
        let wait = HealthTracker::default().next_probe_in(&check, random_unit);
        assert_eq!(wait.as_millis(), ms, "{jitter_percent} % at {random_unit}");
    }
    let endless = HealthCheck { unhealthy_interval: Duration::MAX, ..check(2, 3) };
    assert_eq!(HealthTracker::default().next_probe_in(&endless, 1.0), Duration::MAX);
}

proptest! {
    #[test]
    fn alternating_outcomes_never_change_a_verdict(
        first in any::<bool>(),
        healthy_after in 2u32..5,
        unhealthy_after in 2u32..5,
        probes in 2usize..100,
    ) {
        let check = check(healthy_after, unhealthy_after);
        let mut tracker = HealthTracker::default();
        let mut is_good = first;
        tracker.on_probe(&outcome(is_good), &check);
        for _ in 0..probes {
            is_good = !is_good;
            prop_assert_eq!(tracker.on_probe(&outcome(is_good), &check), None);
        }
    }

    #[test]
    fn a_change_needs_its_threshold_in_a_row_and_that_suffices(
        outcomes in prop::collection::vec(any::<bool>(), 1..200),
        healthy_after in 1u32..5,
        unhealthy_after in 1u32..5,
    ) {
        let check = check(healthy_after, unhealthy_after);
        let mut tracker = HealthTracker::default();
        for (index, &is_good) in outcomes.iter().enumerate() {
            let before = tracker.health();
            let change = tracker.on_probe(&outcome(is_good), &check);
            let seen = &outcomes[..=index];
            let in_a_row = seen.iter().rev().take_while(|&&o| o == is_good).count() as u32;
            let threshold = if is_good { healthy_after } else { unhealthy_after };
            let verdict = if is_good { Health::Healthy } else { Health::Unhealthy };
            let expected = (before == Health::Unknown || in_a_row >= threshold)
                && before != verdict;
            prop_assert_eq!(change.is_some(), expected);
            prop_assert_eq!(tracker.health(), if expected { verdict } else { before });
        }
    }

    #[test]
    fn jitter_stays_within_its_share(jitter_percent in 0u8..=90, random_unit in 0.0f64..=1.0) {
        let check = HealthCheck { jitter_percent, ..check(2, 3) };
        let wait = HealthTracker::default().next_probe_in(&check, random_unit).as_secs_f64();
        let spread = 2.0 * f64::from(jitter_percent) / 100.0 + 1e-6;
        prop_assert!((wait - 2.0).abs() <= spread);
    }
}
