//! What an exchange remembers of its attempts, should somebody ask why it went as it did.
//!
//! A runner has one trail and reuses it, so in the steady state nothing is allocated. An exchange
//! that will not be kept and does not fail leaves no trail: only picks that somebody may ask about
//! look at the load of endpoints, since each look may fetch a cache line from another core.

use std::ops::Range;
use std::sync::Arc;

use roundel_core::end::AttemptFailure;
use roundel_core::endpoint::EndpointId;
use roundel_core::pool::Pool;

/// Attempts of an exchange that are told in detail: the first ones and the last.
pub const ATTEMPTS_MAX: usize = 4;

/// Endpoints of a pool that are told for one pick.
pub const CANDIDATES_MAX: usize = 32;

/// One attempt, as the exchange that made it knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The endpoint chosen.
    pub endpoint: EndpointId,
    /// From the exchange's start to the attempt's, in microseconds.
    pub started_us: u64,
    /// Connecting; `None` when an idle connection was taken or none was made.
    pub connect_us: Option<u64>,
    /// From the attempt's start to the response head; `None` when none came.
    pub first_byte_us: Option<u64>,
    /// Whether it took an idle connection.
    pub is_reused: bool,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Status of the response head; 0 when none came.
    pub status: u16,
    /// Whether the request had what the `hash` balancer goes by.
    pub has_key: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// With a response that was relayed.
    Answered,
    /// It failed.
    Failed(AttemptFailure),
    /// The exchange ended before it did: the client left, or Roundel stopped.
    Cut,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Trail {
    /// Attempts that were followed by another.
    past: Vec<Past>,
    /// How many more there were.
    past_omitted: u32,
    /// What was seen at picks, one pick after the other.
    seen: Vec<Seen>,
    /// Where the present pick's part of it begins.
    present: usize,
}

/// An attempt that was followed by another.
#[derive(Debug)]
pub(super) struct Past {
    /// The pool as the pick saw it.
    pub(super) pool: Arc<Pool>,
    pub(super) attempt: Attempt,
    seen: Range<usize>,
}

/// An endpoint at the moment of a pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Index in the pool.
    pub(super) index: u32,
    /// Attempts in flight, without the one to come; `None` when nobody looked at the time.
    pub(super) in_flight: Option<u32>,
    /// Whether this exchange had tried it.
    pub(super) was_tried: bool,
    /// Whether requests waited there and none was answered; unknown counts as no.
    pub(super) was_silent: bool,
}

impl AttemptOutcome {
    /// The stable short code: `ok`, `cut`, or that of the failure.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Answered => "ok",
            Self::Failed(failure) => failure.code(),
            Self::Cut => "cut",
        }
    }
}

impl Trail {
    /// Forgets everything, as for the next exchange.
    #[inline]
    pub fn clear(&mut self) {
        self.past.clear();
        self.past_omitted = 0;
        self.seen.clear();
        self.present = 0;
    }

    /// Looks at the endpoints of `pool` just after `chosen` was picked. `tried` are those that the
    /// exchange tried before.
    pub fn look(&mut self, pool: &Pool, chosen: EndpointId, tried: &[EndpointId]) {
        self.seen.truncate(self.present);
        if self.past.len() < ATTEMPTS_MAX {
            see(&mut self.seen, pool, Some(chosen), tried, true);
        }
    }

    /// Notes an attempt that another one follows; `pool` is what its pick saw.
    pub fn leave(&mut self, pool: &Arc<Pool>, attempt: Attempt) {
        if self.past.len() + 1 < ATTEMPTS_MAX {
            let seen = self.present..self.seen.len();
            self.past.push(Past { pool: Arc::clone(pool), attempt, seen });
        } else {
            self.past_omitted += 1;
            self.seen.truncate(self.present);
        }
        self.present = self.seen.len();
    }

    pub(super) fn past(&self) -> impl Iterator<Item = (&Past, &[Seen])> {
        self.past.iter().map(|past| (past, self.seen.get(past.seen.clone()).unwrap_or_default()))
    }

    pub(super) fn past_omitted(&self) -> u32 {
        self.past_omitted
    }

    /// What was seen at the pick of the last attempt; empty when nobody looked.
    pub(super) fn present(&self) -> &[Seen] {
        self.seen.get(self.present..).unwrap_or_default()
    }
}

/// Adds up to [`CANDIDATES_MAX`] endpoints of `pool`, in its order. In a larger pool those that
/// matter most are taken: the chosen one, those tried before, those that could have been chosen.
pub(super) fn see(
    seen: &mut Vec<Seen>,
    pool: &Pool,
    chosen: Option<EndpointId>,
    tried: &[EndpointId],
    looks: bool,
) {
    let is_first = |id: &EndpointId| Some(*id) == chosen || tried.contains(id);
    let start = seen.len();
    let add = |seen: &mut Vec<Seen>, index: usize| {
        let Some(endpoint) = pool.endpoints.get(index) else { return };
        let own = u32::from(Some(endpoint.id) == chosen);
        seen.push(Seen {
            index: index as u32,
            in_flight: looks.then(|| endpoint.shared.in_flight().saturating_sub(own)),
            was_tried: tried.contains(&endpoint.id),
            was_silent: looks && endpoint.shared.is_silent(),
        });
    };
    let all = 0..pool.endpoints.len();
    if all.len() <= CANDIDATES_MAX {
        return all.for_each(|index| add(seen, index));
    }
    let first = all.clone().filter(|i| pool.endpoints.get(*i).is_some_and(|e| is_first(&e.id)));
    first.take(CANDIDATES_MAX).for_each(|index| add(seen, index));
    let candidates = pool.candidates.indices.iter().map(|index| *index as usize);
    for index in candidates.chain(all) {
        let taken = seen.get(start..).unwrap_or_default();
        if taken.len() == CANDIDATES_MAX {
            break;
        }
        if !taken.iter().any(|other| other.index as usize == index) {
            add(seen, index);
        }
    }
    if let Some(added) = seen.get_mut(start..) {
        added.sort_unstable_by_key(|seen| seen.index);
    }
}
