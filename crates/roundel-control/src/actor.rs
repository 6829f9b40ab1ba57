//! The one task that owns the model and the sources it is fed from: takes messages, runs what is
//! due, publishes.
//!
//! Each turn takes everything that has arrived and makes at most one snapshot of it, so a thousand
//! endpoints that fail at once cost a few publications. Work that waits for the world (a probe, a
//! look-up) runs in tasks of its own whose number is bounded by the number of endpoints, and by
//! permits for those that run at once.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use roundel_config::model::{Config, EndpointSource};
use roundel_core::endpoint::EndpointId;
use roundel_core::health::ProbeOutcome;
use roundel_core::listener::Listener;
use roundel_core::outlier::Moment;
use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::Registry;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::apps;
use crate::bind::Bindings;
use crate::compose::{Composed, Overlay, PassedOver, Provided, Sources};
use crate::control::{Prepared, ProbeReport, ReloadError, Shared};
use crate::event::Change;
use crate::model::Model;
use crate::probe::{ProbeTarget, probe};
use crate::report::{Changed, ReloadReport};
use crate::resolve::{HostPort, LOOKUPS_MAX, Resolution, Resolutions, lookup};

/// Probes at once; more wait, which shows as late probes, not as a burst of connections.
const PROBES_MAX: usize = 64;
/// Timers are served this coarsely, so that many endpoints share a turn.
const TURN_MIN: Duration = Duration::from_millis(5);
/// Messages of one kind taken in one turn.
const BATCH_MAX: usize = 1024;

/// What a handle asks for.
pub(crate) enum Command {
    /// Put a configuration in force.
    Reload {
        config: Box<Config>,
        resolutions: Resolutions,
        reply: oneshot::Sender<Result<ReloadReport, ReloadError>>,
    },
    /// Take in what a provider has, instead of what it had before.
    Provide { source: EndpointSource, provided: Vec<Provided>, reply: oneshot::Sender<()> },
    /// Change the operator's decisions; the change answers for itself.
    ChangeOverlay(OverlayChange),
    /// Answer.
    Answer(oneshot::Sender<()>),
    /// Stop.
    Stop(oneshot::Sender<()>),
}

/// Changes the overlay, knowing the configuration in force.
pub(crate) type OverlayChange = Box<dyn FnOnce(&mut Overlay, &Config) + Send>;

/// What a task found.
enum Finding {
    Probe { id: EndpointId, target: ProbeTarget, outcome: ProbeOutcome, took: Duration },
    Lookup { id: EndpointId, answer: Resolution, took: Duration },
}

/// The task's state.
pub(crate) struct Actor {
    model: Model,
    sources: Sources,
    /// What had no effect at the last composition: told once, not at every change.
    passed_over: Vec<PassedOver>,
    bindings: Bindings,
    registry: Arc<Registry>,
    shared: Arc<Shared>,
    publish: Box<dyn Fn(Arc<Snapshot>) + Send + Sync>,
    start: Instant,
    tasks: JoinSet<Finding>,
    probe_permits: Arc<Semaphore>,
    lookup_permits: Arc<Semaphore>,
}

