//! The one task that owns all apps: carries out what their models decide.
//!
//! Each turn first tells the balancer which endpoints there are now, and only then signals or starts
//! processes: an instance takes nothing new before it is told to end. What a process does (answers,
//! ends) is found out by small tasks of their own, at most two for each process.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use roundel_config::model::{AppConfig, EndpointSource, Listen};
use roundel_core::endpoint::Health;
use roundel_core::name::Name;
use roundel_core::outlier::Moment;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::gate::{Place, until_ready};
use super::handle::{AppError, Operation};
use super::instance::{Action, RunId, Spawn};
use super::managed::Managed;
use super::model::OutOfBounds;
use super::run;
use super::usage::{Sample, sample};
use crate::actor::Command;
use crate::compose::Provided;
use crate::control::Shared;
use crate::event::{Change, Event};

/// What processes use is looked at so often.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Timers are served this coarsely.
const TURN_MIN: Duration = Duration::from_millis(5);
/// The kernel is asked so often for a port that no instance has.
const PORT_TRIES: u32 = 64;

/// What a handle asks for.
pub(crate) enum AppCommand {
    /// Do something to an app.
    Operate { app: String, scope: Scope, reply: oneshot::Sender<Result<(), AppError>> },
    /// Do what the configuration and the overlay in force say.
    Follow { reply: oneshot::Sender<Result<(), AppError>> },
    /// End everything, with grace, and answer when it has ended.
    Stop(oneshot::Sender<()>),
    /// The same without grace.
    Kill(oneshot::Sender<()>),
}

/// What is to be done to what.
pub(crate) enum Scope {
    /// To every instance.
    App(Operation),
    /// To the instance of that name.
    Instance(String, Operation),
    /// To their number, and why, unless that was told already.
    Scale(u32, Option<String>),
}

/// What a task of its own found out.
pub(super) enum Finding {
    /// A process was started, or why not.
    Started { app: Name, run: RunId, result: Result<roundel_supervisor::Process, String> },
    /// It answers.
    Answered { app: Name, run: RunId, shared: Arc<roundel_core::endpoint::EndpointShared> },
    /// It has ended.
    Exited { app: Name, run: RunId, status: String },
    /// What process groups use.
    Sampled(Sample),
}

/// What came of an operation.
type Outcome = Result<(), AppError>;

/// The task's state.
pub(crate) struct AppTask {
    apps: Vec<Managed>,
    shared: Arc<Shared>,
    /// Weak, so that apps alone do not keep the control plane going.
    control: mpsc::WeakSender<Command>,
    start: Instant,
    started_at: SystemTime,
    tasks: JoinSet<Finding>,
    provided: Vec<Provided>,
    next_sample: Instant,
    is_sampling: bool,
    /// Operations done whose callers hear of them when the views show what came of it.
    answers: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    /// Whoever waits for the end of everything.
    stopping: Vec<oneshot::Sender<()>>,
    is_stopping: bool,
}

impl AppTask {
    pub(crate) fn new(shared: Arc<Shared>, control: mpsc::WeakSender<Command>) -> Self {
        let start = Instant::now();
        Self {
            apps: Vec::new(),
            shared,
            control,
            start,
            started_at: SystemTime::now(),
            tasks: JoinSet::new(),
            provided: Vec::new(),
            next_sample: start + SAMPLE_INTERVAL,
            is_sampling: false,
            answers: Vec::new(),
            stopping: Vec::new(),
            is_stopping: false,
        }
    }

