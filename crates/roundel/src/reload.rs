//! Taking a changed configuration file.
//!
//! One reload runs at a time; requests that come meanwhile are one request for another. A file that
//! is wrong changes nothing. How the last one went is kept for the admin surface.
//!
//! An operator who saves the file and sends SIGHUP asks twice, once through the file watch. The
//! watch therefore reloads only what was not tried before; the signal always does.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use roundel_admin::{Phase, ProcessStatus, RefusedReload, Reload};
use roundel_control::Control;
use tokio::sync::{Notify, oneshot, watch};

use crate::config_file::ConfigFile;
use crate::{logging, notify, print};

/// Takes requests to reload. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Reloader(Arc<Requests>);

#[derive(Debug)]
struct Requests {
    path: PathBuf,
    any: Notify,
    is_forced: AtomicBool,
    /// Those who want to know how it went.
    waiting: Mutex<Vec<oneshot::Sender<Outcome>>>,
    /// The text in force.
    source: Mutex<String>,
}

/// What changed, or why nothing did.
type Outcome = Result<String, RefusedReload>;

impl Reloader {
    /// Starts the task that reloads `file`, which is in force.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn start(
        file: ConfigFile,
        control: Control,
        status: watch::Sender<ProcessStatus>,
    ) -> Self {
        let requests = Arc::new(Requests {
            path: file.path.clone(),
            any: Notify::new(),
            is_forced: AtomicBool::new(false),
            waiting: Mutex::default(),
            source: Mutex::new(file.text.clone()),
        });
        tokio::spawn(follow(file, control, status, Arc::clone(&requests)));
        Self(requests)
    }

    /// The file that is reloaded.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Asks for a reload, whatever the file says, and returns at once.
    pub(crate) fn request(&self) {
        self.0.is_forced.store(true, Ordering::Release);
        self.0.any.notify_one();
    }

    /// The text of the file as it is in force.
    pub(crate) fn source(&self) -> String {
        self.0.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reloads, whatever the file says, and tells how it went.
    pub(crate) async fn reload(&self) -> Outcome {
        let (done, outcome) = oneshot::channel();
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        self.0.any.notify_one();
        outcome.await.unwrap_or_else(|_| Err(refused("Roundel is stopping".to_owned())))
    }

    /// Asks for a reload if the file says something new, and returns at once.
    pub(crate) fn request_if_changed(&self) {
        self.0.any.notify_one();
    }
}

async fn follow(
    mut file: ConfigFile,
    control: Control,
    status: watch::Sender<ProcessStatus>,
    requests: Arc<Requests>,
) {
    loop {
        requests.any.notified().await;
        let waiting = || requests.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiters = std::mem::take(&mut *waiting());
        let is_forced = requests.is_forced.swap(false, Ordering::AcqRel) || !waiters.is_empty();
        if status.borrow().phase == Phase::Draining {
            // What would be bound now would never be served.
            return waiting().clear();
        }
        let now = ConfigFile::read(&requests.path).map_err(|error| print::chain(&error));
        if !is_forced && now.as_ref() == Ok(&file) {
            continue;
        }
        notify::reloading();
        let outcome = match now {
            Ok(now) => {
                file = now;
                reload(&file, &control).await
            }
            Err(reason) => {
                control.refuse_reload(reason.clone());
                Err(refused(reason))
            }
        };
        if outcome.is_ok() {
            let mut source = requests.source.lock().unwrap_or_else(PoisonError::into_inner);
            source.clone_from(&file.text);
        }
        let summary = if outcome.is_ok() { "ready" } else { "ready; the last reload was rejected" };
        let shown = outcome.clone().map_err(|refused| refused.reason);
        status.send_modify(|status| {
            status.last_reload = Some(Reload { at: SystemTime::now(), outcome: shown });
        });
        notify::ready(summary);
        for waiter in waiters {
            // Whoever asked may have gone.
            let _ = waiter.send(outcome.clone());
        }
    }
}

/// Puts the file in force. What happened is logged where it is decided: by the control plane.
async fn reload(file: &ConfigFile, control: &Control) -> Outcome {
    let loaded = file.load().map_err(|diagnostics| {
        control.refuse_reload(diagnostics.summary().join("; "));
        let faults = roundel_admin::faults(&diagnostics);
        RefusedReload { reason: diagnostics.render(false), faults }
    })?;
    logging::warn_of(&loaded.warnings);
    let report = control.reload(loaded.config).await.map_err(|error| refused(error.to_string()))?;
    if report.is_empty() {
        // No change of state, so the control plane has nothing to tell; but whoever asked waits.
        tracing::info!(changes = report.to_string(), "configuration reloaded");
    }
    if !report.needs_restart.is_empty() {
        let keys = report.needs_restart.join(", ");
        tracing::warn!(keys, "these changed, but take effect only at a restart");
    }
    Ok(report.to_string())
}

fn refused(reason: String) -> RefusedReload {
    RefusedReload { reason, faults: Vec::new() }
}
