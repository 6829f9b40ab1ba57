//! A worker's end of the request log.

use std::sync::Arc;

use super::Shared;
use super::account::Account;
use super::budget::Budget;
use crate::access_log::ExchangeRecord;

/// What one worker writes to. Whether an exchange is kept is decided when it begins, so that the
/// choice does not depend on how it goes, and once more when it has failed.
#[derive(Debug)]
pub struct RequestLogWriter {
    shared: Arc<Shared>,
    worker: usize,
    /// Number of the next exchange kept.
    sequence: u64,
    ordinary: Budget,
    failures: Budget,
}

impl RequestLogWriter {
    pub(super) fn new(shared: Arc<Shared>, worker: usize) -> Self {
        let per_second = shared.options.per_second;
        let budget = Budget::shared(per_second, shared.workers.len());
        Self { shared, worker, sequence: 0, ordinary: budget.clone(), failures: budget }
    }

    /// Whether an exchange that begins at `now_us`, on the worker's clock, will be kept.
    #[inline]
    pub fn admits(&mut self, now_us: u64) -> bool {
        self.ordinary.take(now_us)
    }

    /// Whether an exchange that ends at `now_us` is to be pushed: one that was admitted, or one
    /// that counts as an error while errors are few enough. Counts it when it is not.
    #[inline]
    pub fn keeps(&mut self, was_admitted: bool, is_error: bool, now_us: u64) -> bool {
        let is_kept = was_admitted || is_error && self.failures.take(now_us);
        if !is_kept {
            self.shared.metrics.shard(self.worker).requests_sampled_out.increment();
        }
        is_kept
    }

    /// Keeps an exchange. Costs no system call and no allocation, and never waits.
    pub fn push(&mut self, record: &ExchangeRecord<'_>, account: &Account<'_>) {
        let Self { shared, worker, sequence, .. } = self;
        let Some(rings) = shared.workers.get(*worker) else { return };
        let is_error = record.end.is_error(record.status);
        let ring = if is_error { &rings.errors } else { &rings.ordinary };
        let keeps_queries = shared.options.keeps_queries;
        let metrics = shared.metrics.shard(*worker);
        if ring.write(|entry| entry.fill(*sequence, (record, account), keeps_queries)) {
            *sequence += 1;
            metrics.requests_kept.increment();
        } else {
            metrics.requests_sampled_out.increment();
        }
    }
}
