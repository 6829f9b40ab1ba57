//! What each worker counts, by the thing it counts for.
//!
//! Every pool, endpoint, listener and worker has one [`PerWorker`]: an array with a shard for each
//! worker, on cache lines of its own, so that workers never write to the same line. A worker takes
//! its shard when it adopts a snapshot and from then on only adds.

use roundel_core::end::{AttemptFailure, EndReason};
use roundel_core::retry::GiveUp;

use crate::cell::{Counter, Gauge, SharedCounter};
use crate::histogram::Histogram;

/// One shard of `S` for each worker.
#[derive(Debug)]
pub struct PerWorker<S> {
    shards: Box<[Aligned<S>]>,
}

/// Keeps shards on cache lines of their own. 128 bytes, since the adjacent-line prefetcher of
/// common processors moves lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Aligned<S>(S);

impl<S: Default> PerWorker<S> {
    /// Zeroed shards for `workers` workers, at least one.
    pub(crate) fn new(workers: usize) -> Self {
        Self { shards: (0..workers.max(1)).map(|_| Aligned::default()).collect() }
    }
}

impl<S> PerWorker<S> {
    /// The shard that worker `worker`, counted from 0, alone writes to.
    ///
    /// # Panics
    /// When there are not so many workers: a wiring mistake that would otherwise give a shard two
    /// writers.
    #[inline]
    pub fn shard(&self, worker: usize) -> &S {
        &self.shards[worker].0
    }

    /// All shards, in worker order, for reading.
    pub fn shards(&self) -> impl Iterator<Item = &S> {
        self.shards.iter().map(|shard| &shard.0)
    }
}

/// Counters of a pool.
pub type PoolMetrics = PerWorker<PoolShard>;
/// Counters of an endpoint of a pool.
pub type EndpointMetrics = PerWorker<EndpointShard>;
/// Counters of a listener.
pub type ListenerMetrics = PerWorker<ListenerShard>;
/// Counters of a route.
pub type RouteMetrics = PerWorker<RouteShard>;
/// Counters of the workers themselves.
pub type WorkerMetrics = PerWorker<WorkerShard>;

/// Exchanges that reached a pool, counted once each, when they end.
#[derive(Debug, Default)]
pub struct PoolShard {
    /// Exchanges by class of the status sent to the client.
    pub requests: ByStatusClass,
    /// Exchanges by how they ended.
    pub ends: ByEndReason,
    /// Exchanges that count as errors ([`EndReason::is_error`]).
    pub errors: Counter,
    /// Request body bytes taken from clients.
    pub request_bytes: Counter,
    /// Response body bytes sent to clients.
    pub response_bytes: Counter,
    /// From the first byte of the request head to the last byte of the response.
    pub duration: Histogram,
    /// Wait for an endpoint below its limit; recorded for exchanges that waited.
    pub queue_time: Histogram,
    /// Attempts after the first of an exchange.
    pub retries: Counter,
    /// Attempts begun beside one that waited at an endpoint which seemed to have stopped.
    pub hedges: Counter,
    /// Failed attempts that were not tried again, by why.
    pub give_ups: ByGiveUp,
}

/// Attempts at an endpoint.
#[derive(Debug, Default)]
pub struct EndpointShard {
    /// Attempts started.
    pub attempts: Counter,
    /// Response heads received, by status class.
    pub responses: ByStatusClass,
    /// Attempts that failed, by how.
    pub failures: ByAttemptFailure,
    /// Connections made for an attempt.
    pub connections_made: Counter,
    /// Attempts that took an idle connection.
    pub connections_reused: Counter,
    /// Times that it was found silent.
    pub silences: Counter,
    /// From the start of an attempt to the response head.
    pub first_byte: Histogram,
    /// Connections kept for a later attempt.
    pub idle_connections: Gauge,
}

/// Connections and requests of a listener.
#[derive(Debug, Default)]
pub struct ListenerShard {
    /// Connections accepted.
    pub connections: Counter,
    /// Connections open.
    pub connections_open: Gauge,
    /// Connections closed at once because the limit was reached.
    pub connections_refused: Counter,
    /// Request heads begun, also malformed ones.
    pub requests: Counter,
    /// Exchanges that ended without reaching a pool, by how they ended.
    pub ends: ByEndReason,
    /// Those of them that count as errors ([`EndReason::is_error`]).
    pub errors: Counter,
    /// Tunnels running.
    pub tunnels_open: Gauge,
}

/// Requests of a route.
#[derive(Debug, Default)]
pub struct RouteShard {
    /// Requests that the route was chosen for.
    pub requests: Counter,
}

