//! Whom outlier detection takes out, for how long, and how they come back.

use std::num::NonZeroU32;

use roundel_core::policy::SuccessRate;

use super::*;

#[test]
fn failures_in_a_row_eject_for_a_time_that_grows() {
    let mut world = World::well(unchecked(), &[A, B, C]);
    for seconds in [10u32, 20] {
        world.fail_traffic(A, 5);
        world.said();
        world.signal_errors(A);
        assert!(world.find(A).facts.is_ejected);
        let expected = format!(
            "pool \"web\": endpoint {A}: ejected for {seconds} s: \
             5 failed attempts in a row (limit 5)"
        );
        assert_eq!(world.said(), [expected]);
        world.wait(Duration::from_millis(u64::from(seconds) * 1000 - 1));
        assert!(world.find(A).facts.is_ejected);
        world.wait(Duration::from_millis(1));
        assert!(!world.find(A).facts.is_ejected);
        assert_eq!(world.said(), [format!("pool \"web\": endpoint {A}: ejection ended")]);
        assert_eq!(world.find(A).shared.consecutive_errors(), 0);
    }
}

#[test]
fn an_ejection_brings_a_probe_at_once() {
    let mut world = World::well(policy(), &[A, B]);
    world.wait(2 * SECOND);
    world.fail_traffic(A, 5);
    world.signal_errors(A);
    let start = world.now;
    world.probe(A, false);
    assert_eq!(world.now, start);
}

#[test]
fn the_last_eligible_endpoint_is_never_ejected() {
    let mut world = World::well(unchecked(), &[A, B]);
    for endpoint in [A, B] {
        world.fail_traffic(endpoint, 9);
        world.signal_errors(endpoint);
    }
    world.wait(5 * SECOND);
    assert!(world.find(A).facts.is_ejected);
    assert!(!world.find(B).facts.is_ejected);
}

#[test]
fn a_lost_signal_only_delays_the_ejection() {
    let mut world = World::well(unchecked(), &[A, B]);
    world.fail_traffic(A, 5);
    world.wait(SECOND);
    assert!(world.find(A).facts.is_ejected);
}

#[test]
fn an_endpoint_that_probes_find_well_again_is_not_held_to_its_old_failures() {
    let mut world = World::well(policy(), &[A, B]);
    world.fail_traffic(A, 5);
    world.signal_errors(A);
    (0..3).for_each(|_| world.probe(A, false));
    world.fail_traffic(A, 5);
    assert_eq!(world.health(A), Health::Unhealthy);
    (0..2).for_each(|_| world.probe(A, true));
    world.wait(SECOND);
    let facts = world.find(A).facts;
    assert!(facts.is_eligible(), "{facts:?}");
}

/// A restart is shorter than the probes that it takes to notice it, and traffic is quicker.
#[test]
fn a_process_that_probes_find_in_place_of_a_missing_one_is_not_held_to_its_failures() {
    for (probes, is_pardoned) in [
        (vec![refused(), good()], true),
        // An answer that is wrong says that it is the same process.
        (vec![closed(), good()], false),
        (vec![good()], false),
        (vec![refused()], false),
    ] {
        let mut world = World::well(policy(), &[A, B]);
        world.fail_traffic(A, 5);
        world.signal_errors(A);
        for outcome in &probes {
            world.probe_finds(A, outcome);
        }
        world.wait(Duration::from_millis(1));
        assert_eq!(world.health(A), Health::Healthy);
        assert_eq!(world.find(A).facts.is_eligible(), is_pardoned, "{probes:?}");
    }
}

#[test]
fn switching_outlier_detection_off_ends_ejections() {
    let mut world = World::well(unchecked(), &[A, B]);
    world.fail_traffic(A, 5);
    world.signal_errors(A);
    world.reload(vec![pool("web", PoolPolicy { outlier_detection: None, ..unchecked() }, &[A, B])]);
    world.wait(SECOND);
    assert!(world.find(A).facts.is_eligible());
}

#[test]
fn a_poor_success_rate_ejects_at_the_end_of_a_window() {
    let mut outlier_detection = policy().outlier_detection.unwrap();
    outlier_detection.consecutive_errors = None;
    outlier_detection.success_rate = Some(SuccessRate {
        interval: 10 * SECOND,
        minimum_requests: NonZeroU32::new(10).unwrap(),
        below_percent: 80,
    });
    let policy = PoolPolicy { outlier_detection: Some(outlier_detection), ..unchecked() };
    let mut world = World::well(policy, &[A, B, C]);
    for endpoint in [A, B, C] {
        let shared = world.find(endpoint).shared;
        (0..20).for_each(|_| {
            shared.try_start(None).unwrap();
            shared.end();
        });
    }
    world.fail_traffic(A, 20);
    world.wait(10 * SECOND);
    assert!(world.find(A).facts.is_ejected);
    assert!(world.said().iter().any(|s| s.contains("20 of 40 attempts good (limit 80 %)")));
    // Quiet windows judge nobody.
    world.wait(30 * SECOND);
    assert!(world.find(A).facts.is_eligible());
}

#[test]
fn weight_grows_after_a_recovery_and_not_at_the_start() {
    let policy = PoolPolicy { slow_start: 10 * SECOND, ..unchecked() };
    let mut world = World::well(policy, &[A, B]);
    let share = |world: &World| {
        world.find(A).effective_weight as f64 / world.find(B).effective_weight as f64
    };
    assert!((share(&world) - 1.0).abs() < f64::EPSILON);
    world.fail_traffic(A, 5);
    world.signal_errors(A);
    world.wait(10 * SECOND);
    assert!((share(&world) - 0.1).abs() < f64::EPSILON);
    world.wait(5 * SECOND);
    assert!((share(&world) - 0.5).abs() < f64::EPSILON);
    world.wait(5 * SECOND);
    assert!((share(&world) - 1.0).abs() < f64::EPSILON);
    let generation = world.generation();
    world.wait(60 * SECOND);
    assert_eq!(world.generation(), generation, "a ramp that is over changes nothing");
}
