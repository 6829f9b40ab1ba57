//! The part of the present state that is shown beside the counters.

use roundel_core::endpoint::{AdminState, Endpoint, Health};
use roundel_core::name::Name;
use roundel_core::pool::{Pool, Tier};
use roundel_core::snapshot::Snapshot;

/// What is configured and in which state. Borrowed from a [`Snapshot`].
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Generation of the snapshot.
    pub generation: u64,
    /// Listeners, in configured order.
    pub listeners: Vec<&'a Name>,
    /// Routes, in configured order.
    pub routes: Vec<&'a Name>,
    /// Pools, in configured order.
    pub pools: Vec<PoolView<'a>>,
    /// Apps, in configured order. Snapshots know nothing of them: whoever does adds them.
    pub apps: Vec<AppFacts<'a>>,
}

/// An app, and how many of its instances there are.
#[derive(Debug, Clone)]
pub struct AppFacts<'a> {
    /// Its name.
    pub name: &'a Name,
    /// Instances that there should be.
    pub wanted: u32,
    /// Instances in each state, by the state's word; the same words in the same order for all apps.
    pub instances: Vec<(&'static str, u64)>,
    /// Starts of instances after their first.
    pub restarts: u64,
    /// Decisions of the autoscaler for more instances; 0 for an app that has none.
    pub decisions_up: u64,
    /// Decisions of the autoscaler for fewer.
    pub decisions_down: u64,
}

/// A pool and the state of its endpoints.
#[derive(Debug, Clone)]
pub struct PoolView<'a> {
    /// Its name.
    pub name: &'a Name,
    /// Its endpoints, in configured order.
    pub endpoints: &'a [Endpoint],
    /// Why its candidates are what they are.
    pub tier: Tier,
    /// Exchanges waiting for an endpoint, over all workers.
    pub queued: u32,
}

impl<'a> View<'a> {
    /// The view of `snapshot`.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self {
            generation: snapshot.generation,
            listeners: snapshot.listeners.iter().map(|listener| &listener.name).collect(),
            routes: snapshot.routes.routes().iter().map(|route| &route.name).collect(),
            pools: snapshot.pools.iter().map(|pool| PoolView::of(pool)).collect(),
            apps: Vec::new(),
        }
    }
}

impl<'a> PoolView<'a> {
    /// The view of `pool`.
    pub fn of(pool: &'a Pool) -> Self {
        Self {
            name: &pool.name,
            endpoints: &pool.endpoints,
            tier: pool.candidates.tier,
            queued: pool.shared.line.length(),
        }
    }
}

/// Admin states with their words, in the order in which metrics list them.
pub(crate) const ADMIN_STATES: [(AdminState, &str); 3] = [
    (AdminState::Enabled, "enabled"),
    (AdminState::Draining, "draining"),
    (AdminState::Disabled, "disabled"),
];

/// Healths with their words.
pub(crate) const HEALTHS: [(Health, &str); 3] =
    [(Health::Unknown, "unknown"), (Health::Healthy, "healthy"), (Health::Unhealthy, "unhealthy")];

/// Tiers with their words.
pub(crate) const TIERS: [(Tier, &str); 5] = [
    (Tier::Primary, "primary"),
    (Tier::Backup, "backup"),
    (Tier::Panic, "panic"),
    (Tier::Unprobed, "unprobed"),
    (Tier::Empty, "empty"),
];

/// The word of `state` in one of the tables above.
pub(crate) fn word_of<S: PartialEq + Copy>(words: &[(S, &'static str)], state: S) -> &'static str {
    words.iter().find(|(s, _)| *s == state).map_or("", |(_, word)| word)
}
