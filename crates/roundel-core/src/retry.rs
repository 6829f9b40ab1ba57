//! Whether a failed attempt is tried again.
//!
//! Two questions, in this order: may it be tried again without the request being processed twice,
//! and can the pool bear it?
//!
//! # May it?
//! A proxy must not repeat a request whose method is not idempotent unless it knows that the
//! first try was never applied (RFC 9110 §9.2.2); idempotent ones may be repeated when the
//! connection ends early (RFC 9112 §9.3.1). Hence:
//!
//! | failure | tried again |
//! |---|---|
//! | no connection, none in time, or no socket for one | any method: nothing was processed |
//! | a kept connection closed, before a response byte | the same; it says nothing of the endpoint, so it neither counts as an attempt nor is it charged |
//! | closed, before a response byte | any method if certainly unprocessed, else idempotent ones, or all if the operator says so |
//! | not written in time, no response head in time | any method if certainly unprocessed, else idempotent ones |
//! | overtaken by a hedge | never: the answer is there |
//! | malformed response head | idempotent ones: the request was processed, yet another endpoint may answer well |
//! | a status that the pool retries | idempotent ones |
//! | response body broken off or stalled | never: the client has part of the response |
//!
//! # Can the pool bear it?
//! Retries of a failing pool are load on top of the load it fails under. [`RetryBudget`] bounds
//! them to a share of requests, after Finagle's `RetryBudget`: a limit on tries per request alone
//! still multiplies the load by that limit. Failing to connect costs an endpoint nothing, so such
//! retries are bounded by the number of attempts but not charged.
//!
//! # Hedges
//! A request that waits at an endpoint which seems to have stopped has not failed, and may never do
//! so. It is sent to another endpoint as well, and the first answer counts (a *hedged request*: Dean and
//! Barroso, "The Tail at Scale", CACM 56(2), 2013). Unlike a retry it may be under way twice at one
//! time, and the slower one be processed long after the client has its answer and has sent its next
//! request: so only safe methods are hedged ([`may_hedge`]), under the same bounds as retries.

use crate::end::AttemptFailure;
use crate::policy::RetryPolicy;

/// What is known about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// How it failed.
    pub failure: AttemptFailure,
    /// The status, when `failure` is [`AttemptFailure::Status`].
    pub status: u16,
    /// Whether the method is idempotent (RFC 9110 §9.2.2).
    pub is_idempotent: bool,
    /// Whether it is certain that the endpoint processed nothing: no connection, no byte written,
    /// or no byte acknowledged.
    pub is_unprocessed: bool,
    /// Whether all request bytes sent so far can be sent again.
    pub is_replayable: bool,
    /// Attempts made so far, this one included, and those on a kept connection that turned out
    /// closed not counted: of these a caller makes at most one per request.
    pub attempts: u32,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again, elsewhere if possible.
    Retry,
    /// Give up; the reason is for the explanation of a request.
    GiveUp(GiveUp),
}

/// Why a failed attempt is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// All attempts that the policy allows were made.
    AttemptsUsed,
    /// The endpoint may have processed the request and the method is not idempotent.
    MayBeProcessed,
    /// The request body is no longer at hand.
    BodyNotReplayable,
    /// Retries would exceed their share of the load.
    BudgetSpent,
    /// This kind of failure is never retried.
    NotRetryable,
}

/// Decides, and takes a retry from the budget when the verdict is [`Verdict::Retry`].
/// `now_ms` is monotonic.
///
/// When several reasons speak against a retry, the one nearest to the failure is given: its kind,
/// then what repeating would do, then the limits.
pub fn verdict(
    policy: &RetryPolicy,
    attempt: FailedAttempt,
    budget: &mut RetryBudget,
    now_ms: u64,
) -> Verdict {
    match judge(policy, attempt) {
        Err(reason) => Verdict::GiveUp(reason),
        Ok(Charge::Free) => Verdict::Retry,
        Ok(Charge::Budget) if budget.try_withdraw(now_ms) => Verdict::Retry,
        Ok(Charge::Budget) => Verdict::GiveUp(GiveUp::BudgetSpent),
    }
}

/// A request that waits at an endpoint which seems to have stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingAttempt {
    /// Whether the method is safe (RFC 9110 §9.2.1).
    pub is_safe: bool,
    /// Whether there is a request body.
    pub has_body: bool,
    /// Attempts made so far, this one included.
    pub attempts: u32,
}

