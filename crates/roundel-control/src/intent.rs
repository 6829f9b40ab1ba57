//! What operators decide while Roundel runs: the door through which they do, and where it is kept.
//!
//! An operator's changes are an [`Overlay`] over the configuration file, which is theirs alone to
//! write. Each change is checked, written to the [`StateFile`] and only then put in force, so what
//! was answered with success survives a restart, and what could not be written did not happen.
//! Changes take turns.
//!
//! An endpoint that is removed *leaves*: the file says at once that it is gone, so a restart does not
//! bring it back, while the overlay in force keeps it as draining until nothing is in flight there.
//!
//! Apps are told what to do by themselves (see [`crate::apps`]); here is kept how many instances an
//! operator wanted and which were stopped, so that a restart of Roundel brings neither back.
//!
//! Knows nothing of who may change what, or of how it is asked for.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roundel_config::Config;
use roundel_config::model::{EndpointConfig, EndpointSource};
use roundel_core::address::AddressError;
use roundel_core::endpoint::AdminState;
use roundel_core::name::{Name, NameError};

use crate::apps::{AppError, Operation};
use crate::compose::Overlay;
use crate::control::{Control, Stopped};

mod apps;
mod edit;
mod file;
mod text;

pub use edit::{EndpointChange, NewEndpoint, Override};
pub use file::{Opened, StateFile};
pub use text::OverlayError;

/// How often it is looked whether an endpoint that leaves has finished.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Decisions kept at most, of all pools together: more than anybody makes by hand.
const DECISIONS_MAX: usize = 10_000;

/// Why a decision is not taken. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum IntentError {
    /// The pool is not known.
    #[error("there is no pool called {0:?}")]
    NoPool(String),
    /// The endpoint is not known.
    #[error("pool {pool:?} has no endpoint called {endpoint:?}")]
    NoEndpoint {
        /// The pool.
        pool: String,
        /// The endpoint.
        endpoint: String,
    },
    /// The weight is out of range.
    #[error("weight {0} is out of range (limit 1 to 1000)")]
    Weight(u32),
    /// The name is none.
    #[error("name {name:?}: {fault}")]
    Name {
        /// The text.
        name: String,
        /// What is wrong with it.
        fault: NameError,
    },
    /// The address is none.
    #[error("address: {0}")]
    Address(#[from] AddressError),
    /// Another endpoint has the name or the address.
    #[error("pool \"{pool}\" has endpoint {endpoint} ({address}) already")]
    Taken {
        /// The pool.
        pool: Name,
        /// The one that has it.
        endpoint: Name,
        /// Its address.
        address: String,
    },
    /// The endpoint is not the operator's to remove.
    #[error(
        "endpoint {endpoint} comes from {origin} and would come back: drain or disable it instead"
    )]
    Provided {
        /// The endpoint.
        endpoint: Name,
        /// Who has it.
        origin: EndpointSource,
    },
    /// The endpoint is being removed.
    #[error("endpoint {0} is being removed: it finishes what it has")]
    Leaving(Name),
    /// There are too many decisions.
    #[error("there are {DECISIONS_MAX} decisions already (limit {DECISIONS_MAX}): take some back")]
    Full,
    /// The state file cannot be written.
    #[error("cannot write {path}, so nothing was changed: {fault}")]
    NotSaved {
        /// The file.
        path: PathBuf,
        /// What the system says.
        fault: io::Error,
    },
    /// The app cannot do it.
    #[error(transparent)]
    App(#[from] AppError),
    /// The control plane has ended.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The operator's decisions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intent(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    control: Control,
    file: Option<StateFile>,
    turn: tokio::sync::Mutex<Decided>,
    /// A copy of what is decided, for those who look.
    shown: Mutex<Arc<Overlay>>,
}

/// What is decided, and what is still on its way out.
#[derive(Debug, Clone, Default)]
struct Decided {
    overlay: Overlay,
    leaving: BTreeMap<(Name, Name), EndpointConfig>,
}

impl Intent {
    /// Takes over from `overlay`, which is in force; `file` keeps what is decided from now on, or
    /// else memory alone does.
    pub fn new(control: Control, file: Option<StateFile>, overlay: Overlay) -> Self {
        let shown = Mutex::new(Arc::new(overlay.clone()));
        let decided = Decided { overlay, leaving: BTreeMap::new() };
        Self(Arc::new(Inner { control, file, turn: tokio::sync::Mutex::new(decided), shown }))
    }

