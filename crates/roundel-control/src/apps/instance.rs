//! The life of one instance.
//!
//! ```text
//!            ┌──────── pause over ─────── BackOff ◀─┐
//!            ▼                                      │ ended by itself
//!   Due ─ process ─▶ Starting ─ answers ─▶ Ready ───┤
//!    ▲                  │                    │      │ too often
//!    │                  │ told to end        │      ▼
//!    │                  │                    ▼    Failed
//!    │                  │                Draining
//!    │                  ▼                    │ nothing in flight, or the grace is over
//!    └─ wanted ───── Stopping ◀──────────────┘
//!                       │ ended
//!                       ▼
//!               Stopped, or gone
//! ```
//!
//! What is wanted of an instance ([`Wish`]) and where it is ([`State`]) are two things: a wish may
//! change at any time, and each state knows the next step towards the present one.
//!
//! Pure: time is an argument, what is to be done is put into [`Out`].

use std::sync::Arc;
use std::time::Duration;

use roundel_config::Facts;
use roundel_config::model::{AppConfig, AppSpec, EndpointConfig, EndpointSource, Listen};
use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::name::Name;
use roundel_core::outlier::Moment;

use super::restart::{self, Verdict};
use super::view::InstanceState;

/// Nothing must be in flight for so long before a drained instance is told to end: a worker that has
/// not taken the newest snapshot yet may still begin something.
const QUIET: Duration = Duration::from_millis(150);

/// Identifies a process of an app: the n-th that the app started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RunId(pub(super) u64);

/// What is to be done in the world.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Start a process. Answered by spawned, or by exited without it.
    Spawn(Spawn),
    /// Tell it to end (SIGTERM).
    Terminate(RunId),
    /// End it (SIGKILL).
    Kill(RunId),
}

/// A process to start.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spawn {
    pub(super) run: RunId,
    pub(super) index: u32,
    pub(super) name: Name,
    pub(super) spec: Arc<AppSpec>,
    /// The port to listen on; where any will do, the one to prefer, if there is one.
    pub(super) port: Option<u16>,
}

/// A change of state that others want to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) instance: Name,
    pub(super) from: InstanceState,
    pub(super) to: InstanceState,
    pub(super) reason: String,
}

/// What follows from an input.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) actions: Vec<Action>,
    pub(super) transitions: Vec<Transition>,
}

/// What is wanted of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// That it runs.
    Run,
    /// That it ends, and runs again.
    Replace,
    /// That it ends and stays, for somebody to start.
    Stop,
    /// That it ends and is forgotten.
    Leave,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Due,
    Starting {
        since: Moment,
    },
    Ready {
        since: Moment,
    },
    Draining {
        until: Moment,
        quiet_since: Option<Moment>,
    },
    /// `failure` is why it was told to end, when it is as if it had ended by itself.
    Stopping {
        since: Moment,
        kill_at: Option<Moment>,
        failure: Option<String>,
    },
    Stopped,
    BackOff {
        until: Moment,
    },
    Failed,
    Gone,
}

/// One process of an app, or the place for one.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) index: u32,
    pub(super) name: Name,
    /// What its process was started from, or will be.
    pub(super) spec: Arc<AppSpec>,
    version: u64,
    /// What its next process is started from, when that is something else.
    next: Option<(Arc<AppSpec>, u64)>,
    pub(super) wish: Wish,
    state: State,
    /// Its present or last process.
    run: Option<RunId>,
    /// Since when its pool finds it unhealthy, while it is ready.
    unhealthy_since: Option<Moment>,
    /// Where it listens or last did.
    pub(super) port: Option<u16>,
    quick_exits: u32,
    /// Starts so far.
    starts: u64,
    last_exit: Option<(Moment, String)>,
    reason: Option<String>,
    /// Somebody asked for its violent end.
    was_killed: bool,
}

impl Instance {
    /// One to be started.
    pub(super) fn new(app: &Name, index: u32, spec: Arc<AppSpec>, version: u64) -> Self {
        Self {
            index,
            name: spec.instance_name(app, index),
            spec,
            version,
            next: None,
            wish: Wish::Run,
            state: State::Due,
            run: None,
            unhealthy_since: None,
            port: None,
            quick_exits: 0,
            starts: 0,
            last_exit: None,
            reason: None,
            was_killed: false,
        }
    }

    pub(super) fn state(&self) -> InstanceState {
        match self.state {
            State::Due | State::Starting { .. } => InstanceState::Starting,
            State::Ready { .. } => InstanceState::Ready,
            State::Draining { .. } => InstanceState::Draining,
            State::Stopping { .. } => InstanceState::Stopping,
            State::Stopped | State::Gone => InstanceState::Stopped,
            State::BackOff { .. } => InstanceState::BackOff,
            State::Failed => InstanceState::Failed,
        }
    }

