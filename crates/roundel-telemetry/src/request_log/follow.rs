//! Reading the log as it grows.

use std::sync::Arc;

use super::ring::Found;
use super::{RequestFilter, RequestSummary, Shared};

/// Somebody who follows the log. It only remembers how far it has read: workers know nothing of
/// it, and nothing is kept for it but what the log keeps anyway.
#[derive(Debug)]
pub struct RequestFollower {
    shared: Arc<Shared>,
    /// Next position to read, for each ring in the order of [`Shared::rings`].
    positions: Vec<u64>,
    sampled_out: u64,
}

/// What is new since the last look.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Followed {
    /// Those that match, in the order in which they ended.
    pub requests: Vec<RequestSummary>,
    /// Kept exchanges that were overwritten before they were read: the follower is too slow.
    pub missed: u64,
    /// Exchanges that were never kept.
    pub sampled_out: u64,
}

impl RequestFollower {
    /// Begins with what ends from now on.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let positions = shared.rings().map(|(_, ring)| ring.next_position()).collect();
        let sampled_out = shared.sampled_out();
        Self { shared, positions, sampled_out }
    }

    /// What has ended since the last call. Never waits; whoever shows the log live calls it a few
    /// times a second.
    pub fn poll(&mut self, filter: &RequestFilter) -> Followed {
        let mut followed = Followed::default();
        for ((worker, ring), position) in self.shared.rings().zip(&mut self.positions) {
            let (first, next) = (ring.first_position(), ring.next_position());
            followed.missed += first.saturating_sub(*position);
            for position in first.max(*position)..next {
                let look = |entry: &_| filter.matches(entry).then(|| entry.summary(worker));
                match ring.read(position, look) {
                    Found::Entry(summary) => followed.requests.extend(summary),
                    Found::Overwritten => followed.missed += 1,
                    Found::Nothing => {}
                }
            }
            *position = next;
        }
        followed.requests.sort_by_key(|request| request.at);
        let sampled_out = self.shared.sampled_out();
        followed.sampled_out = sampled_out - self.sampled_out;
        self.sampled_out = sampled_out;
        followed
    }
}
