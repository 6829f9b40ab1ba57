//! Explanations of picks that are written down as tables.

use std::num::NonZeroU32;
use std::time::Duration;

use roundel_core::address::ConnectAddress;
use roundel_core::end::AttemptFailure;
use roundel_core::endpoint::{Endpoint, EndpointFacts, EndpointId};
use roundel_core::policy::{HostPolicy, PoolLimits, PoolPolicy, PoolTimeouts, RetryPolicy};
use roundel_core::pool::Pool;
use roundel_core::route::{Action, PathMatcher, Route, RouteMatcher, RouteTable};

use super::*;
use crate::request_log::entry::Entry;
use crate::request_log::{Account, CANDIDATES_MAX, Trail};

fn policy(balance: Balance, max_in_flight: u32) -> PoolPolicy {
    let second = Duration::from_secs(1);
    PoolPolicy {
        balance,
        health_check: None,
        outlier_detection: None,
        retry: RetryPolicy {
            attempts: 2,
            budget_percent: 20,
            statuses: Vec::new(),
            non_idempotent: false,
            hedge: true,
            body_bytes_max: 0,
        },
        timeouts: PoolTimeouts {
            connect: second,
            response_head: second,
            body_idle: second,
            total: second,
            tunnel_idle: second,
            idle: second,
        },
        limits: PoolLimits {
            max_in_flight: NonZeroU32::new(max_in_flight),
            queue: 0,
            queue_timeout: second,
            max_idle_connections: 0,
        },
        slow_start: Duration::ZERO,
        silent_after: Duration::ZERO,
        panic_threshold_percent: 50,
        endpoint_wait: None,
        host: HostPolicy::Preserve,
    }
}

/// Endpoints named by number from 0, written one word each: a letter for the facts (upper case for
/// backups: `h`ealthy, `u`nprobed, `f`ailed its probes, `e`jected, `d`raining, `o` disabled, `t` told to stop,
/// `s`tarting, `a`bsent, `q`uiet though requests wait) and the attempts in flight.
fn endpoints(words: &str) -> Vec<Endpoint> {
    let parse = |(word, id): (&str, u32)| {
        let (letter, in_flight) = word.split_at(1);
        let facts = EndpointFacts {
            admin_state: match letter.to_ascii_lowercase().as_str() {
                "d" => AdminState::Draining,
                "o" | "t" => AdminState::Disabled,
                _ => AdminState::Enabled,
            },
            health: match letter.to_ascii_lowercase().as_str() {
                "u" => Health::Unknown,
                "f" => Health::Unhealthy,
                _ => Health::Healthy,
            },
            is_ejected: letter.eq_ignore_ascii_case("e"),
            presence: match letter {
                "s" => Presence::Starting,
                "a" | "t" => Presence::Absent,
                _ => Presence::Present,
            },
        };
        let endpoint = Endpoint {
            id: EndpointId(id),
            name: Name::parse(&id.to_string()).unwrap(),
            authority: format!("10.0.0.{id}:80").into(),
            address: ConnectAddress::Ip(([127, 0, 0, 1], 80).into()),
            weight: 1,
            effective_weight: 1,
            is_backup: letter == letter.to_ascii_uppercase(),
            facts,
            shared: Arc::default(),
        };
        if letter == "q" {
            endpoint.shared.note_silence();
        }
        (0..in_flight.parse().unwrap()).for_each(|_: u32| {
            endpoint.shared.try_start(None).unwrap();
        });
        endpoint
    };
    words.split(' ').zip(0..).map(parse).collect()
}

fn pool_with(policy: PoolPolicy, endpoints: Vec<Endpoint>) -> Arc<Pool> {
    let name = Name::parse("web").unwrap();
    Arc::new(Pool::new(name, Arc::new(policy), endpoints, Arc::default()))
}

fn pool(balance: Balance, max_in_flight: u32, words: &str) -> Arc<Pool> {
    pool_with(policy(balance, max_in_flight), endpoints(words))
}

fn attempt(endpoint: u32) -> Attempt {
    Attempt {
        endpoint: EndpointId(endpoint),
        started_us: 7,
        connect_us: None,
        first_byte_us: Some(5),
        is_reused: true,
        outcome: AttemptOutcome::Answered,
        status: 200,
        has_key: true,
    }
}

