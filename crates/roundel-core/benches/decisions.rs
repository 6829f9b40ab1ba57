//! What choosing a route and an endpoint costs, and how that grows: `cargo bench -p roundel-core`.
//!
//! For comparing two versions on one machine, one right after the other; what it all comes to is
//! measured by `cargo xtask bench`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that cannot go on says where")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;

use divan::{Bencher, black_box};
use roundel_core::address::ConnectAddress;
use roundel_core::balance::{Balancer, Pick, hash_key};
use roundel_core::endpoint::{Endpoint, EndpointFacts, EndpointId, Health};
use roundel_core::name::Name;
use roundel_core::policy::{Balance, HashKey};
use roundel_core::route::{
    Action, HostPattern, Match, PathMatcher, Route, RouteMatcher, RouteTable,
};
use roundel_core::silence::Answers;

const ENDPOINTS: [u32; 3] = [3, 100, 1000];

fn main() {
    divan::main();
}

fn endpoint(id: u32) -> Endpoint {
    Endpoint {
        id: EndpointId(id),
        name: Name::parse(&format!("Server {id}")).unwrap(),
        authority: "127.0.0.1:80".into(),
        address: ConnectAddress::Ip(SocketAddr::from((Ipv4Addr::LOCALHOST, 80))),
        weight: 1,
        effective_weight: 1,
        is_backup: false,
        facts: EndpointFacts { health: Health::Healthy, ..EndpointFacts::default() },
        shared: std::sync::Arc::default(),
    }
}

fn pick(bencher: Bencher<'_, '_>, balance: &Balance, count: u32) {
    let endpoints: Vec<Endpoint> = (0..count).map(endpoint).collect();
    let candidates: Vec<u32> = (0..count).collect();
    let balancer = Balancer::new(balance, &endpoints, &candidates);
    let (cursor, mut random, mut key) = (AtomicU64::new(0), fastrand::Rng::with_seed(7), 0_u64);
    bencher.bench_local(|| {
        key += 1;
        let key_hash = Some(hash_key(&key.to_le_bytes()));
        let pick = Pick { cursor: &cursor, key_hash, random: &mut random };
        let in_flight = |index: usize| endpoints.get(index).map_or(0, |e| e.shared.in_flight());
        balancer.pick(pick, |_| true, in_flight).unwrap()
    });
}

#[divan::bench(args = ENDPOINTS)]
fn round_robin(bencher: Bencher<'_, '_>, endpoints: u32) {
    pick(bencher, &Balance::RoundRobin, endpoints);
}

#[divan::bench(args = ENDPOINTS)]
fn random(bencher: Bencher<'_, '_>, endpoints: u32) {
    pick(bencher, &Balance::Random, endpoints);
}

#[divan::bench(args = ENDPOINTS)]
fn p2c(bencher: Bencher<'_, '_>, endpoints: u32) {
    pick(bencher, &Balance::P2c, endpoints);
}

#[divan::bench(args = ENDPOINTS)]
fn least_request(bencher: Bencher<'_, '_>, endpoints: u32) {
    pick(bencher, &Balance::LeastRequest, endpoints);
}

#[divan::bench(args = ENDPOINTS)]
fn hash(bencher: Bencher<'_, '_>, endpoints: u32) {
    pick(bencher, &Balance::Hash(HashKey::Uri), endpoints);
}

#[divan::bench(args = [1, 10, 1000])]
fn find_a_route(bencher: Bencher<'_, '_>, routes: u32) {
    let route = |n: u32| Route {
        name: Name::parse(&format!("route {n}")).unwrap(),
        matcher: RouteMatcher {
            hosts: vec![HostPattern::parse(&format!("h{}.example.com", n % 20)).unwrap()],
            path: PathMatcher::prefix(&format!("/api/v1/service-{n}")).unwrap(),
            methods: Vec::new(),
        },
        action: Action::Pool(0),
        allow_connect: false,
        allow_upgrade: true,
    };
    let table = RouteTable::new((0..routes).map(route).collect());
    bencher.bench_local(|| {
        let (host, path) = black_box(("h0.example.com", "/api/v1/service-0/orders/17"));
        assert!(matches!(table.find(host, path, "GET"), Match::Route(_)));
    });
}

#[divan::bench]
fn note_an_answer(bencher: Bencher<'_, '_>) {
    let (mut answers, mut now_us) = (Answers::default(), 0);
    bencher.bench_local(|| {
        now_us += 50;
        answers.asked(now_us);
        answers.answered(black_box(now_us + 900), 900);
    });
}
