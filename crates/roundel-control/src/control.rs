//! The door to the control plane: [`prepare`] → [`Prepared::run`] → [`Control`].

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use roundel_config::model::{Config, EndpointSource};
use roundel_core::endpoint::EndpointId;
use roundel_core::name::Name;
use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::Registry;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};

use crate::actor::{Actor, Command, OverlayChange};
use crate::apps::{self, AppCommand, AppTask, AppView, UserError};
use crate::autoscaler::{AutoscaleTask, ScalingDecisions};
use crate::bind::{BindError, Bindings};
use crate::compose::{Overlay, Provided, Sources};
use crate::event::{Change, Event};
use crate::model::Model;
use crate::report::ReloadReport;
use crate::resolve;

/// Events that a slow subscriber may fall behind before it misses some.
const EVENTS_KEPT: usize = 1024;
/// Reloads that wait for their turn; more callers wait to be let in.
const COMMANDS_WAITING: usize = 16;

/// What the control plane needs to know besides the configuration.
#[derive(Debug, Clone)]
pub struct ControlOptions {
    /// Data-plane threads; each listener gets a socket for each.
    pub workers: usize,
    /// Counters; those of endpoints that a reload removes are forgotten.
    pub registry: Arc<Registry>,
    /// What the operator decided before the process started.
    pub overlay: Overlay,
}

/// Why the control plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An app cannot run as the user it is to run as.
    #[error(transparent)]
    User(#[from] UserError),
}

/// Why a configuration is not put in force. The old one stays, untouched.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An app cannot run as the user it is to run as.
    #[error(transparent)]
    User(#[from] UserError),
    /// The control plane was told to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The control plane was told to stop: nothing can be changed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Roundel is stopping")]
pub struct Stopped;

/// A control plane whose listeners are bound and whose first snapshot is made.
pub struct Prepared {
    pub(crate) model: Model,
    pub(crate) sources: Sources,
    pub(crate) bindings: Bindings,
    pub(crate) registry: Arc<Registry>,
}

/// Binds listeners and builds the first snapshot; nothing runs yet. Host names are looked up, which
/// may take a few seconds when the resolver does not answer; an endpoint whose name does not
/// resolve is unhealthy until it does.
pub fn prepare(config: Config, options: ControlOptions) -> Result<Prepared, StartError> {
    apps::check(&config)?;
    let mut bindings = Bindings::new(options.workers);
    let listeners = bindings.bind(&config.listeners)?;
    let sources = Sources { overlay: options.overlay, ..Sources::of(config) };
    let config = sources.compose().config;
    let resolutions = resolve::lookup_all_blocking(&config);
    let model = Model::new(config, listeners, &resolutions, fastrand::u64(..));
    Ok(Prepared { model, sources, bindings, registry: options.registry })
}

impl Prepared {
    /// The first snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(self.model.snapshot())
    }

    /// Starts probes, outlier detection, name resolution and apps, on the runtime it is called from.
    /// `publish` is called with each snapshot after the first and must not block; `signals` brings
    /// what workers noticed.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn run(
        self,
        publish: Box<dyn Fn(Arc<Snapshot>) + Send + Sync>,
        signals: mpsc::Receiver<Signal>,
    ) -> Control {
        let (events, early) = broadcast::channel(EVENTS_KEPT);
        let shared = Arc::new(Shared {
            view: Mutex::new(View {
                snapshot: self.snapshot(),
                config: Arc::clone(self.model.config()),
                file: Arc::new(self.sources.file.clone()),
                overlay: Arc::new(self.sources.overlay.clone()),
                probes: BTreeMap::new(),
                ejections: HashMap::new(),
                apps: Arc::default(),
                decisions: BTreeMap::new(),
                lost: Vec::new(),
            }),
            demand: Notify::new(),
            events,
            early: Mutex::new(Some(early)),
        });
        let (commands, receiver) = mpsc::channel(COMMANDS_WAITING);
        let registry = Arc::clone(&self.registry);
        let actor = Actor::new(self, Arc::clone(&shared), publish);
        tokio::spawn(actor.run(receiver, signals));
        let (apps, app_commands) = mpsc::channel(COMMANDS_WAITING);
        let events = shared.events.subscribe();
        let task = AppTask::new(Arc::clone(&shared), commands.downgrade());
        tokio::spawn(task.run(app_commands, events));
        let autoscaler = AutoscaleTask::new(Arc::clone(&shared), registry, apps.downgrade());
        tokio::spawn(autoscaler.run());
        Control { shared, commands, apps }
    }
}

