//! The request log: the latest exchanges, for people who look.
//!
//! Where the access log writes every exchange to a file, this keeps some in memory: up to a few
//! hundred a second, errors nearly always, and the latest of them. It is always on, so it must cost
//! next to nothing: a worker decides when an exchange begins, by a [token bucket](budget), whether
//! it will be kept; an exchange that is not costs a few instructions and is counted. Errors have
//! a budget and a place of their own, so that ordinary traffic neither uses up the one nor
//! overwrites the other.
//!
//! ```text
//! worker:  RequestLogWriter::admits → … → keeps → push      no allocation, no waiting, no system call
//! reader:  RequestLog::recent / find, RequestFollower::poll   whenever, at its own cost
//! ```
//!
//! Readers poll. A worker that had to wake them would make a system call for each exchange, and
//! one slow reader would be its concern; so a follower asks a few times a second, and one that is
//! too slow is told how many it missed.
//!
//! **Explanations.** Why an exchange went where it went is worked out when somebody asks
//! ([`RequestLog::find`]), by a pure function of the facts as they were: an exchange that may be
//! kept notes the load of endpoints at each pick in its [`Trail`], and the pool's facts are copied
//! when it is kept.
//!
//! **What is kept is bounded and harmless**: texts are cut, queries and user information are
//! left out ([`redact`]), and no field value is kept but the request id.

use std::sync::Arc;

use crate::shard::WorkerMetrics;
use ring::{Found, Ring};

mod account;
mod budget;
mod entry;
mod explain;
mod filter;
mod follow;
mod redact;
mod ring;
mod summary;
mod text;
mod trail;
mod writer;

#[cfg(test)]
mod tests;

pub use account::Account;
pub use explain::{AttemptDetail, CandidateDetail, CandidateVerdict, PickDetail};
pub use filter::{RequestFilter, StatusFilter};
pub use follow::{Followed, RequestFollower};
pub use summary::{RequestDetail, RequestSummary};
pub use trail::{ATTEMPTS_MAX, Attempt, AttemptOutcome, CANDIDATES_MAX, Trail};
pub use writer::RequestLogWriter;

/// Of four exchanges kept in memory, one is an error.
const ERRORS_SHARE: usize = 4;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLogOptions {
    /// Exchanges kept, about: each worker keeps its part, a quarter of it for errors.
    pub capacity: usize,
    /// Ordinary exchanges kept a second, over all workers, and as many errors.
    pub per_second: u32,
    /// Keeps queries, which often hold secrets.
    pub keeps_queries: bool,
}

/// The handle of the request log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RequestLog {
    shared: Arc<Shared>,
}

/// What handle, workers and followers share.
#[derive(Debug)]
struct Shared {
    options: RequestLogOptions,
    workers: Box<[WorkerRings]>,
    metrics: Arc<WorkerMetrics>,
}

/// What one worker keeps.
#[derive(Debug)]
struct WorkerRings {
    ordinary: Ring,
    errors: Ring,
}

impl RequestLog {
    /// An empty log for as many workers as `metrics` has shards. Its memory, about 6 KiB for each
    /// exchange, is reserved here; what is never used of it is never touched.
    pub fn new(options: RequestLogOptions, metrics: Arc<WorkerMetrics>) -> Self {
        let workers = metrics.shards().count().max(1);
        let share = options.capacity.div_ceil(workers);
        let errors = share.div_ceil(ERRORS_SHARE);
        let rings = || WorkerRings {
            ordinary: Ring::new(share.saturating_sub(errors)),
            errors: Ring::new(errors),
        };
        let workers = (0..workers).map(|_| rings()).collect();
        Self { shared: Arc::new(Shared { options, workers, metrics }) }
    }

    /// The end that worker `worker`, counted from 0, alone writes to.
    pub fn writer(&self, worker: usize) -> RequestLogWriter {
        RequestLogWriter::new(Arc::clone(&self.shared), worker)
    }

    /// The latest exchanges that match, newest first, at most `limit`.
    pub fn recent(&self, filter: &RequestFilter, limit: usize) -> Vec<RequestSummary> {
        let mut found = Vec::new();
        for (worker, ring) in self.shared.rings() {
            let newest_first = (ring.first_position()..ring.next_position()).rev();
            let matching = newest_first.filter_map(|position| {
                let look = |entry: &_| filter.matches(entry).then(|| entry.summary(worker));
                match ring.read(position, look) {
                    Found::Entry(summary) => summary,
                    Found::Overwritten | Found::Nothing => None,
                }
            });
            found.extend(matching.take(limit));
        }
        found.sort_by_key(|request| std::cmp::Reverse(request.at));
        found.truncate(limit);
        found
    }

    /// The exchange with that id and its explanation, if it is still kept.
    pub fn find(&self, id: &str) -> Option<RequestDetail> {
        let (worker, sequence) = id.split_once('-')?;
        let (worker, sequence): (usize, u64) = (worker.parse().ok()?, sequence.parse().ok()?);
        let rings = self.shared.workers.get(worker)?;
        [&rings.ordinary, &rings.errors].into_iter().find_map(|ring| {
            (ring.first_position()..ring.next_position()).rev().find_map(|position| {
                let is_it = |entry: &entry::Entry| entry.sequence == sequence;
                match ring.read(position, |entry| is_it(entry).then(|| entry.explain(worker))) {
                    Found::Entry(detail) => detail,
                    Found::Overwritten | Found::Nothing => None,
                }
            })
        })
    }

    /// Follows what ends from now on.
    pub fn follow(&self) -> RequestFollower {
        RequestFollower::new(Arc::clone(&self.shared))
    }

    /// Exchanges that were not kept since the process began.
    pub fn sampled_out(&self) -> u64 {
        self.shared.sampled_out()
    }

    /// How many exchanges are kept at most.
    pub fn capacity(&self) -> usize {
        self.shared.rings().map(|(_, ring)| ring.capacity()).sum()
    }
}

impl Shared {
    /// All rings, each with the worker that writes to it.
    fn rings(&self) -> impl Iterator<Item = (usize, &Ring)> {
        let workers = self.workers.iter().enumerate();
        workers.flat_map(|(worker, rings)| [(worker, &rings.ordinary), (worker, &rings.errors)])
    }

    fn sampled_out(&self) -> u64 {
        self.metrics.shards().map(|shard| shard.requests_sampled_out.value()).sum()
    }
}
