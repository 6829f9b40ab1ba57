//! What holds whatever is seen, however odd.

#![allow(clippy::cast_sign_loss, reason = "loads are never negative")]

use std::num::NonZeroU32;

use proptest::collection::vec;
use proptest::prelude::*;

use super::fixture::SECOND;
use super::*;

fn views() -> impl Strategy<Value = View> {
    let counts = (0u32..8, 0u32..8, 0u32..4, 0u32..4);
    let load = (any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>(), any::<f64>(), 1u32..8);
    let small = (0u32..200, 0u32..50, 0u64..500, 0u64..10, 0.0..800.0, 1u32..8);
    (counts, prop_oneof![1 => load, 5 => small], any::<bool>()).prop_map(
        |((ready, starting, failing, draining), load, has_cpu)| {
            let (in_flight, queued, started, waited, percent, instances) = load;
            let cpu = CpuReading { percent, instances: NonZeroU32::new(instances).unwrap() };
            View {
                ready,
                starting,
                failing,
                draining,
                in_flight,
                queued,
                started,
                waited: Duration::from_secs(waited),
                cpu: has_cpu.then_some(cpu),
            }
        },
    )
}

fn policies() -> impl Strategy<Value = AutoscalePolicy> {
    let some = || (1u32..50).prop_map(|n| NonZeroU32::new(n).unwrap());
    let target = prop_oneof![
        some().prop_map(Target::InFlight),
        some().prop_map(|percent| Target::Cpu { percent }),
        (1u64..1000, some()).prop_map(|(ms, capacity)| Target::QueueTime {
            target: Duration::from_millis(ms),
            capacity
        }),
    ];
    let pace = || {
        (0u32..5, 0u32..150, 0u64..30).prop_map(|(instances, percent, seconds)| Pace {
            instances,
            percent,
            period: Duration::from_secs(seconds),
        })
    };
    let idle_after = proptest::option::of(0u64..30);
    (0u32..4, 0u32..30, target, pace(), pace(), 0u64..60, idle_after).prop_map(
        |(min, more, target, up, down, window, idle_after)| AutoscalePolicy {
            range: InstanceRange::new(min, (min + more).max(1)).unwrap(),
            target,
            tolerance_percent: 10,
            up,
            down,
            scale_down_after: Duration::from_secs(window),
            idle_after: idle_after.map(Duration::from_secs),
        },
    )
}

/// Looks, with the time before each in milliseconds; some are far apart.
fn looks() -> impl Strategy<Value = Vec<(u64, View)>> {
    let step = prop_oneof![20 => 0u64..2000, 1 => 0u64..10_000_000, 1 => Just(u64::MAX / 4)];
    vec((step, views()), 1..120)
}

fn decide_all(
    policy: &AutoscalePolicy,
    wanted: u32,
    looks: Vec<(u64, View)>,
) -> Vec<(Moment, Decision)> {
    let mut now = Moment::default();
    let mut scaler = Autoscaler::new(policy.clone(), wanted, now);
    looks
        .into_iter()
        .map(|(step, view)| {
            now = now.plus(Duration::from_millis(step));
            (now, scaler.decide(view, now))
        })
        .collect()
}

proptest! {
    #[test]
    fn the_range_is_never_left(policy in policies(), wanted in 0u32..60, looks in looks()) {
        for (_, decision) in decide_all(&policy, wanted, looks) {
            prop_assert!(policy.range.contains(decision.from), "{decision:?}");
            prop_assert!(policy.range.contains(decision.to), "{decision:?}");
            prop_assert!(!decision.reason.to_string().contains("NaN"), "{}", decision.reason);
        }
    }

    #[test]
    fn decisions_follow_on_one_another(policy in policies(), looks in looks()) {
        let decisions = decide_all(&policy, 1, looks);
        for pair in decisions.windows(2) {
            prop_assert_eq!(pair[0].1.to, pair[1].1.from);
        }
    }

    /// Hence the number turns at most twice in each window, whatever the load does.
    #[test]
    fn what_was_added_stays_for_the_window(policy in policies(), looks in looks()) {
        let decisions = decide_all(&policy, 1, looks);
        for (index, (grew_at, grew)) in decisions.iter().enumerate() {
            if grew.to <= grew.from {
                continue;
            }
            let later = decisions.iter().skip(index + 1);
            for (at, decision) in later.take_while(|(_, d)| d.reason.limit != Some(Limit::Min(0))) {
                let is_idle = matches!(decision.reason.basis, Basis::Idle { .. });
                if at.since(*grew_at) >= policy.scale_down_after || is_idle {
                    break;
                }
                prop_assert!(decision.to >= grew.to, "{grew:?} at {grew_at:?}, {decision:?} at {at:?}");
            }
        }
    }

    #[test]
    fn the_pace_is_kept(policy in policies(), looks in looks()) {
        let decisions = decide_all(&policy, 1, looks);
        let step = |pace: Pace, n: u32| (n * pace.percent / 100).max(pace.instances).max(1);
        for (index, (now, decision)) in decisions.iter().enumerate() {
            let before = decisions.iter().take(index + 1);
            let within = |period| before.clone().filter(move |(at, _)| now.since(*at) < period);
            let froms = |period| within(period).map(|(_, d)| d.from);
            let fewest = froms(policy.up.period).chain([decision.from]).min().unwrap();
            prop_assert!(decision.to <= fewest + step(policy.up, fewest), "{decision:?}");
            if !matches!(decision.reason.basis, Basis::Idle { .. }) {
                let most = froms(policy.down.period).chain([decision.from]).max().unwrap();
                let fewest = most.saturating_sub(step(policy.down, most));
                prop_assert!(decision.to >= fewest, "{decision:?}");
            }
        }
    }

    #[test]
    fn crashing_instances_never_make_it_more(policy in policies(), looks in looks()) {
        let broken = looks.into_iter().map(|(step, view)| {
            (step, View { failing: view.failing.max(view.ready).max(1), ..view })
        });
        for (_, decision) in decide_all(&policy, 1, broken.collect()) {
            prop_assert!(decision.to <= decision.from.max(1).max(policy.range.min())
                || decision.from == 0, "{decision:?}");
        }
    }

    #[test]
    fn any_load_held_for_long_is_met(
        policy in policies(),
        wanted in 0u32..30,
        in_flight in 1u32..400,
    ) {
        prop_assume!(matches!(policy.target, Target::InFlight(_)));
        let Target::InFlight(target) = policy.target else { return Ok(()) };
        let mut scaler = Autoscaler::new(policy.clone(), wanted, Moment::default());
        let mut now = Moment::default();
        for _ in 0..3000 {
            now = now.plus(SECOND);
            let ready = scaler.wanted();
            scaler.decide(View { ready, in_flight, started: 1, ..View::default() }, now);
        }
        let exact = f64::from(in_flight) / f64::from(target.get());
        let (low, high) = ((exact / 1.1 - 1e-9).ceil(), (exact / 0.9 + 1e-9).floor().max(exact.ceil()));
        let range = policy.range;
        prop_assert!(scaler.wanted() >= range.clamp((low as u32).max(1)), "{exact}: {scaler:?}");
        prop_assert!(scaler.wanted() <= range.clamp((high as u32).max(1)), "{exact}: {scaler:?}");
    }
}