/// A handle to the running control plane. Cheap to clone; the control plane stops when the last
/// one is dropped.
#[derive(Clone)]
pub struct Control {
    pub(crate) shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    pub(crate) apps: mpsc::Sender<AppCommand>,
}

impl Control {
    /// The last snapshot that was published.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.view().snapshot)
    }

    /// The configuration in force: what follows from the file, providers and the operator's
    /// decisions.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.shared.view().config)
    }

    /// The configuration of the file alone, as last loaded.
    pub fn file(&self) -> Arc<Config> {
        Arc::clone(&self.shared.view().file)
    }

    /// What the operator decided at run time.
    pub fn overlay(&self) -> Arc<Overlay> {
        Arc::clone(&self.shared.view().overlay)
    }

    /// The last probe of each endpoint that was probed.
    pub fn probes(&self) -> Vec<ProbeReport> {
        self.shared.view().probes.values().cloned().collect()
    }

    /// The providers that cannot be asked; their endpoints stay as last known.
    pub fn lost_providers(&self) -> Vec<LostProvider> {
        self.shared.view().lost.clone()
    }

    /// The endpoints that outlier detection keeps out, and until when.
    pub fn ejections(&self) -> HashMap<EndpointId, SystemTime> {
        self.shared.view().ejections.clone()
    }

    /// What the autoscaler decided about an app lately. Nothing about an app that has none.
    pub fn scaling_decisions(&self, app: &Name) -> ScalingDecisions {
        self.shared.view().decisions.get(app).cloned().unwrap_or_default()
    }

    /// Changes of state since the start, for the one who keeps a journal of them; whoever asks later
    /// gets those from then on, as by [`Control::subscribe`]. The first changes come before anybody
    /// can subscribe, since probes do not wait for listeners.
    pub fn subscribe_from_start(&self) -> broadcast::Receiver<Event> {
        let early = self.shared.early.lock().unwrap_or_else(PoisonError::into_inner).take();
        early.unwrap_or_else(|| self.subscribe())
    }

    /// Changes of state from now on. A subscriber that falls behind by more than a thousand misses
    /// the oldest, and is told so.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// Puts `config` in force: new listeners are bound first, so that a failure changes nothing. On
    /// return the new snapshot is published. A reload that was begun is finished even if the caller
    /// stops waiting.
    pub async fn reload(&self, config: Config) -> Result<ReloadReport, ReloadError> {
        let is_new = *self.file() != config;
        let resolutions = if is_new { resolve::lookup_all(&config).await } else { HashMap::new() };
        let (reply, answer) = oneshot::channel();
        let command = Command::Reload { config: Box::new(config), resolutions, reply };
        self.commands.send(command).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)?
    }

    /// Takes in what a provider has, instead of all it had before. On return the new snapshot is
    /// published. What cannot be taken in is told as [`Change::PassedOver`].
    ///
    /// An endpoint that leaves the list is sent nothing more, and what runs there is finished; one
    /// that its provider is about to end stays listed as draining until nothing is in flight.
    pub async fn provide(
        &self,
        source: EndpointSource,
        provided: Vec<Provided>,
    ) -> Result<(), Stopped> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Provide { source, provided, reply };
        self.commands.send(command).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    /// Changes the operator's decisions by `change`, which gets them and the configuration in
    /// force, and must not block; its result comes back when the new snapshot is published.
    /// Changes take their turn, so none is lost between reading and writing.
    pub async fn change_overlay<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Overlay, &Config) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        let change: OverlayChange = Box::new(move |overlay, config| {
            // A caller that has gone does not undo what it asked for.
            let _ = reply.send(change(overlay, config));
        });
        self.commands.send(Command::ChangeOverlay(change)).await.map_err(|_| Stopped)?;
        let result = answer.await.map_err(|_| Stopped)?;
        // The change answers before it is put in force; the next command's turn comes after.
        self.answer().await;
        Ok(result)
    }

    /// Tells subscribers and the log what a provider found.
    pub(crate) fn tell(&self, change: Change) {
        self.shared.tell(change);
    }

    /// Notes whether a provider can be asked, and why not.
    pub(crate) fn note_provider(&self, source: EndpointSource, fault: Option<String>) {
        let mut view = self.shared.view();
        match (fault, view.lost.iter_mut().find(|lost| lost.source == source)) {
            (Some(reason), Some(lost)) => lost.reason = reason,
            (Some(reason), None) => {
                view.lost.push(LostProvider { source, since: SystemTime::now(), reason });
            }
            (None, _) => view.lost.retain(|lost| lost.source != source),
        }
    }

    /// Tells subscribers and the log that a configuration was refused before it came here, as when
    /// the file has an error.
    pub fn refuse_reload(&self, reason: String) {
        self.shared.tell(Change::ReloadFailed { reason });
    }

    /// Waits until the control plane has taken note: proof that it is not stuck. Returns at once
    /// when it has stopped.
    pub async fn answer(&self) {
        let (reply, answered) = oneshot::channel();
        if self.commands.send(Command::Answer(reply)).await.is_ok() {
            // An error means that it has stopped meanwhile.
            let _ = answered.await;
        }
    }

    /// Waits until the control plane has ended: because it was told to, or by a bug.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Stops probes and timers. The last snapshot stays valid.
    pub async fn shutdown(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop(reply)).await.is_ok() {
            // An error means that it had stopped already.
            let _ = stopped.await;
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("generation", &self.snapshot().generation)
            .finish_non_exhaustive()
    }
}

