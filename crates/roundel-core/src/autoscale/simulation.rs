//! The policy under loads of all shapes: does it find the right number, soon, and stay there?

use std::num::NonZeroU32;

use std::f64::consts::TAU;

use super::fixture::{SECOND, World, policy};
use super::*;

/// Requests a second that keep so many instances at their target: 20 in flight of 0.1 s each.
fn load(instances: f64) -> f64 {
    instances * 20.0 / 0.1
}

#[test]
fn a_step_is_answered_in_the_next_second_and_met_as_soon_as_the_pace_allows() {
    let mut world = World::new(policy(1, 20), |t| load(if t <= 60 { 0.5 } else { 10.0 }));
    world.run(60);
    assert_eq!(world.wanted(), 1);
    world.decisions.clear();
    world.run(120);
    assert_eq!(world.first(2), Some(1));
    assert_eq!(world.first(5), Some(3));
    // No more than four, or twice as many, within any 15 s.
    assert_eq!(world.first(10), Some(18));
    assert_eq!((world.wanted(), world.turns()), (10, 0));
}

#[test]
fn a_ramp_is_followed_closely_and_not_overtaken() {
    let mut world = World::new(policy(1, 50), |t| load(t as f64 / 30.0));
    world.run(600);
    for (index, decision) in world.decisions.iter().enumerate() {
        let needed = (index + 1) as f64 / 30.0;
        // Within the tolerance and no more than the averaging behind, nor one instance ahead.
        let behind = 6.0 / 30.0;
        assert!(f64::from(decision.to) * 1.1 + behind >= needed, "{decision:?} for {needed}");
        assert!(f64::from(decision.to) <= needed.max(1.0) + 1.0, "{decision:?} for {needed}");
    }
    assert_eq!(world.turns(), 0);
}

#[test]
fn a_step_down_is_followed_after_the_window_and_no_sooner() {
    let mut world = World::new(policy(1, 20), |t| load(if t <= 120 { 8.0 } else { 2.0 }));
    world.run(120);
    assert_eq!(world.wanted(), 8);
    world.decisions.clear();
    world.run(59);
    assert_eq!(world.wanted(), 8);
    // No more than half within any 15 s.
    world.run(15);
    assert_eq!(world.wanted(), 4);
    world.run(15);
    assert_eq!((world.wanted(), world.turns()), (2, 0));
}

#[test]
fn steady_load_with_noise_does_not_move_the_number() {
    for seed in 0..200 {
        let instances = 0.3 + (seed % 40) as f64 / 4.0;
        let noise = [0.05, 0.2, 0.5][seed as usize % 3];
        let mut world = World::new(policy(1, 20), move |_| load(instances)).seeded(seed);
        world.noise = noise;
        world.run(120);
        world.decisions.clear();
        world.run(3600);
        let found = f64::from(world.wanted());
        assert!(found >= (instances / 1.1).min(20.0), "seed {seed}: {found} for {instances}");
        assert!(found <= (instances * (1.0 + noise)).ceil() + 1.0, "seed {seed}: {found}");
        // An hour is 60 windows.
        // An hour is 60 windows, each of which allows for two turns.
        let turns_max = if noise > 0.2 { 30 } else { 2 };
        let turns = world.turns();
        assert!(turns <= turns_max, "seed {seed}: {turns} turns at {instances}, noise {noise}");
    }
}

#[test]
fn noise_within_the_tolerance_never_turns_the_number() {
    for seed in 0..200 {
        let instances = 1.0 + (seed % 40) as f64 / 4.0;
        let mut world = World::new(policy(1, 20), move |_| load(instances)).seeded(seed);
        world.noise = 0.05;
        world.run(3600);
        assert_eq!(world.turns(), 0, "seed {seed} at {instances}");
    }
}

#[test]
fn a_wave_shorter_than_the_window_is_ridden_at_its_height() {
    let wave = |t: u64| load(6.0 + 4.0 * (t as f64 / 40.0 * TAU).sin());
    let mut world = World::new(policy(1, 20), wave);
    world.run(60);
    world.decisions.clear();
    world.run(1800);
    assert_eq!(world.turns(), 0);
    assert_eq!(world.wanted(), 10);
}

