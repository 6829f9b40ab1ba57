//! The configuration, a check of one, and what a reload did.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The configuration in force, from each side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigPicture {
    /// The operator's file; null when there is none.
    pub file: Option<String>,
    /// Its text as it was taken, with `${VAR}` as written; null when there is none.
    pub source: Option<String>,
    /// What is in force, in words, defaults included.
    pub running: String,
    /// What operators changed while it ran, as TOML; null when nothing.
    pub overlay: Option<String>,
    /// What of the overlay is about things that are not there, each in words.
    pub without_effect: Vec<String>,
    /// The lines of `running` that differ from what the file alone would do, as a unified diff; null
    /// when none do.
    pub diff: Option<String>,
}

/// The verdict on a configuration that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckedConfig {
    /// Whether it could be used.
    pub ok: bool,
    /// What it would do, in words, or how much is wrong with it.
    pub summary: String,
    /// Everything that is wrong, in the order of the text, warnings included.
    pub errors: Vec<ConfigFault>,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigFault {
    /// Whether the configuration can be used all the same.
    pub severity: Severity,
    /// Line, from 1; null when it is about something that is not there.
    pub line: Option<u64>,
    /// Column in characters, from 1.
    pub column: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// The same with the text underlined, as `roundel check` shows it.
    pub rendered: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is used, but hardly does what its author meant.
    Warning,
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// What changed, in a line.
    pub message: String,
    /// Number of the snapshot in force.
    pub generation: u64,
}
