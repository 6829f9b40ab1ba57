//! The validated configuration.
//!
//! A value of these types is complete and correct: every default is filled in, every name is
//! unique, every pool index is valid. What an operator may leave out because leaving it out means
//! something (no admin address, no access log) is an `Option`; a defaulted key never is. Policies
//! are the very types that snapshots carry, so nothing is translated between a file and a worker.
//!
//! Knows nothing of syntax: how a file becomes this is the business of the sibling modules.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::listener::ListenerSettings;
use roundel_core::name::Name;
use roundel_core::policy::PoolPolicy;
use roundel_core::route::Route;

mod app;
mod docker;

pub use app::{AppConfig, AppLimits, AppSpec, InstanceCount, Listen, OutputConfig, RestartPolicy};
pub use docker::{ContainerAddress, ContainerPool, DockerConfig};

/// Everything a process needs to start, or to reload.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Data-plane threads; `None` for what the affinity mask and the cgroup quota allow.
    pub workers: Option<NonZeroUsize>,
    /// Where operators look in.
    pub admin: AdminConfig,
    /// Listeners in configured order; at least one, names unique, addresses without overlap.
    pub listeners: Vec<ListenerConfig>,
    /// Routes in configured order, names unique. [`roundel_core::route::Action::Pool`] indexes
    /// [`Config::pools`].
    pub routes: Vec<Route>,
    /// Pools in the order of the file, names unique.
    pub pools: Vec<PoolConfig>,
    /// Apps in the order of the file, names unique.
    pub apps: Vec<AppConfig>,
    /// The Docker engine whose containers are endpoints; `None` when none is asked.
    pub docker: Option<DockerConfig>,
    /// One line for each exchange; `None` switches it off.
    pub access_log: Option<AccessLogConfig>,
    /// The latest exchanges, in memory.
    pub request_log: RequestLogConfig,
    /// The process's own log.
    pub log: LogConfig,
    /// How the process ends.
    pub shutdown: ShutdownConfig,
}

/// The admin surface: dashboard, API, metrics, health of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Address and port; `None` switches the admin surface off.
    pub address: Option<SocketAddr>,
    /// File whose first line is the token that clients present; always set when `address` is not
    /// a loopback address. Not opened here.
    pub token_file: Option<PathBuf>,
    /// File that keeps operators' changes; `None` for the usual place.
    pub state_file: Option<PathBuf>,
    /// File that operators' actions are appended to; `None` for in memory alone.
    pub audit_log: Option<PathBuf>,
}

/// An address that accepts connections.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerConfig {
    /// Its name.
    pub name: Name,
    /// Where it listens; port 0 lets the kernel choose.
    pub address: SocketAddr,
    /// How connections and requests are treated.
    pub settings: Arc<ListenerSettings>,
}

/// A named group of endpoints with one policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolConfig {
    /// Its name.
    pub name: Name,
    /// What the operator decided.
    pub policy: Arc<PoolPolicy>,
    /// Endpoints in configured order, names and addresses unique; at least one, unless a provider
    /// feeds the pool.
    pub endpoints: Vec<EndpointConfig>,
}

/// One address in a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// The operator's name for it, or its address.
    pub name: Name,
    /// Where it is.
    pub address: EndpointAddress,
    /// Relative share of traffic, 1 to 1000.
    pub weight: u32,
    /// Takes traffic only when no primary endpoint is eligible.
    pub is_backup: bool,
    /// Operator intent at start; what an operator decides later through the API outranks it.
    pub admin_state: AdminState,
    /// Who says that there is such an endpoint.
    pub source: EndpointSource,
    /// What that source knows of the process behind it.
    pub presence: Presence,
}

/// Who says that there is an endpoint. In the order of precedence: where two claim the same name or
/// address in a pool, the first has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum EndpointSource {
    /// The configuration file, or the command line.
    #[default]
    File,
    /// An app of which it is an instance.
    App,
    /// The Docker engine.
    Docker,
    /// An operator, at run time.
    Api,
}

impl EndpointSource {
    /// Its stable short name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::App => "app",
            Self::Docker => "docker",
            Self::Api => "api",
        }
    }
}

impl fmt::Display for EndpointSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One line for each exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogConfig {
    /// How a line looks.
    pub format: AccessLogFormat,
    /// Where lines go.
    pub target: LogTarget,
}

/// How an access-log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// For people.
    Text,
    /// The NCSA combined format, for existing log tools.
    Combined,
    /// One JSON object a line.
    Json,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Appended to this file.
    File(PathBuf),
}

/// The latest exchanges, in memory, for people who look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLogConfig {
    /// Whether any are kept.
    pub is_enabled: bool,
    /// Exchanges kept.
    pub capacity: usize,
    /// Ordinary exchanges kept a second, and as many errors.
    pub per_second: u32,
    /// Whether queries are kept.
    pub keeps_queries: bool,
}

/// The process's own log; always on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// What is worth a line.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

/// The least severe message that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// An operator must act.
    Error,
    /// Unexpected, but work goes on.
    Warn,
    /// A change someone must know of.
    Info,
    /// Every exchange.
    Debug,
    /// Everything.
    Trace,
}

/// How a line of the process's own log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// How long running exchanges may take to finish before their connections are closed.
    pub grace: Duration,
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
