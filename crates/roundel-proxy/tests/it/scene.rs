//! The data plane in this process, with one listener and one pool.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use roundel_core::address::ConnectAddress;
use roundel_core::end::{AttemptFailure, EndReason};
use roundel_core::endpoint::{AdminState, Endpoint, EndpointFacts, EndpointId, Health};
use roundel_core::listener::{
    ForwardedMode, ForwardedPolicy, HalfClose, Listener, ListenerLimits, ListenerSettings,
    ListenerSockets, ListenerTimeouts,
};
use roundel_core::name::Name;
use roundel_core::policy::{
    Balance, HostPolicy, PoolLimits, PoolPolicy, PoolTimeouts, RetryPolicy,
};
use roundel_core::pool::{Pool, PoolShared};
use roundel_core::route::{Action, HostPattern, PathMatcher, Route, RouteMatcher, RouteTable};
use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;
use roundel_proxy::{Drained, Proxy, ProxyOptions, Publisher};
use roundel_telemetry::{
    EndpointShard, ListenerShard, PoolShard, Registry, RequestFilter, RequestLog,
    RequestLogOptions, RequestSummary,
};
use roundel_testkit::{Load, Origin, RawClient, eventually};
use tokio::sync::mpsc;

/// How long anything may take before a test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What a scene is set up with; tests change what they are about.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) workers: usize,
    pub(crate) policy: PoolPolicy,
    pub(crate) settings: ListenerSettings,
    pub(crate) routes: Vec<Route>,
    pub(crate) requests: RequestLogOptions,
    pub(crate) connections_max: u32,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let long = Duration::from_mins(1);
        Self {
            workers: 2,
            policy: PoolPolicy {
                balance: Balance::RoundRobin,
                health_check: None,
                outlier_detection: None,
                retry: RetryPolicy {
                    attempts: 2,
                    budget_percent: 20,
                    statuses: Vec::new(),
                    non_idempotent: false,
                    hedge: true,
                    body_bytes_max: 64 * 1024,
                },
                timeouts: PoolTimeouts {
                    connect: long,
                    response_head: long,
                    body_idle: long,
                    total: long,
                    tunnel_idle: long,
                    idle: long,
                },
                limits: PoolLimits {
                    max_in_flight: None,
                    queue: 1024,
                    queue_timeout: long,
                    max_idle_connections: 256,
                },
                slow_start: Duration::ZERO,
                silent_after: Duration::ZERO,
                panic_threshold_percent: 0,
                endpoint_wait: None,
                host: HostPolicy::Preserve,
            },
            settings: ListenerSettings {
                limits: ListenerLimits {
                    head_bytes_max: 32 * 1024,
                    fields_max: 100,
                    target_bytes_max: 8 * 1024,
                    body_bytes_max: None,
                    max_connections: None,
                    requests_per_connection_max: u64::MAX,
                },
                timeouts: ListenerTimeouts {
                    request_head: long,
                    body_idle: long,
                    body_bytes_per_second_min: 0,
                    write_idle: long,
                    keep_alive: long,
                },
                forwarded: ForwardedPolicy {
                    mode: ForwardedMode::Replace,
                    trusted_proxies: Vec::new(),
                    via: false,
                    request_id: true,
                },
                half_close: HalfClose::Serve,
            },
            routes: vec![route("default", "", Action::Pool(0))],
            requests: RequestLogOptions {
                capacity: 1000,
                per_second: 10_000,
                keeps_queries: false,
            },
            connections_max: 10_000,
        }
    }

    pub(crate) fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    pub(crate) fn retry(mut self, change: impl FnOnce(&mut RetryPolicy)) -> Self {
        change(&mut self.policy.retry);
        self
    }

    pub(crate) fn timeouts(mut self, change: impl FnOnce(&mut PoolTimeouts)) -> Self {
        change(&mut self.policy.timeouts);
        self
    }

    pub(crate) fn limits(
        mut self,
        max_in_flight: u32,
        queue: u32,
        queue_timeout: Duration,
    ) -> Self {
        self.policy.limits.max_in_flight = NonZeroU32::new(max_in_flight);
        self.policy.limits.queue = queue;
        self.policy.limits.queue_timeout = queue_timeout;
        self
    }

    pub(crate) fn client(mut self, change: impl FnOnce(&mut ListenerTimeouts)) -> Self {
        change(&mut self.settings.timeouts);
        self
    }

    pub(crate) fn half_close(mut self, meaning: HalfClose) -> Self {
        self.settings.half_close = meaning;
        self
    }

    pub(crate) fn policy(mut self, change: impl FnOnce(&mut PoolPolicy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub(crate) fn bounds(mut self, change: impl FnOnce(&mut ListenerLimits)) -> Self {
        change(&mut self.settings.limits);
        self
    }

    pub(crate) fn forwarded(mut self, change: impl FnOnce(&mut ForwardedPolicy)) -> Self {
        change(&mut self.settings.forwarded);
        self
    }

    /// Changes the only route, which leads everything to the pool.
    pub(crate) fn route(mut self, change: impl FnOnce(&mut Route)) -> Self {
        change(&mut self.routes[0]);
        self
    }

    pub(crate) fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> Self {
        self.routes = routes.into_iter().collect();
        self
    }

    /// Starts the data plane in front of `addresses`.
    pub(crate) fn start(self, addresses: &[SocketAddr]) -> Scene {
        let endpoints = addresses.iter().zip(0..).map(|(address, id)| endpoint(id, *address));
        let stage = Stage {
            endpoints: endpoints.collect(),
            policy: Arc::new(self.policy),
            shared: Arc::default(),
            routes: self.routes,
            listeners: vec![listener("web", self.workers, Arc::new(self.settings))],
        };
        let registry = Arc::new(Registry::new(self.workers));
        let requests = RequestLog::new(self.requests, registry.worker());
        let (signals, told) = mpsc::channel(64);
        let options = ProxyOptions {
            workers: self.workers,
            registry: registry.clone(),
            access_log: None,
            request_log: Some(requests.clone()),
            signals,
            connections_max: self.connections_max,
        };
        let proxy = Proxy::start(&stage.snapshot(), options).unwrap();
        let publisher = proxy.publisher();
        Scene { proxy: Some(proxy), publisher, registry, requests, told, stage }
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A route for `host` (empty for any) and any path.
pub(crate) fn route(called: &str, host: &str, action: Action) -> Route {
    let host = Some(host).filter(|host| !host.is_empty());
    Route {
        name: name(called),
        matcher: RouteMatcher {
            hosts: host.into_iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
            path: PathMatcher::Any,
            methods: Vec::new(),
        },
        action,
        allow_connect: false,
        allow_upgrade: true,
    }
}

/// A healthy endpoint called `Server {id + 1}`.
pub(crate) fn endpoint(id: u32, address: SocketAddr) -> Endpoint {
    Endpoint {
        id: EndpointId(id),
        name: name(&format!("Server {}", id + 1)),
        authority: address.to_string().into(),
        address: ConnectAddress::Ip(address),
        weight: 1,
        effective_weight: 1,
        is_backup: false,
        facts: EndpointFacts {
            admin_state: AdminState::Enabled,
            health: Health::Healthy,
            ..EndpointFacts::default()
        },
        shared: Arc::default(),
    }
}

/// A listener on a loopback port of its own, with a socket for each worker.
pub(crate) fn listener(
    called: &str,
    workers: usize,
    settings: Arc<ListenerSettings>,
) -> Arc<Listener> {
    let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut sockets = Vec::new();
    for _ in 0..workers {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.bind(&address.into()).unwrap();
        socket.listen(4096).unwrap();
        let socket = TcpListener::from(socket);
        address = socket.local_addr().unwrap();
        sockets.push(socket);
    }
    let sockets = Arc::new(ListenerSockets::new(sockets));
    Arc::new(Listener { name: name(called), address, sockets, settings })
}

/// What is published; tests change it and publish again.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) policy: Arc<PoolPolicy>,
    shared: Arc<PoolShared>,
    pub(crate) routes: Vec<Route>,
    pub(crate) listeners: Vec<Arc<Listener>>,
}

impl Stage {
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        let (policy, shared) = (self.policy.clone(), self.shared.clone());
        let pool = Pool::new(name("pool"), policy, self.endpoints.clone(), shared);
        Arc::new(Snapshot {
            generation: 1,
            listeners: self.listeners.clone(),
            routes: RouteTable::new(self.routes.clone()).into(),
            pools: vec![Arc::new(pool)],
        })
    }
}

/// A running data plane.
pub(crate) struct Scene {
    proxy: Option<Proxy>,
    pub(crate) publisher: Publisher,
    registry: Arc<Registry>,
    pub(crate) requests: RequestLog,
    told: mpsc::Receiver<Signal>,
    pub(crate) stage: Stage,
}

impl Scene {
    pub(crate) fn address(&self) -> SocketAddr {
        self.stage.listeners[0].address
    }

    pub(crate) fn client(&self) -> RawClient {
        RawClient::connect(self.address())
    }

    pub(crate) fn load(&self) -> Load {
        Load::new(self.address())
    }

    /// Changes what is published, and publishes it.
    pub(crate) fn publish(&mut self, change: impl FnOnce(&mut Stage)) {
        change(&mut self.stage);
        self.publisher.publish(&self.stage.snapshot());
    }

    /// Sums a number of an endpoint over all workers.
    pub(crate) fn endpoint<N: std::iter::Sum>(
        &self,
        index: usize,
        number: impl Fn(&EndpointShard) -> N,
    ) -> N {
        let called = &self.stage.endpoints[index].name;
        self.registry.endpoint(&name("pool"), called).shards().map(number).sum()
    }

    pub(crate) fn attempts(&self, index: usize) -> u64 {
        self.endpoint(index, |shard| shard.attempts.value())
    }

    /// Failed attempts at an endpoint that failed so.
    pub(crate) fn failures(&self, index: usize, failure: AttemptFailure) -> u64 {
        self.endpoint(index, |shard| shard.failures.values()[failure.index()])
    }

    /// Failures of an endpoint as outlier detection counts them.
    pub(crate) fn errors(&self, index: usize) -> u64 {
        self.stage.endpoints[index].shared.errors()
    }

    pub(crate) fn pool<N: std::iter::Sum>(&self, number: impl Fn(&PoolShard) -> N) -> N {
        self.registry.pool(&name("pool")).shards().map(number).sum()
    }

    /// Exchanges that waited for a place.
    pub(crate) fn waits(&self) -> u64 {
        self.pool(|shard| shard.queue_time.snapshot().count())
    }

    pub(crate) fn listener<N: std::iter::Sum>(&self, number: impl Fn(&ListenerShard) -> N) -> N {
        self.registry.listener(&name("web")).shards().map(number).sum()
    }

    /// The latest exchange that ended so, once there is one.
    #[track_caller]
    pub(crate) fn logged(&self, end: EndReason) -> RequestSummary {
        let find = || {
            let all = self.requests.recent(&RequestFilter::default(), usize::MAX);
            all.into_iter().find(|request| request.end == end)
        };
        eventually(PATIENCE, &format!("an exchange ended by {end} is logged"), || find().is_some());
        find().unwrap()
    }

    /// Requests that a route was chosen for.
    pub(crate) fn route_requests(&self, called: &str) -> u64 {
        self.registry.route(&name(called)).shards().map(|shard| shard.requests.value()).sum()
    }

    /// Open client connections of each worker.
    pub(crate) fn connections_by_worker(&self) -> Vec<i64> {
        let metrics = self.registry.listener(&name("web"));
        metrics.shards().map(|shard| shard.connections_open.value()).collect()
    }

    /// Connects until every worker has at least `count` of the clients.
    pub(crate) fn clients_everywhere(&self, count: i64) -> Vec<RawClient> {
        let mut clients = Vec::new();
        let mut connected: i64 = self.connections_by_worker().iter().sum();
        while self.connections_by_worker().iter().any(|open| *open < count) {
            clients.push(self.client());
            connected += 1;
            eventually(PATIENCE, "the connection is accepted", || {
                self.connections_by_worker().iter().sum::<i64>() == connected
            });
        }
        clients
    }

    /// A client of this worker.
    pub(crate) fn client_of(&self, worker: usize) -> RawClient {
        loop {
            let before = self.connections_by_worker();
            let client = self.client();
            let connected = || self.connections_by_worker().iter().sum::<i64>();
            eventually(PATIENCE, "the connection is accepted", || {
                connected() > before.iter().sum()
            });
            if self.connections_by_worker()[worker] > before[worker] {
                return client;
            }
            drop(client);
            let all = before.iter().sum::<i64>();
            eventually(PATIENCE, "the connection is closed", || connected() == all);
        }
    }

    pub(crate) fn accept_failures(&self) -> u64 {
        self.registry.worker().shards().map(|shard| shard.accept_failures.value()).sum()
    }

    pub(crate) fn turns(&self) -> u64 {
        self.registry.worker().shards().map(|shard| shard.turns.value()).sum()
    }

    /// Exchanges that ended so, with the pool or before.
    pub(crate) fn ends(&self, end: EndReason) -> u64 {
        self.pool(|shard| shard.ends.values()[end.index()])
            + self.listener(|shard| shard.ends.values()[end.index()])
    }

    /// Waits until `count` exchanges have ended so: a client may have its answer a little before.
    #[track_caller]
    pub(crate) fn expect_ends(&self, end: EndReason, count: u64) {
        eventually(PATIENCE, &format!("{count} exchanges have ended by {end}"), || {
            self.ends(end) == count
        });
    }

    /// Waits until an exchange has ended so.
    #[track_caller]
    pub(crate) fn wait_for_end(&self, end: EndReason) {
        eventually(PATIENCE, &format!("an exchange has ended by {end}"), || self.ends(end) > 0);
    }

    /// What the control plane was told since the last call.
    pub(crate) fn take_signals(&mut self) -> Vec<Signal> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }

    pub(crate) fn in_flight(&self, index: usize) -> u32 {
        self.stage.endpoints[index].shared.in_flight()
    }

    pub(crate) fn queued(&self) -> u32 {
        self.stage.shared.line.length()
    }

    #[track_caller]
    pub(crate) fn wait_for_queued(&self, count: u32) {
        eventually(PATIENCE, &format!("{count} exchanges wait"), || self.queued() == count);
    }

    /// Waits until nothing is in flight and nobody waits.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let endpoints = &self.stage.endpoints;
        eventually(PATIENCE, "nothing is in flight", || {
            endpoints.iter().all(|endpoint| endpoint.shared.in_flight() == 0)
        });
        self.wait_for_queued(0);
    }

    /// Settles, and compares what is counted as idle with what the origins hold open.
    #[track_caller]
    pub(crate) fn settle_with(&self, origins: &[&Origin]) {
        self.settle();
        for (index, origin) in origins.iter().enumerate() {
            let what = format!("the idle connections of {} are those it has", origin.name());
            eventually(PATIENCE, &what, || {
                let idle = self.endpoint(index, |shard| shard.idle_connections.value());
                usize::try_from(idle) == Ok(origin.open_connections())
            });
        }
    }

    /// Stops the data plane.
    pub(crate) fn drain(&mut self, grace: Duration) -> Drained {
        self.begin_drain(grace);
        self.join()
    }

    pub(crate) fn begin_drain(&self, grace: Duration) {
        self.proxy.as_ref().unwrap().drain(grace);
    }

    pub(crate) fn join(&mut self) -> Drained {
        self.proxy.take().unwrap().join()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if self.proxy.is_some() {
            self.settle();
            self.drain(Duration::from_secs(3));
        }
        let what = "after a stop nothing is open, nobody waits and nothing panicked";
        let open = self.listener(|shard| shard.connections_open.value());
        let in_flight: u32 =
            self.stage.endpoints.iter().map(|endpoint| endpoint.shared.in_flight()).sum();
        let panics: u64 = self.registry.worker().shards().map(|s| s.panics.value()).sum();
        assert_eq!((open, in_flight, self.queued(), panics), (0, 0, 0, 0), "{what}");
        let idle: i64 = (0..self.stage.endpoints.len())
            .map(|index| self.endpoint(index, |shard| shard.idle_connections.value()))
            .sum();
        assert!(idle >= 0, "{what}, but {idle} connections are idle");
    }
}
