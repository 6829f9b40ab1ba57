//! A validated `[app.NAME]`.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use roundel_core::autoscale::AutoscalePolicy;
use roundel_core::name::Name;

use crate::template::{Facts, Template};

/// A program that Roundel runs and supervises.
#[derive(Debug, Clone, PartialEq)]
pub struct AppConfig {
    /// Its name.
    pub name: Name,
    /// The pool that its instances are endpoints of; always one of the configuration's.
    pub pool: Name,
    /// What each instance is. Instances that were started from another one are replaced.
    pub spec: Arc<AppSpec>,
    /// How many instances.
    pub instances: InstanceCount,
    /// Who chooses their number; `None` leaves it to operators.
    pub autoscale: Option<AutoscalePolicy>,
    /// How long an instance may take to become ready.
    pub start_timeout: Duration,
    /// How long exchanges with an instance may take to finish before it is told to stop.
    pub drain_grace: Duration,
    /// How long an instance may take to end after SIGTERM, before SIGKILL.
    pub stop_grace: Duration,
    /// What happens when an instance ends by itself.
    pub restart: RestartPolicy,
}

/// What makes an instance what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSpec {
    /// Program and arguments; at least the program.
    pub command: Vec<Template>,
    /// Where instances listen.
    pub listen: Listen,
    /// How instances are called; differs for each index and makes valid names.
    pub instance_name: Template,
    /// Where they run; `None` for where Roundel does.
    pub directory: Option<PathBuf>,
    /// Added to the environment that Roundel has, in the order of the file.
    pub environment: Vec<(String, Template)>,
    /// Who they run as; `None` for whoever Roundel runs as. Not looked up here.
    pub user: Option<String>,
    /// What each may use.
    pub limits: AppLimits,
    /// Where output goes besides Roundel's memory.
    pub output: OutputConfig,
}

/// Where the instances of an app listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// On 127.0.0.1, at a port that the kernel finds free.
    AnyPort,
    /// On 127.0.0.1, at a port of these.
    Ports(RangeInclusive<u16>),
    /// At a Unix socket of their own; an absolute path of at most 107 bytes for each index.
    Socket(Template),
}

/// How many instances an app has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceCount {
    /// At start; from `min` to `max`.
    pub initial: u32,
    /// Nobody scales below.
    pub min: u32,
    /// Nobody scales above; at least 1, and no more than there are ports.
    pub max: u32,
}

/// What happens when an instance ends by itself, or does not answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Pause before the first restart; doubles with each quick exit in a row.
    pub base_pause: Duration,
    /// No pause is longer; at least `base_pause`.
    pub max_pause: Duration,
    /// An exit sooner after the start than this is a quick one.
    pub settled_after: Duration,
    /// So many quick exits in a row leave the instance failed; at least 1.
    pub max_quick_exits: u32,
    /// An instance that its pool's health check has found unhealthy for so long without a break is
    /// ended and started again; `None` leaves it as it is.
    pub unhealthy_for: Option<Duration>,
}

/// What one process of an instance may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppLimits {
    /// File descriptors open at once; `None` for what Roundel may.
    pub open_files: Option<u64>,
    /// Bytes of private writable memory (`RLIMIT_DATA`); `None` for no limit.
    pub memory_bytes: Option<u64>,
}

/// Where the output of instances goes besides Roundel's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputConfig {
    /// The file of each instance, different for each; `None` for no file.
    pub file: Option<Template>,
    /// A file that would grow beyond this is put aside.
    pub file_bytes_max: u64,
    /// Files put aside that are kept.
    pub files_kept: u32,
}

impl AppConfig {
    /// What the instance with this index is called.
    pub fn instance_name(&self, index: u32) -> Name {
        self.spec.instance_name(&self.name, index)
    }
}

impl AppSpec {
    /// What the instance of `app` with this index is called.
    pub fn instance_name(&self, app: &Name, index: u32) -> Name {
        let facts = Facts { app: app.as_str(), name: "", index, port: None, socket: None };
        let text = self.instance_name.render(&facts);
        Name::parse(&text).expect("the configuration was checked for the longest index")
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyPort => f.write_str("any free port"),
            Self::Ports(ports) if ports.start() == ports.end() => {
                write!(f, "port {}", ports.start())
            }
            Self::Ports(ports) => write!(f, "ports {} to {}", ports.start(), ports.end()),
            Self::Socket(path) => write!(f, "socket {path}"),
        }
    }
}
