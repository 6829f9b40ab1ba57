//! `[pool.NAME]`: keys, ranges and defaults, and how they become a [`PoolConfig`].
//!
//! What an endpoint is made of is in [`super::endpoint`], when it is probed and ejected in
//! [`super::health`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use roundel_core::endpoint::AdminState;
use roundel_core::name::Name;
use roundel_core::policy::{
    Balance, HashKey, HealthCheck, HostPolicy, OutlierDetection, PoolLimits, PoolPolicy,
    PoolTimeouts, RetryPolicy,
};

use super::docker::ContainerPoolKeys;
use super::endpoint::{EndpointKeys, endpoint};
use super::health::{self, HealthCheckKeys, OutlierKeys};
use super::{DAY, TIMEOUT};
use crate::check::Names;
use crate::diagnostic::Diagnostic;
use crate::kind::{
    Item, bytes, choice, duration, flag, hash_key, host_policy, list, located, optional, percent,
    table, whole,
};
use crate::model::{EndpointConfig, PoolConfig};
use crate::section::{Located, Reading, Section, section};

/// Which balancer, without what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BalanceWord {
    RoundRobin,
    Random,
    P2c,
    LeastRequest,
    Hash,
}

section! {
    /// A named group of endpoints with one policy.
    struct PoolKeys {
        /// Which balancer chooses an endpoint: "round_robin" (each in turn), "random", "p2c" (the
        /// less loaded of two random ones), "least_request" (the least loaded) or "hash" (the
        /// same key, the same endpoint). All of them respect weights.
        balance: BalanceWord = choice(&[
            ("round_robin", BalanceWord::RoundRobin),
            ("random", BalanceWord::Random),
            ("p2c", BalanceWord::P2c),
            ("least_request", BalanceWord::LeastRequest),
            ("hash", BalanceWord::Hash),
        ]) => BalanceWord::RoundRobin,
        /// What "hash" takes as its key: "client_address", "uri", "header:NAME" or "cookie:NAME".
        /// A request without it goes to a random endpoint.
        hash_key: Option<Located<HashKey>> = optional(
            located(hash_key()),
            "\"client_address\" when `balance = \"hash\"`",
            "\"header:X-User\"",
        ).alternative() => None,
        /// Addresses ("127.0.0.1:5001", "[::1]:80", "app:80", "unix:/run/app.sock"), or tables
        /// { address, name, weight, backup, admin_state }. Required, unless an app or `docker` feeds the pool.
        endpoints: Option<Vec<Located<EndpointKeys>>> = optional(
            list(located(endpoint())).non_empty("a pool has at least one endpoint"),
            "instances of apps and containers alone",
            "[\"127.0.0.1:5001\", { address = \"127.0.0.1:5002\", name = \"Server 2\", weight = 3 }]",
        ) => None,
        /// What `Host` endpoints see: "preserve" (the client's), "endpoint" (the endpoint's address
        /// as configured) or a host of your choice.
        host: HostPolicy = host_policy() => HostPolicy::Preserve,
        /// How long an endpoint that recovered takes to get its full share; zero for at once.
        slow_start: Duration = duration(Duration::ZERO..=DAY) => Duration::ZERO,
        /// An endpoint at which at least two requests wait, and which has answered none for so long
        /// (or for four times what nearly all its answers take, if that is longer), is the last
        /// choice until it answers. Not with "hash". Zero switches that off.
        silent_after: Duration = duration(Duration::ZERO..=DAY) => Duration::from_millis(250),
        /// Below this share of eligible endpoints health is ignored and all enabled ones take
        /// traffic; 0% switches that off.
        panic_threshold: u8 = percent(0..=100) => 0,
        health_check: Option<HealthCheckKeys> = optional(
            table(),
            "on, with the defaults below, when there are at least two endpoints",
            "",
        ) => None,
        outlier_detection: Option<OutlierKeys> = optional(
            table(),
            "on, with the defaults below, when there are at least two endpoints",
            "",
        ) => None,
        docker: Option<Located<ContainerPoolKeys>> = optional(
            located(table()),
            "the pool takes no containers",
            "",
        ) => None,
        retry: RetryPolicy = table() => RetryPolicy::defaults(),
        timeouts: PoolTimeouts = table() => PoolTimeouts::defaults(),
        limits: PoolLimits = table() => PoolLimits::defaults(),
    }
}

