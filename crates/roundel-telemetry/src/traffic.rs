//! Traffic figures: what an operator reads off a dashboard, from counters that only grow.
//!
//! A [`Sampler`] is ticked about once a second with the registry, the view and the time, and returns
//! an immutable `Arc<Figures>`: rates, error rates and percentiles over the last [`WINDOW`] for
//! the whole, each pool and each endpoint; rates for listeners and routes; and a [`History`] of
//! [`HISTORY_POINTS`] seconds for the whole and each pool. Whoever shows them keeps the `Arc`.
//!
//! ```
//! use std::time::{Instant, SystemTime};
//! use roundel_telemetry::{Registry, Sampler, View};
//!
//! let registry = Registry::new(1);
//! let view = View { generation: 0, listeners: vec![], routes: vec![], pools: vec![], apps: vec![] };
//! let mut sampler = Sampler::new(Instant::now());
//! let figures = sampler.tick(&registry, &view, Instant::now(), SystemTime::now());
//! assert_eq!(figures.totals.requests_total, 0);
//! ```
//!
//! **Invariants.** Time comes from a monotonic clock, so steps of the wall clock change nothing
//! but the time shown. A tick that comes late spreads what was counted evenly over the seconds that
//! were missed; one that comes early is part of the next. A thing is the same only while its
//! counters are the same: when a name vanishes and comes back, nothing is counted twice and no
//! rate jumps. Totals never shrink, also when pools are removed.
//!
//! It does not tick itself, and it does not count: counters belong to [`crate::shard`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use roundel_core::endpoint::Endpoint;
use roundel_core::name::Name;

use crate::histogram::{HistogramDelta, HistogramSnapshot};
use crate::registry::{Registry, Series};
use crate::shard::{PoolMetrics, RouteMetrics};
use crate::view::{PoolView, View};
use source::{Begun, EndpointSource, Local, follow};
use window::{Counted, Spans, Tracked, Window, share};

mod figures;
mod source;
mod window;

#[cfg(test)]
mod tests;

pub use figures::{
    EndpointFigures, Figures, History, Percentiles, Point, PoolFigures, Rate, Traffic,
};

/// Rates and percentiles are over so long: short enough to see a change, long enough to be calm.
pub const WINDOW: Duration = Duration::from_secs(5);

/// One point of history.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Points of history kept: five minutes.
pub const HISTORY_POINTS: usize = 300;

/// Makes [`Figures`] of counters, tick by tick.
#[derive(Debug)]
pub struct Sampler {
    started: Instant,
    /// Whole intervals from the start to the last tick.
    ticked: u64,
    last_tick: Instant,
    spans: Spans,
    listeners: HashMap<Name, Tracked<Begun>>,
    local: HashMap<Name, Tracked<Local>>,
    routes: HashMap<Name, Tracked<Arc<RouteMetrics>>>,
    pools: HashMap<Name, Tracked<Arc<PoolMetrics>>>,
    endpoints: HashMap<(Name, Name), Tracked<EndpointSource>>,
    totals: Totals,
    histories: HashMap<Name, VecDeque<Point>>,
    history: VecDeque<Point>,
    figures: Option<Arc<Figures>>,
}

/// What all exchanges add up to; kept apart from the things, since these come and go.
#[derive(Debug, Default)]
struct Totals {
    requests: u64,
    errors: u64,
    window: Window,
}

