//! Apps as others see them.

use std::fmt;
use std::time::SystemTime;

use roundel_core::name::Name;
use roundel_supervisor::OutputTail;

/// An app at one moment.
#[derive(Debug, Clone)]
pub struct AppView {
    /// Its name.
    pub name: Name,
    /// The pool that its instances are endpoints of.
    pub pool: Name,
    /// Program and arguments, with their placeholders.
    pub command: Vec<String>,
    /// Instances there should be, those that an operator stopped included.
    pub instances_wanted: u32,
    /// Nobody scales below.
    pub min: u32,
    /// Nobody scales above.
    pub max: u32,
    /// By index. More than wanted while some end or are replaced.
    pub instances: Vec<InstanceView>,
    /// Starts of instances after their first, those of instances that are gone included.
    pub restarts_total: u64,
    /// The last replacement of all instances, if there was one.
    pub rollout: Option<RolloutView>,
}

/// An instance at one moment.
#[derive(Debug, Clone)]
pub struct InstanceView {
    /// Its name, which is also its endpoint's.
    pub name: Name,
    /// Its number, from 1.
    pub index: u32,
    /// Where it is in its life.
    pub state: InstanceState,
    /// Its process; `None` when there is none.
    pub pid: Option<u32>,
    /// Where it listens, or last did; `None` before its first start.
    pub address: Option<String>,
    /// When its process was started; `None` when there is none.
    pub started_at: Option<SystemTime>,
    /// Whether an operator wants it stopped, until somebody starts it.
    pub is_held: bool,
    /// Starts after the first.
    pub restarts: u64,
    /// Share of one processor over the last second or so, all processes of its group together;
    /// `None` when there is no process, or only since a moment ago.
    pub cpu_percent: Option<f64>,
    /// Resident memory of all processes of its group; what they share counts for each.
    pub memory_bytes: Option<u64>,
    /// How its last process ended.
    pub last_exit: Option<ExitView>,
    /// Why it is in its state, where that is worth a word.
    pub reason: Option<String>,
    /// Lines that its processes wrote so far.
    pub output_lines: u64,
    /// The last of them; goes on to change.
    pub output: OutputTail,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitView {
    /// When it was noticed.
    pub at: SystemTime,
    /// "exit status: 1", "signal: 9 (SIGKILL)", or why there was no process.
    pub status: String,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstanceState {
    /// Runs or is about to, and was not found to answer yet.
    Starting,
    /// Takes traffic.
    Ready,
    /// Finishes what it has, before it is told to end.
    Draining,
    /// Was told to end.
    Stopping,
    /// Does not run, as an operator wants.
    Stopped,
    /// Ended by itself; is started again after a pause.
    BackOff,
    /// Ended by itself too often; stays so until somebody starts it.
    Failed,
}

impl InstanceState {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Ready,
        Self::Draining,
        Self::Stopping,
        Self::Stopped,
        Self::BackOff,
        Self::Failed,
    ];

    /// Its stable short name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::BackOff => "backoff",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The replacement of all instances of an app, one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutView {
    /// How it stands.
    pub state: RolloutState,
    /// Instances replaced.
    pub updated: u32,
    /// Instances to replace, the replaced ones included.
    pub total: u32,
    /// Why it stopped; `None` unless it did.
    pub reason: Option<String>,
}

/// How a rollout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RolloutState {
    /// Goes on.
    Running,
    /// Given up: a new instance did not become ready. Those not yet replaced serve on.
    Stopped,
    /// Every instance is a new one.
    Done,
}

impl RolloutState {
    /// Its stable short name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }
}
