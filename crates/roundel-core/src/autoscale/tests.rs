//! Single decisions: their numbers, their words, and the odd cases.

use std::num::NonZeroU32;

use super::fixture::{SECOND, policy, ready, second};
use super::*;

fn at(wanted: u32, view: View) -> Decision {
    Autoscaler::new(policy(1, 10), wanted, Moment::default()).decide(view, second(1))
}

fn check(decision: &Decision, to: u32, reason: &str) {
    assert_eq!((decision.to, decision.reason.to_string().as_str()), (to, reason));
}

#[test]
fn load_is_shared_out_and_the_reason_says_how() {
    check(&at(4, ready(4, 92)), 5, "in flight 92 over 4 instances is 23 each, target 20 → 5");
    check(&at(1, ready(1, 33)), 2, "in flight 33 over 1 instance is 33 each, target 20 → 2");
    check(&at(4, ready(4, 85)), 4, "in flight 85 over 4 instances is 21.3 each, target 20 → 4");
}

#[test]
fn each_limit_says_what_it_did() {
    check(
        &at(8, ready(8, 4000)),
        10,
        "in flight 4000 over 8 instances is 500 each, target 20 → 200, at most 10",
    );
    check(
        &at(1, ready(1, 150)),
        5,
        "in flight 150 over 1 instance is 150 each, target 20 → 8, by 4 or 100 % in 15 s at most",
    );
    check(
        &at(4, ready(4, 10)),
        4,
        "in flight 10 over 4 instances is 2.5 each, target 20 → 1, \
         but 4 were needed 1 s ago, which has to be 60 s",
    );
    let failing = View { failing: 2, ..ready(2, 100) };
    check(
        &at(4, failing),
        4,
        "in flight 100 over 4 instances is 25 each, target 20 → 5, \
         but 2 instances do not get ready",
    );
}

#[test]
fn a_few_failing_instances_do_not_stop_growth() {
    assert_eq!(at(4, View { failing: 1, ..ready(3, 100) }).to, 5);
}

#[test]
fn none_ready_waits_for_those_that_start() {
    let view = View { starting: 2, queued: 500, ..View::default() };
    check(&at(2, view), 2, "none ready, 2 starting, 0 failing, 500 waiting → 2");
}

#[test]
fn wake_asks_for_as_many_as_wait_at_that_moment() {
    let mut scaler = Autoscaler::new(policy(0, 10), 0, Moment::default());
    check(&scaler.decide(View::default(), second(1)), 0, "no request → 0");
    let waiting = |queued| View { queued, ..View::default() };
    check(&scaler.decide(waiting(1), second(2)), 1, "1 request waits and no instance runs → 1");
    let mut scaler = Autoscaler::new(policy(0, 10), 0, Moment::default());
    let burst = scaler.decide(waiting(50), second(1));
    check(&burst, 3, "50 requests wait and no instance runs → 3");
}

#[test]
fn what_the_first_instance_finds_waiting_is_no_load() {
    let mut scaler = Autoscaler::new(policy(0, 10), 0, Moment::default());
    scaler.decide(View { queued: 1, ..View::default() }, second(1));
    for n in 2..30 {
        let waiting = View { starting: 1, queued: 10 * n, ..View::default() };
        assert_eq!(scaler.decide(waiting, second(u64::from(n))).to, 1);
    }
    assert_eq!(scaler.decide(ready(1, 300), second(30)).to, 1);
    assert_eq!(scaler.decide(ready(1, 5), second(31)).to, 1);
}

#[test]
fn what_failed_before_the_sleep_does_not_prevent_waking() {
    let mut scaler = Autoscaler::new(policy(0, 10), 0, Moment::default());
    let view = View { failing: 3, queued: 1, ..View::default() };
    assert_eq!(scaler.decide(view, second(1)).to, 1);
}

#[test]
fn without_an_idle_time_one_instance_stays() {
    let policy = AutoscalePolicy { idle_after: None, ..policy(0, 10) };
    let mut scaler = Autoscaler::new(policy, 1, Moment::default());
    for n in 0..10_000 {
        assert_eq!(scaler.decide(ready(1, 0), second(n)).to, 1);
    }
}

#[test]
fn idleness_is_only_what_was_observed() {
    let mut scaler = Autoscaler::new(policy(0, 10), 3, Moment::default());
    for n in 1..300 {
        assert_ne!(scaler.decide(ready(3, 0), second(n)).to, 0);
    }
    // The machine was stopped for a day.
    let day = 86_400;
    for n in day..day + 300 {
        assert_ne!(scaler.decide(ready(3, 0), second(n)).to, 0);
    }
    let asleep = scaler.decide(ready(1, 0), second(day + 300));
    check(&asleep, 0, "no request for 300 s → 0");
}

