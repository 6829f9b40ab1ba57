//! Counters summed over workers.
//!
//! The shards are read one after the other while workers write on: each number is right, but two
//! numbers may differ by the exchanges that ended in between.

use roundel_core::end::{AttemptFailure, EndReason};

use crate::histogram::HistogramSnapshot;
use crate::shard::{EndpointMetrics, ListenerMetrics, PoolMetrics};

/// A pool's [`crate::PoolShard`]s, summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolTotals {
    /// Exchanges by status class, in the order of [`crate::shard::ByStatusClass::LABELS`].
    pub requests: [u64; 6],
    /// Exchanges by [`EndReason::index`].
    pub ends: [u64; EndReason::ALL.len()],
    /// Exchanges that count as errors.
    pub errors: u64,
    /// Request body bytes taken from clients.
    pub request_bytes: u64,
    /// Response body bytes sent to clients.
    pub response_bytes: u64,
    /// Whole time of exchanges.
    pub duration: HistogramSnapshot,
    /// Waits for an endpoint below its limit.
    pub queue_time: HistogramSnapshot,
    /// Attempts after the first of an exchange.
    pub retries: u64,
    /// Attempts begun beside one that waited at an endpoint which seemed to have stopped.
    pub hedges: u64,
    /// Retries not made, in the order of [`crate::shard::ByGiveUp::LABELS`].
    pub give_ups: [u64; 5],
}

/// An endpoint's [`crate::EndpointShard`]s, summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointTotals {
    /// Attempts started.
    pub attempts: u64,
    /// Response heads by status class, in the order of [`crate::shard::ByStatusClass::LABELS`].
    pub responses: [u64; 6],
    /// Failed attempts by [`AttemptFailure::index`].
    pub failures: [u64; AttemptFailure::ALL.len()],
    /// Connections made.
    pub connections_made: u64,
    /// Attempts that took an idle connection.
    pub connections_reused: u64,
    /// Times that it was found silent.
    pub silences: u64,
    /// From the start of an attempt to the response head.
    pub first_byte: HistogramSnapshot,
    /// Connections kept for a later attempt.
    pub idle_connections: i64,
}

/// A listener's [`crate::ListenerShard`]s, summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTotals {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open.
    pub connections_open: i64,
    /// Connections closed at once because the limit was reached.
    pub connections_refused: u64,
    /// Request heads begun.
    pub requests: u64,
    /// Exchanges that reached no pool, by [`EndReason::index`].
    pub ends: [u64; EndReason::ALL.len()],
    /// Those of them that count as errors.
    pub errors: u64,
    /// Tunnels running.
    pub tunnels_open: i64,
}

impl PoolMetrics {
    /// Sums the shards.
    pub fn totals(&self) -> PoolTotals {
        PoolTotals {
            requests: sum_arrays(self.shards().map(|s| s.requests.values())),
            ends: sum_arrays(self.shards().map(|s| s.ends.values())),
            errors: self.shards().map(|s| s.errors.value()).sum(),
            request_bytes: self.shards().map(|s| s.request_bytes.value()).sum(),
            response_bytes: self.shards().map(|s| s.response_bytes.value()).sum(),
            duration: HistogramSnapshot::sum(self.shards().map(|s| s.duration.snapshot())),
            queue_time: HistogramSnapshot::sum(self.shards().map(|s| s.queue_time.snapshot())),
            retries: self.shards().map(|s| s.retries.value()).sum(),
            hedges: self.shards().map(|s| s.hedges.value()).sum(),
            give_ups: sum_arrays(self.shards().map(|s| s.give_ups.values())),
        }
    }
}

impl EndpointMetrics {
    /// Sums the shards.
    pub fn totals(&self) -> EndpointTotals {
        EndpointTotals {
            attempts: self.shards().map(|s| s.attempts.value()).sum(),
            responses: sum_arrays(self.shards().map(|s| s.responses.values())),
            failures: sum_arrays(self.shards().map(|s| s.failures.values())),
            connections_made: self.shards().map(|s| s.connections_made.value()).sum(),
            connections_reused: self.shards().map(|s| s.connections_reused.value()).sum(),
            silences: self.shards().map(|s| s.silences.value()).sum(),
            first_byte: HistogramSnapshot::sum(self.shards().map(|s| s.first_byte.snapshot())),
            idle_connections: self.shards().map(|s| s.idle_connections.value()).sum(),
        }
    }
}

impl ListenerMetrics {
    /// Sums the shards.
    pub fn totals(&self) -> ListenerTotals {
        ListenerTotals {
            connections: self.shards().map(|s| s.connections.value()).sum(),
            connections_open: self.shards().map(|s| s.connections_open.value()).sum(),
            connections_refused: self.shards().map(|s| s.connections_refused.value()).sum(),
            requests: self.shards().map(|s| s.requests.value()).sum(),
            ends: sum_arrays(self.shards().map(|s| s.ends.values())),
            errors: self.shards().map(|s| s.errors.value()).sum(),
            tunnels_open: self.shards().map(|s| s.tunnels_open.value()).sum(),
        }
    }
}

fn sum_arrays<const N: usize>(arrays: impl Iterator<Item = [u64; N]>) -> [u64; N] {
    arrays.fold([0; N], |sum, array| std::array::from_fn(|i| sum[i] + array[i]))
}
