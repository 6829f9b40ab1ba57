//! Times in buckets: cheap to record, small to hold, exact at the bounds people alert on.
//!
//! The count is the sum of the buckets, not a number of its own: a reader in the middle of a write
//! can then never see the two disagree.

mod bucket;
mod delta;

use crate::cell::Counter;
use bucket::{BUCKETS, bucket_of, buckets_below, middle};

pub use bucket::EXPORT_BOUNDS_US;
pub use delta::HistogramDelta;

/// Counts of times by length. One writer, any number of readers; 816 bytes.
///
/// Resolves 1 µs to 100 s; longer times all count in the last bucket.
#[derive(Debug)]
pub struct Histogram {
    buckets: [Counter; BUCKETS],
    sum_us: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| Counter::default()), sum_us: Counter::default() }
    }
}

impl Histogram {
    /// Counts a time of `us` microseconds. Costs a few nanoseconds.
    #[inline]
    pub fn record(&self, us: u64) {
        self.buckets[bucket_of(us)].increment();
        self.sum_us.add(us);
    }

    /// Copies the present counts.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            buckets: std::array::from_fn(|i| self.buckets[i].value()),
            sum_us: self.sum_us.value(),
        }
    }
}

/// Counts of one or several [`Histogram`]s at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramSnapshot {
    buckets: [u64; BUCKETS],
    sum_us: u64,
}

impl Default for HistogramSnapshot {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum_us: 0 }
    }
}

impl HistogramSnapshot {
    /// The counts of several histograms together.
    pub fn sum(snapshots: impl Iterator<Item = Self>) -> Self {
        snapshots.fold(Self::default(), |mut sum, snapshot| {
            sum.merge(&snapshot);
            sum
        })
    }

    /// Adds the counts of another; the order of merging does not matter.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.wrapping_add(*theirs);
        }
        self.sum_us = self.sum_us.wrapping_add(other.sum_us);
    }

    /// The counts added since `earlier`, a snapshot of the same histograms.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            buckets: std::array::from_fn(|i| self.buckets[i].saturating_sub(earlier.buckets[i])),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
        }
    }

    /// How many times were recorded.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Sum of all recorded times in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// The time that a share `q` (0 to 1) of the recorded ones does not exceed, in microseconds,
    /// off by at most 12.5 %. `None` when nothing was recorded. Times over 100 s answer 100 s.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        // Nearest rank: the smallest rank r with r / count >= q, and never below the first.
        #[allow(clippy::cast_sign_loss, reason = "both factors are at least zero")]
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|n| {
            seen += n;
            seen >= rank
        })?;
        Some(middle(bucket))
    }

    /// For each bound of [`EXPORT_BOUNDS_US`], how many times are *shorter* than it. Prometheus
    /// says "at most"; with whole microseconds the two differ by the times that hit a bound to the
    /// microsecond.
    pub fn cumulative(&self) -> [u64; EXPORT_BOUNDS_US.len()] {
        std::array::from_fn(|i| self.buckets[..buckets_below(EXPORT_BOUNDS_US[i])].iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fits_in_a_kibibyte() {
        assert!(size_of::<Histogram>() <= 1024, "{}", size_of::<Histogram>());
    }

    #[test]
    fn quantiles_of_nothing_one_and_the_extremes() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        histogram.record(3);
        for q in [-1.0, 0.0, 0.5, 1.0, 2.0, f64::NAN] {
            assert_eq!(histogram.snapshot().quantile(q), Some(3), "{q}");
        }
        histogram.record(u64::MAX);
        assert_eq!(histogram.snapshot().quantile(1.0), Some(100_000_000));
    }

    #[test]
    fn since_leaves_only_what_was_added() {
        let histogram = Histogram::default();
        histogram.record(10);
        let earlier = histogram.snapshot();
        histogram.record(700);
        let added = histogram.snapshot().since(&earlier);
        assert_eq!((added.count(), added.sum_us()), (1, 700));
        assert_eq!(added.cumulative()[..2], [0, 1]);
    }

    proptest! {
        #[test]
        fn merging_equals_recording_in_one(
            left in proptest::collection::vec(0..200_000_000u64, 0..40),
            right in proptest::collection::vec(0..200_000_000u64, 0..40),
        ) {
            let [a, b, both] = std::array::from_fn(|_| Histogram::default());
            for (times, histogram) in [(&left, &a), (&right, &b)] {
                for us in times {
                    histogram.record(*us);
                    both.record(*us);
                }
            }
            let mut merged = b.snapshot();
            merged.merge(&a.snapshot());
            prop_assert_eq!(&merged, &both.snapshot());
            for (bound, below) in EXPORT_BOUNDS_US.iter().zip(merged.cumulative()) {
                let expected = left.iter().chain(&right).filter(|us| *us < bound).count();
                prop_assert_eq!(below, expected as u64);
            }
        }
    }
}
