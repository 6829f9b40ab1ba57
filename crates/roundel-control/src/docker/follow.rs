//! Following an engine: listen, list, say what follows; and begin anew when the engine is lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use roundel_config::model::EndpointSource;
use roundel_core::endpoint::Health;
use roundel_core::outlier::Moment;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::container::EngineEvent;
use super::engine::{Engine, Events};
use super::http::Fault;
use super::lists::{LIST_EVERY, Lists};
use super::place::{Misfit, Rules};
use super::roster::{Listing, Reaction, Roster};
use super::sight::Sights;
use crate::control::{Control, Stopped};
use crate::event::{Change, Event};

/// How often is looked whether the last exchanges with a container that is gone have ended.
const LEAVING_EVERY: Duration = Duration::from_millis(250);

/// How soon is looked for containers that serve after a probe went well somewhere: many endpoints
/// become well at the same time.
const STARTED_AFTER: Duration = Duration::from_millis(10);

/// Pauses before the engine is called again: after the first failure, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// Follows one engine after the other, as the configuration says.
pub(super) struct Follower {
    control: Control,
    changes: broadcast::Receiver<Event>,
    start: Instant,
    host_name: Option<String>,
    roster: Roster,
    /// What was told already.
    told: BTreeSet<Misfit>,
    /// Pause before the next attempt; zero while all is well.
    pause: Duration,
    /// When to look whether containers have started; `None` unless a probe gives reason to.
    look_at: Option<Instant>,
}

/// Why a session with an engine ends.
enum End {
    /// Something went wrong.
    Fault(Fault),
    /// The configuration wants another engine, or none.
    Changed,
    /// The control plane has ended.
    Stopped,
}