section! {
    /// When a failed attempt is tried again, at another endpoint if there is one.
    for RetryPolicy {
        /// Tries after the first; 0 switches failover off.
        attempts: whole(0..=100) => 2,
        /// Retries may add at most this share to the load.
        budget_percent as "budget": percent(0..=100) => 20,
        /// Response statuses, 400 to 599, that are tried again when the method is idempotent.
        statuses: list(whole(400..=599)) => Vec::new(),
        /// Also retries requests such as POST whose connection broke before any response byte. The
        /// endpoint may then have acted twice.
        non_idempotent: flag() => false,
        /// Also sends a GET, HEAD or OPTIONS that waits at an endpoint which seems to have stopped to
        /// another; the first answer counts. It seems so when it is silent (see silent_after) and
        /// answers no HTTP probe either, or when it became unhealthy for want of answers to probes.
        hedge: flag() => true,
        /// Request body bytes kept for a retry, for each exchange; a longer body is not retried.
        body_bytes_max: bytes(0..=16 << 20) => 64 << 10,
    }
}

section! {
    /// How long to wait for endpoints.
    for PoolTimeouts {
        /// Connection set-up.
        connect: duration(TIMEOUT) => Duration::from_secs(2),
        /// From the request's last byte to the response head, for each attempt.
        response_head: duration(TIMEOUT) => Duration::from_mins(1),
        /// Between bytes of a body, in both directions.
        body_idle: duration(TIMEOUT) => Duration::from_mins(1),
        /// The whole exchange up to the response head, waiting and all attempts included. The time
        /// in which a request body is on its way does not count; its pace is bounded instead.
        total: duration(TIMEOUT) => Duration::from_mins(2),
        /// A tunnel without bytes in either direction.
        tunnel_idle: duration(TIMEOUT) => Duration::from_hours(1),
        /// An idle connection to an endpoint. Best below the endpoint's own keep-alive timeout.
        idle: duration(TIMEOUT) => Duration::from_mins(1),
    }
}

section! {
    /// How much at once.
    for PoolLimits {
        /// Exchanges in flight for each endpoint.
        max_in_flight: optional(whole(1..=1 << 24), "no limit", "256") => None,
        /// Exchanges waiting for an endpoint; beyond it the answer is 503. 0 waits never.
        queue: whole(0..=1 << 24) => 1024,
        /// The longest wait; after it the answer is 503.
        queue_timeout: duration(TIMEOUT) => Duration::from_secs(5),
        /// Idle connections kept for each endpoint and worker.
        max_idle_connections: whole(0..=1 << 20) => 256,
    }
}

