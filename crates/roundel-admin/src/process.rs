//! What the process as a whole is doing; told by the binary, shown by the surface.

use std::time::SystemTime;

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Serves what comes, but does not know yet which endpoints are well.
    #[default]
    Starting,
    /// All parts run, and each endpoint with a health check has had its first probe or has been
    /// waited for long enough.
    Ready,
    /// Accepts nothing new and finishes what runs.
    Draining,
}

/// The process at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessStatus {
    /// Where it is in its life.
    pub phase: Phase,
    /// The last attempt to take a new configuration; `None` before the first.
    pub last_reload: Option<Reload>,
}

/// An attempt to take a new configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// When it ended.
    pub at: SystemTime,
    /// What changed, or why nothing did: all diagnostics, rendered.
    pub outcome: Result<String, String>,
}

impl Phase {
    /// Its word in answers and on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}
