//! Where readings come from: the counters of one thing, summed over workers.
//!
//! A source also says whether another one of the same name still is the same thing; only then may
//! two readings be compared.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::Arc;

use roundel_core::endpoint::EndpointShared;

use super::window::{Counted, Reading, Spans, Tracked};
use crate::histogram::HistogramSnapshot;
use crate::shard::{EndpointMetrics, ListenerMetrics, PoolMetrics, RouteMetrics};

/// Counts of one thing.
pub(super) trait Source {
    /// Whether the counts of `self` go on in `next`.
    fn is_continued_by(&self, next: &Self) -> bool;

    /// The present counts.
    fn read(&self) -> Reading;
}

/// Request heads begun at a listener.
#[derive(Debug)]
pub(super) struct Begun(pub(super) Arc<ListenerMetrics>);

/// Exchanges of a listener that ended without reaching a pool.
#[derive(Debug)]
pub(super) struct Local(pub(super) Arc<ListenerMetrics>);

/// Attempts at an endpoint.
#[derive(Debug)]
pub(super) struct EndpointSource {
    pub(super) shared: Arc<EndpointShared>,
    /// `None` until a worker has met the endpoint.
    pub(super) metrics: Option<Arc<EndpointMetrics>>,
}

/// Takes a reading of each of `sources`, and forgets things that are no longer among them. `tell`
/// hears what each counted since the last time, and what a thing that is new had counted before.
pub(super) fn follow<K: Eq + Hash, S: Source>(
    known: &mut HashMap<K, Tracked<S>>,
    sources: impl Iterator<Item = (K, S)>,
    spans: &Spans,
    mut tell: impl FnMut(&Counted, (u64, u64)),
) {
    let mut before = mem::take(known);
    for (key, source) in sources {
        let reading = source.read();
        let same = before.remove(&key).filter(|t| t.source.is_continued_by(&source));
        let tracked = if let Some(mut tracked) = same {
            tell(&tracked.advance(reading, spans), (0, 0));
            tracked.source = source;
            tracked
        } else {
            let tracked = Tracked::begin(source, reading);
            tell(&Counted::default(), tracked.totals());
            tracked
        };
        known.insert(key, tracked);
    }
}

impl Source for Begun {
    fn is_continued_by(&self, next: &Self) -> bool {
        Arc::ptr_eq(&self.0, &next.0)
    }

    fn read(&self) -> Reading {
        let requests = self.0.shards().map(|shard| shard.requests.value()).sum();
        Reading { requests, ..Reading::default() }
    }
}

impl Source for Local {
    fn is_continued_by(&self, next: &Self) -> bool {
        Arc::ptr_eq(&self.0, &next.0)
    }

    fn read(&self) -> Reading {
        let errors = self.0.shards().map(|shard| shard.errors.value()).sum();
        let ends = self.0.shards().flat_map(|shard| shard.ends.values());
        Reading { requests: ends.sum(), errors, ..Reading::default() }
    }
}

impl Source for Arc<RouteMetrics> {
    fn is_continued_by(&self, next: &Self) -> bool {
        Arc::ptr_eq(self, next)
    }

    fn read(&self) -> Reading {
        let requests = self.shards().map(|shard| shard.requests.value()).sum();
        Reading { requests, ..Reading::default() }
    }
}

impl Source for Arc<PoolMetrics> {
    fn is_continued_by(&self, next: &Self) -> bool {
        Arc::ptr_eq(self, next)
    }

    fn read(&self) -> Reading {
        let errors = self.shards().map(|shard| shard.errors.value()).sum();
        let ends = self.shards().flat_map(|shard| shard.ends.values());
        let latency = HistogramSnapshot::sum(self.shards().map(|shard| shard.duration.snapshot()));
        Reading { requests: ends.sum(), errors, latency }
    }
}

impl Source for EndpointSource {
    fn is_continued_by(&self, next: &Self) -> bool {
        let is_same_metrics = match (&self.metrics, &next.metrics) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            // They begin at zero, which is what was read before they were there.
            (None, _) => true,
            (Some(_), None) => false,
        };
        Arc::ptr_eq(&self.shared, &next.shared) && is_same_metrics
    }

    fn read(&self) -> Reading {
        let metrics = self.metrics.iter().flat_map(|metrics| metrics.shards());
        let latency = HistogramSnapshot::sum(metrics.map(|shard| shard.first_byte.snapshot()));
        Reading { requests: self.shared.requests(), errors: self.shared.errors(), latency }
    }
}