    /// What is decided.
    pub fn overlay(&self) -> Arc<Overlay> {
        Arc::clone(&self.0.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where it is kept; `None` for in memory alone.
    pub fn path(&self) -> Option<&Path> {
        self.0.file.as_ref().map(StateFile::path)
    }

    /// Changes admin state or weight of an endpoint. Returns what was decided about it before.
    pub async fn update(
        &self,
        pool: &str,
        endpoint: &str,
        change: EndpointChange,
    ) -> Result<EndpointChange, IntentError> {
        self.change(|decided, config| decided.update(config, pool, endpoint, change)).await
    }

    /// Adds an endpoint to a pool, or takes back its removal. Returns its name.
    pub async fn add(&self, pool: &str, new: NewEndpoint) -> Result<Name, IntentError> {
        let file = self.0.control.file();
        self.change(|decided, config| decided.add(config, &file, pool, new)).await
    }

    /// Removes an endpoint: it takes nothing new from now on, and goes when it has finished.
    /// Returns what it was.
    pub async fn remove(&self, pool: &str, endpoint: &str) -> Result<EndpointConfig, IntentError> {
        let removed = self.change(|decided, config| decided.remove(config, pool, endpoint)).await?;
        self.see_off(Name::parse(pool).ok(), removed.name.clone());
        Ok(removed)
    }

    /// Decides all anew: `overlay` instead of whatever was decided before; an empty one takes
    /// everything back. Endpoints that are no longer wanted finish what they have. Returns what was
    /// decided before.
    pub async fn replace(&self, overlay: Overlay) -> Result<Overlay, IntentError> {
        let replace = |decided: &mut Decided, config: &Config| {
            let before = decided.replace(config, overlay);
            Ok((before, decided.leaving.keys().cloned().collect::<Vec<_>>()))
        };
        let (before, leaving) = self.change(replace).await?;
        for (pool, endpoint) in leaving {
            self.see_off(Some(pool), endpoint);
        }
        self.0.control.follow_overlay().await?;
        Ok(before)
    }

    /// Changes how many instances an app should have, within its bounds.
    pub async fn scale_app(&self, app: &str, instances: u32) -> Result<(), IntentError> {
        let file = self.0.control.file();
        self.change(|decided, _| decided.scale(&file, app, instances)).await?;
        let reason = "an operator chose the number";
        let scaled = self.0.control.set_wanted(app, instances, reason).await;
        self.keep_up_with(app).await;
        Ok(scaled?)
    }

    /// Does something to one instance of an app; see [`Control::operate_instance`].
    pub async fn operate_instance(
        &self,
        app: &str,
        instance: &str,
        operation: Operation,
    ) -> Result<(), IntentError> {
        let apps = self.0.control.apps();
        self.change(|decided, _| decided.operate(&apps, app, instance, operation)).await?;
        let operated = self.0.control.operate_instance(app, instance, operation).await;
        self.keep_up_with(app).await;
        Ok(operated?)
    }

    /// Keeps what the app made of a decision: others may have decided at the same time, and fewer
    /// instances may be without one that was stopped.
    async fn keep_up_with(&self, app: &str) {
        let (file, apps) = (self.0.control.file(), self.0.control.apps());
        let kept = self.change(|decided, _| {
            decided.follow_app(&file, &apps, app);
            Ok(())
        });
        if let Err(error) = kept.await {
            tracing::warn!(app, %error, "the overlay lags behind what the app does");
        }
        // What the app goes back to when the decision is taken back has to be known to it. It fails
        // only when everything ends.
        let _ = self.0.control.follow_overlay().await;
    }

    /// Checks, writes, puts in force; or does nothing.
    async fn change<T>(
        &self,
        edit: impl FnOnce(&mut Decided, &Config) -> Result<T, IntentError>,
    ) -> Result<T, IntentError> {
        let mut turn = self.0.turn.lock().await;
        let mut next = turn.clone();
        let result = edit(&mut next, &self.0.control.config())?;
        next.overlay.tidy();
        if next.overlay.decisions() > DECISIONS_MAX {
            return Err(IntentError::Full);
        }
        if let Some(file) = self.0.file.clone().filter(|_| next.overlay != turn.overlay) {
            file.save(&next.overlay).await?;
        }
        self.put_in_force(&next).await?;
        *turn = next;
        Ok(result)
    }

    async fn put_in_force(&self, decided: &Decided) -> Result<(), Stopped> {
        let in_force = decided.in_force();
        self.0.control.change_overlay(move |overlay, _| *overlay = in_force).await?;
        let shown = Arc::new(decided.overlay.clone());
        *self.0.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// Lets an endpoint go when it has finished.
    fn see_off(&self, pool: Option<Name>, endpoint: Name) {
        let Some(pool) = pool else { return };
        let intent = self.clone();
        tokio::spawn(async move {
            let key = (pool, endpoint);
            while intent.is_busy(&key.0, &key.1) {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            let mut turn = intent.0.turn.lock().await;
            // It may have been wanted back meanwhile.
            if turn.leaving.remove(&key).is_some() {
                let decided = turn.clone();
                // When the control plane has ended there is nothing left to do.
                let _ = intent.put_in_force(&decided).await;
            }
        });
    }

    fn is_busy(&self, pool: &Name, endpoint: &Name) -> bool {
        let snapshot = self.0.control.snapshot();
        let pool = snapshot.pools.iter().find(|p| p.name == *pool);
        let endpoint = pool.and_then(|p| p.endpoints.iter().find(|e| e.name == *endpoint));
        endpoint.is_some_and(|e| e.shared.in_flight() > 0)
    }
}

impl Decided {
    /// The overlay with those that leave still there, draining.
    fn in_force(&self) -> Overlay {
        let mut overlay = self.overlay.clone();
        for ((pool, name), config) in &self.leaving {
            let pool = overlay.pools.entry(pool.clone()).or_default();
            pool.removed.remove(name);
            if config.source == EndpointSource::Api {
                pool.added.push(config.clone());
            }
            pool.endpoints.entry(name.clone()).or_default().admin_state =
                Some(AdminState::Draining);
        }
        overlay
    }
}

#[cfg(test)]
mod tests;
