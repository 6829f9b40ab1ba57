//! Choosing an endpoint. One small module for each algorithm, each with its argument and source.
//!
//! A [`Balancer`] is built by the control plane for one set of candidates and is immutable; what
//! changes per pick (ticket, key, randomness, load) is an argument.

use std::sync::atomic::AtomicU64;

use crate::endpoint::Endpoint;
use crate::policy::Balance;

/// A balancer prepared for one set of candidates.
#[derive(Debug)]
pub enum Balancer {}

/// What changes from pick to pick.
pub struct Pick<'a> {
    /// The pool's ticket counter, shared by all workers.
    pub cursor: &'a AtomicU64,
    /// Hash of the affinity key; `None` when the exchange has none.
    pub key_hash: Option<u64>,
    /// Source of randomness.
    pub random: &'a mut fastrand::Rng,
}

impl Balancer {
    /// Prepares `balance` for those `endpoints` that `candidates` (ascending indices) names.
    pub fn new(_balance: &Balance, _endpoints: &[Endpoint], _candidates: &[u32]) -> Self {
        todo!()
    }

    /// Picks the index (into the endpoints given to [`Self::new`]) of one candidate that `admits`
    /// accepts, or `None` when it accepts none. `in_flight` tells an endpoint's present load.
    /// Allocates nothing.
    pub fn pick(
        &self,
        _pick: Pick<'_>,
        _admits: impl Fn(usize) -> bool,
        _in_flight: impl Fn(usize) -> u32,
    ) -> Option<usize> {
        todo!()
    }
}
