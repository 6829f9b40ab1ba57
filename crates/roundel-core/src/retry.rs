//! Whether a failed attempt is tried again.

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
    /// Attempts made so far, this one included.
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

/// Bounds retries to a share of requests, so that a failing pool is not hit twice as hard.
#[derive(Debug)]
pub struct RetryBudget {}

impl RetryBudget {
    /// A full budget for `percent` of requests.
    pub fn new(_percent: u8) -> Self {
        todo!()
    }

    /// Notes a first attempt. Cheap: one addition.
    pub fn deposit(&mut self) {
        todo!()
    }
}

/// Decides, and takes a retry from the budget when the verdict is [`Verdict::Retry`].
/// `now_ms` is monotonic.
pub fn verdict(
    _policy: &RetryPolicy,
    _attempt: FailedAttempt,
    _budget: &mut RetryBudget,
    _now_ms: u64,
) -> Verdict {
    todo!()
}
