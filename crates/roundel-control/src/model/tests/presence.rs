//! Endpoints that operators disable, and processes that come and go.

use roundel_core::endpoint::{AdminState, Presence};

use super::*;

#[test]
fn disabled_endpoints_are_not_probed_and_start_anew_when_enabled() {
    let mut world = World::well(policy(), &[A, B]);
    let id = world.find(A).id;
    let mut disabled = pool("web", policy(), &[A, B]);
    disabled.endpoints[0].admin_state = AdminState::Disabled;
    world.reload(vec![disabled]);
    assert_eq!(world.find(A).facts.admin_state, AdminState::Disabled);
    world.wait(60 * SECOND);
    assert!(world.model.due_probes(world.now).iter().all(|(due, _)| *due != id));
    world.reload(vec![pool("web", policy(), &[A, B])]);
    assert_eq!((world.find(A).id, world.health(A)), (id, Health::Unknown));
    world.probe(A, true);
    assert_eq!(world.health(A), Health::Healthy);
}

#[test]
fn an_absent_endpoint_takes_nothing_and_what_comes_back_is_another_process() {
    let mut world = World::well(policy(), &[A, B]);
    let id = world.find(A).id;
    let with = |presence| {
        let mut web = pool("web", policy(), &[A, B]);
        web.endpoints[0].presence = presence;
        vec![web]
    };
    for _ in 0..5 {
        world.find(A).shared.note_error();
    }
    world.reload(with(Presence::Absent));
    assert!(!world.find(A).facts.is_eligible());
    world.wait(60 * SECOND);
    assert!(world.model.due_probes(world.now).iter().all(|(due, _)| *due != id));

    world.reload(with(Presence::Starting));
    assert_eq!((world.find(A).id, world.health(A)), (id, Health::Unknown));
    assert_eq!(world.find(A).shared.consecutive_errors(), 0, "those of the process before");
    world.model.take_changes();
    world.probe(A, false);
    assert_eq!(world.health(A), Health::Unhealthy);
    assert_eq!(world.model.take_changes(), [], "not answering yet is no news");
    // Long before the next probe of an unhealthy endpoint would be due.
    world.wait(SECOND / 5);
    let due = world.model.due_probes(world.now);
    let (due, target) = due.into_iter().find(|(due, _)| *due == id).expect("probed soon");
    for _ in 0..2 {
        let success = ProbeOutcome::Success { took: SECOND / 100 };
        world.model.probed(due, &target, &success, world.now);
        world.wait(SECOND / 5);
        world.model.due_probes(world.now);
    }
    world.settle();
    assert_eq!(world.health(A), Health::Healthy);
    assert!(!world.find(A).facts.is_eligible(), "until its provider says that it has started");
    world.reload(with(Presence::Present));
    assert!(world.find(A).facts.is_eligible());
}

#[test]
fn a_process_that_starts_where_another_was_present_has_yet_to_show_that_it_is_well() {
    let mut world = World::well(policy(), &[A, B]);
    world.find(A).shared.note_error();
    let mut web = pool("web", policy(), &[A, B]);
    web.endpoints[0].presence = Presence::Starting;
    world.reload(vec![web]);
    assert_eq!((world.health(A), world.health(B)), (Health::Unknown, Health::Healthy));
    assert_eq!(world.find(A).shared.consecutive_errors(), 0);
    world.probe(A, true);
    assert_eq!(world.health(A), Health::Healthy);
}
