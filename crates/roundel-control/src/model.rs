//! What the control plane knows, and what follows from it.
//!
//! Pure: the clock is the argument `now`, randomness is seeded, nothing is sent or received. Inputs
//! are methods ([`Model::apply`], [`Model::probed`], [`Model::resolved`], [`Model::signalled`],
//! [`Model::tick`]); what follows is taken out afterwards ([`Model::publish`],
//! [`Model::take_changes`], [`Model::due_probes`], [`Model::due_lookups`], [`Model::next_wake`]).
//! Several inputs make one snapshot, so a batch costs one publication.
//!
//! State is keyed by (pool, endpoint name, configured address). An endpoint that keeps all three
//! over a reload keeps its id, health, ejection and counts; any other is new. A pool in which
//! nothing changed is passed on as the same `Arc`, so publishing costs what changed, not what there
//! is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use roundel_config::model::Config;
use roundel_core::endpoint::EndpointId;
use roundel_core::health::ProbeOutcome;
use roundel_core::listener::Listener;
use roundel_core::name::Name;
use roundel_core::outlier::Moment;
use roundel_core::route::RouteTable;
use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;

use crate::event::Change;
use crate::probe::ProbeTarget;
use crate::resolve::{HostPort, Resolution, Resolutions};

mod endpoint;
mod outlier;
mod pool;
mod schedule;
mod silence;

use pool::PoolState;

/// Counters are looked at so often even if no worker signals: the channel may lose signals.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);

/// All state of the control plane.
#[derive(Debug)]
pub(crate) struct Model {
    config: Arc<Config>,
    pools: Vec<PoolState>,
    places: HashMap<EndpointId, Place>,
    ids: Ids,
    random: fastrand::Rng,
    next_scan: Moment,
    snapshot: Arc<Snapshot>,
    /// Listeners or routes differ from the snapshot's.
    has_new_frame: bool,
    changes: Vec<Change>,
}

/// Where an endpoint is in [`Model::pools`].
#[derive(Debug, Clone, Copy)]
struct Place {
    pool: usize,
    endpoint: usize,
}

/// Where new ids come from.
#[derive(Debug, Default)]
struct Ids {
    next: u32,
    in_use: HashSet<EndpointId>,
}

impl Ids {
    /// An id that no endpoint has, not even one that the next snapshot will drop.
    fn take(&mut self) -> EndpointId {
        loop {
            let id = EndpointId(self.next);
            self.next = self.next.wrapping_add(1);
            if self.in_use.insert(id) {
                return id;
            }
        }
    }
}