    /// Whether it is to be started now.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        match self.state {
            State::Due => true,
            State::BackOff { until } => now >= until,
            _ => false,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// Whether it is on the way to another state without anybody's help.
    pub(super) fn is_changing(&self) -> bool {
        matches!(
            self.state,
            State::Due | State::Starting { .. } | State::Draining { .. } | State::Stopping { .. }
        )
    }

    /// Whether it is going to take traffic by itself, as far as can be told: one that ends again and
    /// again soon after its start may never do.
    pub(super) fn is_expected(&self) -> bool {
        let is_wanted = matches!(self.wish, Wish::Run | Wish::Replace);
        let is_settled = matches!(self.state, State::Ready { .. } | State::Failed | State::Gone);
        is_wanted && !is_settled && self.quick_exits < 2
    }

    /// Its process, unless it has ended.
    pub(super) fn live_run(&self) -> Option<RunId> {
        let is_live = matches!(
            self.state,
            State::Starting { .. }
                | State::Ready { .. }
                | State::Draining { .. }
                | State::Stopping { .. }
        );
        self.run.filter(|_| is_live)
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(super) fn last_exit(&self) -> Option<&(Moment, String)> {
        self.last_exit.as_ref()
    }

    pub(super) fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }

    /// A process is started for it.
    pub(super) fn spawn(&mut self, run: RunId, port: Option<u16>, now: Moment, out: &mut Out) {
        self.run = Some(run);
        self.port = port;
        self.starts += 1;
        self.was_killed = false;
        self.enter(State::Starting { since: now }, None, out);
        out.actions.push(Action::Spawn(Spawn {
            run,
            index: self.index,
            name: self.name.clone(),
            spec: Arc::clone(&self.spec),
            port,
        }));
    }

    /// No port was free for it.
    pub(super) fn wait_for_port(&mut self, until: Moment, reason: String, out: &mut Out) {
        self.enter(State::BackOff { until }, Some(reason), out);
    }

    /// The port that it was given is somebody else's, so it never had a process. That it was about to
    /// start is then no news.
    pub(super) fn lose_port(&mut self, now: Moment, out: &mut Out) {
        self.starts = self.starts.saturating_sub(1);
        self.port = None;
        let news = out
            .transitions
            .pop_if(|last| last.instance == self.name && last.to == InstanceState::Starting);
        match news.map(|transition| transition.from) {
            Some(InstanceState::BackOff) => self.state = State::BackOff { until: now },
            _ => self.settle(None, out),
        }
    }

    /// Its process was found to answer.
    pub(super) fn answered(&mut self, now: Moment, out: &mut Out) {
        if let State::Starting { since } = self.state {
            let took = now.since(since).as_millis();
            self.enter(State::Ready { since }, None, out);
            if let Some(last) = out.transitions.last_mut() {
                last.reason = format!("answers, {took} ms after its start");
            }
        }
    }

    /// Its pool finds it unhealthy, or does not.
    pub(super) fn note_health(&mut self, is_unhealthy: bool, now: Moment) {
        let counts = is_unhealthy && self.is_ready();
        self.unhealthy_since = counts.then(|| self.unhealthy_since.unwrap_or(now));
    }

    /// When it has been unhealthy for too long.
    fn given_up_at(&self, app: &AppConfig) -> Option<Moment> {
        let after = app.restart.unhealthy_for?;
        self.unhealthy_since.filter(|_| self.is_ready()).map(|since| since.plus(after))
    }

    /// Its process has ended, or could not be started. Tells why, if nobody had asked for it.
    pub(super) fn exited(
        &mut self,
        status: &str,
        app: &AppConfig,
        random_unit: f64,
        now: Moment,
        out: &mut Out,
    ) -> Option<String> {
        self.last_exit = Some((now, status.to_owned()));
        let (since, failure) = match &mut self.state {
            State::Starting { since } | State::Ready { since } => (*since, status.to_owned()),
            State::Stopping { since, failure: Some(failure), .. } => {
                (*since, std::mem::take(failure))
            }
            _ => {
                self.settle(Some(status.to_owned()), out);
                return None;
            }
        };
        let failure = if self.was_killed { format!("{failure}, as asked for") } else { failure };
        let lived = now.since(since);
        match restart::judge(&app.restart, lived, &mut self.quick_exits, random_unit) {
            Verdict::Again(pause) => {
                let state = State::BackOff { until: now.plus(pause) };
                self.enter(state, Some(failure.clone()), out);
            }
            Verdict::GiveUp => {
                let times = self.quick_exits;
                let reason = format!("{failure}; given up after {times} quick exits in a row");
                self.enter(State::Failed, Some(reason), out);
            }
        }
        (!self.was_killed).then_some(failure)
    }

