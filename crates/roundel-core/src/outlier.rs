//! When real traffic takes an endpoint out, and for how long.
//!
//! Probes ask whether an endpoint is alive; traffic shows whether it works. An endpoint that fails
//! what it is sent, while others would not, is *ejected*: it gets no exchanges for a time that
//! grows with each ejection in a row. Two things trigger it, as in Envoy's outlier detection:
//! failures in a row, and a share of successes below a limit.
//!
//! Ejecting has to stay safe when everything fails at once, since then the fault is elsewhere and
//! every ejection only moves the load onto fewer endpoints. Hence, whatever the trigger:
//! - the last eligible endpoint of a pool is never ejected;
//! - at most a share of the pool is ejected at once, though always one (a tenth of three endpoints
//!   would be none, and the feature would be off without anybody noticing);
//! - a low share of successes ejects only while some endpoint of the pool does better.
//!
//! All of it is pure. The control plane looks at counters, asks here, keeps an [`OutlierTracker`]
//! per endpoint, sets timers and logs the [`Decision`].

use std::fmt;
use std::num::NonZeroU32;

use crate::endpoint::{AdminState, EndpointFacts};
use crate::policy::OutlierDetection;

pub mod tracker;

pub use tracker::{Moment, OutlierTracker};

/// What is known about one endpoint of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Its three facts as they are now.
    pub facts: EndpointFacts,
    /// Its ejections so far.
    pub tracker: OutlierTracker,
    /// Failed attempts since the last good one.
    pub errors_in_a_row: u32,
    /// Attempts within the present window of the success-rate trigger.
    pub window: Window,
}

/// Attempts within a stretch of time, by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Good ones.
    pub successes: u64,
    /// Failed ones.
    pub errors: u64,
}

/// Whether an endpoint is ejected, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is: to be noted by [`OutlierTracker::eject`] at the same moment.
    Eject {
        /// When it takes traffic again.
        until: Moment,
        /// What it did.
        reason: EjectReason,
    },
    /// It stays.
    Keep(KeepReason),
}

/// Why an endpoint is ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EjectReason {
    /// Too many failures in a row.
    ConsecutiveErrors {
        /// So many.
        errors: u32,
        /// So many are too many.
        limit: NonZeroU32,
    },
    /// Too small a share of successes.
    SuccessRate {
        /// What the share comes from.
        window: Window,
        /// Below this it is too small.
        below_percent: u8,
    },
}

/// Why an endpoint is not ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepReason {
    /// The trigger is switched off, or what it watches is within its limit.
    WithinLimit,
    /// It is out already: ejected, unhealthy, or by the operator's will.
    NotEligible,
    /// It is the last eligible endpoint of its pool.
    LastEligible,
    /// The allowed share of the pool is ejected already.
    ShareReached,
    /// No endpoint of the pool does well, so the fault lies elsewhere.
    SharedFault,
}

/// Decides about the endpoint at `index` of `pool` when its failures in a row have changed.
/// An index outside of the pool is kept as not eligible.
///
/// Whoever ends an ejection clears the failures in a row, or the endpoint would be out again before
/// its first attempt.
pub fn eject_on_consecutive(
    pool: &[Seen],
    index: usize,
    policy: &OutlierDetection,
    now: Moment,
) -> Decision {
    let Some(candidate) = pool.get(index) else {
        return Decision::Keep(KeepReason::NotEligible);
    };
    let errors = candidate.errors_in_a_row;
    let Some(limit) = policy.consecutive_errors.filter(|limit| errors >= limit.get()) else {
        return Decision::Keep(KeepReason::WithinLimit);
    };
    let reason = EjectReason::ConsecutiveErrors { errors, limit };
    match Room::of(pool, policy).take(candidate) {
        Ok(()) => Decision::Eject { until: candidate.tracker.would_end(policy, now), reason },
        Err(reason) => Decision::Keep(reason),
    }
}

