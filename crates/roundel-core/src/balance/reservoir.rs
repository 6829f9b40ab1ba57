//! A choice by chance among candidates that are met one after the other (reservoir sampling).
//!
//! Each displaces its predecessors with a chance of its part of all chances so far; in the end
//! each is held with a chance of its part of the whole (Chao, *A General Purpose Unequal
//! Probability Sampling Plan*, 1982). One pass, nothing allocated.

use super::schedule::Candidate;

/// Holds one of the candidates offered so far.
#[derive(Debug, Default)]
pub(super) struct Reservoir {
    held: Option<Candidate>,
    chances: u64,
}

impl Reservoir {
    /// Considers a candidate that is to have `chances`, at least 1, against the others' chances.
    pub(super) fn offer(&mut self, candidate: Candidate, chances: u32, random: &mut fastrand::Rng) {
        let chances = u64::from(chances);
        self.chances += chances;
        if self.held.is_none() || random.u64(..self.chances) < chances {
            self.held = Some(candidate);
        }
    }

    /// The choice; `None` when nobody was offered.
    pub(super) fn held(self) -> Option<Candidate> {
        self.held
    }
}