impl Sampler {
    /// A sampler that starts now. What was counted before is in totals, not in rates.
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            ticked: 0,
            last_tick: now,
            spans: Spans::default(),
            listeners: HashMap::new(),
            local: HashMap::new(),
            routes: HashMap::new(),
            pools: HashMap::new(),
            endpoints: HashMap::new(),
            totals: Totals::default(),
            histories: HashMap::new(),
            history: VecDeque::new(),
            figures: None,
        }
    }

    /// Reads the counters and returns the new figures; the present ones when less than half an
    /// interval has passed. `now` is monotonic, `at` is what the figures say of the time.
    ///
    /// Cost: about a microsecond for each endpoint and worker; workers are not disturbed.
    pub fn tick(
        &mut self,
        registry: &Registry,
        view: &View<'_>,
        now: Instant,
        at: SystemTime,
    ) -> Arc<Figures> {
        let ticked = intervals(now.saturating_duration_since(self.started));
        let due = ticked.saturating_sub(self.ticked);
        if let Some(figures) = self.figures.as_ref().filter(|_| due == 0) {
            return Arc::clone(figures);
        }
        let span = now.saturating_duration_since(self.last_tick);
        (self.ticked, self.last_tick) = (ticked, now);
        self.spans.push(span);
        // A copy of the handles: summing under the lock would hold up a worker that adopts a
        // snapshot.
        let series = registry.series().clone();
        self.read(&series, view);
        let figures = Arc::new(self.compose(view, at, span, due));
        self.figures = Some(Arc::clone(&figures));
        figures
    }

    /// Takes the readings of everything.
    fn read(&mut self, series: &Series, view: &View<'_>) {
        let spans = &self.spans;
        let mut tick = Tick::default();
        let listeners = || series.listeners.iter().map(|(name, m)| (name.clone(), Arc::clone(m)));
        let begun = listeners().map(|(name, metrics)| (name, Begun(metrics)));
        let local = listeners().map(|(name, metrics)| (name, Local(metrics)));
        let routes = series.routes.iter().map(|(name, m)| (name.clone(), Arc::clone(m)));
        let pools = series.pools.iter().map(|(name, m)| (name.clone(), Arc::clone(m)));
        follow(&mut self.listeners, begun, spans, |_, _| {});
        follow(&mut self.routes, routes, spans, |_, _| {});
        follow(&mut self.endpoints, endpoint_sources(series, view), spans, |_, _| {});
        follow(&mut self.local, local, spans, |counted, before| tick.add(counted, before));
        follow(&mut self.pools, pools, spans, |counted, before| tick.add(counted, before));
        self.totals.add(tick, spans);
    }

    /// The figures after the readings.
    fn compose(&mut self, view: &View<'_>, at: SystemTime, span: Duration, due: u64) -> Figures {
        let in_flight: BTreeMap<&Name, u64> =
            view.pools.iter().map(|pool| (pool.name, in_flight_of(pool.endpoints))).collect();
        let all_in_flight = in_flight.values().sum();
        self.extend_histories(&in_flight, span, due);
        let Totals { requests, errors, window } = &self.totals;
        Figures {
            at,
            totals: window.traffic(&self.spans, (*requests, *errors), all_in_flight),
            listeners: rates(&self.listeners, &view.listeners, &self.spans),
            routes: rates(&self.routes, &view.routes, &self.spans),
            pools: view.pools.iter().map(|p| (p.name.clone(), self.pool_figures(p))).collect(),
            history: self.history.iter().copied().collect(),
        }
    }

    /// Adds the new seconds to the histories. Those of pools that are gone go too.
    fn extend_histories(&mut self, in_flight: &BTreeMap<&Name, u64>, span: Duration, due: u64) {
        let point = self.totals.window.point(span, in_flight.values().sum());
        extend(&mut self.history, point, due);
        self.histories.retain(|name, _| in_flight.contains_key(name));
        for (name, in_flight) in in_flight {
            let tracked = self.pools.get(*name);
            let empty = Window::default();
            let point = tracked.map_or(&empty, Tracked::window).point(span, *in_flight);
            extend(self.histories.entry((*name).clone()).or_default(), point, due);
        }
    }

    fn pool_figures(&self, pool: &PoolView<'_>) -> PoolFigures {
        let tracked_of = |e: &Endpoint| self.endpoints.get(&(pool.name.clone(), e.name.clone()));
        let lately = |e: &Endpoint| tracked_of(e).map_or(0, |t| t.window().requests());
        let all: u64 = pool.endpoints.iter().map(lately).sum();
        let figures_of = |endpoint: &Endpoint| {
            let in_flight = endpoint.shared.in_flight().into();
            let traffic = tracked_of(endpoint).map(|t| t.traffic(&self.spans, in_flight));
            EndpointFigures {
                traffic: traffic.unwrap_or_default(),
                share: share(lately(endpoint), all),
            }
        };
        let in_flight = in_flight_of(pool.endpoints);
        let traffic = match self.pools.get(pool.name) {
            Some(tracked) => tracked.traffic(&self.spans, in_flight),
            None => Traffic { in_flight, ..Traffic::default() },
        };
        let endpoints = pool.endpoints.iter().map(|e| (e.name.clone(), figures_of(e))).collect();
        let history = self.histories.get(pool.name);
        PoolFigures {
            traffic,
            endpoints,
            history: history.into_iter().flatten().copied().collect(),
        }
    }
}

/// What all exchanges of one tick add up to.
#[derive(Default)]
struct Tick {
    counted: Counted,
    latency: HistogramSnapshot,
    /// Requests and errors that new things had counted before they were first met.
    before: (u64, u64),
}

impl Totals {
    fn add(&mut self, tick: Tick, spans: &Spans) {
        let Tick { counted, latency, before } = tick;
        self.requests += before.0 + counted.requests;
        self.errors += before.1 + counted.errors;
        let latency = HistogramDelta::between(&HistogramSnapshot::default(), &latency);
        self.window.push(Counted { latency, ..counted }, spans);
    }
}

impl Tick {
    fn add(&mut self, counted: &Counted, before: (u64, u64)) {
        self.counted.requests += counted.requests;
        self.counted.errors += counted.errors;
        counted.latency.add_to(&mut self.latency);
        self.before.0 += before.0;
        self.before.1 += before.1;
    }
}

/// In the order of the view.
fn endpoint_sources(
    series: &Series,
    view: &View<'_>,
) -> impl Iterator<Item = ((Name, Name), EndpointSource)> {
    let endpoints =
        view.pools.iter().flat_map(|pool| pool.endpoints.iter().map(|e| (pool.name, e)));
    endpoints.map(|(pool, endpoint)| {
        let key = (pool.clone(), endpoint.name.clone());
        let metrics = series.endpoints.get(&key).cloned();
        (key, EndpointSource { shared: Arc::clone(&endpoint.shared), metrics })
    })
}

fn rates<S>(
    tracked: &HashMap<Name, Tracked<S>>,
    names: &[&Name],
    spans: &Spans,
) -> BTreeMap<Name, Rate> {
    let rate = |name: &Name| tracked.get(name).map(|t| t.rate(spans)).unwrap_or_default();
    names.iter().map(|name| ((*name).clone(), rate(name))).collect()
}

fn in_flight_of(endpoints: &[Endpoint]) -> u64 {
    endpoints.iter().map(|endpoint| u64::from(endpoint.shared.in_flight())).sum()
}

/// Adds `point` for each interval that is due.
fn extend(history: &mut VecDeque<Point>, point: Point, due: u64) {
    for _ in 0..due.min(HISTORY_POINTS as u64) {
        if history.len() == HISTORY_POINTS {
            history.pop_front();
        }
        history.push_back(point);
    }
}

/// How many whole intervals `elapsed` is, to the nearest.
fn intervals(elapsed: Duration) -> u64 {
    let halves = elapsed.as_nanos() * 2 / INTERVAL.as_nanos();
    u64::try_from(halves.div_ceil(2)).unwrap_or(u64::MAX)
}
