//! What probes found, and how a verdict changes.
//!
//! One [`HealthTracker`] per endpoint is fed with the outcome of each probe and tells when the
//! endpoint's health changes. A verdict changes only after several outcomes in a row speak against
//! it, so that one lost packet does not move a pool's traffic; only the first probe of an endpoint
//! decides alone, since there is no verdict yet to defend. Probing itself, timers and logging
//! belong to the control plane.
//!
//! Invariant: at most one of the two counts in a row is above zero, and after a probe the one that
//! speaks against the verdict is below its threshold.

use std::time::Duration;

use crate::endpoint::Health;
use crate::policy::HealthCheck;

pub mod probe;

pub use probe::{PROBE_BODY_BYTES_MAX, ProbeFailure, ProbeOutcome, judge_body, judge_status};

/// An endpoint's health, and the probes in a row that confirm or contest it. A new one is of
/// unknown health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HealthTracker {
    health: Health,
    successes_in_a_row: u32,
    failures_in_a_row: u32,
}

/// A change of health, for the log and for the next snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// Health before.
    pub from: Health,
    /// Health from now on: never unknown, and never the same as `from`.
    pub to: Health,
    /// Probes in a row with the outcome that led here, at least 1.
    pub in_a_row: u32,
}

impl HealthTracker {
    /// The present verdict.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Good probes since the last failed one.
    pub fn successes_in_a_row(&self) -> u32 {
        self.successes_in_a_row
    }

    /// Failed probes since the last good one.
    pub fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// Takes note of a probe, and tells whether health changed by it.
    pub fn on_probe(&mut self, outcome: &ProbeOutcome, check: &HealthCheck) -> Option<Transition> {
        let (to, in_a_row, threshold) = match outcome {
            ProbeOutcome::Success { .. } => {
                self.failures_in_a_row = 0;
                self.successes_in_a_row = self.successes_in_a_row.saturating_add(1);
                (Health::Healthy, self.successes_in_a_row, check.healthy_after)
            }
            ProbeOutcome::Failure(_) => {
                self.successes_in_a_row = 0;
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                (Health::Unhealthy, self.failures_in_a_row, check.unhealthy_after)
            }
        };
        let from = self.health;
        let is_decided = from == Health::Unknown || in_a_row >= threshold.get();
        if from == to || !is_decided {
            return None;
        }
        self.health = to;
        Some(Transition { from, to, in_a_row })
    }

    /// Time from the start of one probe to the start of the next: `interval` while the endpoint is
    /// healthy and its last probe agreed, else `unhealthy_interval`, so that a change of verdict
    /// is settled soon. `random_unit`, from 0 to 1, places it within the jitter.
    pub fn next_probe_in(&self, check: &HealthCheck, random_unit: f64) -> Duration {
        let is_settled = self.health == Health::Healthy && self.failures_in_a_row == 0;
        let interval = if is_settled { check.interval } else { check.unhealthy_interval };
        jittered(interval, check.jitter_percent, random_unit)
    }
}

/// With more jitter, a probe could follow another at once.
const JITTER_PERCENT_MAX: u8 = 90;

fn jittered(interval: Duration, jitter_percent: u8, random_unit: f64) -> Duration {
    let share = f64::from(jitter_percent.min(JITTER_PERCENT_MAX)) / 100.0;
    let factor = 1.0 + share * (2.0 * random_unit.clamp(0.0, 1.0) - 1.0);
    // Out of range are only a not-a-number and intervals of centuries: those go without jitter.
    Duration::try_from_secs_f64(interval.as_secs_f64() * factor).unwrap_or(interval)
}

#[cfg(test)]
mod tests;
