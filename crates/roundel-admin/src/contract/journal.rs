//! What happened: changes of state, and what operators did.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Time;

/// A change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Grows with time, over restarts too; resumes a stream by `Last-Event-ID`.
    pub id: u64,
    /// When.
    pub at: Time,
    /// Number of the snapshot that shows it.
    pub generation: u64,
    /// What kind of change, as a stable short word.
    pub kind: String,
    /// Whether someone should look.
    pub severity: ChangeSeverity,
    /// The pool that it is about, if it is about one.
    pub pool: Option<String>,
    /// The endpoint that it is about, if it is about one.
    pub endpoint: Option<String>,
    /// The app that it is about, if it is about one.
    pub app: Option<String>,
    /// The instance that it is about, if it is about one.
    pub instance: Option<String>,
    /// In words.
    pub message: String,
}

/// Whether someone should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeSeverity {
    /// As meant, or for the better.
    Info,
    /// Unexpected, but work goes on.
    Warn,
    /// An operator must act.
    Error,
}

/// The audit log, as far as it is kept in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditLog {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
}

/// What an operator did, or tried to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Grows with time, over restarts too.
    pub id: u64,
    /// When.
    pub at: Time,
    /// Who: the caller's address, and what program it says it is.
    pub who: String,
    /// What, as `endpoint.update`.
    pub action: String,
    /// What it was done to, as `web/Server 1`.
    pub target: String,
    /// What was before, as far as the action concerns it.
    #[schema(value_type = Option<Object>)]
    pub before: Value,
    /// What is after it.
    #[schema(value_type = Option<Object>)]
    pub after: Value,
    /// Whether it was done.
    pub ok: bool,
    /// How many requests it stands for: more than one where requests of one address were refused for
    /// the same reason many times.
    pub count: u64,
    /// Why not, or what is worth knowing.
    pub detail: Option<String>,
    /// The request that takes it back; null when none can. It makes the thing what it was before,
    /// whatever was changed since.
    pub undo: Option<Undo>,
    /// Why it should not be taken back as things are; null when nothing is in the way. Later entries
    /// may put something there, so the log has it as of when it is asked, and the file and the
    /// stream as of when the entry was written.
    pub obstacle: Option<Obstacle>,
}

/// What keeps an action from being taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Obstacle {
    /// What it is.
    pub reason: ObstacleReason,
    /// The id of the later entry that it is, if it is one.
    pub by: Option<u64>,
    /// In words.
    pub message: String,
}

/// What keeps an action from being taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObstacleReason {
    /// It was refused.
    NotDone,
    /// It is something that cannot be undone, as a kill.
    NoWay,
    /// Everything was as it asked for.
    ChangedNothing,
    /// A later entry took it back.
    TakenBack,
    /// A later entry changed the same again; `undo` would take that back as well.
    ChangedSince,
}

/// A request that takes an action back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Undo {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its JSON body; null for none.
    #[schema(value_type = Option<Object>)]
    pub body: Value,
}

/// Told on a stream to a reader that was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lagged {
    /// Events that it missed.
    pub missed: u64,
}