/// Decides about all endpoints of `pool` at the end of a window: the indices of those whose share
/// of successes is below the limit, worst first, each with what becomes of it. Every decision
/// reckons with the ejections before it in the list.
///
/// Judged are eligible endpoints with enough attempts. When none of these reaches the limit, the
/// fault is taken to be shared (a database, a bad release) and all are kept.
pub fn success_rate_outliers(
    pool: &[Seen],
    policy: &OutlierDetection,
    now: Moment,
) -> Vec<(usize, Decision)> {
    let Some(trigger) = &policy.success_rate else {
        return Vec::new();
    };
    let judged = pool.iter().enumerate().filter(|(_, seen)| {
        seen.facts.is_eligible()
            && seen.window.attempts() >= u128::from(trigger.minimum_requests.get())
    });
    let (mut low, well): (Vec<_>, Vec<_>) =
        judged.partition(|(_, seen)| seen.window.is_below(trigger.below_percent));
    if well.is_empty() {
        let keep = Decision::Keep(KeepReason::SharedFault);
        return low.into_iter().map(|(index, _)| (index, keep)).collect();
    }
    low.sort_by(|(_, a), (_, b)| a.window.compare_rate(b.window));
    let mut room = Room::of(pool, policy);
    let decide = |(index, seen): (usize, &Seen)| {
        let decision = match room.take(seen) {
            Ok(()) => Decision::Eject {
                until: seen.tracker.would_end(policy, now),
                reason: EjectReason::SuccessRate {
                    window: seen.window,
                    below_percent: trigger.below_percent,
                },
            },
            Err(reason) => Decision::Keep(reason),
        };
        (index, decision)
    };
    low.into_iter().map(decide).collect()
}

/// How many more endpoints of a pool may be ejected.
struct Room {
    /// Endpoints that the operator lets take traffic: what the share is a share of.
    enabled: usize,
    ejected: usize,
    eligible: usize,
    max_ejected_percent: u8,
}

impl Room {
    fn of(pool: &[Seen], policy: &OutlierDetection) -> Self {
        let is_enabled = |seen: &&Seen| seen.facts.admin_state == AdminState::Enabled;
        Self {
            enabled: pool.iter().filter(is_enabled).count(),
            ejected: pool.iter().filter(is_enabled).filter(|seen| seen.facts.is_ejected).count(),
            eligible: pool.iter().filter(|seen| seen.facts.is_eligible()).count(),
            max_ejected_percent: policy.max_ejected_percent,
        }
    }

    /// Ejects `candidate` from the count, unless a guard speaks for keeping it.
    fn take(&mut self, candidate: &Seen) -> Result<(), KeepReason> {
        if !candidate.facts.is_eligible() {
            return Err(KeepReason::NotEligible);
        }
        if self.eligible <= 1 {
            return Err(KeepReason::LastEligible);
        }
        let allowed = self.enabled * usize::from(self.max_ejected_percent) / 100;
        if self.ejected >= allowed.max(1) {
            return Err(KeepReason::ShareReached);
        }
        self.ejected += 1;
        self.eligible -= 1;
        Ok(())
    }
}

impl Window {
    fn attempts(self) -> u128 {
        u128::from(self.successes) + u128::from(self.errors)
    }

    fn is_below(self, percent: u8) -> bool {
        u128::from(self.successes) * 100 < u128::from(percent) * self.attempts()
    }

    /// Orders by share of successes, exactly. Windows without attempts have none and are equal to
    /// any.
    fn compare_rate(self, other: Self) -> std::cmp::Ordering {
        // a/(a+b) < c/(c+d) is a·d < c·b, and two 64-bit factors never overflow.
        let ours = u128::from(self.successes) * u128::from(other.errors);
        let theirs = u128::from(other.successes) * u128::from(self.errors);
        ours.cmp(&theirs)
    }
}

impl fmt::Display for EjectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ConsecutiveErrors { errors, limit } => {
                write!(f, "{errors} failed attempts in a row (limit {limit})")
            }
            Self::SuccessRate { window, below_percent } => {
                let Window { successes, .. } = window;
                let attempts = window.attempts();
                write!(f, "{successes} of {attempts} attempts good (limit {below_percent} %)")
            }
        }
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WithinLimit => "within the limit",
            Self::NotEligible => "takes no traffic already",
            Self::LastEligible => "the last eligible endpoint of its pool",
            Self::ShareReached => "the allowed share of the pool is ejected already",
            Self::SharedFault => "no endpoint of the pool does well, so the fault lies elsewhere",
        })
    }
}

#[cfg(test)]
mod tests;
