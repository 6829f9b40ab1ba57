//! A worker's own view of a snapshot: the shared, immutable part, and beside each pool and endpoint
//! what this worker alone keeps for it (metric shards, idle connections, waiting tasks, retry
//! budget).
//!
//! The local parts are carried from view to view by identity, so a new snapshot closes no
//! connection and forgets no budget. An exchange keeps the view it started with.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use roundel_core::address::ConnectAddress;
use roundel_core::endpoint::{Endpoint, EndpointId, EndpointShared};
use roundel_core::line::Ticket;
use roundel_core::name::Name;
use roundel_core::pool::Pool;
use roundel_core::retry::RetryBudget;
use roundel_core::route::{Route, RouteTable};
use roundel_core::silence::Answers;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::{
    EndpointMetrics, EndpointShard, PoolMetrics, PoolShard, Registry, RouteMetrics,
};

use crate::idle::IdleConnections;
use crate::queue::Queue;

/// A snapshot and this worker's parts of it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    /// In the order of the snapshot's pools.
    pub(crate) pools: Vec<Rc<LocalPool>>,
    /// Counters of the routes, in the order of the snapshot's.
    routes: Rc<[Arc<RouteMetrics>]>,
    worker: usize,
}

/// A pool and what this worker keeps for it.
#[derive(Debug)]
pub(crate) struct LocalPool {
    pub(crate) pool: Arc<Pool>,
    /// In the order of the pool's endpoints.
    pub(crate) endpoints: Vec<Rc<LocalEndpoint>>,
    pub(crate) queue: Rc<Queue>,
    pub(crate) budget: Rc<RefCell<RetryBudget>>,
    metrics: Arc<PoolMetrics>,
    worker: usize,
}

/// What a worker keeps for an endpoint. Facts and weights are the snapshot's, not kept here.
#[derive(Debug)]
pub(crate) struct LocalEndpoint {
    pub(crate) id: EndpointId,
    pub(crate) name: Name,
    pub(crate) authority: Arc<str>,
    pub(crate) address: ConnectAddress,
    pub(crate) shared: Arc<EndpointShared>,
    pub(crate) idle: IdleConnections,
    answers: Cell<Answers>,
    metrics: Arc<EndpointMetrics>,
    worker: usize,
    is_retired: Cell<bool>,
}

impl View {
    /// The view of a worker that has seen nothing yet.
    pub(crate) fn empty() -> Self {
        let snapshot = Snapshot {
            generation: 0,
            listeners: Vec::new(),
            routes: RouteTable::default().into(),
            pools: Vec::new(),
        };
        Self { snapshot: Arc::new(snapshot), pools: Vec::new(), routes: Rc::default(), worker: 0 }
    }

    /// The view of `snapshot` that carries over what this one keeps, and retires the rest.
    pub(crate) fn next(&self, snapshot: Arc<Snapshot>, registry: &Registry, worker: usize) -> Self {
        let known: HashMap<&Name, &Rc<LocalPool>> =
            self.pools.iter().map(|local| (&local.pool.name, local)).collect();
        let pools: Vec<Rc<LocalPool>> = snapshot
            .pools
            .iter()
            .map(|pool| match known.get(&pool.name) {
                Some(old) if Arc::ptr_eq(&old.pool, pool) => Rc::clone(old),
                old => Rc::new(LocalPool::new(pool, old.map(|o| &***o), registry, worker)),
            })
            .collect();
        for old in &self.pools {
            if !pools.iter().any(|new| new.pool.name == old.pool.name) {
                old.endpoints.iter().for_each(|endpoint| endpoint.retire());
            }
        }
        let routes = if Arc::ptr_eq(&self.snapshot.routes, &snapshot.routes) {
            self.routes.clone()
        } else {
            snapshot.routes.routes().iter().map(|route| registry.route(&route.name)).collect()
        };
        Self { snapshot, pools, routes, worker }
    }

    /// Counts a request that `route`, one of the snapshot's, was chosen for. Returns its index.
    pub(crate) fn count_request(&self, route: &Route) -> Option<usize> {
        let index = self.snapshot.routes.index_of(route)?;
        self.routes.get(index)?.shard(self.worker).requests.increment();
        Some(index)
    }
}

