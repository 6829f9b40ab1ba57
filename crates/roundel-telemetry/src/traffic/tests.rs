//! Figures from known counts, at times that are arguments.

use super::*;
use roundel_core::address::ConnectAddress;
use roundel_core::end::EndReason;
use roundel_core::endpoint::{EndpointFacts, EndpointId};
use roundel_core::pool::Tier;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint {
        id: EndpointId(1),
        name: name(text),
        authority: text.into(),
        address: ConnectAddress::Ip(([127, 0, 0, 1], 1).into()),
        weight: 1,
        effective_weight: 1,
        is_backup: false,
        facts: EndpointFacts::default(),
        shared: Arc::default(),
    }
}

/// A listener, a route and a pool with two endpoints, and a sampler that has ticked once.
struct Scene {
    registry: Registry,
    sampler: Sampler,
    start: Instant,
    names: [Name; 3],
    endpoints: Vec<Endpoint>,
    has_pool: bool,
}

impl Scene {
    fn new() -> Self {
        let start = Instant::now();
        let mut scene = Self {
            registry: Registry::new(2),
            sampler: Sampler::new(start),
            start,
            names: ["front", "all", "web"].map(name),
            endpoints: vec![endpoint("a"), endpoint("b")],
            has_pool: true,
        };
        let [front, all, web] = &scene.names;
        scene.registry.listener(front);
        scene.registry.route(all);
        scene.registry.pool(web);
        scene.tick(0);
        scene
    }

    /// Ticks at `millis` after the start.
    fn tick(&mut self, millis: u64) -> Arc<Figures> {
        let [front, all, web] = &self.names;
        let pool =
            PoolView { name: web, endpoints: &self.endpoints, tier: Tier::Primary, queued: 0 };
        let view = View {
            generation: 1,
            listeners: vec![front],
            routes: vec![all],
            pools: if self.has_pool { vec![pool] } else { Vec::new() },
            apps: Vec::new(),
        };
        self.registry.retain(&view);
        let now = self.start + Duration::from_millis(millis);
        self.sampler.tick(&self.registry, &view, now, SystemTime::UNIX_EPOCH)
    }

    /// Has exchanges of `us` microseconds end in the pool, some of them as errors.
    fn serve(&self, requests: u64, errors: u64, us: u64) {
        let [front, all, web] = &self.names;
        for (i, worker) in (0..requests).zip([0, 1].into_iter().cycle()) {
            self.registry.listener(front).shard(worker).requests.increment();
            self.registry.route(all).shard(worker).requests.increment();
            let pool = self.registry.pool(web);
            let shard = pool.shard(worker);
            shard.duration.record(us);
            shard.ends.increment(EndReason::Ok);
            shard.errors.add(u64::from(i < errors));
        }
    }

    /// Has an endpoint serve attempts of 2 ms.
    fn attempt(&self, index: usize, attempts: u64) {
        let endpoint = &self.endpoints[index];
        let metrics = self.registry.endpoint(&self.names[2], &endpoint.name);
        for _ in 0..attempts {
            endpoint.shared.try_start(None).unwrap();
            metrics.shard(0).first_byte.record(2000);
            endpoint.shared.end();
        }
    }
}

/// The pool's figures.
fn web(figures: &Figures) -> &PoolFigures {
    &figures.pools[&name("web")]
}

fn assert_close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 1e-9, "{actual} {expected}");
}

#[test]
fn rates_and_error_rates_are_exact_over_the_window() {
    let mut scene = Scene::new();
    for second in 1..=20 {
        scene.serve(40, 10, 3000);
        let figures = scene.tick(second * 1000);
        let pool = web(&figures).traffic;
        for traffic in [figures.totals, pool] {
            assert_eq!(traffic.requests_total, second * 40);
            assert_eq!(traffic.errors_total, second * 10);
            assert_close(traffic.requests_per_second, 40.0);
            assert_close(traffic.error_rate, 0.25);
        }
        for rate in [figures.listeners[&scene.names[0]], figures.routes[&scene.names[1]]] {
            assert_eq!(rate.requests_total, second * 40);
            assert_close(rate.requests_per_second, 40.0);
        }
    }
}