impl Actor {
    pub(crate) fn new(
        prepared: Prepared,
        shared: Arc<Shared>,
        publish: Box<dyn Fn(Arc<Snapshot>) + Send + Sync>,
    ) -> Self {
        let Prepared { model, sources, bindings, registry } = prepared;
        Self {
            model,
            sources,
            passed_over: Vec::new(),
            bindings,
            registry,
            shared,
            publish,
            start: Instant::now(),
            tasks: JoinSet::new(),
            probe_permits: Arc::new(Semaphore::new(PROBES_MAX)),
            lookup_permits: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }

    /// Runs until it is told to stop, or nobody is left who could tell it. Tasks end with it.
    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut signals: mpsc::Receiver<Signal>,
    ) {
        let mut has_workers = true;
        self.tell_passed_over(self.sources.compose().passed_over);
        loop {
            self.turn();
            let wake = (self.start + self.model.next_wake().0).max(Instant::now() + TURN_MIN);
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Reload { config, resolutions, reply }) => {
                        let result = self.reload(*config, &resolutions);
                        // A caller that has gone does not undo what it asked for.
                        let _ = reply.send(result);
                    }
                    Some(Command::Provide { source, provided, reply }) => {
                        self.provide(source, provided);
                        let _ = reply.send(());
                    }
                    Some(Command::ChangeOverlay(change)) => self.change_overlay(change),
                    Some(Command::Answer(reply)) => {
                        // An error means that nobody waits any more.
                        let _ = reply.send(());
                    }
                    Some(Command::Stop(stopped)) => {
                        drop(self);
                        let _ = stopped.send(());
                        return;
                    }
                    None => return,
                },
                signal = signals.recv(), if has_workers => match signal {
                    Some(signal) => self.take_signals(&signal, &mut signals),
                    None => has_workers = false,
                },
                Some(finding) = self.tasks.join_next() => self.take_findings(finding.ok()),
                () = sleep_until(wake) => {}
            }
        }
    }

    fn now(&self) -> Moment {
        Moment(self.start.elapsed())
    }

    /// Does what is due and tells everybody what came of it and of what was taken in before.
    fn turn(&mut self) {
        let now = self.now();
        self.model.tick(now);
        for (id, target) in self.model.due_probes(now) {
            self.spawn_probe(id, target);
        }
        for (id, name) in self.model.due_lookups(now) {
            self.spawn_lookup(id, name);
        }
        self.publish(now);
    }

    fn publish(&mut self, now: Moment) {
        if let Some(snapshot) = self.model.publish(now) {
            let ejections = self
                .model
                .ejections()
                .map(|(id, until)| (id, SystemTime::now() + until.since(now)));
            let ejections = ejections.collect();
            // Workers first: what is shown is in force for every request that comes after.
            (self.publish)(Arc::clone(&snapshot));
            let mut view = self.shared.view();
            (view.snapshot, view.ejections) = (snapshot, ejections);
        }
        for change in self.model.take_changes() {
            self.shared.tell(change);
        }
    }

    fn take_signals(&mut self, first: &Signal, more: &mut mpsc::Receiver<Signal>) {
        let now = self.now();
        self.take_signal(first, now);
        for _ in 1..BATCH_MAX {
            let Ok(signal) = more.try_recv() else { break };
            self.take_signal(&signal, now);
        }
    }

    fn take_signal(&mut self, signal: &Signal, now: Moment) {
        if let Signal::Demand(_) = signal {
            self.shared.demand.notify_one();
        }
        self.model.signalled(signal, now);
    }

    fn take_findings(&mut self, first: Option<Finding>) {
        let now = self.now();
        let mut next = first;
        for _ in 0..BATCH_MAX {
            match next {
                Some(Finding::Probe { id, target, outcome, took }) => {
                    self.report_probe(id, &outcome, took);
                    self.model.probed(id, &target, &outcome, now);
                }
                Some(Finding::Lookup { id, answer, took }) => {
                    let was_nowhere = self.model.is_nowhere(id);
                    self.model.resolved(id, &answer, now);
                    if was_nowhere {
                        self.report_lookup(id, &answer, took);
                    }
                }
                None => {}
            }
            match self.tasks.try_join_next() {
                Some(finding) => next = finding.ok(),
                None => break,
            }
        }
    }

    fn report_probe(&self, id: EndpointId, outcome: &ProbeOutcome, took: Duration) {
        let failure = match outcome {
            ProbeOutcome::Success { .. } => None,
            ProbeOutcome::Failure(failure) => Some(failure.to_string()),
        };
        self.report(id, took, failure);
    }

    /// Where no address was known, nothing could be probed, and the look-up says why; once it has
    /// succeeded, probes do.
    fn report_lookup(&self, id: EndpointId, answer: &Resolution, took: Duration) {
        match answer {
            Ok(_) => {
                self.shared.view().probes.remove(&id);
            }
            Err(reason) => {
                self.report(id, took, Some(format!("host name does not resolve: {reason}")));
            }
        }
    }

    fn report(&self, id: EndpointId, took: Duration, failure: Option<String>) {
        let Some((pool, endpoint)) = self.model.names(id) else { return };
        let report = ProbeReport { id, pool, endpoint, at: SystemTime::now(), took, failure };
        self.shared.view().probes.insert(id, report);
    }

    fn spawn_probe(&mut self, id: EndpointId, target: ProbeTarget) {
        let permits = Arc::clone(&self.probe_permits);
        self.tasks.spawn(async move {
            // Never closed, so there is always a permit in the end.
            let _permit = permits.acquire().await;
            let (outcome, took) = probe(&target.check, &target.address, &target.authority).await;
            Finding::Probe { id, target, outcome, took }
        });
    }

    fn spawn_lookup(&mut self, id: EndpointId, name: HostPort) {
        let permits = Arc::clone(&self.lookup_permits);
        self.tasks.spawn(async move {
            let _permit = permits.acquire().await;
            let start = Instant::now();
            let answer = lookup(&name).await;
            Finding::Lookup { id, answer, took: start.elapsed() }
        });
    }

    fn reload(
        &mut self,
        file: Config,
        resolutions: &Resolutions,
    ) -> Result<ReloadReport, ReloadError> {
        let report = ReloadReport::between(&self.sources.file, &file);
        if self.sources.file == file {
            return Ok(report);
        }
        let refused = |error: &dyn std::fmt::Display| {
            self.shared.tell(Change::ReloadFailed { reason: error.to_string() });
        };
        apps::check(&file).inspect_err(|error| refused(error))?;
        let listeners = self.bindings.bind(&file.listeners).inspect_err(|error| refused(error))?;
        self.shared.view().file = Arc::new(file.clone());
        // Instances whose pool is removed end in a moment; until then they are no endpoints.
        if let Some(provided) = self.sources.provided.get_mut(&EndpointSource::App) {
            provided.retain(|fed| file.pools.iter().any(|pool| pool.name == fed.pool));
        }
        self.sources.file = file;
        self.put_in_force(&listeners, resolutions);
        self.shared.tell(Change::Reloaded(Box::new(report.clone())));
        Ok(report)
    }

    fn provide(&mut self, source: EndpointSource, provided: Vec<Provided>) {
        if self.sources.provided.get(&source) == Some(&provided) {
            return;
        }
        self.sources.provided.insert(source, provided);
        self.recompose(source);
    }

    fn change_overlay(&mut self, change: OverlayChange) {
        let before = self.sources.overlay.clone();
        change(&mut self.sources.overlay, self.model.config());
        if self.sources.overlay != before {
            self.shared.view().overlay = Arc::new(self.sources.overlay.clone());
            self.recompose(EndpointSource::Api);
        }
    }

    /// Puts in force what follows from the sources after one of them changed its endpoints.
    fn recompose(&mut self, source: EndpointSource) {
        let before = Arc::clone(self.model.config());
        let listeners = self.model.snapshot().listeners.clone();
        self.put_in_force(&listeners, &Resolutions::default());
        let changed = ReloadReport::between(&before, self.model.config()).endpoints;
        if changed != Changed::default() {
            self.shared.tell(Change::Endpoints { source, changed });
        }
    }

    fn put_in_force(&mut self, listeners: &[Arc<Listener>], resolutions: &Resolutions) {
        let Composed { config, passed_over } = self.sources.compose();
        let now = self.now();
        let config = Arc::new(config);
        self.model.apply(Arc::clone(&config), listeners, resolutions, now);
        self.shared.view().config = config;
        self.publish(now);
        let snapshot = Arc::clone(self.model.snapshot());
        self.registry.retain(&roundel_telemetry::View::of(&snapshot));
        self.shared.view().probes.retain(|id, _| self.model.names(*id).is_some());
        self.tell_passed_over(passed_over);
    }

    fn tell_passed_over(&mut self, passed_over: Vec<PassedOver>) {
        for new in passed_over.iter().filter(|new| !self.passed_over.contains(new)) {
            self.shared.tell(Change::PassedOver(new.clone()));
        }
        self.passed_over = passed_over;
    }
}
