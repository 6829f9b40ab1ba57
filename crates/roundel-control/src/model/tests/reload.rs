//! What a change rebuilds, and what endpoints keep over a reload.

use roundel_core::address::EndpointAddress;

use super::*;

#[test]
fn a_change_rebuilds_its_pool_alone_and_a_batch_makes_one_snapshot() {
    let mut world =
        World::new(vec![pool("web", policy(), &[A, B]), pool("api", unchecked(), &[C])]);
    let before = world.model.snapshot().clone();
    world.now = Moment(SECOND);
    let due = world.model.due_probes(world.now);
    assert_eq!(due.len(), 2);
    for (id, target) in due {
        let outcome = ProbeOutcome::Success { took: SECOND };
        world.model.probed(id, &target, &outcome, world.now);
    }
    let after = world.model.publish(world.now).unwrap();
    assert_eq!(after.generation, before.generation + 1);
    assert!(!Arc::ptr_eq(&after.pools[0], &before.pools[0]));
    assert!(Arc::ptr_eq(&after.pools[1], &before.pools[1]));
    assert!(Arc::ptr_eq(&after.routes, &before.routes));
    assert!(world.model.publish(world.now).is_none(), "nothing changed since");
}

#[test]
fn an_endpoint_keeps_its_state_over_a_reload_by_pool_name_and_address() {
    let mut world = World::well(policy(), &[A, B]);
    let (a, b) = (world.find(A), world.find(B));
    a.shared.try_start(None).unwrap();
    let old_pool = world.model.snapshot().pools[0].clone();

    let mut changed = pool("web", policy(), &[C, A, B]);
    changed.endpoints[1].weight = 9;
    changed.endpoints[2].address = EndpointAddress::parse("10.0.0.99:80").unwrap();
    world.reload(vec![pool("other", policy(), &["10.0.0.1:80"]), changed]);

    let pools = &world.model.snapshot().pools;
    let kept = &pools[1].endpoints[1];
    assert_eq!((kept.id, kept.weight, kept.facts.health), (a.id, 9, Health::Healthy));
    assert!(Arc::ptr_eq(&kept.shared, &a.shared));
    assert_eq!(kept.shared.in_flight(), 1);
    assert!(Arc::ptr_eq(&pools[1].shared, &old_pool.shared));
    let moved = &pools[1].endpoints[2];
    assert_eq!(moved.facts.health, Health::Unknown, "another address is another endpoint");
    let ids: HashSet<_> = pools.iter().flat_map(|p| &p.endpoints).map(|e| e.id).collect();
    assert_eq!(ids.len(), 4, "the same address in another pool is another endpoint");
    assert!(!ids.contains(&b.id), "an id is not given anew while an old snapshot may use it");
}

#[test]
fn a_removed_endpoint_is_forgotten() {
    let mut world = World::well(policy(), &[A, B]);
    let b = world.find(B);
    let target = ProbeTarget {
        check: world.model.pools[0].check.clone().unwrap(),
        address: b.address.clone(),
        authority: b.authority.clone(),
    };
    world.reload(vec![pool("web", policy(), &[A])]);
    let outcome = ProbeOutcome::Failure(ProbeFailure::Refused);
    world.model.probed(b.id, &target, &outcome, world.now);
    world.model.signalled(&Signal::ConsecutiveErrors(b.id), world.now);
    world.reload(vec![pool("web", policy(), &[A, B])]);
    assert_ne!(world.find(B).id, b.id);
    assert_eq!(world.health(B), Health::Unknown);
}

#[test]
fn a_reload_passes_unchanged_pools_on_untouched() {
    let mut world = World::well(policy(), &[A]);
    let before = world.model.snapshot().clone();
    world.reload(vec![pool("web", policy(), &[A]), pool("api", unchecked(), &[B])]);
    assert!(Arc::ptr_eq(&world.model.snapshot().pools[0], &before.pools[0]));
    assert_eq!(world.generation(), before.generation + 1);
}

#[test]
fn ids_in_use_are_passed_over_when_the_counter_wraps() {
    let mut ids = Ids { next: u32::MAX, in_use: HashSet::from([EndpointId(0)]) };
    assert_eq!([ids.take(), ids.take()], [EndpointId(u32::MAX), EndpointId(1)]);
}