/// The pool, unless its name or its endpoints are wrong. One that is fed while Roundel runs needs no
/// endpoints of its own, and `endpoint_wait` is how long requests may wait for the first.
pub(crate) fn resolve(
    item: Item<PoolKeys>,
    is_fed: bool,
    endpoint_wait: Option<Duration>,
    reading: &mut Reading<'_>,
) -> Option<PoolConfig> {
    let Item { mut keys, name, span, is_whole } = item;
    let checked_name = Name::parse(&name).map_err(|fault| {
        let message = format!("pool {name:?}: {fault}");
        reading.report(Diagnostic::error(span.clone(), message));
    });
    let given = keys.endpoints.take();
    if given.is_none() && !is_fed && is_whole {
        let message = format!("pool {name:?} needs `endpoints`");
        let help = "add `endpoints = [\"127.0.0.1:5001\"]`, say, or an `[app.NAME]` or `docker = {}` that feeds it";
        reading.report(Diagnostic::error(span.clone(), message).help(help));
    }
    let given = given.unwrap_or_default();
    // What is fed is taken to be many: there is somewhere else to go most of the time.
    let endpoint_count = if is_fed { given.len().max(2) } else { given.len() };
    let mut policy = policy(keys, endpoint_count, reading);
    policy.endpoint_wait = endpoint_wait;
    let mut names = Names::new("endpoint");
    let mut addresses = HashMap::new();
    let endpoints: Vec<EndpointConfig> = given
        .into_iter()
        .filter_map(|keys| super::endpoint::resolve(keys, &mut addresses, &mut names, reading))
        .collect();
    let is_idle = |endpoint: &EndpointConfig| endpoint.admin_state != AdminState::Enabled;
    if !is_fed && !endpoints.is_empty() && endpoints.iter().all(is_idle) {
        let message = format!("pool {name:?} takes no traffic: none of its endpoints is enabled");
        let diagnostic = Diagnostic::warning(span, message);
        reading.report(diagnostic.help("set one endpoint's `admin_state` to \"enabled\""));
    }
    Some(PoolConfig { name: checked_name.ok()?, policy: Arc::new(policy), endpoints })
}

/// The policy of a pool of `endpoint_count` endpoints.
fn policy(keys: PoolKeys, endpoint_count: usize, reading: &mut Reading<'_>) -> PoolPolicy {
    let balance = balance(keys.balance, keys.hash_key, reading);
    let health_check = health_check(keys.health_check, endpoint_count, reading);
    let outlier_detection = outlier_detection(keys.outlier_detection, endpoint_count, reading);
    PoolPolicy {
        balance,
        health_check,
        outlier_detection,
        retry: keys.retry,
        timeouts: keys.timeouts,
        limits: keys.limits,
        slow_start: keys.slow_start,
        silent_after: keys.silent_after,
        panic_threshold_percent: keys.panic_threshold,
        endpoint_wait: None,
        host: keys.host,
    }
}

/// What a pool of `endpoint_count` endpoints does when nothing else is said.
pub(crate) fn default_policy(endpoint_count: usize) -> PoolPolicy {
    let mut reading = Reading { source: "", env: &|_| None, found: Vec::new() };
    policy(PoolKeys::defaults(), endpoint_count, &mut reading)
}

fn balance(word: BalanceWord, key: Option<Located<HashKey>>, reading: &mut Reading<'_>) -> Balance {
    if let (Some(key), true) = (&key, word != BalanceWord::Hash) {
        let message = "`hash_key` has no effect without `balance = \"hash\"`";
        reading.report(Diagnostic::error(key.span.clone(), message));
    }
    match word {
        BalanceWord::RoundRobin => Balance::RoundRobin,
        BalanceWord::Random => Balance::Random,
        BalanceWord::P2c => Balance::P2c,
        BalanceWord::LeastRequest => Balance::LeastRequest,
        BalanceWord::Hash => Balance::Hash(key.map_or(HashKey::ClientAddress, |key| key.value)),
    }
}

/// On when asked for; without a word, on when there is somewhere else to go.
fn health_check(
    keys: Option<HealthCheckKeys>,
    endpoint_count: usize,
    reading: &mut Reading<'_>,
) -> Option<HealthCheck> {
    match keys {
        Some(keys) => health::resolve_check(keys, reading),
        None if endpoint_count < 2 => None,
        None => health::resolve_check(HealthCheckKeys::defaults(), reading),
    }
}

fn outlier_detection(
    keys: Option<OutlierKeys>,
    endpoint_count: usize,
    reading: &mut Reading<'_>,
) -> Option<OutlierDetection> {
    match keys {
        Some(keys) => health::resolve_outlier(keys, reading),
        None if endpoint_count < 2 => None,
        None => health::resolve_outlier(OutlierKeys::defaults(), reading),
    }
}
