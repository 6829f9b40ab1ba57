//! What an autoscaler remembers of the last seconds and minutes.
//!
//! [`Samples`] gives means over the short window, [`Peaks`] the highest number needed within the
//! long one. Both are bounded whatever the pace of the looks: the samples by a fixed number, the
//! peaks by keeping only those that can still become the highest.

use std::collections::VecDeque;
use std::time::Duration;

use super::{View, WINDOW};
use crate::outlier::Moment;

/// Enough for ten looks a second; more push out the oldest.
const SAMPLES_MAX: usize = 64;

/// Looks within the short window, oldest first.
#[derive(Debug, Default)]
pub(super) struct Samples(VecDeque<Sample>);

#[derive(Debug)]
struct Sample {
    at: Moment,
    demand: u32,
    started: u64,
    waited: Duration,
    cpu_percent: Option<f64>,
}

impl Samples {
    /// Takes a look in, `elapsed` after the one before.
    pub(super) fn push(&mut self, now: Moment, view: &View, elapsed: Duration) {
        while self.0.front().is_some_and(|old| now.since(old.at) >= WINDOW)
            || self.0.len() >= SAMPLES_MAX
        {
            self.0.pop_front();
        }
        // When all wait and none gets through, they have waited since the last look at least.
        let is_stuck = view.started == 0 && view.queued > 0;
        let (started, waited) = if is_stuck {
            (u64::from(view.queued), elapsed.saturating_mul(view.queued))
        } else {
            (view.started, view.waited)
        };
        let cpu = view.cpu.filter(|cpu| cpu.percent.is_finite() && cpu.percent >= 0.0);
        let each = cpu.map(|cpu| cpu.percent / f64::from(cpu.instances.get()));
        self.0.push_back(Sample {
            at: now,
            demand: view.demand(),
            started,
            waited,
            cpu_percent: each.map(|each| each * f64::from(view.ready)),
        });
    }

    /// Mean of what had to be served; 0 without any sample.
    pub(super) fn demand(&self) -> f64 {
        mean(self.0.iter().map(|s| f64::from(s.demand))).unwrap_or(0.0)
    }

    /// Mean wait of an attempt before it began, those that did not wait included.
    pub(super) fn queue_time(&self) -> Duration {
        let started: u64 = self.0.iter().fold(0, |sum, s| sum.saturating_add(s.started));
        let waited: f64 = self.0.iter().map(|s| s.waited.as_secs_f64()).sum();
        let mean = if started == 0 { 0.0 } else { waited / started as f64 };
        Duration::try_from_secs_f64(mean).unwrap_or(Duration::MAX)
    }

    /// Mean processor use of all ready instances together; `None` without any reading.
    pub(super) fn cpu_percent(&self) -> Option<f64> {
        mean(self.0.iter().filter_map(|s| s.cpu_percent))
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// How many instances were needed, as far as it can still matter: later ones that needed as many or
/// more make earlier ones meaningless, so the numbers only fall from front to back.
#[derive(Debug, Default)]
pub(super) struct Peaks(VecDeque<(Moment, u32)>);

/// The most that were needed within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peak {
    pub(super) needed: u32,
    /// How long ago that was.
    pub(super) ago: Duration,
}

impl Peaks {
    /// Forgets everything but `needed` now.
    pub(super) fn begin(&mut self, now: Moment, needed: u32) {
        self.0.clear();
        self.0.push_back((now, needed));
    }

    /// Notes what is needed now, and returns the most within `window`.
    pub(super) fn push(&mut self, now: Moment, needed: u32, window: Duration) -> Peak {
        while self.0.front().is_some_and(|(at, _)| now.since(*at) >= window) {
            self.0.pop_front();
        }
        while self.0.back().is_some_and(|(_, before)| *before <= needed) {
            self.0.pop_back();
        }
        self.0.push_back((now, needed));
        let (at, needed) = self.0.front().copied().unwrap_or((now, needed));
        Peak { needed, ago: now.since(at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(n: u64) -> Moment {
        Moment(Duration::from_secs(n))
    }

    #[test]
    fn samples_leave_the_window_one_by_one() {
        let mut samples = Samples::default();
        for n in 0..6 {
            samples.push(second(n), &View { in_flight: 6, ..View::default() }, WINDOW / 6);
        }
        assert!((samples.demand() - 6.0).abs() < 1e-9);
        samples.push(second(6), &View { queued: 12, ..View::default() }, WINDOW / 6);
        assert!((samples.demand() - 7.0).abs() < 1e-9);
    }

    #[test]
    fn waits_are_shared_by_all_that_began() {
        let mut samples = Samples::default();
        let view = View { started: 100, waited: Duration::from_secs(1), ..View::default() };
        samples.push(second(0), &view, Duration::ZERO);
        assert_eq!(samples.queue_time(), Duration::from_millis(10));
    }

    #[test]
    fn a_line_that_does_not_move_waits_since_the_last_look() {
        let mut samples = Samples::default();
        let stuck = View { queued: 3, ..View::default() };
        samples.push(second(0), &stuck, Duration::from_secs(2));
        assert_eq!(samples.queue_time(), Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn samples_are_bounded(steps in proptest::collection::vec(0u64..2000, 0..300)) {
            let mut samples = Samples::default();
            let mut now = Moment::default();
            for step in steps {
                now = now.plus(Duration::from_millis(step));
                samples.push(now, &View::default(), Duration::from_millis(step));
                prop_assert!(samples.0.len() <= SAMPLES_MAX);
            }
        }

        #[test]
        fn the_peak_is_the_most_within_the_window(
            looks in proptest::collection::vec((0u64..5, 0u32..8), 1..100),
            window in 0u64..20,
        ) {
            let mut peaks = Peaks::default();
            let mut seen: Vec<(u64, u32)> = Vec::new();
            let mut now = 0;
            for (step, needed) in looks {
                now += step;
                seen.push((now, needed));
                let peak = peaks.push(second(now), needed, Duration::from_secs(window));
                let within = seen.iter().filter(|(at, _)| now - at < window);
                let expected = within.map(|(_, n)| *n).max().unwrap_or(needed);
                prop_assert_eq!(peak.needed, expected);
                prop_assert!(peaks.0.len() <= 8);
            }
        }
    }
}
