//! A pool and its endpoints.

use std::collections::BTreeMap;

use roundel_config::model::EndpointSource;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Percentiles, Time, Traffic};

/// All pools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pools {
    /// In configured order.
    pub pools: Vec<Pool>,
}

/// A named group of endpoints with one policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How an endpoint is chosen.
    pub balance: String,
    /// Why the candidates are what they are.
    pub tier: Tier,
    /// Why requests are held although no endpoint takes traffic; null when one does, and when they
    /// are answered with 503.
    pub hold: Option<Hold>,
    /// Exchanges that wait for a place.
    pub queue_length: u64,
    /// How many may wait.
    pub queue_limit: u64,
    /// Attempts after the first of an exchange, since the start.
    pub retries_total: u64,
    /// Attempts begun beside one that waited at an endpoint which seemed to have stopped, since the start.
    pub hedges_total: u64,
    /// What is probed, in a line; null when nothing is.
    pub health_check: Option<String>,
    /// The app whose instances are endpoints here; null when there is none.
    pub app: Option<String>,
    /// Its traffic.
    pub traffic: Traffic,
    /// Exchanges since the start by end reason; only those that occurred.
    pub ends: BTreeMap<String, u64>,
    /// Its endpoints, in the order in which balancers see them.
    pub endpoints: Vec<Endpoint>,
}

/// Why the candidates of a pool are what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Eligible primaries.
    Primary,
    /// Eligible backups, as no primary is.
    Backup,
    /// Everyone enabled, as too few are eligible.
    Panic,
    /// Those of whom nothing is known yet.
    Unprobed,
    /// Nobody.
    Empty,
}

/// Why the requests of a pool in which no endpoint takes traffic are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The load has been nothing for a while, so no instance runs: the next request starts one.
    Asleep,
    /// An endpoint is expected: an instance or a container that starts.
    Expected,
}

/// One address in a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Endpoint {
    /// Its name; unique in its pool.
    pub name: String,
    /// Where it is, as configured.
    pub address: String,
    /// What its host name stands for; null when it has none, or none is known.
    pub resolved: Option<String>,
    /// Who named it.
    pub source: Source,
    /// Its share of traffic, relative to the others'.
    pub weight: u32,
    /// The weight after slow start, in the unit of `weight`.
    pub effective_weight: f64,
    /// Takes traffic only when no primary is eligible.
    pub is_backup: bool,
    /// What the operator wants.
    pub admin_state: AdminState,
    /// What its provider knows of the process behind it.
    pub presence: Presence,
    /// What probes found.
    pub health: Health,
    /// Until when outlier detection keeps it out; null when it does not.
    pub ejected_until: Option<Time>,
    /// Whether it takes traffic: enabled, present, healthy and not ejected.
    pub is_eligible: bool,
    /// Whether it has taken requests and answered none for longer than its pace suggests: if it is
    /// eligible, it is the last choice until it answers.
    pub is_silent: bool,
    /// What an operator changed while it ran.
    pub overridden: Vec<Override>,
    /// Its last probe; null before the first. Of a host name that stood for no address so far it is
    /// the last look-up, which failed.
    pub last_probe: Option<LastProbe>,
    /// Attempts running at this moment.
    pub in_flight: u64,
    /// Attempts since the start.
    pub requests_total: u64,
    /// Attempts that failed since the start.
    pub failures_total: u64,
    /// The same by how they failed; only those that occurred.
    pub failures: BTreeMap<String, u64>,
    /// Responses by status class, as `2xx`; only those that occurred.
    pub responses: BTreeMap<String, u64>,
    /// Connections to it.
    pub connections: Connections,
    /// Attempts a second, over the last five seconds.
    pub requests_per_second: f64,
    /// Share of attempts that failed or were answered with 500 or more, over the last five seconds.
    pub error_rate: f64,
    /// Its share of the pool's attempts, 0 to 1, over the last five seconds.
    pub share: f64,
    /// From the start of an attempt to the response head; null without traffic.
    pub latency_ms: Option<Percentiles>,
}

/// Who named an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The configuration file.
    File,
    /// An operator, through this API.
    Api,
    /// An app of Roundel's own.
    App,
    /// A container.
    Docker,
}

impl From<EndpointSource> for Source {
    fn from(source: EndpointSource) -> Self {
        match source {
            EndpointSource::File => Self::File,
            EndpointSource::Api => Self::Api,
            EndpointSource::App => Self::App,
            EndpointSource::Docker => Self::Docker,
        }
    }
}

/// What the operator wants of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdminState {
    /// Takes traffic.
    Enabled,
    /// Finishes what it has; takes nothing new.
    Draining,
    /// Takes nothing, and is not probed.
    Disabled,
}

impl From<roundel_core::endpoint::AdminState> for AdminState {
    fn from(state: roundel_core::endpoint::AdminState) -> Self {
        match state {
            roundel_core::endpoint::AdminState::Enabled => Self::Enabled,
            roundel_core::endpoint::AdminState::Draining => Self::Draining,
            roundel_core::endpoint::AdminState::Disabled => Self::Disabled,
        }
    }
}

impl From<AdminState> for roundel_core::endpoint::AdminState {
    fn from(state: AdminState) -> Self {
        match state {
            AdminState::Enabled => Self::Enabled,
            AdminState::Draining => Self::Draining,
            AdminState::Disabled => Self::Disabled,
        }
    }
}

/// What the provider of an endpoint knows of the process behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Something should answer there.
    Present,
    /// A process is starting.
    Starting,
    /// Nothing runs there.
    Absent,
}

/// What probes found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Not probed yet.
    Unknown,
    /// Answers as wanted.
    Healthy,
    /// Does not.
    Unhealthy,
}

impl From<roundel_core::endpoint::Health> for Health {
    fn from(health: roundel_core::endpoint::Health) -> Self {
        match health {
            roundel_core::endpoint::Health::Unknown => Self::Unknown,
            roundel_core::endpoint::Health::Healthy => Self::Healthy,
            roundel_core::endpoint::Health::Unhealthy => Self::Unhealthy,
        }
    }
}

/// What of an endpoint an operator changed while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Override {
    /// Its admin state.
    AdminState,
    /// Its weight.
    Weight,
}

/// An endpoint's last probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LastProbe {
    /// When it ended.
    pub at: Time,
    /// How long it took.
    pub took_ms: f64,
    /// Whether it went well.
    pub ok: bool,
    /// Why it did not; null when it did.
    pub reason: Option<String>,
}

/// Connections to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connections {
    /// Made since the start.
    pub made: u64,
    /// Attempts that took an idle one, since the start.
    pub reused: u64,
    /// Idle at this moment.
    pub idle: u64,
}