/// Whether such a request is sent to another endpoint as well. Takes a retry from the budget if so. `now_ms` is monotonic.
pub fn may_hedge(
    policy: &RetryPolicy,
    waiting: WaitingAttempt,
    budget: &mut RetryBudget,
    now_ms: u64,
) -> bool {
    let WaitingAttempt { is_safe, has_body, attempts } = waiting;
    let is_allowed = policy.hedge && attempts <= policy.attempts;
    is_allowed && is_safe && !has_body && budget.try_withdraw(now_ms)
}

/// Whether a retry is charged to the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charge {
    Free,
    Budget,
}

/// All reasons except the budget.
fn judge(policy: &RetryPolicy, attempt: FailedAttempt) -> Result<Charge, GiveUp> {
    let charge = may_repeat(policy, attempt)?;
    if !attempt.is_replayable {
        return Err(GiveUp::BodyNotReplayable);
    }
    if attempt.attempts > policy.attempts && attempt.failure != AttemptFailure::ReusedClosed {
        return Err(GiveUp::AttemptsUsed);
    }
    Ok(charge)
}

/// Whether the request may reach an endpoint once more: the table in the module's documentation.
fn may_repeat(policy: &RetryPolicy, attempt: FailedAttempt) -> Result<Charge, GiveUp> {
    use AttemptFailure as F;
    let FailedAttempt { is_idempotent, is_unprocessed, .. } = attempt;
    let is_safe = match attempt.failure {
        F::Connect | F::ConnectTimeout | F::NoSocket => return Ok(Charge::Free),
        F::ReusedClosed | F::Closed => is_idempotent || is_unprocessed || policy.non_idempotent,
        F::WriteTimeout | F::ResponseTimeout => is_idempotent || is_unprocessed,
        F::Status if !policy.statuses.contains(&attempt.status) => {
            return Err(GiveUp::NotRetryable);
        }
        // An answer proves that the request was processed, whatever else is believed.
        F::Malformed | F::Status => is_idempotent,
        F::Overtaken | F::Truncated | F::Stalled => return Err(GiveUp::NotRetryable),
    };
    match attempt.failure {
        _ if !is_safe => Err(GiveUp::MayBeProcessed),
        F::ReusedClosed => Ok(Charge::Free),
        _ => Ok(Charge::Budget),
    }
}

/// Bounds retries to a share of requests, so that a failing pool is not hit twice as hard.
///
/// One per worker and pool, so it needs no synchronisation; the reserve therefore counts once per
/// worker. Tokens are counted in thousandths, which keeps one percent of one request exact.
#[derive(Debug)]
pub struct RetryBudget {
    /// What one first attempt earns.
    share: u32,
    /// Earned by first attempts and not spent.
    earned: u32,
    /// Given by time, so that a pool with little traffic can fail over too.
    reserve: u32,
    refilled_ms: u64,
}

/// One retry.
const TOKEN: u32 = 1000;
/// What the reserve gains in a millisecond: 10 retries per second.
const REFILL_PER_MS: u64 = 10;
/// The reserve holds ten seconds' worth.
const RESERVE_MAX: u32 = 100 * TOKEN;
/// Quiet hours must not save up for a storm: at most this much is carried forward.
const EARNED_MAX: u32 = 1000 * TOKEN;

impl RetryBudget {
    /// Retries beyond the share of requests that the reserve allows at once.
    pub const RESERVE: u32 = RESERVE_MAX / TOKEN;

    /// A budget for `percent` of requests, with its reserve full.
    pub fn new(percent: u8) -> Self {
        let share = u32::from(percent) * (TOKEN / 100);
        Self { share, earned: 0, reserve: RESERVE_MAX, refilled_ms: 0 }
    }

    /// Notes a first attempt. Cheap: one addition.
    pub fn deposit(&mut self) {
        self.earned = (self.earned + self.share).min(EARNED_MAX);
    }

    /// Takes one retry, from what was earned if possible; the reserve is for when nothing was.
    fn try_withdraw(&mut self, now_ms: u64) -> bool {
        // The first call refills from time zero, which changes nothing since the reserve is full.
        let elapsed = now_ms.saturating_sub(self.refilled_ms);
        let refill = elapsed.saturating_mul(REFILL_PER_MS).min(u64::from(RESERVE_MAX));
        self.reserve = (self.reserve + refill as u32).min(RESERVE_MAX);
        self.refilled_ms = self.refilled_ms.max(now_ms);
        let source = if self.earned >= TOKEN { &mut self.earned } else { &mut self.reserve };
        let is_covered = *source >= TOKEN;
        if is_covered {
            *source -= TOKEN;
        }
        is_covered
    }
}

#[cfg(test)]
mod tests;