impl LocalPool {
    /// The local part of `pool`, carried over from `old` where the endpoint is the same.
    fn new(pool: &Arc<Pool>, old: Option<&Self>, registry: &Registry, worker: usize) -> Self {
        let mut known: HashMap<EndpointId, &Rc<LocalEndpoint>> = old
            .map(|old| old.endpoints.iter().map(|local| (local.id, local)).collect())
            .unwrap_or_default();
        let endpoints = pool
            .endpoints
            .iter()
            .map(|endpoint| match known.remove(&endpoint.id) {
                Some(old) if old.address == endpoint.address => Rc::clone(old),
                old => {
                    if let Some(old) = old {
                        old.retire();
                    }
                    let metrics = registry.endpoint(&pool.name, &endpoint.name);
                    Rc::new(LocalEndpoint::new(endpoint, metrics, worker))
                }
            })
            .collect();
        for gone in known.values() {
            gone.retire();
        }
        // A budget is kept unless the share it stands for has changed.
        let percent = pool.policy.retry.budget_percent;
        let budget = old
            .filter(|old| old.pool.policy.retry.budget_percent == percent)
            .map_or_else(|| Rc::new(RefCell::new(RetryBudget::new(percent))), |o| o.budget.clone());
        Self {
            pool: pool.clone(),
            endpoints,
            queue: old.map(|old| old.queue.clone()).unwrap_or_default(),
            budget,
            metrics: registry.pool(&pool.name),
            worker,
        }
    }

    pub(crate) fn metrics(&self) -> &PoolShard {
        self.metrics.shard(self.worker)
    }

    /// The most attempts that may run at one endpoint; `None` for no limit.
    pub(crate) fn limit(&self) -> Option<u32> {
        self.pool.policy.limits.max_in_flight.map(u32::from)
    }

    /// Whether `endpoint` is below its limit.
    pub(crate) fn has_room(&self, endpoint: &LocalEndpoint) -> bool {
        self.limit().is_none_or(|limit| endpoint.shared.in_flight() < limit)
    }

    /// Whether an endpoint may be chosen by who avoids those in `avoided`. With every candidate
    /// tried once, trying one again is better than giving up.
    pub(crate) fn is_choice(&self, endpoint: EndpointId, avoided: &[EndpointId]) -> bool {
        !avoided.contains(&endpoint) || self.candidates().all(|it| avoided.contains(&it.id))
    }

    /// The first in line that can use a place at `endpoint`, and the worker it waits at.
    pub(crate) fn first_for(&self, endpoint: EndpointId) -> Option<(Ticket, usize)> {
        self.pool.shared.line.first_for(|avoided| self.is_choice(endpoint, avoided))
    }

    /// The endpoints that may be chosen now.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = &Rc<LocalEndpoint>> {
        let indices = &self.pool.candidates.indices;
        indices.iter().filter_map(|index| self.endpoints.get(*index as usize))
    }
}

impl LocalEndpoint {
    fn new(endpoint: &Endpoint, metrics: Arc<EndpointMetrics>, worker: usize) -> Self {
        Self {
            id: endpoint.id,
            name: endpoint.name.clone(),
            authority: endpoint.authority.clone(),
            address: endpoint.address.clone(),
            shared: endpoint.shared.clone(),
            idle: IdleConnections::default(),
            answers: Cell::default(),
            metrics,
            worker,
            is_retired: Cell::new(false),
        }
    }

    pub(crate) fn metrics(&self) -> &EndpointShard {
        self.metrics.shard(self.worker)
    }

    /// What this worker knows of its answers.
    pub(crate) fn answers(&self) -> Answers {
        self.answers.get()
    }

    pub(crate) fn note_answers(&self, note: impl FnOnce(&mut Answers)) {
        let mut answers = self.answers.get();
        note(&mut answers);
        self.answers.set(answers);
    }

    /// Whether connections to it are still worth keeping.
    pub(crate) fn keeps_connections(&self) -> bool {
        !self.is_retired.get()
    }

    /// Counts idle connections that were taken or closed.
    pub(crate) fn note_idle_gone(&self, count: usize) {
        if count > 0 {
            self.metrics().idle_connections.add(-i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn retire(&self) {
        self.is_retired.set(true);
        self.note_idle_gone(self.idle.clear());
    }
}