#[test]
fn a_burst_leaves_the_window_after_five_seconds() {
    let mut scene = Scene::new();
    scene.serve(100, 100, 3000);
    for (second, rate) in [(1, 100.0), (2, 50.0), (4, 25.0), (5, 20.0), (6, 0.0), (7, 0.0)] {
        let traffic = scene.tick(second * 1000).totals;
        assert_close(traffic.requests_per_second, rate);
        assert_close(traffic.error_rate, if rate > 0.0 { 1.0 } else { 0.0 });
        assert_eq!(traffic.latency.is_some(), rate > 0.0, "{second}");
    }
}

#[test]
fn percentiles_are_of_the_window_and_null_without_traffic() {
    let mut scene = Scene::new();
    assert_eq!(scene.tick(1000).totals.latency, None);
    scene.serve(90, 0, 1000);
    scene.serve(10, 0, 500_000);
    let latency = scene.tick(2000).totals.latency.unwrap();
    assert!((latency.p50_ms - 1.0).abs() < 0.125, "{latency:?}");
    assert!((latency.p95_ms - 500.0).abs() < 62.5, "{latency:?}");
    assert!((latency.p99_ms - 500.0).abs() < 62.5, "{latency:?}");
}

#[test]
fn endpoints_have_rates_shares_and_latency() {
    let mut scene = Scene::new();
    scene.attempt(0, 30);
    scene.attempt(1, 10);
    scene.endpoints[1].shared.note_error();
    scene.endpoints[0].shared.try_start(None).unwrap();
    let pool = web(&scene.tick(1000)).clone();
    let (a, b) = (pool.endpoints[&name("a")], pool.endpoints[&name("b")]);
    assert_close(a.share, 31.0 / 41.0);
    assert_close(b.share, 10.0 / 41.0);
    assert_close(a.traffic.requests_per_second, 31.0);
    assert_close(b.traffic.error_rate, 0.1);
    assert_eq!((a.traffic.in_flight, b.traffic.in_flight, pool.traffic.in_flight), (1, 0, 1));
    assert!((a.traffic.latency.unwrap().p99_ms - 2.0).abs() < 0.25);
    // Nothing more comes: the shares go with the window.
    let pool = web(&scene.tick(7000)).clone();
    assert_close(pool.endpoints[&name("a")].share, 0.0);
    assert_eq!(pool.endpoints[&name("a")].traffic.requests_total, 31);
}

#[test]
fn an_endpoint_that_vanishes_and_returns_makes_no_rate_jump() {
    let mut scene = Scene::new();
    scene.attempt(0, 1000);
    scene.tick(1000);
    let gone = scene.endpoints.remove(0);
    assert!(!web(&scene.tick(2000)).endpoints.contains_key(&name("a")));
    // Its shared counts are the old ones, its metrics new ones.
    scene.endpoints.insert(0, gone);
    scene.tick(3000);
    scene.attempt(0, 5);
    let figures = web(&scene.tick(4000)).endpoints[&name("a")].traffic;
    assert_eq!(figures.requests_total, 1005);
    assert_close(figures.requests_per_second, 5.0 / 4.0);
}

#[test]
fn an_endpoint_replaced_under_its_name_starts_anew() {
    let mut scene = Scene::new();
    scene.attempt(0, 1000);
    scene.tick(1000);
    scene.endpoints[0] = endpoint("a");
    let figures = web(&scene.tick(2000)).endpoints[&name("a")].traffic;
    assert_eq!((figures.requests_total, figures.requests_per_second), (0, 0.0));
}

#[test]
fn totals_never_shrink_when_a_pool_goes_and_count_on_when_it_returns() {
    let mut scene = Scene::new();
    scene.serve(100, 1, 1000);
    assert_eq!(scene.tick(1000).totals.requests_total, 100);
    scene.has_pool = false;
    let figures = scene.tick(2000);
    assert_eq!((figures.totals.requests_total, figures.totals.errors_total), (100, 1));
    assert!(figures.pools.is_empty());
    scene.has_pool = true;
    scene.serve(7, 0, 1000);
    let figures = scene.tick(3000);
    assert_eq!(figures.totals.requests_total, 107);
    assert_eq!(web(&figures).traffic.requests_total, 7);
    assert_eq!(web(&figures).history.len(), 1);
}

