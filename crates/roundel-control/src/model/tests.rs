//! The model in virtual time: facts in, snapshots out.

use std::num::NonZeroU32;

use roundel_config::model::PoolConfig;
use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Endpoint, Health, Presence};
use roundel_core::health::ProbeFailure;
use roundel_core::policy::{PoolPolicy, SuccessRate};
use roundel_core::pool::Tier;

use super::fixture::{SECOND, config, policy, pool};
use super::*;

const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";
const C: &str = "10.0.0.3:80";

/// A model and its virtual clock.
struct World {
    model: Model,
    now: Moment,
}

impl World {
    fn new(pools: Vec<PoolConfig>) -> Self {
        Self::with_answers(pools, &Resolutions::new())
    }

    fn with_answers(pools: Vec<PoolConfig>, resolutions: &Resolutions) -> Self {
        let model = Model::new(config(vec![], pools), vec![], resolutions, 7);
        Self { model, now: Moment::default() }
    }

    /// A pool `web` whose endpoints were all found well.
    fn well(policy: PoolPolicy, addresses: &[&str]) -> Self {
        let is_probed = policy.health_check.is_some();
        let mut world = Self::new(vec![pool("web", policy, addresses)]);
        world.wait(SECOND);
        if is_probed {
            for address in addresses {
                world.probe(address, true);
            }
        }
        world
    }

    fn reload(&mut self, pools: Vec<PoolConfig>) {
        let config = Arc::new(config(vec![], pools));
        self.model.apply(config, &[], &Resolutions::new(), self.now);
        self.settle();
    }

    /// Lets time pass in the steps that the model asks for; probes and look-ups that become due
    /// stay due.
    fn wait(&mut self, duration: Duration) {
        let end = self.now.plus(duration);
        while self.now < end {
            let soon = self.now.plus(Duration::from_millis(10));
            self.now = self.model.next_wake().max(soon).min(end);
            self.model.tick(self.now);
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.model.publish(self.now);
    }

    /// Answers a probe of the endpoint, which is due by now or else is made to be.
    fn probe(&mut self, endpoint: &str, is_good: bool) {
        self.probe_finds(endpoint, &if is_good { good() } else { refused() });
    }

    fn probe_finds(&mut self, endpoint: &str, outcome: &ProbeOutcome) {
        let endpoint = self.find(endpoint).id;
        let target = loop {
            let mut due = self.model.due_probes(self.now);
            if let Some(at) = due.iter().position(|(id, _)| *id == endpoint) {
                break due.swap_remove(at).1;
            }
            if let Some(target) = self.model.target_of_running_probe(endpoint) {
                break target;
            }
            let place = self.model.places[&endpoint];
            let probing = self.model.pools[place.pool].endpoints[place.endpoint].probing;
            self.now = probing.due().expect("the endpoint is probed");
            self.model.tick(self.now);
        };
        self.model.probed(endpoint, &target, outcome, self.now);
        self.settle();
    }

    fn find(&self, endpoint: &str) -> Endpoint {
        let pools = &self.model.snapshot().pools;
        let mut endpoints = pools.iter().flat_map(|pool| &pool.endpoints);
        endpoints.find(|e| e.name.as_str() == endpoint).unwrap().clone()
    }

    fn health(&self, endpoint: &str) -> Health {
        self.find(endpoint).facts.health
    }

    fn fail_traffic(&mut self, endpoint: &str, times: u32) {
        let endpoint = self.find(endpoint);
        (0..times).for_each(|_| {
            endpoint.shared.try_start(None).unwrap();
            endpoint.shared.note_error();
            endpoint.shared.end();
        });
    }

    fn signal_errors(&mut self, endpoint: &str) {
        let id = self.find(endpoint).id;
        self.model.signalled(&Signal::ConsecutiveErrors(id), self.now);
        self.settle();
    }

    fn generation(&self) -> u64 {
        self.model.snapshot().generation
    }

    fn said(&mut self) -> Vec<String> {
        self.model.take_changes().iter().map(ToString::to_string).collect()
    }
}

impl Model {
    /// What a probe was given that is still running.
    fn target_of_running_probe(&self, id: EndpointId) -> Option<ProbeTarget> {
        let place = self.places[&id];
        let pool = &self.pools[place.pool];
        let endpoint = &pool.endpoints[place.endpoint];
        (endpoint.probing == schedule::Schedule::Running).then(|| ProbeTarget {
            check: pool.check.clone().unwrap(),
            address: endpoint.address.clone().unwrap(),
            authority: endpoint.authority.clone(),
        })
    }
}

fn good() -> ProbeOutcome {
    ProbeOutcome::Success { took: Duration::from_millis(2) }
}

fn refused() -> ProbeOutcome {
    ProbeOutcome::Failure(ProbeFailure::Refused)
}

fn closed() -> ProbeOutcome {
    ProbeOutcome::Failure(ProbeFailure::Closed)
}

fn unchecked() -> PoolPolicy {
    PoolPolicy { health_check: None, ..policy() }
}

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
fn an_outcome_that_confirms_the_verdict_publishes_nothing() {
    let mut world = World::well(policy(), &[A]);
    let generation = world.generation();
    world.probe(A, true);
    assert_eq!(world.generation(), generation);
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
fn a_silence_brings_a_probe_and_is_told_if_it_lasts() {
    let mut world = World::well(policy(), &[A, B]);
    let endpoint = world.find(A);
    world.wait(2 * SECOND);
    world.said();
    let silent = Signal::Silent(endpoint.id, Duration::from_millis(312));
    world.model.signalled(&silent, world.now);
    assert_eq!(world.model.next_wake(), world.now, "a probe is due");

    // It stutters: nobody is told.
    world.wait(3 * SECOND);
    assert!(!world.said().iter().any(|said| said.contains("silent") || said.contains("again")));

    // It lasts, and the signal may be lost: told once, and its end as well.
    endpoint.shared.note_silence();
    world.wait(4 * SECOND);
    let of_silence = |said: Vec<String>| -> Vec<String> {
        said.into_iter().filter(|it| it.contains("silent") || it.contains("again")).collect()
    };
    let told = of_silence(world.said());
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.starts_with("pool \"web\": endpoint 10.0.0.1:80: silent: requests wait, none"));
    endpoint.shared.note_answer();
    world.wait(2 * SECOND);
    let heard = "pool \"web\": endpoint 10.0.0.1:80: answers again";
    assert_eq!(of_silence(world.said()), [heard]);
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

#[test]
fn ids_in_use_are_passed_over_when_the_counter_wraps() {
    let mut ids = Ids { next: u32::MAX, in_use: HashSet::from([EndpointId(0)]) };
    assert_eq!([ids.take(), ids.take()], [EndpointId(u32::MAX), EndpointId(1)]);
}
