//! Endpoints that are given by a host name, with one address or several.

use roundel_core::pool::Tier;

use super::*;

fn address(text: &str) -> std::net::SocketAddr {
    text.parse().unwrap()
}

fn host_pool(policy: PoolPolicy) -> Vec<PoolConfig> {
    vec![pool("web", policy, &["app:80"])]
}

#[test]
fn a_host_name_is_unhealthy_until_it_resolves_and_keeps_its_last_good_address() {
    let mut world = World::new(host_pool(unchecked()));
    assert_eq!(world.health("app:80"), Health::Unhealthy);
    assert_eq!(world.model.snapshot().pools[0].candidates.tier, Tier::Panic);
    let id = world.find("app:80").id;
    let answers: [(Resolution, &str, u64, &[&str]); 6] = [
        (Err("no".to_owned()), "127.0.0.1:0", 0, &["does not resolve: no"]),
        (Err("no".to_owned()), "127.0.0.1:0", 5, &[]),
        (Ok(vec![address(A), address(B)]), A, 5, &["is now at 10.0.0.1:80"]),
        (Ok(vec![address(B), address(A)]), A, 30, &[]),
        (Err("timeout".to_owned()), A, 30, &["does not resolve: timeout"]),
        (Ok(vec![address(C)]), C, 5, &["is now at 10.0.0.3:80"]),
    ];
    for (answer, expected, pause, said) in answers {
        world.wait(Duration::from_secs(pause));
        let due = world.model.due_lookups(world.now);
        assert_eq!(due, [(id, ("app".to_owned(), 80))], "{answer:?}");
        world.model.resolved(id, &answer, world.now);
        world.settle();
        let endpoint = world.find("app:80");
        assert_eq!((endpoint.id, endpoint.address.to_string().as_str()), (id, expected));
        let expected_said: Vec<_> =
            said.iter().map(|s| format!("pool \"web\": endpoint app:80: {s}")).collect();
        assert_eq!(world.said(), expected_said);
    }
    assert_eq!(world.health("app:80"), Health::Healthy);
}

#[test]
fn a_name_that_resolves_late_is_probed_then() {
    let mut world = World::new(host_pool(policy()));
    world.wait(SECOND);
    assert!(world.model.due_probes(world.now).is_empty());
    let id = world.find("app:80").id;
    assert_eq!(world.model.due_lookups(world.now).len(), 1);
    world.model.resolved(id, &Ok(vec![address(A)]), world.now);
    world.settle();
    assert_eq!(world.health("app:80"), Health::Unknown);
    world.probe("app:80", true);
    assert_eq!(world.health("app:80"), Health::Healthy);
}

fn two_addresses(policy: PoolPolicy) -> World {
    let answer = Ok(vec![address(A), address(B)]);
    let answers = Resolutions::from([(("app".to_owned(), 80), answer)]);
    World::with_answers(host_pool(policy), &answers)
}

/// `localhost` is often IPv6 first, and the server there IPv4 alone.
#[test]
fn a_name_with_several_addresses_fails_when_all_of_them_do() {
    let mut world = two_addresses(policy());
    let address = |world: &World| world.find("app:80").address.to_string();
    world.probe_finds("app:80", &refused());
    assert_eq!((world.health("app:80"), address(&world)), (Health::Unknown, B.to_owned()));
    let start = world.now;
    world.probe_finds("app:80", &good());
    assert_eq!((world.health("app:80"), world.now), (Health::Healthy, start));

    // An answer that is wrong is an answer.
    world.probe_finds("app:80", &closed());
    assert_eq!(address(&world), B);
    // From here on a round of both counts as one failure.
    for (round, health) in [Health::Healthy, Health::Unhealthy].into_iter().enumerate() {
        world.probe_finds("app:80", &refused());
        world.probe_finds("app:80", &refused());
        assert_eq!(world.health("app:80"), health, "{round}");
    }
    world.probe_finds("app:80", &good());
    let found = address(&world);
    world.probe_finds("app:80", &good());
    assert_eq!((world.health("app:80"), address(&world)), (Health::Healthy, found));
}

#[test]
fn where_nobody_probes_traffic_finds_the_address() {
    let mut world = two_addresses(unchecked());
    let id = world.find("app:80").id;
    world.wait(SECOND);
    for (pause, expected) in [(0, B), (0, B), (50, B), (50, B), (100, A)] {
        world.wait(Duration::from_millis(pause));
        world.model.signalled(&Signal::ConnectFailed(id), world.now);
        world.settle();
        assert_eq!(world.find("app:80").address.to_string(), expected);
    }
}

#[test]
fn a_failing_endpoint_has_its_name_looked_up_sooner() {
    let answers = Resolutions::from([(("app".to_owned(), 80), Ok(vec![address(A)]))]);
    let mut world = World::with_answers(host_pool(policy()), &answers);
    assert_eq!(world.find("app:80").address.to_string(), A);
    world.wait(6 * SECOND);
    assert!(world.model.due_lookups(world.now).is_empty());
    world.probe("app:80", false);
    assert_eq!(world.model.due_lookups(world.now).len(), 1);
}