/// A worker's own doings.
#[derive(Debug, Default)]
pub struct WorkerShard {
    /// Panics caught, each of which cost one connection.
    pub panics: Counter,
    /// `accept` calls that failed, as when file descriptors run out.
    pub accept_failures: Counter,
    /// Turns of the event loop.
    pub turns: Counter,
    /// Exchanges that the request log kept.
    pub requests_kept: Counter,
    /// Exchanges that the request log passed over, because there were too many at once.
    pub requests_sampled_out: Counter,
}

/// Counts of the access log, written by all workers and by its thread.
#[derive(Debug, Default)]
pub struct AccessLogMetrics {
    /// Lines written out.
    pub lines_written: SharedCounter,
    /// Lines given up because the target did not take them in time.
    pub lines_dropped: SharedCounter,
    /// Writes that failed.
    pub write_errors: SharedCounter,
}

/// Counters by status class.
#[derive(Debug, Default)]
pub struct ByStatusClass([Counter; 6]);

impl ByStatusClass {
    /// Label values in index order. `none` is for exchanges that ended without a status.
    pub const LABELS: [&'static str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

    /// Counts a status; 0, and what is no status, counts as `none`.
    #[inline]
    pub fn increment(&self, status: u16) {
        let class = if matches!(status, 100..=599) { usize::from(status / 100) } else { 0 };
        self.0[class].increment();
    }

    /// The values, in the order of [`Self::LABELS`].
    pub fn values(&self) -> [u64; 6] {
        std::array::from_fn(|i| self.0[i].value())
    }
}

/// Counters by [`GiveUp`].
#[derive(Debug, Default)]
pub struct ByGiveUp([Counter; 5]);

impl ByGiveUp {
    /// Label values in index order.
    pub const LABELS: [&'static str; 5] = [
        "attempts_used",
        "may_be_processed",
        "body_not_replayable",
        "budget_spent",
        "not_retryable",
    ];

    /// Counts one.
    pub fn increment(&self, give_up: GiveUp) {
        let index = match give_up {
            GiveUp::AttemptsUsed => 0,
            GiveUp::MayBeProcessed => 1,
            GiveUp::BodyNotReplayable => 2,
            GiveUp::BudgetSpent => 3,
            GiveUp::NotRetryable => 4,
        };
        self.0[index].increment();
    }

    /// The values, in the order of [`Self::LABELS`].
    pub fn values(&self) -> [u64; 5] {
        std::array::from_fn(|i| self.0[i].value())
    }
}

/// Declares counters indexed by a coded enum of the core.
macro_rules! by_code {
    ($(#[$meta:meta])* $name:ident, $code:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name([Counter; $code::ALL.len()]);

        impl Default for $name {
            fn default() -> Self {
                Self(std::array::from_fn(|_| Counter::default()))
            }
        }

        impl $name {
            /// The codes, in index order.
            pub const LABELS: [&'static str; $code::ALL.len()] = {
                let mut labels = [""; $code::ALL.len()];
                let mut i = 0;
                while i < labels.len() {
                    labels[i] = $code::ALL[i].code();
                    i += 1;
                }
                labels
            };

            /// Counts one.
            #[inline]
            pub fn increment(&self, code: $code) {
                self.0[code.index()].increment();
            }

            /// The values, in index order.
            pub fn values(&self) -> [u64; $code::ALL.len()] {
                std::array::from_fn(|i| self.0[i].value())
            }
        }
    };
}

by_code! {
    /// Counters by [`EndReason`].
    ByEndReason, EndReason
}

by_code! {
    /// Counters by [`AttemptFailure`].
    ByAttemptFailure, AttemptFailure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_fall_into_classes_and_the_impossible_into_none() {
        let classes = ByStatusClass::default();
        for status in [0, 99, 600, u16::MAX, 100, 200, 299, 302, 404, 503, 599] {
            classes.increment(status);
        }
        assert_eq!(classes.values(), [4, 1, 2, 1, 1, 2]);
    }

    #[test]
    fn codes_are_counted_at_their_index() {
        let ends = ByEndReason::default();
        ends.increment(EndReason::Panic);
        assert_eq!(ends.values()[EndReason::Panic.index()], 1);
        assert_eq!(ends.values().iter().sum::<u64>(), 1);
    }

    #[test]
    fn workers_write_apart() {
        let metrics = PoolMetrics::new(2);
        metrics.shard(0).retries.add(2);
        metrics.shard(1).retries.add(3);
        let values: Vec<_> = metrics.shards().map(|s| s.retries.value()).collect();
        assert_eq!(values, [2, 3]);
        assert_eq!(align_of::<Aligned<PoolShard>>(), 128);
    }
}
