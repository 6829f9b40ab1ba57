//! What the surface shows, and where it learns it.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use roundel_control::{Control, Intent};
use roundel_telemetry::traffic::Figures;
use roundel_telemetry::{Registry, RequestLog};
use tokio::sync::watch;

use crate::contract::ConfigFault;
use crate::process::ProcessStatus;

/// Everything the surface knows of the process. All of it is read at the moment of a request.
pub struct Surface {
    /// The control plane.
    pub control: Control,
    /// All counters.
    pub registry: Arc<Registry>,
    /// What follows from the counters, anew each second.
    pub figures: watch::Receiver<Arc<Figures>>,
    /// The newest exchanges; `None` when none are kept.
    pub request_log: Option<RequestLog>,
    /// What the process is doing.
    pub process: watch::Receiver<ProcessStatus>,
    /// The program's version.
    pub version: &'static str,
    /// What operators decide while it runs.
    pub intent: Intent,
    /// Where each of their actions is written down; `None` for in memory alone.
    pub audit_log: Option<PathBuf>,
    /// The operator's configuration file; `None` when there is none.
    pub config_file: Option<ConfigFile>,
}

/// The operator's configuration file. It is read and never written.
pub struct ConfigFile {
    /// Where it is.
    pub path: String,
    /// Its text as it was last taken.
    pub source: Box<dyn Fn() -> String + Send + Sync>,
    /// Takes it anew; done when the new configuration is in force, or refused.
    pub reload: Box<dyn Fn() -> Reloading + Send + Sync>,
}

/// A reload under way: what changed, or why nothing did.
pub type Reloading = Pin<Box<dyn Future<Output = Result<String, RefusedReload>> + Send>>;

/// Why a file is not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedReload {
    /// In words.
    pub reason: String,
    /// All that is wrong with the text, if that is why.
    pub faults: Vec<ConfigFault>,
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface").field("version", &self.version).finish_non_exhaustive()
    }
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile").field("path", &self.path).finish_non_exhaustive()
    }
}