#[test]
fn a_long_wave_is_followed_with_two_turns_each() {
    let wave = |t: u64| load(6.0 + 5.0 * (t as f64 / 600.0 * TAU).sin());
    let mut world = World::new(policy(1, 20), wave);
    world.run(600 * 10);
    assert!((18..=20).contains(&world.turns()), "{}", world.turns());
    assert_eq!(world.most_of_last(600), 11);
}

#[test]
fn a_short_burst_costs_instances_for_one_window_only() {
    let burst = |t: u64| load(if (100..103).contains(&t) { 10.0 } else { 0.9 });
    let mut world = World::new(policy(1, 20), burst);
    world.run(110);
    assert_eq!(world.wanted(), 5);
    world.run(100);
    assert_eq!((world.wanted(), world.turns()), (1, 1));
}

#[test]
fn slow_starts_do_not_ask_for_more() {
    for start_seconds in [1, 10, 60, 200] {
        let mut world = World::new(policy(1, 50), |t| load(if t <= 10 { 1.0 } else { 6.0 }));
        world.start_seconds = start_seconds;
        world.run(400);
        assert_eq!(world.most_of_last(400), 6, "{start_seconds} s to start");
    }
}

#[test]
fn an_overload_that_piles_up_is_worked_off_within_the_range() {
    let mut world = World::new(policy(1, 12), |t| load(if t <= 10 { 1.0 } else { 5.0 }));
    (world.capacity, world.start_seconds) = (25, 8);
    world.run(600);
    assert_eq!(world.wanted(), 5);
    assert!(world.turns() <= 1);
    assert!(world.most_of_last(600) <= 12);
}

#[test]
fn queue_time_finds_a_number_at_which_nobody_waits_and_stays() {
    for seed in 0..40 {
        let capacity = NonZeroU32::new(16).unwrap();
        let target = Target::QueueTime { target: SECOND / 10, capacity };
        let policy = AutoscalePolicy { target, ..policy(1, 20) };
        // 64 in flight fill four instances to the last place.
        let mut world = World::new(policy, |t| if t <= 10 { 50.0 } else { 640.0 }).seeded(seed);
        (world.capacity, world.noise) = (16, 0.1);
        world.run(300);
        world.decisions.clear();
        world.run(1800);
        assert!((5..=7).contains(&world.wanted()), "seed {seed}: {}", world.wanted());
        assert_eq!(world.turns(), 0, "seed {seed}");
        assert_eq!(world.decisions.last().map(|d| d.inputs.queued), Some(0), "seed {seed}");
    }
}

#[test]
fn cpu_is_shared_out_like_any_load() {
    let target = Target::Cpu { percent: NonZeroU32::new(50).unwrap() };
    // Each exchange in flight is 10 % of a processor.
    let mut world =
        World::new(AutoscalePolicy { target, ..policy(1, 20) }, |t| load(t.min(60) as f64 / 60.0));
    world.run(120);
    assert_eq!((world.wanted(), world.turns()), (4, 0));
}

#[test]
fn idle_goes_to_zero_and_one_request_wakes_it() {
    let rate = |t: u64| match t {
        0..=100 => load(3.0),
        500 => 1.0,
        501.. => load(0.1),
        _ => 0.0,
    };
    let mut world = World::new(policy(0, 20), rate);
    world.run(100);
    assert_eq!(world.wanted(), 3);
    world.run(300);
    assert_eq!(world.wanted(), 1);
    world.run(1);
    assert_eq!(world.wanted(), 0);
    world.run(98);
    assert_eq!(world.wanted(), 0);
    world.run(1);
    assert_eq!(world.wanted(), 1);
    world.start_seconds = 20;
    world.run(100);
    assert_eq!((world.most_of_last(100), world.wanted()), (1, 1));
}

#[test]
fn instances_that_never_get_ready_are_not_answered_by_more() {
    let mut world = World::new(policy(1, 20), |_| load(10.0));
    world.is_broken = true;
    world.run(600);
    assert_eq!(world.most_of_last(600), 1);
    // Mended, it takes the way of any overload.
    world.is_broken = false;
    world.run(100);
    assert!(world.wanted() >= 10);
}
