//! Where counters live: by name, for as long as the thing is configured.
//!
//! Workers ask here once, when they adopt a snapshot, and keep the `Arc`; the lock is never on the
//! path of an exchange. Names and not snapshots own the counters, so a reload keeps them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use roundel_core::name::Name;

use crate::shard::{
    AccessLogMetrics, EndpointMetrics, ListenerMetrics, PerWorker, PoolMetrics, RouteMetrics,
    WorkerMetrics,
};
use crate::view::View;

/// All counters of the process.
#[derive(Debug)]
pub struct Registry {
    started_at: SystemTime,
    workers: usize,
    worker_metrics: Arc<WorkerMetrics>,
    access_log: Arc<AccessLogMetrics>,
    series: Mutex<Series>,
}

/// Counters by name, in name order, which makes the exposition's order stable.
#[derive(Debug, Default, Clone)]
pub(crate) struct Series {
    pub(crate) listeners: BTreeMap<Name, Arc<ListenerMetrics>>,
    pub(crate) routes: BTreeMap<Name, Arc<RouteMetrics>>,
    pub(crate) pools: BTreeMap<Name, Arc<PoolMetrics>>,
    /// By (pool, endpoint): the same address in two pools has two sets of counters.
    pub(crate) endpoints: BTreeMap<(Name, Name), Arc<EndpointMetrics>>,
}

impl Registry {
    /// An empty registry for `workers` workers, at least one, of a process that starts now.
    pub fn new(workers: usize) -> Self {
        Self::started_at(workers, SystemTime::now())
    }

    /// An empty registry of a process that started at that time.
    pub fn started_at(workers: usize, started_at: SystemTime) -> Self {
        let workers = workers.max(1);
        Self {
            started_at,
            workers,
            worker_metrics: Arc::new(PerWorker::new(workers)),
            access_log: Arc::default(),
            series: Mutex::default(),
        }
    }

    /// When the process started.
    pub fn start_time(&self) -> SystemTime {
        self.started_at
    }

    /// How many workers there are shards for.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Counters of a listener, made when first asked for.
    pub fn listener(&self, listener: &Name) -> Arc<ListenerMetrics> {
        self.obtain(|series| series.listeners.entry(listener.clone()))
    }

    /// Counters of a route, made when first asked for.
    pub fn route(&self, route: &Name) -> Arc<RouteMetrics> {
        self.obtain(|series| series.routes.entry(route.clone()))
    }

    /// Counters of a pool, made when first asked for.
    pub fn pool(&self, pool: &Name) -> Arc<PoolMetrics> {
        self.obtain(|series| series.pools.entry(pool.clone()))
    }

    /// Counters of an endpoint of a pool, made when first asked for.
    pub fn endpoint(&self, pool: &Name, endpoint: &Name) -> Arc<EndpointMetrics> {
        self.obtain(|series| series.endpoints.entry((pool.clone(), endpoint.clone())))
    }

    /// Counters of the workers; each takes its own shard.
    pub fn worker(&self) -> Arc<WorkerMetrics> {
        Arc::clone(&self.worker_metrics)
    }

    /// Counts of the access log.
    pub fn access_log(&self) -> Arc<AccessLogMetrics> {
        Arc::clone(&self.access_log)
    }

    /// Forgets listeners, routes, pools and endpoints that are not in `view`, so that endpoints which come
    /// and go do not pile up. A worker that still holds forgotten counters goes on adding to them
    /// unseen; when the name comes back, it starts from zero.
    pub fn retain(&self, view: &View<'_>) {
        let listeners: BTreeSet<_> = view.listeners.iter().copied().collect();
        let routes: BTreeSet<_> = view.routes.iter().copied().collect();
        let pools: BTreeMap<_, BTreeSet<_>> = view
            .pools
            .iter()
            .map(|pool| (pool.name, pool.endpoints.iter().map(|e| &e.name).collect()))
            .collect();
        let mut series = self.series();
        series.listeners.retain(|name, _| listeners.contains(name));
        series.routes.retain(|name, _| routes.contains(name));
        series.pools.retain(|name, _| pools.contains_key(name));
        series.endpoints.retain(|(pool, endpoint), _| {
            pools.get(pool).is_some_and(|endpoints| endpoints.contains(endpoint))
        });
    }

    fn obtain<K: Ord, S: Default>(
        &self,
        entry: impl FnOnce(&mut Series) -> Entry<'_, K, Arc<PerWorker<S>>>,
    ) -> Arc<PerWorker<S>> {
        let mut series = self.series();
        Arc::clone(entry(&mut series).or_insert_with(|| Arc::new(PerWorker::new(self.workers))))
    }

    /// Locks the series. A panic while they were locked leaves at worst an entry missing, which the
    /// next look-up makes: the lock's poison carries no information.
    pub(crate) fn series(&self) -> MutexGuard<'_, Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
