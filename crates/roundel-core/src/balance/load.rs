//! Which of two endpoints is less loaded.
//!
//! The figure is (attempts in flight + 1) / weight: the load *after* taking this attempt. Without
//! the 1 an idle endpoint that is still in slow start would be the first choice whenever the others
//! have anything to do. With it, taken literally, the lighter of two idle endpoints would get
//! nothing while the pool has little to do; so the algorithms treat idle endpoints as equals and
//! choose by chance and weight among them.
//!
//! Attempts in flight are those this process knows of; they need no clock and no memory, and an
//! endpoint that slows down accumulates them by itself (HAProxy `leastconn`, Envoy
//! `LEAST_REQUEST`). What they cannot see is an endpoint that fails fast: outlier detection is
//! there for that.

use std::cmp::Ordering;

use super::schedule::Candidate;

/// A candidate and its load at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loaded {
    pub(super) candidate: Candidate,
    pub(super) in_flight: u32,
}

impl Loaded {
    /// Orders by load, exactly: fractions are compared by cross-multiplication, which fits in 64
    /// bits.
    pub(super) fn compare(self, other: Self) -> Ordering {
        self.times(other.candidate).cmp(&other.times(self.candidate))
    }

    pub(super) fn is_idle(self) -> bool {
        self.in_flight == 0
    }

    fn times(self, other: Candidate) -> u64 {
        (u64::from(self.in_flight) + 1) * u64::from(other.weight())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_relative_to_weight_and_counts_the_attempt_to_come() {
        for (weight, in_flight, other_weight, other_in_flight, expected) in [
            (1, 0, 1, 0, Ordering::Equal),
            (1, 0, 1, 1, Ordering::Less),
            (2, 0, 1, 0, Ordering::Less),
            (2, 1, 1, 0, Ordering::Equal),
            (10, 8, 1, 0, Ordering::Less),
            (10, 10, 1, 0, Ordering::Greater),
            (u32::MAX, u32::MAX, u32::MAX, u32::MAX, Ordering::Equal),
            (1, u32::MAX, u32::MAX, 0, Ordering::Greater),
        ] {
            let loaded = |w, in_flight| Loaded { candidate: Candidate::new(0, w), in_flight };
            let (a, b) = (loaded(weight, in_flight), loaded(other_weight, other_in_flight));
            assert_eq!(a.compare(b), expected, "{a:?} {b:?}");
            assert_eq!(b.compare(a), expected.reverse(), "{a:?} {b:?}");
        }
    }
}