#[test]
fn what_reached_no_pool_is_in_the_totals() {
    let mut scene = Scene::new();
    let listener = scene.registry.listener(&scene.names[0]);
    listener.shard(1).ends.increment(EndReason::NoRoute);
    listener.shard(1).ends.increment(EndReason::Panic);
    listener.shard(1).errors.increment();
    let figures = scene.tick(1000);
    assert_eq!((figures.totals.requests_total, figures.totals.errors_total), (2, 1));
    assert_close(figures.totals.requests_per_second, 2.0);
    assert_eq!(web(&figures).traffic.requests_total, 0);
}

#[test]
fn what_was_counted_before_the_first_tick_is_no_rate() {
    let mut scene = Scene::new();
    scene.serve(500, 0, 1000);
    scene.sampler = Sampler::new(scene.start);
    let totals = scene.tick(1000).totals;
    assert_eq!((totals.requests_total, totals.requests_per_second), (500, 0.0));
}

#[test]
fn an_early_tick_changes_nothing_and_loses_nothing() {
    let mut scene = Scene::new();
    scene.serve(10, 0, 1000);
    let first = scene.tick(1000);
    scene.serve(10, 0, 1000);
    assert!(Arc::ptr_eq(&first, &scene.tick(1400)));
    // Neither does a clock that stands still or, against its promise, goes back.
    assert!(Arc::ptr_eq(&first, &scene.tick(1000)));
    assert!(Arc::ptr_eq(&first, &scene.tick(0)));
    let figures = scene.tick(2000);
    assert_eq!(figures.history.len(), 2);
    assert_close(figures.history[1].requests_per_second, 10.0);
}

#[test]
fn a_late_tick_spreads_its_counts_over_the_seconds_missed() {
    let mut scene = Scene::new();
    scene.serve(10, 0, 1000);
    scene.tick(1000);
    scene.serve(30, 3, 1000);
    let figures = scene.tick(4000);
    let rates: Vec<_> = figures.history.iter().map(|p| p.requests_per_second).collect();
    assert_eq!(rates, [10.0, 10.0, 10.0, 10.0]);
    assert_close(figures.history[3].error_rate, 0.1);
    // The window holds four seconds.
    assert_close(figures.totals.requests_per_second, 10.0);
}

#[test]
fn history_is_bounded_also_after_a_long_sleep() {
    let mut scene = Scene::new();
    for second in 1..=400 {
        scene.serve(1, 0, 1000);
        scene.tick(second * 1000);
    }
    let figures = scene.tick(401_000);
    assert_eq!(figures.history.len(), HISTORY_POINTS);
    assert_eq!(web(&figures).history.len(), HISTORY_POINTS);
    assert_close(figures.history[HISTORY_POINTS - 2].requests_per_second, 1.0);
    assert_close(figures.history[HISTORY_POINTS - 1].requests_per_second, 0.0);
    scene.serve(1000, 0, 1000);
    let figures = scene.tick(401_000 + 86_400_000);
    assert_eq!(figures.history.len(), HISTORY_POINTS);
    assert!(figures.history.iter().all(|point| point.requests_per_second < 0.1));
}

#[test]
fn ticks_that_wander_keep_one_point_for_each_second() {
    let mut scene = Scene::new();
    let mut now = 0;
    // 1.03 s each: the points keep pace with time, not with ticks.
    for _ in 0..100 {
        now += 1030;
        scene.tick(now);
    }
    assert_eq!(scene.tick(now).history.len(), 103);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_the_ticks_totals_only_grow_and_points_add_up(
            steps in prop::collection::vec((0u64..4000, 0u64..50, any::<bool>()), 1..40),
        ) {
            let mut scene = Scene::new();
            let (mut now, mut served, mut last) = (0, 0, 0);
            for (millis, requests, has_pool) in steps {
                now += millis;
                scene.has_pool = has_pool;
                if has_pool {
                    scene.serve(requests, requests / 2, 1000);
                    served += requests;
                }
                let figures = scene.tick(now);
                let totals = figures.totals;
                prop_assert!(totals.requests_total >= last && totals.requests_total <= served);
                last = totals.requests_total;
                prop_assert!((0.0..=1.0).contains(&totals.error_rate));
                prop_assert!(totals.requests_per_second >= 0.0);
                prop_assert_eq!(figures.history.len() as u64, (now + 500) / 1000);
            }
        }
    }
}