/// What a session waits for.
enum News {
    Event(EngineEvent),
    ListDue,
    List(Listing),
    Reload,
    /// Time may have changed something.
    Tick,
    Nothing,
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Stopped> for End {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl Follower {
    pub(super) fn new(control: Control) -> Self {
        Self {
            changes: control.subscribe(),
            control,
            start: Instant::now(),
            host_name: host_name(),
            roster: Roster::default(),
            told: BTreeSet::new(),
            pause: Duration::ZERO,
            look_at: None,
        }
    }

    /// Runs until the control plane ends.
    pub(super) async fn run(&mut self) {
        while self.follow().await.is_ok() {}
    }

    fn now(&self) -> Moment {
        Moment(self.start.elapsed())
    }

    fn rules(&self) -> Option<Rules> {
        let config = self.control.file().docker.clone()?;
        Some(Rules { config, host_name: self.host_name.clone() })
    }

    /// One session with an engine, or one wait for a configuration that has one.
    async fn follow(&mut self) -> Result<(), Stopped> {
        let Some(rules) = self.rules() else {
            self.control.note_provider(EndpointSource::Docker, None);
            self.control.provide(EndpointSource::Docker, Vec::new()).await?;
            return self.reloaded().await;
        };
        let socket = rules.config.socket.clone();
        match self.session(rules).await {
            Err(End::Stopped) => Err(Stopped),
            Ok(()) | Err(End::Changed) => {
                self.roster = Roster::default();
                self.pause = Duration::ZERO;
                self.control.note_provider(EndpointSource::Docker, None);
                Ok(())
            }
            Err(End::Fault(fault)) => {
                self.complain(&socket, &fault);
                self.wait_without_engine().await
            }
        }
    }

    /// Lets the pause pass, unless the configuration changes. What follows from probes and from the
    /// passing of time follows also without an engine.
    async fn wait_without_engine(&mut self) -> Result<(), Stopped> {
        let end = Instant::now() + self.pause;
        loop {
            let tick = self.next_tick();
            tokio::select! {
                change = self.changes.recv() => {
                    if is_reload(&change)? {
                        return Ok(());
                    }
                    self.note_probe(&change);
                }
                () = sleep_until(end) => return Ok(()),
                () = sleep_until(tick) => {
                    let Some(rules) = self.rules() else { return Ok(()) };
                    self.settle(&rules).await?;
                }
            }
        }
    }

    /// Says once that the engine is lost, and sets the pause before it is called again.
    fn complain(&mut self, socket: &Path, fault: &Fault) {
        let is_news = self.pause.is_zero();
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
        let reason = format!("{}: {fault}", socket.display());
        self.control.note_provider(EndpointSource::Docker, Some(reason.clone()));
        if is_news {
            self.control.tell(Change::ProviderLost { source: EndpointSource::Docker, reason });
        } else {
            tracing::debug!(reason = %fault, "the Docker engine does not answer yet");
        }
    }

    /// Waits until the configuration was reloaded.
    async fn reloaded(&mut self) -> Result<(), Stopped> {
        while !is_reload(&self.changes.recv().await)? {}
        Ok(())
    }

    /// Listens first and lists then, so that nothing falls between the two.
    async fn session(&mut self, mut rules: Rules) -> Result<(), End> {
        let socket = rules.config.socket.clone();
        let engine = Engine::meet(&socket).await?;
        let mut events = engine.events().await?;
        self.roster.listen_anew();
        let listing = engine.list(&rules, &self.roster.known()).await?;
        self.take_list(listing, &rules).await?;
        let mut lists = Lists::new(engine);
        loop {
            match self.news(&mut events, &mut lists).await? {
                News::Event(event) => match self.roster.happened(&event, self.now()) {
                    Reaction::Ignore => {}
                    Reaction::Provide => self.settle(&rules).await?,
                    Reaction::List => lists.want(),
                },
                News::ListDue => lists.begin(&rules, &self.roster),
                News::List(listing) => self.take_list(listing, &rules).await?,
                News::Reload => {
                    let new = self.rules().filter(|new| new.config.socket == socket);
                    rules = new.ok_or(End::Changed)?;
                    self.settle(&rules).await?;
                    // How containers are stopped is asked of those alone that rules concern.
                    lists.want();
                }
                News::Tick => self.settle(&rules).await?,
                News::Nothing => {}
            }
        }
    }

    async fn news(&mut self, events: &mut Events, lists: &mut Lists) -> Result<News, End> {
        let tick = self.next_tick();
        let (due, is_listing) = (lists.due, !lists.running.is_empty());
        tokio::select! {
            event = events.next() => Ok(News::Event(event?)),
            change = self.changes.recv() => {
                self.note_probe(&change);
                Ok(if is_reload(&change)? { News::Reload } else { News::Nothing })
            }
            Some(listing) = lists.running.join_next(), if is_listing => match listing {
                Ok(listing) => Ok(News::List(listing?)),
                // It panicked: the next one may fare better.
                Err(_) => Ok(News::Nothing),
            },
            () = sleep_until(due), if !is_listing => Ok(News::ListDue),
            () = sleep_until(tick) => Ok(News::Tick),
        }
    }

    /// When [`Self::settle`] may find something new by itself.
    fn next_tick(&self) -> Instant {
        let leaving = self.roster.has_leaving().then(|| Instant::now() + LEAVING_EVERY);
        let deadline = self.roster.next_deadline().map(|moment| self.start + moment.0);
        let tick = leaving.into_iter().chain(deadline).chain(self.look_at).min();
        tick.unwrap_or_else(|| Instant::now() + LIST_EVERY)
    }

    /// A probe that went well may have found a container that was starting.
    fn note_probe(&mut self, change: &Result<Event, RecvError>) {
        let Ok(Event { change: Change::Health { to: Health::Healthy, .. }, .. }) = change else {
            return;
        };
        if self.roster.has_starting() && self.look_at.is_none() {
            self.look_at = Some(Instant::now() + STARTED_AFTER);
        }
    }

    async fn take_list(&mut self, listing: Listing, rules: &Rules) -> Result<(), End> {
        self.control.note_provider(EndpointSource::Docker, None);
        if !std::mem::take(&mut self.pause).is_zero() {
            self.control.tell(Change::ProviderBack { source: EndpointSource::Docker });
        }
        self.roster.listed(listing, self.now());
        Ok(self.settle(rules).await?)
    }

    /// Tells the control plane what follows from what is known.
    async fn settle(&mut self, rules: &Rules) -> Result<(), Stopped> {
        self.look_at = None;
        let tell = |reason: String| {
            self.control.tell(Change::Misfit { source: EndpointSource::Docker, reason });
        };
        for container in self.roster.forgive(self.now()) {
            tell(format!(
                "container \"{container}\" was told to stop and runs on: it takes traffic again"
            ));
        }
        let snapshot = self.control.snapshot();
        let sights = Sights::of(&snapshot, rules);
        let outcome =
            self.roster.settle(rules, self.now(), |pool, it| sights.of_endpoint(pool, it));
        outcome.misfits.difference(&self.told).for_each(|misfit| tell(misfit.to_string()));
        self.told = outcome.misfits;
        self.control.provide(EndpointSource::Docker, outcome.provided).await
    }
}

/// Whether the change may be one of the configuration. Who missed some may have missed that.
fn is_reload(change: &Result<Event, RecvError>) -> Result<bool, Stopped> {
    match change {
        Ok(event) => Ok(matches!(event.change, Change::Reloaded(_))),
        Err(RecvError::Lagged(_)) => Ok(true),
        Err(RecvError::Closed) => Err(Stopped),
    }
}

/// This machine's name: inside of a container, unless it was given another, the start of the
/// container's identifier.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned())
}
