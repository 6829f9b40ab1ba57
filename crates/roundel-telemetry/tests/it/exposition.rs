//! What `/metrics` and `/stats` show.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use roundel_core::end::{AttemptFailure, EndReason};
use roundel_core::endpoint::{AdminState, Endpoint, EndpointFacts, Health};
use roundel_core::name::Name;
use roundel_core::pool::Tier;
use roundel_core::retry::GiveUp;
use roundel_telemetry::family::{self, Kind};
use roundel_telemetry::{AppFacts, PoolView, Registry, View, stats};
use roundel_testkit::exposition::check_format;

use crate::golden;
use crate::state::{WELL, endpoint, name};

/// Two pools that share an address, one endpoint in trouble.
struct Scene {
    web: Name,
    api: Name,
    listener: Name,
    route: Name,
    web_endpoints: Vec<Endpoint>,
    api_endpoints: Vec<Endpoint>,
}

impl Scene {
    fn new() -> Self {
        let trouble = EndpointFacts {
            admin_state: AdminState::Draining,
            health: Health::Unhealthy,
            is_ejected: true,
            ..EndpointFacts::default()
        };
        Self {
            web: name("web"),
            api: name("api"),
            listener: name("front door"),
            route: name("all"),
            web_endpoints: vec![
                endpoint("Server 1", 5001, 4, WELL),
                endpoint("Server 2", 5002, 0, trouble),
            ],
            api_endpoints: vec![endpoint("Server 1", 5001, 1, EndpointFacts::default())],
        }
    }

    fn view(&self) -> View<'_> {
        let pool = |name, endpoints, tier, queued| PoolView { name, endpoints, tier, queued };
        View {
            generation: 7,
            listeners: vec![&self.listener],
            routes: vec![&self.route],
            pools: vec![
                pool(&self.web, &self.web_endpoints, Tier::Primary, 3),
                pool(&self.api, &self.api_endpoints, Tier::Unprobed, 0),
            ],
            apps: vec![AppFacts {
                name: &self.web,
                wanted: 3,
                instances: vec![("starting", 1), ("ready", 2), ("failed", 0)],
                restarts: 4,
                decisions_up: 5,
                decisions_down: 4,
            }],
        }
    }

    /// A registry in which each counter has a value of its own.
    fn registry(&self) -> Registry {
        let registry = Registry::started_at(2, UNIX_EPOCH + Duration::from_millis(1_234_500));
        for worker in 0..2 {
            self.count(&registry, worker);
        }
        registry
    }

    fn count(&self, registry: &Registry, worker: usize) {
        let n = worker as u64 + 1;
        let pool = registry.pool(&self.web);
        let pool = pool.shard(worker);
        pool.requests.increment(200);
        pool.requests.increment(503);
        pool.ends.increment(EndReason::Ok);
        pool.ends.increment(EndReason::QueueTimeout);
        pool.errors.increment();
        pool.request_bytes.add(10 * n);
        pool.response_bytes.add(1_000 * n);
        pool.duration.record(400 * n);
        pool.queue_time.record(5_000_000);
        pool.retries.add(n);
        pool.give_ups.increment(GiveUp::BudgetSpent);
        registry.pool(&self.api);

        let endpoint = registry.endpoint(&self.web, &self.web_endpoints[0].name);
        let endpoint = endpoint.shard(worker);
        endpoint.attempts.add(3 * n);
        endpoint.responses.increment(204);
        endpoint.failures.increment(AttemptFailure::ReusedClosed);
        endpoint.connections_made.add(n);
        endpoint.connections_reused.add(2 * n);
        endpoint.first_byte.record(70_000_000);
        endpoint.idle_connections.add(5);
        registry.endpoint(&self.api, &self.api_endpoints[0].name);

        let listener = registry.listener(&self.listener);
        let listener = listener.shard(worker);
        listener.connections.add(6 * n);
        listener.connections_open.add(4);
        listener.connections_refused.add(n);
        listener.requests.add(9 * n);
        listener.ends.increment(EndReason::RequestFraming);
        listener.errors.add(n);
        listener.tunnels_open.increment();
        registry.route(&self.route).shard(worker).requests.add(8 * n);

        let shard = registry.worker();
        shard.shard(worker).panics.add(n);
        shard.shard(worker).accept_failures.add(2 * n);
        shard.shard(worker).turns.add(100 * n);
        shard.shard(worker).requests_kept.add(3 * n);
        shard.shard(worker).requests_sampled_out.add(4 * n);
        registry.access_log().lines_written.add(50);
        registry.access_log().lines_dropped.add(n);
    }
}

