//! An app, its instances, and what the autoscaler decided.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// All apps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Apps {
    /// In configured order.
    pub apps: Vec<App>,
}

/// A program that Roundel runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct App {
    /// Its name.
    pub name: String,
    /// The pool that its ready instances are endpoints of.
    pub pool: String,
    /// Program and arguments, with their placeholders.
    pub command: Vec<String>,
    /// How many instances there should be.
    pub instances_wanted: u64,
    /// The fewest there may be.
    pub min: u64,
    /// The most there may be.
    pub max: u64,
    /// Whether the autoscaler decides how many there should be.
    pub is_autoscaled: bool,
    /// What it goes by; null when there is none.
    pub autoscale: Option<Autoscale>,
    /// Its instances, by index.
    pub instances: Vec<Instance>,
    /// The rolling restart that runs or ran last; null before the first.
    pub rollout: Option<Rollout>,
    /// What the autoscaler decided, newest first, at most 20.
    pub decisions: Vec<Decision>,
}

/// What the autoscaler goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Autoscale {
    /// What is measured.
    pub metric: AutoscaleMetric,
    /// What it should be for each instance.
    pub target: f64,
}

/// What the autoscaler measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutoscaleMetric {
    /// Attempts running.
    InFlight,
    /// Wait for a place.
    QueueTime,
    /// CPU of the instances.
    Cpu,
}

/// One process of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Its name, which is also its endpoint's.
    pub name: String,
    /// Its index, from 1.
    pub index: u64,
    /// What it is doing.
    pub state: InstanceState,
    /// Its process id; null when it does not run.
    pub pid: Option<u32>,
    /// Where it listens.
    pub address: String,
    /// When its process started; null when it does not run.
    pub started_at: Option<Time>,
    /// How often it was started anew.
    pub restarts: u64,
    /// CPU it uses, in percent of one core; null when it is not known.
    pub cpu_percent: Option<f64>,
    /// Memory it holds; null when it is not known.
    pub memory_bytes: Option<u64>,
    /// How its last process ended; null when none has.
    pub last_exit: Option<Exit>,
    /// Why it is in this state, where that needs a reason.
    pub reason: Option<String>,
    /// Lines of output since it started.
    pub output_lines: u64,
}

/// What an instance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Started and not well yet.
    Starting,
    /// Takes traffic.
    Ready,
    /// Finishes what it has.
    Draining,
    /// Told to end.
    Stopping,
    /// Ended, as wished.
    Stopped,
    /// Crashed, and waits before it starts anew.
    Backoff,
    /// Crashed too often.
    Failed,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exit {
    /// When.
    pub at: Time,
    /// How, in words.
    pub status: String,
}

/// A rolling restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rollout {
    /// How far it is.
    pub state: RolloutState,
    /// Instances that are new.
    pub updated: u64,
    /// Instances that shall be.
    pub total: u64,
    /// Why it was stopped; null when it was not.
    pub reason: Option<String>,
}

/// How far a rolling restart is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// Going on.
    Running,
    /// Given up, since new instances did not become ready.
    Stopped,
    /// Over.
    Done,
}

/// A decision of the autoscaler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// The app.
    pub app: String,
    /// How many instances there should be until then.
    pub from: u64,
    /// How many from then on.
    pub to: u64,
    /// Why, in words.
    pub reason: String,
    /// What it went by.
    pub inputs: BTreeMap<String, f64>,
}

/// The last lines that an instance wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Output {
    /// In the order in which they were written.
    pub lines: Vec<String>,
    /// How many it wrote in all; more than there are here when old ones were dropped.
    pub lines_written: u64,
    /// What it has written of a line that has not ended, as of a prompt; null when there is none.
    pub unfinished: Option<String>,
}

/// What can be done with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppAction {
    /// Starts it.
    Start,
    /// Drains it, then ends it.
    Stop,
    /// Ends it at once, as a failure would.
    Kill,
    /// Drains it, ends it and starts it anew.
    Restart,
}
