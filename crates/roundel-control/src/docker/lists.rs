//! When the engine is asked for a list of its containers.
//!
//! A list runs beside everything else, for an engine may take seconds over one, and events that come
//! meanwhile must not wait. Knows nothing of what a list says.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::engine::Engine;
use super::http::Fault;
use super::place::Rules;
use super::roster::{Listing, Roster};

/// After this without an event the engine is asked anyway: so a stuck engine is found, and an event
/// that was lost is made good.
pub(super) const LIST_EVERY: Duration = Duration::from_secs(30);
/// A burst of events shares a list: `docker-compose up` of ten containers makes some fifty.
const LIST_PAUSE: Duration = Duration::from_millis(100);

/// Lists of the engine's containers: at most one is under way, and none follows another at once.
pub(super) struct Lists {
    engine: Engine,
    pub(super) running: JoinSet<Result<Listing, Fault>>,
    /// When the next one begins, unless one is under way.
    pub(super) due: Instant,
    /// When the last one began.
    last: Instant,
}

impl Lists {
    /// The first one was made just now.
    pub(super) fn new(engine: Engine) -> Self {
        let now = Instant::now();
        Self { engine, running: JoinSet::new(), due: now + LIST_EVERY, last: now }
    }

    /// Asks for one that begins after this.
    pub(super) fn want(&mut self) {
        self.due = self.due.min(self.last + LIST_PAUSE).max(Instant::now());
    }

    /// Begins one.
    pub(super) fn begin(&mut self, rules: &Rules, roster: &Roster) {
        let (engine, rules, known) = (self.engine.clone(), rules.clone(), roster.known());
        self.running.spawn(async move { engine.list(&rules, &known).await });
        self.last = Instant::now();
        self.due = self.last + LIST_EVERY;
    }
}
