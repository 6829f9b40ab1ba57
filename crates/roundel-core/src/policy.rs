//! What an operator decides about a pool: balancing, probing, ejecting, retrying, limits.
//!
//! These are the validated forms; defaults live in `roundel-config`, ranges are checked there.
//! All durations are positive and finite.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// Everything decided about one pool, apart from its endpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolPolicy {
    /// Which balancer chooses an endpoint.
    pub balance: Balance,
    /// Active checks; `None` switches them off, and endpoints count as healthy.
    pub health_check: Option<HealthCheck>,
    /// Passive removal; `None` switches it off.
    pub outlier_detection: Option<OutlierDetection>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long to wait upstream.
    pub timeouts: PoolTimeouts,
    /// How much at once.
    pub limits: PoolLimits,
    /// Ramp after recovery; zero means none.
    pub slow_start: Duration,
    /// The least time without an answer that makes an endpoint [silent](crate::silence); zero
    /// switches that off.
    pub silent_after: Duration,
    /// Share of endpoints (0–100 %) below which health is ignored and all enabled endpoints are
    /// eligible (fail-open); 0 switches that off.
    pub panic_threshold_percent: u8,
    /// How long an exchange waits in the queue while no endpoint takes traffic, because one is
    /// expected: an instance that is being started. `None` ends it at once.
    pub endpoint_wait: Option<Duration>,
    /// What `Host` the endpoint sees.
    pub host: HostPolicy,
}

/// Which balancer chooses an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    /// Each in turn, by weight.
    RoundRobin,
    /// Any, by weight.
    Random,
    /// The less loaded of two random ones.
    P2c,
    /// The least loaded.
    LeastRequest,
    /// The one that the key's hash belongs to.
    Hash(HashKey),
}

/// The configuration's word, and what a hash goes by.
impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundRobin => f.write_str("round_robin"),
            Self::Random => f.write_str("random"),
            Self::P2c => f.write_str("p2c"),
            Self::LeastRequest => f.write_str("least_request"),
            Self::Hash(HashKey::ClientAddress) => f.write_str("hash of the client's address"),
            Self::Hash(HashKey::Uri) => f.write_str("hash of path and query"),
            Self::Hash(HashKey::Header(name)) => write!(f, "hash of field {name}"),
            Self::Hash(HashKey::Cookie(name)) => write!(f, "hash of cookie {name}"),
        }
    }
}

/// What a hash balancer takes as its key. An exchange without the key falls back to random.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address, after trusted proxies.
    ClientAddress,
    /// A request field's value.
    Header(String),
    /// A cookie's value.
    Cookie(String),
    /// Path and query.
    Uri,
}

/// How and how often an endpoint is probed.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck {
    /// What a probe does.
    pub probe: Probe,
    /// From one probe's start to the next's, while healthy.
    pub interval: Duration,
    /// The same while unhealthy or unknown, or in the middle of a change of verdict.
    pub unhealthy_interval: Duration,
    /// Each interval is varied by up to this share, so that probes do not march in step.
    pub jitter_percent: u8,
    /// One probe's limit.
    pub timeout: Duration,
    /// Successes in a row that make an unhealthy endpoint healthy. The first probe of an endpoint
    /// of unknown health decides alone.
    pub healthy_after: NonZeroU32,
    /// Failures in a row that make a healthy endpoint unhealthy.
    pub unhealthy_after: NonZeroU32,
}

/// What a probe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Connects, then closes.
    Tcp,
    /// Sends a request and judges the answer.
    Http(HttpProbe),
}

/// A probe's request and the answer it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProbe {
    /// Request method.
    pub method: String,
    /// Origin-form target.
    pub path: String,
    /// `Host` field; `None` sends the endpoint's address.
    pub host: Option<String>,
    /// Further request fields.
    pub headers: Vec<(String, String)>,
    /// Statuses that count as well, as inclusive ranges.
    pub expected_statuses: Vec<(u16, u16)>,
    /// Text that the first 64 KiB of the body must contain.
    pub expected_body: Option<String>,
}

/// When real traffic takes an endpoint out, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct OutlierDetection {
    /// Failed attempts in a row that eject; `None` switches this trigger off.
    pub consecutive_errors: Option<NonZeroU32>,
    /// Success-rate trigger; `None` switches it off.
    pub success_rate: Option<SuccessRate>,
    /// Length of the first ejection; the n-th in a row lasts n times as long.
    pub base_ejection: Duration,
    /// No ejection is longer.
    pub max_ejection: Duration,
    /// At most this share of a pool is ejected at once (one endpoint may always be, but never the
    /// last eligible one).
    pub max_ejected_percent: u8,
}

/// Ejects endpoints whose share of successes is far below the pool's.
#[derive(Debug, Clone, PartialEq)]
pub struct SuccessRate {
    /// How often rates are compared, and over which window.
    pub interval: Duration,
    /// Endpoints with fewer attempts in the window are not judged.
    pub minimum_requests: NonZeroU32,
    /// Ejects below this many percent.
    pub below_percent: u8,
}

/// When to try again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Tries after the first; 0 switches failover off.
    pub attempts: u32,
    /// Retries may add at most this share to the load (plus a small reserve).
    pub budget_percent: u8,
    /// Response statuses that are tried again when the method is idempotent.
    pub statuses: Vec<u16>,
    /// Also retries non-idempotent requests whose connection broke before any response byte. Off
    /// by default since the endpoint may have processed them (RFC 9110 §9.2.2).
    pub non_idempotent: bool,
    /// Sends safe requests without a body that wait at an endpoint which seems to have stopped to
    /// another as well.
    pub hedge: bool,
    /// Request body bytes kept for replay; a longer body is not retried.
    pub body_bytes_max: usize,
}

/// How long to wait upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolTimeouts {
    /// Connection set-up.
    pub connect: Duration,
    /// From the request's last byte to the response head, per attempt.
    pub response_head: Duration,
    /// Between bytes of a response body, and of a request body that the endpoint takes.
    pub body_idle: Duration,
    /// The whole exchange up to the response head, queueing and all attempts included. The time in
    /// which the request's body is on its way does not count: `body_idle` and the listener's
    /// slowest rate bound its pace on both sides, and a long upload is none that stalls.
    pub total: Duration,
    /// A tunnel without bytes in either direction.
    pub tunnel_idle: Duration,
    /// An idle upstream connection.
    pub idle: Duration,
}

/// How much at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolLimits {
    /// Exchanges in flight per endpoint; `None` for no limit.
    pub max_in_flight: Option<NonZeroU32>,
    /// Exchanges waiting for an endpoint; 0 answers at once.
    pub queue: u32,
    /// The longest wait.
    pub queue_timeout: Duration,
    /// Idle connections kept per endpoint and worker.
    pub max_idle_connections: u32,
}

/// What `Host` the endpoint sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPolicy {
    /// The client's.
    Preserve,
    /// The endpoint's address as configured.
    Endpoint,
    /// This one.
    Fixed(String),
}