#[test]
fn the_exposition_is_as_on_file() {
    let scene = Scene::new();
    let text = scene.registry().render_prometheus(&scene.view());
    let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
    let text = text.replacen(version, "version=\"VERSION\"", 1);
    golden::check("crates/roundel-telemetry/tests/golden/metrics.txt", &text);
}

#[test]
fn the_exposition_is_valid_and_has_every_family() {
    let scene = Scene::new();
    let text = scene.registry().render_prometheus(&scene.view());
    let families = check_format(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let expected: BTreeMap<_, _> =
        family::ALL.iter().map(|f| (f.name.to_owned(), f.kind.word().to_owned())).collect();
    assert_eq!(families, expected);
}

#[test]
fn the_exposition_of_nothing_is_valid() {
    let view = View {
        generation: 0,
        listeners: Vec::new(),
        routes: Vec::new(),
        pools: Vec::new(),
        apps: Vec::new(),
    };
    check_format(&Registry::new(0).render_prometheus(&view)).unwrap();
}

#[test]
fn families_are_named_by_convention() {
    for f in family::ALL {
        assert!(f.name.starts_with("roundel_"), "{}", f.name);
        assert_eq!(f.name.ends_with("_total"), f.kind == Kind::Counter, "{}", f.name);
        assert!(f.kind != Kind::Histogram || f.name.ends_with("_seconds"), "{}", f.name);
        assert!(f.help.ends_with('.') && !f.help.contains(['\n', '\\', '|']), "{}", f.name);
    }
}

#[test]
fn counters_survive_a_reload_and_go_with_their_endpoint() {
    let scene = Scene::new();
    let registry = scene.registry();
    let before = registry.endpoint(&scene.web, &name("Server 1")).totals();
    registry.endpoint(&scene.web, &name("gone"));
    registry.endpoint(&name("gone"), &name("Server 1"));
    registry.listener(&name("gone"));
    registry.pool(&name("gone"));
    registry.route(&name("gone"));

    registry.retain(&scene.view());

    let text = registry.render_prometheus(&scene.view());
    assert!(!text.contains("\"gone\""), "{text}");
    assert_eq!(registry.endpoint(&scene.web, &name("Server 1")).totals(), before);
    assert_eq!(registry.pool(&scene.web).totals().retries, 3);
    assert_eq!(registry.listener(&scene.listener).totals().connections, 18);
}

#[test]
fn the_same_endpoint_name_in_two_pools_counts_apart() {
    let registry = Registry::new(1);
    let (web, api, server) = (name("web"), name("api"), name("Server 1"));
    registry.endpoint(&web, &server).shard(0).attempts.add(5);
    assert_eq!(registry.endpoint(&api, &server).totals().attempts, 0);
    assert_eq!(registry.endpoint(&web, &server).totals().attempts, 5);
}

#[test]
fn stats_text_has_one_line_for_each_endpoint_in_pool_order() {
    let scene = Scene::new();
    assert_eq!(
        stats::render_text(&scene.view()),
        "Server 1: 4 requests\nServer 2: 0 requests\nServer 1: 1 requests\n"
    );
}

#[test]
fn stats_json_tells_pools_and_facts_apart() {
    let scene = Scene::new();
    let json: serde_json::Value =
        serde_json::from_slice(&stats::render_json(&scene.view())).unwrap();
    let expected = serde_json::json!({ "pools": [
        { "name": "web", "queued": 3, "endpoints": [
            { "name": "Server 1", "address": "127.0.0.1:5001", "requests": 4, "in_flight": 1,
              "errors": 0, "weight": 2, "backup": false, "eligible": true,
              "admin_state": "enabled", "health": "healthy", "ejected": false },
            { "name": "Server 2", "address": "127.0.0.1:5002", "requests": 0, "in_flight": 0,
              "errors": 0, "weight": 2, "backup": false, "eligible": false,
              "admin_state": "draining", "health": "unhealthy", "ejected": true },
        ] },
        { "name": "api", "queued": 0, "endpoints": [
            { "name": "Server 1", "address": "127.0.0.1:5001", "requests": 1, "in_flight": 1,
              "errors": 0, "weight": 2, "backup": false, "eligible": false,
              "admin_state": "enabled", "health": "unknown", "ejected": false },
        ] },
    ] });
    assert_eq!(json, expected);
}