    /// Runs until everything is stopped, or nobody is left who could ask for anything. Processes
    /// end with it.
    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::Receiver<AppCommand>,
        mut events: broadcast::Receiver<Event>,
    ) {
        self.take_configuration();
        loop {
            if self.turn().await.is_none() {
                return;
            }
            if self.is_stopping && self.apps.is_empty() {
                for waiting in self.stopping.drain(..) {
                    // An error means that nobody waits any more.
                    let _ = waiting.send(());
                }
            }
            let wake = self.next_wake();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                event = events.recv() => match event {
                    // After missed events, what they said is still to be seen.
                    Ok(Event { change: Change::Reloaded(_), .. })
                    | Err(broadcast::error::RecvError::Lagged(_)) => self.take_configuration(),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Some(finding) = self.tasks.join_next() => {
                    // A task that was not needed any more, or had a bug, has found nothing.
                    if let Ok(finding) = finding {
                        self.note(finding);
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    fn now(&self) -> Moment {
        Moment(self.start.elapsed())
    }

    fn next_wake(&self) -> Instant {
        let now = self.now();
        let due = self.apps.iter().filter_map(|app| app.model.next_wake(now)).min();
        let due = due.map(|moment| self.start + moment.0);
        let has_processes = self.apps.iter().any(|app| !app.runs.is_empty());
        let sample = (has_processes && !self.is_sampling).then_some(self.next_sample);
        let far = Instant::now() + Duration::from_mins(1);
        due.into_iter().chain(sample).min().unwrap_or(far).max(Instant::now() + TURN_MIN)
    }

    /// Makes the apps those of the configuration in force.
    fn take_configuration(&mut self) {
        if self.is_stopping {
            return;
        }
        let now = self.now();
        let (config, overlay) = {
            let view = self.shared.view();
            (Arc::clone(&view.config), Arc::clone(&view.overlay))
        };
        let held = |app: &Name| overlay.apps.get(app).map(|it| it.stopped.clone());
        for app in &mut self.apps {
            if !config.apps.iter().any(|config| config.name == app.model.config.name) {
                app.model.leave(now);
            }
        }
        for config in &config.apps {
            if let Some(app) = self.app(&config.name) {
                app.model.configure(config.clone(), now);
                continue;
            }
            let held = held(&config.name).unwrap_or_default();
            self.apps.push(Managed::new(config.clone(), held, fastrand::u64(..), now));
        }
        let position = |name: &Name| config.apps.iter().position(|config| config.name == *name);
        self.apps.sort_by_key(|app| position(&app.model.config.name).unwrap_or(usize::MAX));
    }

    fn obey(&mut self, command: AppCommand) {
        match command {
            AppCommand::Operate { app, scope, reply } => {
                let result = self.operate(&app, scope);
                self.answers.push((reply, result));
            }
            AppCommand::Follow { reply } => {
                self.take_configuration();
                self.hold();
                self.answers.push((reply, Ok(())));
            }
            AppCommand::Stop(reply) => self.stop(reply),
            AppCommand::Kill(reply) => {
                self.stop(reply);
                for app in &mut self.apps {
                    app.kill_all();
                }
            }
        }
    }

    /// Stops the instances that the overlay has as stopped, and no others.
    fn hold(&mut self) {
        let now = self.now();
        let overlay = Arc::clone(&self.shared.view().overlay);
        for app in self.apps.iter_mut().filter(|_| !self.is_stopping) {
            let held = overlay.apps.get(&app.model.config.name);
            app.model.hold(&held.map(|it| it.stopped.clone()).unwrap_or_default(), now);
        }
    }

    fn stop(&mut self, reply: oneshot::Sender<()>) {
        let now = self.now();
        self.is_stopping = true;
        self.stopping.push(reply);
        for app in &mut self.apps {
            app.model.end(now);
        }
    }

    fn operate(&mut self, name: &str, scope: Scope) -> Result<(), AppError> {
        let now = self.now();
        let found = self.apps.iter_mut().find(|app| app.model.config.name.as_str() == name);
        let Some(app) = found.filter(|_| !self.is_stopping) else {
            return Err(AppError::NoApp(name.to_owned()));
        };
        match scope {
            Scope::App(Operation::Restart) => app.model.restart(now),
            Scope::App(operation) => {
                let indexes: Vec<u32> = app.model.members().map(|i| i.index).collect();
                for index in indexes {
                    app.operate(index, operation, now);
                }
            }
            Scope::Instance(instance, operation) => {
                let Some(index) = app.model.by_name(&instance).map(|found| found.index) else {
                    return Err(AppError::NoInstance { app: name.to_owned(), instance });
                };
                app.operate(index, operation, now);
            }
            Scope::Scale(wanted, reason) => {
                app.model.scale(wanted, reason, now).map_err(|OutOfBounds { min, max }| {
                    AppError::OutOfBounds { app: name.to_owned(), wanted, min, max }
                })?;
            }
        }
        Ok(())
    }

    fn note(&mut self, finding: Finding) {
        let now = self.now();
        match finding {
            Finding::Started { app, run, result } => self.started(&app, run, result),
            Finding::Answered { app, run, shared } => {
                if let Some(app) = self.app(&app) {
                    app.answered(run, shared, now);
                }
            }
            Finding::Exited { app, run, status } => {
                if let Some(app) = self.app(&app) {
                    app.exited(run, &status, now);
                }
            }
            Finding::Sampled(sample) => {
                self.is_sampling = false;
                self.next_sample = Instant::now() + SAMPLE_INTERVAL;
                for app in &mut self.apps {
                    app.take_sample(&sample);
                }
            }
        }
    }

    fn app(&mut self, name: &Name) -> Option<&mut Managed> {
        self.apps.iter_mut().find(|app| app.model.config.name == *name)
    }

    fn started(
        &mut self,
        name: &Name,
        run: RunId,
        result: Result<roundel_supervisor::Process, String>,
    ) {
        let now = self.now();
        let shared = Arc::clone(&self.shared);
        let Some(app) = self.apps.iter_mut().find(|app| app.model.config.name == *name) else {
            return;
        };
        let process = match result {
            Ok(process) => process,
            Err(error) => return app.exited(run, &error, now),
        };
        let ended = process.ended();
        let (app_name, place) = (name.clone(), app.started(run, process));
        self.tasks.spawn(async move {
            let status = ended.await.to_string();
            Finding::Exited { app: app_name, run, status }
        });
        if let Some(place) = place {
            let app_name = name.clone();
            let gate = self.tasks.spawn(async move {
                let shared = until_ready(shared, place).await;
                Finding::Answered { app: app_name, run, shared }
            });
            app.watch(run, gate);
        }
    }

    /// Does what is due, tells the balancer and others, and only then acts on processes; callers are
    /// answered last, so that they find their change when they look. `None` when the control plane
    /// has gone.
    async fn turn(&mut self) -> Option<()> {
        let now = self.now();
        self.note_health(now);
        for app in &mut self.apps {
            app.tick(now);
        }
        let actions = self.decide_ports(now);
        self.provide().await?;
        for (app, action) in actions {
            self.act(&app, action);
        }
        self.start_sampling();
        for app in &mut self.apps {
            for change in app.model.take_changes() {
                self.shared.tell(change);
            }
        }
        self.apps.retain(|app| !app.is_over());
        let moment_to_time = |moment: Moment| self.started_at + moment.0;
        let views = self.apps.iter().map(|app| app.view(moment_to_time)).collect();
        self.shared.view().apps = Arc::new(views);
        for (reply, result) in self.answers.drain(..) {
            // A caller that has gone does not undo what it asked for.
            let _ = reply.send(result);
        }
        Some(())
    }

    /// Tells the apps that ask what their pools find of their instances.
    fn note_health(&mut self, now: Moment) {
        let asks = |app: &&mut Managed| app.model.config.restart.unhealthy_for.is_some();
        let snapshot = Arc::clone(&self.shared.view().snapshot);
        for app in self.apps.iter_mut().filter(asks) {
            let pool = snapshot.pools.iter().find(|pool| pool.name == app.model.config.pool);
            let endpoints = pool.into_iter().flat_map(|pool| &pool.endpoints);
            let unhealthy: HashSet<&Name> = endpoints
                .filter(|endpoint| endpoint.facts.health == Health::Unhealthy)
                .map(|endpoint| &endpoint.name)
                .collect();
            app.model.note_health(|instance| unhealthy.contains(instance), now);
        }
    }

    /// The actions of all apps, with a port that is free for each process that needs one.
    fn decide_ports(&mut self, now: Moment) -> Vec<(Name, Action)> {
        let mut reserved: HashSet<u16> = HashSet::new();
        for app in &self.apps {
            reserved.extend(app.model.instances.values().filter_map(|instance| instance.port));
        }
        let mut decided = Vec::new();
        for app in &mut self.apps {
            let name = app.model.config.name.clone();
            // A port that is taken leads to another action, so this ends when there are no more
            // ports.
            loop {
                let actions = app.model.take_actions();
                if actions.is_empty() {
                    break;
                }
                for action in actions {
                    let action = match action {
                        Action::Spawn(spawn) => match with_port(spawn, &mut reserved) {
                            Ok(spawn) => {
                                app.model.spawned(spawn.run, spawn.port);
                                Action::Spawn(spawn)
                            }
                            Err((run, port)) => {
                                app.model.port_taken(run, port, now);
                                continue;
                            }
                        },
                        other => other,
                    };
                    decided.push((name.clone(), action));
                }
            }
        }
        decided
    }

    async fn provide(&mut self) -> Option<()> {
        let file = Arc::clone(&self.shared.view().file);
        // A removed pool's instances have nobody to be told to.
        let has_pool = |app: &&Managed| file.pools.iter().any(|p| p.name == app.model.config.pool);
        let of_app = |app: &Managed| Provided {
            pool: app.model.config.pool.clone(),
            endpoints: app.model.endpoints(),
            expects_endpoint: app.model.expects_endpoint(),
        };
        let provided: Vec<Provided> = self.apps.iter().filter(has_pool).map(of_app).collect();
        if provided == self.provided {
            return Some(());
        }
        self.provided.clone_from(&provided);
        let (reply, taken) = oneshot::channel();
        let command = Command::Provide { source: EndpointSource::App, provided, reply };
        self.control.upgrade()?.send(command).await.ok()?;
        taken.await.ok()
    }

    fn act(&mut self, name: &Name, action: Action) {
        let Some(app) = self.apps.iter_mut().find(|app| app.model.config.name == *name) else {
            return;
        };
        match action {
            Action::Terminate(run) => app.terminate(run),
            Action::Kill(run) => app.kill(run),
            Action::Spawn(spawn) => {
                let output = app.begin(&spawn);
                let (app, config, run): (Name, AppConfig, RunId) =
                    (name.clone(), app.model.config.clone(), spawn.run);
                self.tasks.spawn_blocking(move || {
                    let result = run::start(&config, &spawn, output);
                    Finding::Started { app, run, result }
                });
            }
        }
    }

    fn start_sampling(&mut self) {
        if self.is_sampling || Instant::now() < self.next_sample {
            return;
        }
        let groups: Vec<u32> = self.apps.iter().flat_map(Managed::pids).collect();
        if groups.is_empty() {
            self.next_sample = Instant::now() + SAMPLE_INTERVAL;
            return;
        }
        self.is_sampling = true;
        self.tasks.spawn_blocking(move || Finding::Sampled(sample(&groups)));
    }
}

/// The same with a port that is free, or the port that is not.
fn with_port(spawn: Spawn, reserved: &mut HashSet<u16>) -> Result<Spawn, (RunId, u16)> {
    let port = match (&spawn.spec.listen, spawn.port) {
        (Listen::Socket(_), _) => None,
        (Listen::Ports(_), Some(port)) if !run::is_free(port) => return Err((spawn.run, port)),
        (Listen::AnyPort, Some(port)) if run::is_free(port) => Some(port),
        (Listen::AnyPort, _) => {
            let mut ports = (0..PORT_TRIES).filter_map(|_| run::any_port().ok());
            ports.find(|port| !reserved.contains(port))
        }
        (Listen::Ports(_), port) => port,
    };
    reserved.extend(port);
    Ok(Spawn { port, ..spawn })
}

/// The address of each instance by process, for the task and its helpers.
impl Spawn {
    /// Where the process is to listen.
    pub(super) fn address(&self, app: &Name) -> Option<roundel_core::address::EndpointAddress> {
        super::instance::address(&self.spec, app, &self.name, self.index, self.port)
    }

    /// The endpoint that it is to be.
    pub(super) fn place(&self, app: &AppConfig) -> Option<Place> {
        let address = self.address(&app.name)?;
        Some(Place { pool: app.pool.clone(), endpoint: self.name.clone(), address })
    }
}
