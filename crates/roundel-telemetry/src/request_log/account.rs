//! The detail of a kept exchange: what is needed to explain it later.
//!
//! Facts are copied out of the pool when the exchange is kept, so that the log never keeps old
//! pools alive, however often they change. All memory is reserved with the slot.

use std::ops::Range;
use std::sync::Arc;

use roundel_core::end::EndReason;
use roundel_core::endpoint::{Endpoint, EndpointFacts};
use roundel_core::name::Name;
use roundel_core::policy::PoolPolicy;
use roundel_core::pool::{Pool, Tier};
use roundel_core::route::RouteTable;

use super::trail::{ATTEMPTS_MAX, Attempt, CANDIDATES_MAX, Seen, Trail, see};

/// Endpoints kept for all picks of an exchange; picks after that keep none.
const CONSIDERED_MAX: usize = 2 * CANDIDATES_MAX;

/// Where the explanation of an exchange comes from, besides its record.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The route table and the index of the route that matched.
    pub route: Option<(&'a Arc<RouteTable>, usize)>,
    /// The pool as the last pick saw it.
    pub pool: Option<&'a Arc<Pool>>,
    /// The last attempt.
    pub attempt: Option<Attempt>,
    /// What went before.
    pub trail: Option<&'a Trail>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) route: Option<(Arc<RouteTable>, usize)>,
    pub(super) attempts: Vec<KeptAttempt>,
    pub(super) attempts_omitted: u32,
    /// The pick that found no place, when the exchange ended for want of one.
    pub(super) refusal: Option<Picked>,
    considered: Vec<Considered>,
    /// Scratch for endpoints that nobody looked at.
    unseen: Vec<Seen>,
}

/// An attempt and the pick before it.
#[derive(Debug)]
pub(super) struct KeptAttempt {
    pub(super) attempt: Attempt,
    pub(super) endpoint: Name,
    pub(super) authority: Arc<str>,
    pub(super) picked: Picked,
}

/// The circumstances of a pick.
#[derive(Debug, Clone)]
pub(super) struct Picked {
    pub(super) policy: Arc<PoolPolicy>,
    pub(super) tier: Tier,
    /// How many candidates there were.
    pub(super) candidates: usize,
    /// Endpoints of the pool that are not told.
    pub(super) omitted: usize,
    considered: Range<usize>,
}

/// An endpoint at the moment of a pick.
#[derive(Debug, Clone)]
pub(super) struct Considered {
    pub(super) name: Name,
    pub(super) facts: EndpointFacts,
    pub(super) is_backup: bool,
    /// Whether the balancer could choose it.
    pub(super) is_candidate: bool,
    pub(super) was_tried: bool,
    pub(super) was_silent: bool,
    pub(super) in_flight: Option<u32>,
}

impl Default for Detail {
    fn default() -> Self {
        Self {
            route: None,
            attempts: Vec::with_capacity(ATTEMPTS_MAX),
            attempts_omitted: 0,
            refusal: None,
            considered: Vec::with_capacity(CONSIDERED_MAX),
            unseen: Vec::with_capacity(CANDIDATES_MAX),
        }
    }
}

impl Detail {
    /// Replaces what was there. Allocates nothing.
    pub(super) fn fill(&mut self, account: &Account<'_>, end: EndReason) {
        self.route = account.route.map(|(table, index)| (Arc::clone(table), index));
        self.attempts.clear();
        self.considered.clear();
        self.attempts_omitted = account.trail.map_or(0, Trail::past_omitted);
        for (past, seen) in account.trail.iter().flat_map(|trail| trail.past()) {
            self.keep(&past.pool, past.attempt, seen);
        }
        let present = account.trail.map(Trail::present).unwrap_or_default();
        if let (Some(pool), Some(attempt)) = (account.pool, account.attempt) {
            self.keep(pool, attempt, present);
        }
        let has_no_place =
            matches!(end, EndReason::NoEndpoint | EndReason::QueueFull | EndReason::QueueTimeout);
        self.refusal = account.pool.filter(|_| has_no_place).map(|pool| {
            self.unseen.clear();
            see(&mut self.unseen, pool, None, &[], true);
            consider(&mut self.considered, pool, &self.unseen)
        });
    }

    /// What was considered at a pick, in the pool's order.
    pub(super) fn considered(&self, picked: &Picked) -> &[Considered] {
        self.considered.get(picked.considered.clone()).unwrap_or_default()
    }

    fn keep(&mut self, pool: &Arc<Pool>, attempt: Attempt, seen: &[Seen]) {
        let chosen = pool.endpoints.iter().find(|endpoint| endpoint.id == attempt.endpoint);
        let Some(chosen) = chosen.filter(|_| self.attempts.len() < ATTEMPTS_MAX) else { return };
        let (endpoint, authority) = (chosen.name.clone(), Arc::clone(&chosen.authority));
        let picked = if seen.is_empty() {
            self.unseen.clear();
            see(&mut self.unseen, pool, Some(attempt.endpoint), &[], false);
            consider(&mut self.considered, pool, &self.unseen)
        } else {
            consider(&mut self.considered, pool, seen)
        };
        self.attempts.push(KeptAttempt { attempt, endpoint, authority, picked });
    }
}

/// Copies the facts of the endpoints seen, as far as there is room.
fn consider(considered: &mut Vec<Considered>, pool: &Pool, seen: &[Seen]) -> Picked {
    let start = considered.len();
    let is_candidate = |index: u32| pool.candidates.indices.binary_search(&index).is_ok();
    for seen in seen.iter().take(CONSIDERED_MAX - start.min(CONSIDERED_MAX)) {
        let Some(endpoint) = pool.endpoints.get(seen.index as usize) else { continue };
        let Endpoint { name, facts, is_backup, .. } = endpoint;
        considered.push(Considered {
            name: name.clone(),
            facts: *facts,
            is_backup: *is_backup,
            is_candidate: is_candidate(seen.index),
            was_tried: seen.was_tried,
            was_silent: seen.was_silent,
            in_flight: seen.in_flight,
        });
    }
    Picked {
        policy: Arc::clone(&pool.policy),
        tier: pool.candidates.tier,
        candidates: pool.candidates.indices.len(),
        omitted: pool.endpoints.len() - (considered.len() - start),
        considered: start..considered.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_log::entry::Entry;

    #[test]
    fn a_kept_exchange_takes_what_the_log_says_it_does() {
        let reserved = ATTEMPTS_MAX * size_of::<KeptAttempt>()
            + CONSIDERED_MAX * size_of::<Considered>()
            + CANDIDATES_MAX * size_of::<Seen>();
        let bytes = size_of::<Entry>() + reserved;
        assert!((3 * 1024..6 * 1024).contains(&bytes), "{bytes}");
    }
}
