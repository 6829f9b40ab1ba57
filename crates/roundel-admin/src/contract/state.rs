//! The whole at one moment.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, Pool, Source, Time, Traffic};

/// Everything at one moment: what runs, how it fares, what was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct State {
    /// The program's version.
    pub version: String,
    /// When the process started.
    pub started_at: Time,
    /// When this was put together.
    pub now: Time,
    /// Number of the snapshot in force; grows by one with each change.
    pub generation: u64,
    /// Data-plane threads.
    pub workers: u64,
    /// What the process is doing.
    pub phase: Phase,
    /// How the last reload went; null before the first.
    pub last_reload: Option<ReloadOutcome>,
    /// Whether an operator changed anything while it ran.
    pub has_overlay: bool,
    /// The configuration file; null when there is none.
    pub config_file: Option<String>,
    /// Providers that the file names.
    pub providers: Vec<Provider>,
    /// All traffic.
    pub totals: Traffic,
    /// Listeners in configured order.
    pub listeners: Vec<Listener>,
    /// Routes in configured order.
    pub routes: Vec<Route>,
    /// Pools in configured order.
    pub pools: Vec<Pool>,
    /// Apps in configured order.
    pub apps: Vec<App>,
}

/// What the process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not yet serving.
    Starting,
    /// Serving.
    Ready,
    /// Finishing what runs.
    Draining,
}

/// How a reload went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReloadOutcome {
    /// When.
    pub at: Time,
    /// Whether the file is in force.
    pub ok: bool,
    /// What it changed, or what is wrong with it.
    pub message: String,
}

/// A source of endpoints that is asked for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provider {
    /// Which.
    pub source: Source,
    /// Since when it cannot be asked, so that its endpoints are those last known; null while it
    /// can.
    pub lost_since: Option<Time>,
    /// Why it cannot be; null while it can.
    pub reason: Option<String>,
}

/// An address that accepts connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// Connections open.
    pub connections_open: u64,
    /// Requests begun since the start.
    pub requests_total: u64,
    /// Requests begun, a second.
    pub requests_per_second: f64,
    /// Tunnels running.
    pub tunnels_open: u64,
}

/// What matches a request, and the action for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Hosts, `*.` for those below; empty for any.
    pub hosts: Vec<String>,
    /// `/exact`, `/prefix/*`, or `*` for any.
    pub path: String,
    /// Methods; empty for any.
    pub methods: Vec<String>,
    /// What it does.
    pub action: RouteAction,
    /// The pool, when it leads to one.
    pub pool: Option<String>,
    /// Requests that took it since the start.
    pub requests_total: u64,
    /// The same, a second.
    pub requests_per_second: f64,
}

/// What a route does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RouteAction {
    /// Sends it to a pool.
    Pool,
    /// Answers with a fixed response.
    Respond,
    /// Answers with a redirect.
    Redirect,
    /// Answers with the request counts.
    Stats,
}