    /// Something else is wanted of it.
    pub(super) fn want(&mut self, wish: Wish, app: &AppConfig, now: Moment, out: &mut Out) {
        let before = std::mem::replace(&mut self.wish, wish);
        match (&mut self.state, wish) {
            (State::Ready { .. } | State::Starting { .. }, Wish::Run) | (State::Gone, _) => {}
            (State::Ready { .. }, _) => {
                let state = State::Draining { until: now.plus(app.drain_grace), quiet_since: None };
                self.enter(state, Some(why(wish).to_owned()), out);
            }
            (State::Starting { .. }, _) => self.terminate(app, now, None, out),
            (State::Draining { .. }, Wish::Run) if before != Wish::Replace => {
                self.enter(State::Ready { since: now }, Some("wanted again".to_owned()), out);
            }
            (State::Draining { .. }, Wish::Run) => self.wish = Wish::Replace,
            (State::Draining { .. }, _) => {}
            // Whatever it was told to end for, now it is for this.
            (State::Stopping { failure, .. }, _) => *failure = None,
            (State::Due | State::BackOff { .. } | State::Stopped | State::Failed, _) => {
                self.quick_exits = 0;
                self.settle(Some(why(wish).to_owned()), out);
            }
        }
    }

    /// Does what is due. `in_flight` tells how much it has to finish.
    pub(super) fn tick(
        &mut self,
        in_flight: impl Fn(RunId) -> u32,
        app: &AppConfig,
        now: Moment,
        out: &mut Out,
    ) {
        if self.given_up_at(app).is_some_and(|at| now >= at) {
            let after = app.restart.unhealthy_for.unwrap_or_default();
            let failure = format!("was unhealthy for {} s", after.as_secs_f64());
            self.unhealthy_since = None;
            return self.terminate(app, now, Some(failure), out);
        }
        match &mut self.state {
            State::Starting { since } if now >= since.plus(app.start_timeout) => {
                let seconds = app.start_timeout.as_secs_f64();
                let failure = format!("was not ready within {seconds} s");
                self.terminate(app, now, Some(failure), out);
            }
            State::Draining { until, quiet_since } => {
                let in_flight = self.run.map_or(0, in_flight);
                *quiet_since = (in_flight == 0).then(|| quiet_since.unwrap_or(now));
                let is_quiet = quiet_since.is_some_and(|since| now >= since.plus(QUIET));
                if is_quiet {
                    self.terminate(app, now, None, out);
                } else if now >= *until {
                    self.terminate(app, now, None, out);
                    self.reason = Some(format!("{in_flight} exchanges outlived the drain grace"));
                }
            }
            State::Stopping { kill_at, .. } if kill_at.is_some_and(|at| now >= at) => {
                *kill_at = None;
                out.actions.extend(self.run.map(Action::Kill));
            }
            _ => {}
        }
    }

    /// When [`Instance::tick`] has something to do next.
    pub(super) fn next_wake(&self, app: &AppConfig, now: Moment, poll: Duration) -> Option<Moment> {
        match &self.state {
            State::Starting { since } => Some(since.plus(app.start_timeout)),
            State::Ready { .. } => self.given_up_at(app),
            State::Draining { until, .. } => Some(now.plus(poll).min(*until)),
            State::Stopping { kill_at, .. } => *kill_at,
            State::BackOff { until } => Some(*until),
            _ => None,
        }
    }

    /// Does not wait for exchanges or a pause: ends its process now, for good.
    pub(super) fn end(&mut self, app: &AppConfig, now: Moment, out: &mut Out) {
        self.want(Wish::Leave, app, now, out);
        if matches!(self.state, State::Draining { .. }) {
            self.terminate(app, now, None, out);
        }
    }

    /// Whether a port is its own at present: it listens there, or will when it comes back.
    pub(super) fn holds(&self, port: u16) -> bool {
        self.port == Some(port) && !matches!(self.state, State::Due | State::Gone)
    }

    /// Ends its process at once.
    pub(super) fn kill(&mut self, out: &mut Out) {
        if let Some(run) = self.live_run() {
            self.was_killed = true;
            out.actions.push(Action::Kill(run));
        }
    }