#[test]
fn after_a_gap_nothing_is_taken_away_for_a_window() {
    let mut scaler = Autoscaler::new(policy(1, 10), 6, Moment::default());
    scaler.decide(ready(6, 120), second(1));
    assert_eq!(scaler.decide(ready(6, 0), second(1000)).to, 6);
    assert_eq!(scaler.decide(ready(6, 0), second(1009)).to, 6);
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut scaler = Autoscaler::new(policy(1, 10), 6, second(100));
    scaler.decide(ready(6, 120), second(200));
    for n in (0..200).rev() {
        assert_eq!(scaler.decide(ready(6, 0), second(n)).to, 6);
    }
}

#[test]
fn one_request_at_any_time_defers_the_sleep() {
    let mut scaler = Autoscaler::new(policy(0, 10), 1, Moment::default());
    for n in 1..=1000 {
        let started = u64::from(n % 250 == 0);
        assert_eq!(scaler.decide(View { started, ..ready(1, 0) }, second(n)).to, 1);
    }
}

#[test]
fn without_a_cpu_reading_the_number_stays() {
    let target = Target::Cpu { percent: NonZeroU32::new(50).unwrap() };
    let policy = AutoscalePolicy { target, ..policy(1, 10) };
    let mut scaler = Autoscaler::new(policy.clone(), 4, Moment::default());
    for n in 1..200 {
        let blind = scaler.decide(ready(4, 500), second(n));
        check(&blind, 4, "no CPU reading of 4 ready instances → 4");
    }
    for percent in [f64::NAN, f64::INFINITY, -1.0] {
        let cpu = Some(CpuReading { percent, instances: NonZeroU32::MIN });
        let mut scaler = Autoscaler::new(policy.clone(), 4, Moment::default());
        assert_eq!(scaler.decide(View { cpu, ..ready(4, 500) }, second(1)).to, 4);
    }
}

#[test]
fn instances_without_a_cpu_reading_are_like_the_others() {
    let target = Target::Cpu { percent: NonZeroU32::new(50).unwrap() };
    let policy = AutoscalePolicy { target, ..policy(1, 10) };
    let mut scaler = Autoscaler::new(policy, 4, Moment::default());
    let cpu = Some(CpuReading { percent: 180.0, instances: NonZeroU32::new(2).unwrap() });
    let decision = scaler.decide(View { cpu, ..ready(4, 0) }, second(1));
    check(&decision, 8, "CPU 360 % over 4 instances is 90 % each, target 50 % → 8");
}

#[test]
fn a_wait_that_is_too_long_asks_for_what_the_demand_needs() {
    let capacity = NonZeroU32::new(16).unwrap();
    let target = Target::QueueTime { target: SECOND / 20, capacity };
    let policy = AutoscalePolicy { target, ..policy(1, 10) };
    let mut scaler = Autoscaler::new(policy, 4, Moment::default());
    let view = View { queued: 26, started: 10, waited: SECOND * 2, ..ready(4, 64) };
    check(
        &scaler.decide(view, second(1)),
        6,
        "waited 200 ms for a place, target 50 ms, in flight or waiting 90 over 4 instances → 6",
    );
    // As many are on their way, and the line is still there.
    let view = View { starting: 2, ..view };
    assert_eq!(scaler.decide(view, second(2)).to, 6);
}

#[test]
fn another_range_is_entered_at_once_and_no_further() {
    let mut scaler = Autoscaler::new(policy(1, 10), 10, Moment::default());
    scaler.decide(ready(10, 0), second(1));
    scaler.set_policy(policy(1, 5));
    assert_eq!(scaler.decide(ready(10, 0), second(2)).to, 5);
    scaler.set_policy(policy(7, 9));
    let decision = scaler.decide(ready(5, 0), second(3));
    assert_eq!((decision.from, decision.to), (5, 7));
}

#[test]
fn an_operators_number_stays_for_the_window_and_grows_at_once() {
    let mut scaler = Autoscaler::new(policy(1, 10), 1, Moment::default());
    scaler.set_wanted(6, second(1));
    for n in 2..61 {
        assert_eq!(scaler.decide(ready(6, 5), second(n)).to, 6);
    }
    assert_eq!(scaler.decide(ready(6, 5), second(61)).to, 3);
    scaler.set_wanted(2, second(62));
    assert_eq!(scaler.decide(ready(2, 600), second(63)).to, 6);
    scaler.set_wanted(99, second(64));
    assert_eq!(scaler.wanted(), 10);
}

#[test]
fn ranges_that_are_none_are_refused() {
    assert_eq!(InstanceRange::new(0, 0), None);
    assert_eq!(InstanceRange::new(3, 2), None);
    assert_eq!(InstanceRange::new(0, 1).map(InstanceRange::max), Some(1));
}

#[test]
fn inputs_have_names() {
    let names = ready(4, 85).named();
    assert!(names.contains(&("in_flight", 85.0)));
    assert!(!names.iter().any(|(name, _)| *name == "cpu_percent"));
}