impl Model {
    /// The model of a process that starts with `config`, and its first snapshot.
    pub(crate) fn new(
        config: Config,
        listeners: Vec<Arc<Listener>>,
        resolutions: &Resolutions,
        seed: u64,
    ) -> Self {
        let config = Arc::new(config);
        let routes = Arc::new(RouteTable::new(config.routes.clone()));
        let mut model = Self {
            config: Arc::clone(&config),
            pools: Vec::new(),
            places: HashMap::new(),
            ids: Ids::default(),
            random: fastrand::Rng::with_seed(seed),
            next_scan: Moment::default(),
            snapshot: Arc::new(Snapshot { generation: 0, listeners, routes, pools: Vec::new() }),
            has_new_frame: true,
            changes: Vec::new(),
        };
        model.apply_pools(&config, resolutions, Moment::default());
        model.publish(Moment::default());
        model
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The last published snapshot.
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Puts another configuration in force, with its listeners bound.
    pub(crate) fn apply(
        &mut self,
        config: Arc<Config>,
        listeners: &[Arc<Listener>],
        resolutions: &Resolutions,
        now: Moment,
    ) {
        let routes = if config.routes == self.config.routes {
            Arc::clone(&self.snapshot.routes)
        } else {
            Arc::new(RouteTable::new(config.routes.clone()))
        };
        let old = &self.snapshot.listeners;
        let listeners = listeners.iter().map(|new| {
            Arc::clone(old.iter().find(|old| is_same_listener(old, new)).unwrap_or(new))
        });
        self.snapshot = Arc::new(Snapshot {
            generation: self.snapshot.generation,
            listeners: listeners.collect(),
            routes,
            pools: self.snapshot.pools.clone(),
        });
        self.has_new_frame = true;
        self.apply_pools(&config, resolutions, now);
        self.config = config;
    }

    fn apply_pools(&mut self, config: &Config, resolutions: &Resolutions, now: Moment) {
        let mut old: HashMap<Name, PoolState> =
            self.pools.drain(..).map(|pool| (pool.config.name.clone(), pool)).collect();
        let mut fresh = pool::Fresh {
            ids: &mut self.ids,
            random: &mut self.random,
            resolutions,
            now,
            endpoints: config.pools.iter().map(|pool| pool.endpoints.len()).sum(),
        };
        for pool_config in &config.pools {
            let before = old.remove(&pool_config.name);
            self.pools.push(PoolState::next(before, pool_config, &mut fresh));
        }
        self.places.clear();
        for (pool, state) in self.pools.iter().enumerate() {
            for (endpoint, e) in state.endpoints.iter().enumerate() {
                self.places.insert(e.id, Place { pool, endpoint });
            }
        }
        self.ids.in_use = self.places.keys().copied().collect();
    }

    /// Notes what a probe found; an endpoint that is gone or has moved since is not concerned.
    pub(crate) fn probed(
        &mut self,
        id: EndpointId,
        target: &ProbeTarget,
        outcome: &ProbeOutcome,
        now: Moment,
    ) {
        let Some(place) = self.places.get(&id) else { return };
        if let Some(pool) = self.pools.get_mut(place.pool) {
            let random_unit = self.random.f64();
            self.changes.extend(pool.probed(place.endpoint, target, outcome, random_unit, now));
        }
    }

    /// Whether no address is known of an endpoint.
    pub(crate) fn is_nowhere(&self, id: EndpointId) -> bool {
        let place = self.places.get(&id);
        let pool = place.and_then(|place| self.pools.get(place.pool));
        let endpoint = pool.zip(place).and_then(|(pool, at)| pool.endpoints.get(at.endpoint));
        endpoint.is_some_and(|endpoint| endpoint.address.is_none())
    }

    /// Notes what an endpoint's host name stands for now.
    pub(crate) fn resolved(&mut self, id: EndpointId, answer: &Resolution, now: Moment) {
        let Some(place) = self.places.get(&id) else { return };
        if let Some(pool) = self.pools.get_mut(place.pool) {
            self.changes.extend(pool.resolved(place.endpoint, answer, now));
        }
    }

    /// Notes what a worker noticed of an endpoint.
    pub(crate) fn signalled(&mut self, signal: &Signal, now: Moment) {
        match signal {
            Signal::ConsecutiveErrors(id) => {
                let Some((pool, endpoint)) = self.pool_of(*id) else { return };
                let change = pool.judge_errors_in_a_row(endpoint, now);
                self.changes.extend(change);
            }
            Signal::ConnectFailed(id) => {
                let Some((pool, endpoint)) = self.pool_of(*id) else { return };
                pool.connect_failed(endpoint, now);
            }
            Signal::Silent(id, silent) => {
                let Some((pool, endpoint)) = self.pool_of(*id) else { return };
                pool.fell_silent(endpoint, *silent, now);
            }
            // What follows is up to whoever starts instances.
            Signal::Demand(_) => {}
        }
    }

    /// The pool of an endpoint, and the endpoint's position there.
    fn pool_of(&mut self, id: EndpointId) -> Option<(&mut PoolState, usize)> {
        let place = self.places.get(&id)?;
        Some((self.pools.get_mut(place.pool)?, place.endpoint))
    }

    /// Does what is due: ends ejections, looks at counters, takes the next step of a ramp.
    pub(crate) fn tick(&mut self, now: Moment) {
        let is_scan = now >= self.next_scan;
        if is_scan {
            self.next_scan = now.plus(SCAN_INTERVAL);
        }
        for pool in &mut self.pools {
            pool.end_ejections(now, &mut self.changes);
            if is_scan {
                pool.scan_counters(now, &mut self.changes);
                pool.scan_silences(now, &mut self.changes);
            }
            pool.compare_success_rates(now, &mut self.changes);
            pool.step_ramps(now);
        }
    }

    /// When something is due next; never later than a second from now.
    pub(crate) fn next_wake(&self) -> Moment {
        self.pools.iter().filter_map(PoolState::next_wake).fold(self.next_scan, Moment::min)
    }

    /// The probes to run now. Each is answered by one [`Model::probed`].
    pub(crate) fn due_probes(&mut self, now: Moment) -> Vec<(EndpointId, ProbeTarget)> {
        self.pools.iter_mut().flat_map(|pool| pool.due_probes(now)).collect()
    }

    /// The names to look up now. Each is answered by one [`Model::resolved`].
    pub(crate) fn due_lookups(&mut self, now: Moment) -> Vec<(EndpointId, HostPort)> {
        self.pools.iter_mut().flat_map(|pool| pool.due_lookups(now)).collect()
    }

    /// A new snapshot, if anything that workers see has changed since the last one.
    pub(crate) fn publish(&mut self, now: Moment) -> Option<Arc<Snapshot>> {
        let mut has_new_pool = false;
        for pool in &mut self.pools {
            has_new_pool |= pool.rebuild_if_stale(now);
        }
        if !has_new_pool && !self.has_new_frame {
            return None;
        }
        self.has_new_frame = false;
        self.snapshot = Arc::new(Snapshot {
            generation: self.snapshot.generation + 1,
            listeners: self.snapshot.listeners.clone(),
            routes: Arc::clone(&self.snapshot.routes),
            pools: self.pools.iter().filter_map(|pool| pool.built.clone()).collect(),
        });
        Some(Arc::clone(&self.snapshot))
    }

    /// What has changed since the last call, in order.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The endpoints that are ejected, and until when.
    pub(crate) fn ejections(&self) -> impl Iterator<Item = (EndpointId, Moment)> {
        let endpoints = self.pools.iter().flat_map(|pool| &pool.endpoints);
        endpoints.filter_map(|endpoint| Some((endpoint.id, endpoint.ejected_until()?)))
    }

    /// Pool and name of an endpoint.
    pub(crate) fn names(&self, id: EndpointId) -> Option<(Name, Name)> {
        let place = self.places.get(&id)?;
        let pool = self.pools.get(place.pool)?;
        let endpoint = pool.endpoints.get(place.endpoint)?;
        Some((pool.config.name.clone(), endpoint.config.name.clone()))
    }
}

fn is_same_listener(old: &Listener, new: &Listener) -> bool {
    old.name == new.name && Arc::ptr_eq(&old.sockets, &new.sockets) && old.settings == new.settings
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