/// An endpoint's last probe, or last look-up as long as its host name never stood for anything.
#[derive(Debug, Clone)]
pub struct ProbeReport {
    /// The endpoint.
    pub id: EndpointId,
    /// Its pool.
    pub pool: Name,
    /// Its name.
    pub endpoint: Name,
    /// When the probe ended.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// Why it failed; `None` when it went well.
    pub failure: Option<String>,
}

/// A provider that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostProvider {
    /// Which.
    pub source: EndpointSource,
    /// Since when.
    pub since: SystemTime,
    /// Why, as of the last try.
    pub reason: String,
}

/// What handles and the actor share.
#[derive(Debug)]
pub(crate) struct Shared {
    view: Mutex<View>,
    events: broadcast::Sender<Event>,
    /// Has heard everything since the start, until somebody takes it.
    early: Mutex<Option<broadcast::Receiver<Event>>>,
    /// Somebody waits for an endpoint that is to be started.
    pub(crate) demand: Notify,
}

/// What handles see. Written by the actor, except where a field says otherwise.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) config: Arc<Config>,
    pub(crate) file: Arc<Config>,
    pub(crate) overlay: Arc<Overlay>,
    pub(crate) probes: BTreeMap<EndpointId, ProbeReport>,
    pub(crate) ejections: HashMap<EndpointId, SystemTime>,
    /// Written by the task of the apps, which owns what it shows.
    pub(crate) apps: Arc<Vec<AppView>>,
    /// Written by the autoscaler.
    pub(crate) decisions: BTreeMap<Name, ScalingDecisions>,
    /// Written by the providers; at most one for each.
    pub(crate) lost: Vec<LostProvider>,
}

impl Shared {
    /// The view; held only to copy something in or out.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a change and tells subscribers.
    pub(crate) fn tell(&self, change: Change) {
        change.log();
        let generation = self.view().snapshot.generation;
        // Fails when nobody listens.
        let _ = self.events.send(Event { at: SystemTime::now(), generation, change });
    }
}

#[cfg(test)]
mod tests;
