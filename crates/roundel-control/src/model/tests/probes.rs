//! How probes decide, and when they come.

use super::*;

#[test]
fn the_first_probe_decides_and_then_it_takes_several_in_a_row() {
    let mut world = World::new(vec![pool("web", policy(), &[A, B])]);
    assert_eq!(world.generation(), 1);
    assert_eq!(world.health(A), Health::Unknown);
    world.wait(SECOND);
    world.probe(A, true);
    world.probe(B, false);
    assert_eq!((world.health(A), world.health(B)), (Health::Healthy, Health::Unhealthy));
    assert_eq!(
        world.said(),
        [
            "pool \"web\": endpoint 10.0.0.1:80: healthy: probe answered in 2.0 ms",
            "pool \"web\": endpoint 10.0.0.2:80: unhealthy: \
             probe connection refused: nothing listens there",
        ]
    );
    for (outcome, health) in [
        (false, Health::Healthy),
        (false, Health::Healthy),
        (true, Health::Healthy),
        (false, Health::Healthy),
        (false, Health::Healthy),
        (false, Health::Unhealthy),
        (true, Health::Unhealthy),
        (true, Health::Healthy),
    ] {
        world.probe(A, outcome);
        assert_eq!(world.health(A), health);
    }
}

#[test]
fn probes_come_at_the_interval_and_faster_while_a_verdict_is_in_doubt() {
    let mut world = World::well(policy(), &[A]);
    let start = world.now;
    world.probe(A, true);
    assert_eq!(world.now.since(start), 5 * SECOND);
    world.probe(A, false);
    let doubt = world.now;
    world.probe(A, false);
    assert_eq!(world.now.since(doubt), SECOND);
}

#[test]
fn first_probes_of_a_thousand_endpoints_are_spread_and_those_of_six_come_at_once() {
    for (count, spread) in [(6u32, Duration::from_millis(6)), (1000, SECOND)] {
        let addresses: Vec<_> = (0..count).map(|i| format!("10.0.0.1:{}", i + 1)).collect();
        let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
        let mut world = World::new(vec![pool("web", policy(), &addresses)]);
        let at_once = world.model.due_probes(Moment(spread / 10)).len();
        assert!(at_once <= count as usize / 5, "{at_once} of {count} at once");
        assert_eq!(at_once + world.model.due_probes(Moment(spread)).len(), count as usize);
    }
}

#[test]
fn an_outcome_that_confirms_the_verdict_publishes_nothing() {
    let mut world = World::well(policy(), &[A]);
    let generation = world.generation();
    world.probe(A, true);
    assert_eq!(world.generation(), generation);
}

#[test]
fn a_refused_connection_brings_a_probe_at_once_but_not_a_burst() {
    let mut world = World::well(policy(), &[A, B]);
    let a = world.find(A).id;
    let failed = Signal::ConnectFailed(a);
    world.wait(2 * SECOND);
    world.model.signalled(&failed, world.now);
    assert_eq!(world.model.next_wake(), world.now);
    let start = world.now;
    world.probe(A, false);
    assert_eq!(world.now, start);
    world.model.signalled(&failed, world.now);
    world.model.signalled(&failed, world.now);
    assert!(world.model.due_probes(world.now).is_empty());
    world.probe(A, false);
    assert_eq!(world.now.since(start), Duration::from_millis(100));
    // Known to be down, it is probed at its interval, whatever fails.
    world.probe(A, false);
    assert_eq!(world.health(A), Health::Unhealthy);
    world.model.signalled(&failed, world.now);
    assert!(world.model.due_probes(world.now.plus(SECOND / 2)).is_empty());
}

#[test]
fn without_a_health_check_endpoints_count_as_healthy() {
    let mut world = World::new(vec![pool("web", unchecked(), &[A])]);
    assert_eq!(world.health(A), Health::Healthy);
    world.wait(60 * SECOND);
    assert!(world.model.due_probes(world.now).is_empty());
    world.reload(vec![pool("web", policy(), &[A])]);
    assert_eq!(world.health(A), Health::Unknown);
    world.probe(A, false);
    assert_eq!(world.health(A), Health::Unhealthy);
    world.reload(vec![pool("web", unchecked(), &[A])]);
    assert_eq!(world.health(A), Health::Healthy);
}

#[test]
fn the_answer_to_an_old_check_does_not_count() {
    let mut world = World::new(vec![pool("web", policy(), &[A])]);
    world.wait(SECOND);
    let (id, old) = world.model.due_probes(world.now).remove(0);
    let mut stricter = policy();
    stricter.health_check.as_mut().unwrap().timeout = SECOND / 2;
    world.reload(vec![pool("web", stricter, &[A])]);
    let outcome = ProbeOutcome::Success { took: SECOND };
    world.model.probed(id, &old, &outcome, world.now);
    world.settle();
    assert_eq!(world.health(A), Health::Unknown);
    world.probe(A, false);
    assert_eq!(world.health(A), Health::Unhealthy);
}
