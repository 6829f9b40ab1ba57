//! What the surface shows, and where it learns it.

use std::fmt;
use std::sync::Arc;

use roundel_core::snapshot::Snapshot;
use roundel_telemetry::Registry;
use tokio::sync::watch;

use crate::process::ProcessStatus;

/// Everything the surface knows of the process. All of it is read at the moment of a request.
pub struct Surface {
    /// The snapshot in force.
    pub snapshot: Box<dyn Fn() -> Arc<Snapshot> + Send + Sync>,
    /// All counters.
    pub registry: Arc<Registry>,
    /// What the process is doing.
    pub process: watch::Receiver<ProcessStatus>,
    /// The program's version.
    pub version: &'static str,
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface").field("version", &self.version).finish_non_exhaustive()
    }
}