    /// As an endpoint of its pool; `None` while it is not known where it listens.
    pub(super) fn endpoint(&self, app: &Name) -> Option<EndpointConfig> {
        let admin_state = match (&self.state, self.wish) {
            (State::Stopped, _) => AdminState::Disabled,
            (_, Wish::Run) => AdminState::Enabled,
            (_, Wish::Replace | Wish::Stop | Wish::Leave) => AdminState::Draining,
        };
        let presence = match self.state {
            State::Starting { .. } => Presence::Starting,
            State::Ready { .. } | State::Draining { .. } => Presence::Present,
            _ => Presence::Absent,
        };
        Some(EndpointConfig {
            name: self.name.clone(),
            address: self.address(app)?,
            weight: 1,
            is_backup: false,
            admin_state,
            source: EndpointSource::App,
            presence,
        })
    }

    /// Where it listens or last did.
    pub(super) fn address(&self, app: &Name) -> Option<EndpointAddress> {
        address(&self.spec, app, &self.name, self.index, self.port)
    }

    /// The version of what it is, or will be after its next start: a rollout replaces those of a
    /// lower one.
    pub(super) fn version(&self) -> u64 {
        self.next.as_ref().map_or(self.version, |(_, version)| *version)
    }

    /// Is what it should be, only of a newer version.
    pub(super) fn confirm(&mut self, version: u64) {
        self.version = version;
        self.next = None;
    }

    /// Becomes another program: at once, or when somebody starts it, if it is stopped.
    pub(super) fn replace(
        &mut self,
        (spec, version): (&Arc<AppSpec>, u64),
        app: &AppConfig,
        now: Moment,
        out: &mut Out,
    ) {
        self.next = Some((Arc::clone(spec), version));
        let wish = if self.wish == Wish::Stop { Wish::Stop } else { Wish::Replace };
        self.want(wish, app, now, out);
        if matches!(self.state, State::Stopped) {
            self.renew(&app.name);
        }
    }

    /// Takes on what its next process is to be, while it has none.
    pub(super) fn renew(&mut self, app: &Name) {
        if let Some((spec, version)) = self.next.take() {
            if spec.listen != self.spec.listen {
                self.port = None;
            }
            self.name = spec.instance_name(app, self.index);
            (self.spec, self.version) = (spec, version);
        }
    }

    /// Tells the process to end.
    fn terminate(&mut self, app: &AppConfig, now: Moment, failure: Option<String>, out: &mut Out) {
        let since = match self.state {
            State::Starting { since } | State::Ready { since } => since,
            _ => now,
        };
        let reason = failure.clone().unwrap_or_else(|| why(self.wish).to_owned());
        let kill_at = Some(now.plus(app.stop_grace));
        self.enter(State::Stopping { since, kill_at, failure }, Some(reason), out);
        out.actions.extend(self.run.map(Action::Terminate));
    }

    /// Goes where its wish leads when it has no process.
    fn settle(&mut self, reason: Option<String>, out: &mut Out) {
        match self.wish {
            Wish::Run | Wish::Replace => {
                self.wish = Wish::Run;
                self.enter(State::Due, reason, out);
            }
            Wish::Stop => self.enter(State::Stopped, reason, out),
            Wish::Leave => self.enter(State::Gone, reason, out),
        }
    }

    fn enter(&mut self, state: State, reason: Option<String>, out: &mut Out) {
        let from = self.state();
        self.state = state;
        let to = self.state();
        if from != to {
            let reason = reason.clone().unwrap_or_default();
            out.transitions.push(Transition { instance: self.name.clone(), from, to, reason });
        }
        // That it runs, or is about to, needs no reason.
        let is_plain = matches!(to, InstanceState::Ready | InstanceState::Starting);
        self.reason = reason.filter(|_| !is_plain);
    }
}

/// Where the instance `index` of `app`, called `name`, listens.
pub(super) fn address(
    spec: &AppSpec,
    app: &Name,
    name: &Name,
    index: u32,
    port: Option<u16>,
) -> Option<EndpointAddress> {
    match &spec.listen {
        Listen::Socket(socket) => {
            let (app, name) = (app.as_str(), name.as_str());
            let facts = Facts { app, name, index, port: None, socket: None };
            Some(EndpointAddress::Unix(socket.render(&facts).into()))
        }
        Listen::AnyPort | Listen::Ports(_) => {
            let localhost = std::net::Ipv4Addr::LOCALHOST.into();
            let port = port.filter(|port| *port != 0)?;
            Some(EndpointAddress::Ip(std::net::SocketAddr::new(localhost, port)))
        }
    }
}

fn why(wish: Wish) -> &'static str {
    match wish {
        Wish::Run => "wanted",
        Wish::Replace => "is replaced",
        Wish::Stop => "stopped, as asked for",
        Wish::Leave => "not wanted any more",
    }
}