fn explained(account: &Account<'_>, end: EndReason) -> RequestDetail {
    let mut entry = Entry { end, ..Entry::default() };
    entry.detail.fill(account, end);
    entry.explain(0)
}

/// The explanation of a pick of `chosen` after `tried`.
fn pick(pool: &Arc<Pool>, chosen: u32, tried: &[u32]) -> PickDetail {
    let mut trail = Trail::default();
    let tried: Vec<_> = tried.iter().map(|id| EndpointId(*id)).collect();
    // The attempt has begun when its trail is left.
    pool.endpoints[chosen as usize].shared.try_start(None).unwrap();
    trail.look(pool, EndpointId(chosen), &tried);
    let account = Account {
        route: None,
        pool: Some(pool),
        attempt: Some(attempt(chosen)),
        trail: Some(&trail),
    };
    explained(&account, EndReason::Ok).attempts.remove(0).pick
}

fn verdicts(pick: &PickDetail) -> String {
    pick.candidates.iter().map(|c| c.verdict.code()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_endpoint_has_its_verdict() {
    for (words, limit, chosen, tried, expected) in [
        ("h0 h0", 0, 1, &[][..], "not_chosen chosen"),
        // The first reason that holds, the operator's will before all.
        (
            "h0 h0 f0 e0 d0 o0 H0 D0",
            0,
            0,
            &[],
            "chosen not_chosen unhealthy ejected draining disabled backup draining",
        ),
        ("h0 u0 h0 h0", 0, 0, &[], "chosen unprobed not_chosen not_chosen"),
        ("s0 a0 h0", 0, 2, &[], "starting absent chosen"),
        ("h3 h2 h1", 3, 2, &[], "at_limit not_chosen chosen"),
        ("h0 h0 h0", 0, 2, &[0], "tried not_chosen chosen"),
        ("q3 h0 h0", 0, 2, &[], "silent not_chosen chosen"),
        // Everyone is silent, or it is tried again: nobody is passed over for it.
        ("q3 q1", 0, 1, &[], "not_chosen chosen"),
        // Everyone was tried: nobody is passed over for it.
        ("h0 h0", 0, 1, &[0, 1], "not_chosen chosen"),
        // Fail-open: who failed is a candidate like the others.
        ("f0 e0 d0 H0", 0, 3, &[], "unhealthy ejected draining chosen"),
        ("f0 f0 f0 h0 F0", 0, 0, &[], "chosen not_chosen not_chosen not_chosen backup"),
        ("f0 d0 H0 F0", 0, 2, &[], "unhealthy draining chosen unhealthy"),
        ("u0 u0 f0", 0, 1, &[], "not_chosen chosen unhealthy"),
    ] {
        let pool = pool(Balance::RoundRobin, limit, words);
        assert_eq!(verdicts(&pick(&pool, chosen, tried)), expected, "{words}");
    }
}

#[test]
fn the_chosen_one_has_a_reason_in_plain_words() {
    let header = HashKey::Header("x-user".to_owned());
    for (balance, limit, words, chosen, tried, expected) in [
        (Balance::RoundRobin, 0, "h0 h0", 0, &[][..], "round_robin: its turn"),
        (Balance::Random, 0, "h0 h0", 0, &[], "random: drawn by weight"),
        (Balance::P2c, 0, "h2 h5", 0, &[], "p2c: 2 in flight, the less loaded of two drawn"),
        (
            Balance::LeastRequest,
            9,
            "h2 h3 h9 f0 h4 h4",
            0,
            &[],
            "least_request: 2 in flight, least loaded of 4",
        ),
        (Balance::Hash(HashKey::ClientAddress), 0, "h0 h0", 1, &[], "hash of client address"),
        (
            Balance::Hash(header.clone()),
            0,
            "h0 h0 h0",
            1,
            &[0],
            "hash of field \"x-user\", among the candidates left",
        ),
        (Balance::P2c, 0, "h0 d0 o0", 0, &[], "only candidate"),
        (
            Balance::P2c,
            2,
            "h0 h0 h2",
            1,
            &[0],
            "only candidate left: the others were tried before, are at their limit or silent",
        ),
        (
            Balance::RoundRobin,
            0,
            "f0 f0 f0",
            1,
            &[],
            "fail-open: too few endpoints are well, so health is ignored; round_robin: its turn",
        ),
        (
            Balance::RoundRobin,
            0,
            "f0 H0 H0",
            1,
            &[],
            "no primary endpoint is eligible; round_robin: its turn",
        ),
        (
            Balance::RoundRobin,
            0,
            "u0 u0",
            1,
            &[],
            "no endpoint is known to be healthy yet; round_robin: its turn",
        ),
    ] {
        let pool = pool(balance, limit, words);
        let pick = pick(&pool, chosen, tried);
        assert_eq!(pick.candidates[chosen as usize].reason, expected, "{words}");
    }
}

#[test]
fn a_request_without_the_key_is_drawn() {
    let pool = pool(Balance::Hash(HashKey::Cookie("sid".to_owned())), 0, "h0 h0");
    let attempt = Attempt { has_key: false, ..attempt(1) };
    let account = Account { route: None, pool: Some(&pool), attempt: Some(attempt), trail: None };
    let told = explained(&account, EndReason::Ok);
    let reason = &told.attempts[0].pick.candidates[1].reason;
    assert_eq!(reason, "hash: the request has no cookie \"sid\", so drawn by weight");
}

#[test]
fn loads_are_those_of_the_pick_without_the_attempt_itself() {
    let pool = pool(Balance::LeastRequest, 0, "h2 h5 h7");
    let pick = pick(&pool, 0, &[]);
    let loads: Vec<_> = pick.candidates.iter().map(|c| c.in_flight.unwrap()).collect();
    assert_eq!(loads, [2, 5, 7]);
    assert_eq!(pick.candidates[1].reason, "no less loaded than the one chosen: 5 in flight");
}

#[test]
fn attempts_are_told_in_order_with_what_each_pick_saw() {
    let before = pool(Balance::RoundRobin, 0, "h0 h0 h0");
    let mut after = endpoints("f0 h0 h0");
    after.truncate(3);
    let after = pool_with(policy(Balance::RoundRobin, 0), after);
    let failed = Attempt {
        outcome: AttemptOutcome::Failed(AttemptFailure::Connect),
        first_byte_us: None,
        status: 0,
        ..attempt(0)
    };
    let mut trail = Trail::default();
    // Nobody looked at the first pick: it was an exchange like any other.
    trail.leave(&before, failed);
    trail.look(&after, EndpointId(1), &[EndpointId(0)]);
    let account =
        Account { route: None, pool: Some(&after), attempt: Some(attempt(1)), trail: Some(&trail) };
    let told = explained(&account, EndReason::Ok);
    let [first, second] = told.attempts.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (first.endpoint.as_str(), first.outcome.code(), first.status),
        ("0", "connect", None)
    );
    assert_eq!(verdicts(&first.pick), "chosen not_chosen not_chosen");
    assert_eq!(first.pick.candidates[0].in_flight, None);
    assert_eq!((second.endpoint.as_str(), second.outcome.code()), ("1", "ok"));
    assert_eq!((&*second.address, second.status), ("10.0.0.1:80", Some(200)));
    assert_eq!(verdicts(&second.pick), "unhealthy chosen not_chosen");
    assert_eq!((told.attempts_omitted, told.refusal), (0, None));
}

#[test]
fn of_many_attempts_the_first_and_the_last_are_told() {
    let pool = pool(Balance::RoundRobin, 0, "h0 h0 h0 h0 h0 h0 h0");
    let mut trail = Trail::default();
    for id in 0..6 {
        let tried: Vec<_> = (0..id).map(EndpointId).collect();
        trail.look(&pool, EndpointId(id), &tried);
        trail.leave(&pool, attempt(id));
    }
    let tried: Vec<_> = (0..6).map(EndpointId).collect();
    trail.look(&pool, EndpointId(6), &tried);
    let account =
        Account { route: None, pool: Some(&pool), attempt: Some(attempt(6)), trail: Some(&trail) };
    let told = explained(&account, EndReason::Ok);
    let names: Vec<_> = told.attempts.iter().map(|a| a.endpoint.as_str()).collect();
    assert_eq!((names, told.attempts_omitted), (vec!["0", "1", "2", "6"], 3));
    let last = &told.attempts[3].pick;
    assert_eq!(verdicts(last), "tried tried tried tried tried tried chosen");
    // A trail that is cleared knows nothing any more.
    trail.clear();
    assert!(trail.present().is_empty() && trail.past().next().is_none());
}

#[test]
fn of_a_large_pool_those_that_matter_are_told_and_the_rest_counted() {
    let words = vec!["d0"; 50].join(" ") + " " + &vec!["h0"; 50].join(" ");
    let pool = pool(Balance::RoundRobin, 0, &words);
    let pick = pick(&pool, 99, &[98]);
    assert_eq!((pick.candidates.len(), pick.candidates_omitted), (CANDIDATES_MAX, 68));
    let names: Vec<u32> =
        pick.candidates.iter().map(|c| c.endpoint.as_str().parse().unwrap()).collect();
    assert!(names.is_sorted() && names[..30].iter().all(|n| (50..80).contains(n)), "{names:?}");
    assert_eq!(names[30..], [98, 99]);
    let last = &pick.candidates[30..];
    assert_eq!((last[0].verdict.code(), last[1].verdict.code()), ("tried", "chosen"));
}

#[test]
fn a_large_pool_is_sampled_by_least_request() {
    let words = vec!["h4"; 33].join(" ");
    let pick = pick(&pool(Balance::LeastRequest, 0, &words), 3, &[]);
    let chosen = pick.candidates.iter().find(|c| c.verdict == CandidateVerdict::Chosen).unwrap();
    assert_eq!(chosen.reason, "least_request: 4 in flight, least loaded of a sample");
}

#[test]
fn an_exchange_without_a_place_tells_why_there_was_none() {
    for (words, end, expected, reason) in [
        (
            "h2 h3 d0",
            EndReason::QueueTimeout,
            "at_limit at_limit draining",
            "2 in flight (limit 2)",
        ),
        ("d0 o0", EndReason::NoEndpoint, "draining disabled", "draining: takes nothing new"),
        (
            "t0 o0",
            EndReason::NoEndpoint,
            "disabled disabled",
            "stopped or disabled by the operator: no process runs there",
        ),
        ("h1 h2", EndReason::QueueFull, "not_chosen at_limit", "others came first: 1 in flight"),
    ] {
        let pool = pool(Balance::RoundRobin, 2, words);
        let account = Account {
            route: None,
            pool: Some(&pool),
            attempt: None,
            trail: Some(&Trail::default()),
        };
        let told = explained(&account, end);
        let refusal = told.refusal.unwrap();
        assert_eq!((told.attempts.len(), verdicts(&refusal).as_str()), (0, expected));
        assert_eq!(refusal.candidates[0].reason, reason);
    }
}

#[test]
fn the_route_is_named_with_what_it_matches() {
    let route = |path| Route {
        name: Name::parse("api").unwrap(),
        matcher: RouteMatcher { hosts: Vec::new(), path, methods: Vec::new() },
        action: Action::Stats,
        allow_connect: false,
        allow_upgrade: true,
    };
    for (path, expected) in [
        (PathMatcher::Any, "route \"api\" matches every request"),
        (PathMatcher::prefix("/api").unwrap(), "route \"api\" is the most specific match: /api/*"),
    ] {
        let table = Arc::new(RouteTable::new(vec![route(path)]));
        let account = Account { route: Some((&table, 0)), pool: None, attempt: None, trail: None };
        assert_eq!(explained(&account, EndReason::Local).route_reason, expected);
    }
    let account = Account { route: None, pool: None, attempt: None, trail: None };
    for (end, expected) in [
        (EndReason::NoRoute, "a route serves the host, but none the path"),
        (EndReason::Misdirected, "no route serves the host"),
        (EndReason::RequestLine, "no route was looked for"),
    ] {
        assert_eq!(explained(&account, end).route_reason, expected);
    }
}

#[test]
fn a_slot_used_again_forgets_what_it_told() {
    let pool = pool(Balance::RoundRobin, 0, "h0 h0");
    let table = Arc::new(RouteTable::default());
    let mut entry = Entry::default();
    let full = Account {
        route: Some((&table, 0)),
        pool: Some(&pool),
        attempt: Some(attempt(1)),
        trail: None,
    };
    entry.detail.fill(&full, EndReason::Ok);
    entry
        .detail
        .fill(&Account { pool: None, route: None, attempt: None, trail: None }, EndReason::Ok);
    assert_eq!(entry.explain(0).attempts, []);
    assert_eq!(Arc::strong_count(&table), 1);
    // Nothing is kept of the pool but its policy and names.
    assert_eq!(Arc::strong_count(&pool), 1);
}
