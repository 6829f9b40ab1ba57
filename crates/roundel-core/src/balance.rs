//! Choosing an endpoint. One small module for each algorithm, each with its argument and source.
//!
//! A [`Balancer`] is built by the control plane for one set of candidates and is immutable; what
//! changes per pick (ticket, key, randomness, load) is an argument. Which endpoints may be chosen
//! is decided elsewhere ([`crate::pool::Candidates`]); whether one of them takes this very attempt
//! (limit reached, tried before) is the caller's `admits`.
//!
//! Every algorithm keeps one promise: `None` means that no candidate is admitted. A random or
//! hashed choice that meets endpoints which are not admitted tries again a few times, which keeps
//! the distribution fair at little cost, and then walks over all candidates, which keeps the
//! promise.

mod hash;
mod least_request;
mod load;
mod p2c;
mod random;
mod reservoir;
mod round_robin;
mod schedule;

#[cfg(test)]
mod properties;

use std::sync::atomic::AtomicU64;

pub use hash::{HashTable, hash_key};
pub use least_request::SCAN_MAX as LEAST_REQUEST_SCAN_MAX;
pub use schedule::Schedule;

use crate::endpoint::Endpoint;
use crate::policy::Balance;
use schedule::Candidate;

/// A balancer prepared for one set of candidates.
#[derive(Debug)]
pub enum Balancer {
    /// Each in turn, by weight.
    RoundRobin(Schedule),
    /// Any, by weight.
    Random(Schedule),
    /// The less loaded of two random ones.
    P2c(Schedule),
    /// The least loaded.
    LeastRequest(Schedule),
    /// The one that the key's hash belongs to.
    Hash(HashTable),
}

/// What changes from pick to pick.
pub struct Pick<'a> {
    /// The pool's ticket counter, shared by all workers.
    pub cursor: &'a AtomicU64,
    /// Hash of the affinity key, by [`hash_key`]; `None` when the exchange has none.
    pub key_hash: Option<u64>,
    /// Source of randomness.
    pub random: &'a mut fastrand::Rng,
}

impl Balancer {
    /// Prepares `balance` for those `endpoints` that `candidates` (ascending indices) names.
    pub fn new(balance: &Balance, endpoints: &[Endpoint], candidates: &[u32]) -> Self {
        let named =
            || candidates.iter().filter_map(|&index| Some((index, endpoints.get(index as usize)?)));
        let schedule = Schedule::new(
            named().map(|(index, e)| Candidate::new(index, e.effective_weight)).collect(),
        );
        match balance {
            Balance::RoundRobin => Self::RoundRobin(schedule),
            Balance::Random => Self::Random(schedule),
            Balance::P2c => Self::P2c(schedule),
            Balance::LeastRequest => Self::LeastRequest(schedule),
            Balance::Hash(_) => {
                let identities: Vec<u64> =
                    named().map(|(_, e)| hash_key(e.name.as_str().as_bytes())).collect();
                Self::Hash(HashTable::new(schedule, &identities))
            }
        }
    }

    /// Picks the index (into the endpoints given to [`Self::new`]) of one candidate that `admits`
    /// accepts, or `None` when it accepts none. `in_flight` tells an endpoint's present load.
    /// Allocates nothing.
    pub fn pick(
        &self,
        pick: Pick<'_>,
        admits: impl Fn(usize) -> bool,
        in_flight: impl Fn(usize) -> u32,
    ) -> Option<usize> {
        let Pick { cursor, key_hash, random } = pick;
        let picked = match self {
            Self::RoundRobin(schedule) => round_robin::pick(schedule, cursor, random, admits),
            Self::Random(schedule) => random::pick(schedule, random, admits),
            Self::P2c(schedule) => p2c::pick(schedule, random, admits, in_flight),
            Self::LeastRequest(schedule) => {
                least_request::pick(schedule, random, admits, in_flight)
            }
            Self::Hash(table) => hash::pick(table, key_hash, random, admits),
        };
        picked.map(Candidate::index)
    }
}
