//! Taking a changed configuration file.
//!
//! One reload runs at a time; requests that come meanwhile are one request for another. A file that
//! is wrong changes nothing. How the last one went is kept for the admin surface.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use roundel_admin::{ProcessStatus, Reload};
use roundel_control::Control;
use tokio::sync::{Notify, watch};

use crate::{check, notify};

/// Takes requests to reload. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Reloader(Arc<Notify>);

impl Reloader {
    /// Starts the task that reloads `file`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn start(
        file: &Path,
        control: Control,
        status: watch::Sender<ProcessStatus>,
    ) -> Self {
        let requests = Arc::new(Notify::new());
        tokio::spawn(follow(file.to_owned(), control, status, Arc::clone(&requests)));
        Self(requests)
    }

    /// Asks for a reload and returns at once.
    pub(crate) fn request(&self) {
        self.0.notify_one();
    }
}

async fn follow(
    file: PathBuf,
    control: Control,
    status: watch::Sender<ProcessStatus>,
    requests: Arc<Notify>,
) {
    loop {
        requests.notified().await;
        notify::reloading();
        let outcome = reload(&file, &control).await;
        let summary = if outcome.is_ok() { "ready" } else { "ready; the last reload was rejected" };
        let reload = Reload { at: SystemTime::now(), outcome };
        status.send_modify(|status| status.last_reload = Some(reload));
        notify::ready(summary);
    }
}

/// Puts the file in force. What happened is logged where it is decided: by the control plane.
async fn reload(file: &Path, control: &Control) -> Result<String, String> {
    let loaded = match check::read(file) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(diagnostics)) => {
            control.refuse_reload(diagnostics.summary().join("; "));
            return Err(diagnostics.render(false));
        }
        Err(error) => {
            let reason = format!("{error:#}");
            control.refuse_reload(reason.clone());
            return Err(reason);
        }
    };
    for warning in loaded.warnings.summary() {
        tracing::warn!("{warning}");
    }
    let report = control.reload(loaded.config).await.map_err(|error| error.to_string())?;
    if !report.needs_restart.is_empty() {
        let keys = report.needs_restart.join(", ");
        tracing::warn!(keys, "these changed, but take effect only at a restart");
    }
    Ok(report.to_string())
}
