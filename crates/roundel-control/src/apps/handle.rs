//! What others may ask of apps.

use std::sync::Arc;

use roundel_supervisor::OutputTail;
use tokio::sync::oneshot;

use super::task::{AppCommand, Scope};
use super::view::AppView;
use crate::Control;
use crate::control::Stopped;

/// What can be done to an app, or to one instance of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Starts what is stopped, failed or pausing.
    Start,
    /// Drains and ends, until somebody starts it.
    Stop,
    /// Ends violently (SIGKILL), as a failure would; what follows is what follows a failure.
    Kill,
    /// Replaces: an instance by drain, end and start; an app one instance at a time.
    Restart,
}

/// Why an operation on an app is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// There is no such app.
    #[error("there is no app \"{0}\"")]
    NoApp(String),
    /// The app has no such instance.
    #[error("app \"{app}\" has no instance \"{instance}\"")]
    NoInstance {
        /// The app.
        app: String,
        /// The instance's name.
        instance: String,
    },
    /// The app cannot have so many instances.
    #[error("app \"{app}\": {wanted} instances are outside {min} to {max}")]
    OutOfBounds {
        /// The app.
        app: String,
        /// What was asked for.
        wanted: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// The control plane was told to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Control {
    /// All apps, in the order of the file; those that were removed from it last, until nothing of
    /// them runs.
    pub fn apps(&self) -> Arc<Vec<AppView>> {
        Arc::clone(&self.shared.view().apps)
    }

    /// Does something to every instance of an app. Returns when it is begun, not when it is done.
    pub async fn operate_app(&self, app: &str, operation: Operation) -> Result<(), AppError> {
        self.ask(app, Scope::App(operation)).await
    }

    /// Does something to one instance of an app. Returns when it is begun, not when it is done; what
    /// is so already is no error.
    pub async fn operate_instance(
        &self,
        app: &str,
        instance: &str,
        operation: Operation,
    ) -> Result<(), AppError> {
        self.ask(app, Scope::Instance(instance.to_owned(), operation)).await
    }

    /// Changes how many instances an app should have, within its bounds. `reason` is told to
    /// whoever watches. Surplus instances are drained first.
    pub async fn set_wanted(&self, app: &str, wanted: u32, reason: &str) -> Result<(), AppError> {
        self.ask(app, Scope::Scale(wanted, Some(reason.to_owned()))).await
    }

    /// Has apps do what the overlay in force says. Returns when it is begun.
    pub(crate) async fn follow_overlay(&self) -> Result<(), AppError> {
        let (reply, answer) = oneshot::channel();
        self.apps.send(AppCommand::Follow { reply }).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)?
    }

    /// What an instance wrote, over all its processes.
    pub fn instance_output(&self, app: &str, instance: &str) -> Result<OutputTail, AppError> {
        let apps = self.apps();
        let found = apps.iter().find(|found| found.name.as_str() == app);
        let found = found.ok_or_else(|| AppError::NoApp(app.to_owned()))?;
        let instances = found.instances.iter().filter(|i| i.name.as_str() == instance);
        let newest = instances.max_by_key(|instance| instance.started_at);
        newest.map(|instance| instance.output.clone()).ok_or_else(|| AppError::NoInstance {
            app: app.to_owned(),
            instance: instance.to_owned(),
        })
    }

    /// Ends all instances, each within its grace, and starts none any more. Returns when nothing of
    /// them runs. Exchanges under way are not waited for: drain workers first.
    pub async fn stop_apps(&self) {
        self.end_apps(AppCommand::Stop).await;
    }

    /// The same without any grace.
    pub async fn kill_apps(&self) {
        self.end_apps(AppCommand::Kill).await;
    }

    async fn end_apps(&self, command: impl FnOnce(oneshot::Sender<()>) -> AppCommand) {
        let (reply, over) = oneshot::channel();
        if self.apps.send(command(reply)).await.is_ok() {
            // An error means that the task has ended, and all processes with it.
            let _ = over.await;
        }
    }

    async fn ask(&self, app: &str, scope: Scope) -> Result<(), AppError> {
        let (reply, answer) = oneshot::channel();
        let command = AppCommand::Operate { app: app.to_owned(), scope, reply };
        self.apps.send(command).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)?
    }
}
