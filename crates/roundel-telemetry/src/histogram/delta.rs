//! What a histogram counted between two readings.
//!
//! A second of traffic touches a few neighbouring buckets, so only those are kept: the windows of a
//! thousand endpoints then hold some bytes for each second and not the whole histogram.

use super::HistogramSnapshot;

/// Buckets that grew, with how much; empty when nothing was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistogramDelta(Box<[(u8, u64)]>);

impl HistogramDelta {
    /// What `later` has and `earlier` has not, for two snapshots of the same histograms.
    pub fn between(earlier: &HistogramSnapshot, later: &HistogramSnapshot) -> Self {
        let grown = later.buckets.iter().zip(&earlier.buckets).zip(0u8..);
        let grown =
            grown.map(|((later, earlier), bucket)| (bucket, later.saturating_sub(*earlier)));
        Self(grown.filter(|(_, count)| *count > 0).collect())
    }

    /// Adds the counts to `sum`. The sum of times is not part of it.
    pub fn add_to(&self, sum: &mut HistogramSnapshot) {
        for &(bucket, count) in &self.0 {
            if let Some(total) = sum.buckets.get_mut(usize::from(bucket)) {
                *total = total.saturating_add(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::Histogram;

    #[test]
    fn a_delta_is_what_was_recorded_in_between() {
        let histogram = Histogram::default();
        histogram.record(3);
        let earlier = histogram.snapshot();
        histogram.record(3);
        histogram.record(70_000);
        histogram.record(u64::MAX);
        let delta = HistogramDelta::between(&earlier, &histogram.snapshot());
        assert_eq!(delta.0.iter().map(|(_, count)| count).sum::<u64>(), 3);

        let mut sum = HistogramSnapshot::default();
        delta.add_to(&mut sum);
        assert_eq!(sum.buckets, histogram.snapshot().since(&earlier).buckets);
    }

    #[test]
    fn nothing_recorded_keeps_nothing() {
        let histogram = Histogram::default();
        histogram.record(3);
        let snapshot = histogram.snapshot();
        assert_eq!(HistogramDelta::between(&snapshot, &snapshot), HistogramDelta::default());
    }
}
