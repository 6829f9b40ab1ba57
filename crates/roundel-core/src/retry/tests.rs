//! The whole matrix of failures as one table, and the budget under storms.

use proptest::prelude::*;

use super::*;
use AttemptFailure as F;

fn policy() -> RetryPolicy {
    RetryPolicy {
        attempts: 2,
        budget_percent: 20,
        statuses: vec![503],
        non_idempotent: false,
        hedge: true,
        body_bytes_max: 0,
    }
}

fn attempt(failure: F) -> FailedAttempt {
    FailedAttempt {
        failure,
        status: 503,
        is_idempotent: true,
        is_unprocessed: false,
        is_replayable: true,
        attempts: 1,
    }
}

fn fresh_verdict(policy: &RetryPolicy, attempt: FailedAttempt) -> Verdict {
    verdict(policy, attempt, &mut RetryBudget::new(20), 0)
}

/// Who is retried after each failure, in columns: idempotent, idempotent and unprocessed,
/// other method, other method and unprocessed, other method when the operator opted in.
#[test]
fn each_failure_is_retried_for_those_it_is_safe_for() {
    const Y: Verdict = Verdict::Retry;
    const P: Verdict = Verdict::GiveUp(GiveUp::MayBeProcessed);
    const N: Verdict = Verdict::GiveUp(GiveUp::NotRetryable);
    let matrix = [
        (F::Connect, [Y, Y, Y, Y, Y]),
        (F::ConnectTimeout, [Y, Y, Y, Y, Y]),
        (F::NoSocket, [Y, Y, Y, Y, Y]),
        (F::ReusedClosed, [Y, Y, P, Y, Y]),
        (F::Closed, [Y, Y, P, Y, Y]),
        (F::WriteTimeout, [Y, Y, P, Y, P]),
        (F::ResponseTimeout, [Y, Y, P, Y, P]),
        (F::Overtaken, [N, N, N, N, N]),
        (F::Malformed, [Y, Y, P, P, P]),
        (F::Status, [Y, Y, P, P, P]),
        (F::Truncated, [N, N, N, N, N]),
        (F::Stalled, [N, N, N, N, N]),
    ];
    assert_eq!(matrix.len(), F::ALL.len());
    for (failure, expected) in matrix {
        let columns = [
            (true, false, false),
            (true, true, false),
            (false, false, false),
            (false, true, false),
            (false, false, true),
        ];
        for ((is_idempotent, is_unprocessed, non_idempotent), expected) in
            columns.into_iter().zip(expected)
        {
            let policy = RetryPolicy { non_idempotent, ..policy() };
            let attempt = FailedAttempt { is_idempotent, is_unprocessed, ..attempt(failure) };
            assert_eq!(fresh_verdict(&policy, attempt), expected, "{attempt:?}");
        }
    }
}

#[test]
fn a_status_is_retried_only_if_listed() {
    let attempt = FailedAttempt { status: 500, ..attempt(F::Status) };
    let verdict = fresh_verdict(&policy(), attempt);
    assert_eq!(verdict, Verdict::GiveUp(GiveUp::NotRetryable));
}

#[test]
fn a_body_that_is_gone_is_not_sent_again_after_any_failure() {
    for &failure in F::ALL {
        let attempt = FailedAttempt { is_replayable: false, ..attempt(failure) };
        let expected = match failure {
            F::Overtaken | F::Truncated | F::Stalled => GiveUp::NotRetryable,
            _ => GiveUp::BodyNotReplayable,
        };
        assert_eq!(fresh_verdict(&policy(), attempt), Verdict::GiveUp(expected));
    }
}

#[test]
fn attempts_count_tries_after_the_first() {
    for (attempts, limit, expected) in [
        (1, 0, Verdict::GiveUp(GiveUp::AttemptsUsed)),
        (1, 1, Verdict::Retry),
        (2, 1, Verdict::GiveUp(GiveUp::AttemptsUsed)),
        (2, 2, Verdict::Retry),
        (u32::MAX, u32::MAX, Verdict::Retry),
    ] {
        for failure in [F::Connect, F::Closed] {
            let policy = RetryPolicy { attempts: limit, ..policy() };
            let attempt = FailedAttempt { attempts, ..attempt(failure) };
            assert_eq!(fresh_verdict(&policy, attempt), expected);
        }
    }
}

#[test]
fn a_kept_connection_found_closed_is_no_attempt() {
    let policy = RetryPolicy { attempts: 0, ..policy() };
    let mut budget = RetryBudget::new(0);
    let stale = attempt(F::ReusedClosed);
    for _ in 0..=RetryBudget::RESERVE {
        assert_eq!(verdict(&policy, stale, &mut budget, 0), Verdict::Retry);
    }
    let unsafe_to_repeat = FailedAttempt { is_idempotent: false, ..stale };
    let processed = Verdict::GiveUp(GiveUp::MayBeProcessed);
    assert_eq!(verdict(&policy, unsafe_to_repeat, &mut budget, 0), processed);
}

#[test]
fn connect_failures_are_not_charged() {
    let mut budget = RetryBudget::new(0);
    for _ in 0..RetryBudget::RESERVE {
        assert_eq!(verdict(&policy(), attempt(F::Closed), &mut budget, 0), Verdict::Retry);
    }
    let spent = Verdict::GiveUp(GiveUp::BudgetSpent);
    assert_eq!(verdict(&policy(), attempt(F::Closed), &mut budget, 0), spent);
    for failure in [F::Connect, F::ConnectTimeout, F::NoSocket] {
        assert_eq!(verdict(&policy(), attempt(failure), &mut budget, 0), Verdict::Retry);
    }
}

#[test]
fn giving_up_charges_nothing() {
    let mut budget = RetryBudget::new(0);
    let other = FailedAttempt { is_idempotent: false, ..attempt(F::Closed) };
    for _ in 0..1000 {
        verdict(&policy(), other, &mut budget, 0);
    }
    assert_eq!(withdrawals(&mut budget, 0), RetryBudget::RESERVE);
}

#[test]
fn only_safe_requests_without_a_body_are_hedged_and_charged() {
    let waiting = WaitingAttempt { is_safe: true, has_body: false, attempts: 1 };
    let off = RetryPolicy { hedge: false, ..policy() };
    let mut budget = RetryBudget::new(0);
    for (policy, waiting, expected) in [
        (policy(), waiting, true),
        (policy(), WaitingAttempt { attempts: 2, ..waiting }, true),
        (policy(), WaitingAttempt { attempts: 3, ..waiting }, false),
        (policy(), WaitingAttempt { is_safe: false, ..waiting }, false),
        (policy(), WaitingAttempt { has_body: true, ..waiting }, false),
        (off, waiting, false),
    ] {
        assert_eq!(may_hedge(&policy, waiting, &mut budget, 0), expected, "{waiting:?}");
    }
    assert_eq!(withdrawals(&mut budget, 0), RetryBudget::RESERVE - 2);
    assert!(!may_hedge(&policy(), waiting, &mut budget, 0), "the budget is spent");
}

/// How many retries the budget yields at once.
fn withdrawals(budget: &mut RetryBudget, now_ms: u64) -> u32 {
    std::iter::from_fn(|| budget.try_withdraw(now_ms).then_some(())).count() as u32
}

#[test]
fn the_reserve_refills_with_time_up_to_its_size() {
    let mut budget = RetryBudget::new(20);
    for (now_ms, expected) in [
        (0, 100),
        (99, 0),
        (100, 1),
        (1_100, 10),
        (1_000, 0),
        (1_100, 0),
        (60_000, 100),
        (u64::MAX, 100),
    ] {
        assert_eq!(withdrawals(&mut budget, now_ms), expected, "at {now_ms} ms");
    }
}

#[test]
fn first_attempts_earn_their_share_up_to_a_limit() {
    for (percent, deposits, earned) in
        [(20, 4, 0), (20, 5, 1), (1, 100, 1), (100, 7, 7), (0, 1000, 0), (20, 1_000_000, 1000)]
    {
        let mut budget = RetryBudget::new(percent);
        (0..deposits).for_each(|_| budget.deposit());
        assert_eq!(withdrawals(&mut budget, 0), earned + RetryBudget::RESERVE);
    }
}

/// Attempts made for `requests` requests at `per_second`, each failing with probability one half.
fn attempts_in_a_storm(seed: u64, requests: u64, per_second: u64, percent: u8) -> u64 {
    let policy = RetryPolicy { attempts: 5, ..policy() };
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut budget = RetryBudget::new(percent);
    let mut total = 0;
    for request in 0..requests {
        let now_ms = request * 1000 / per_second;
        budget.deposit();
        let mut attempts = 1;
        while rng.bool() {
            let failed = FailedAttempt { attempts, ..attempt(F::Status) };
            if verdict(&policy, failed, &mut budget, now_ms) != Verdict::Retry {
                break;
            }
            attempts += 1;
        }
        total += u64::from(attempts);
    }
    total
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_storm_adds_at_most_the_share_and_the_reserve(
        seed in any::<u64>(),
        requests in 1u64..5_000,
        per_second in 1u64..5_000,
        percent in 0u8..=100,
    ) {
        let seconds = requests / per_second + 1;
        let reserve = u64::from(RetryBudget::RESERVE) + 10 * seconds;
        let total = attempts_in_a_storm(seed, requests, per_second, percent);
        prop_assert!(total <= requests + requests * u64::from(percent) / 100 + reserve);
    }
}

/// The bound is also used: a budget that allowed nothing would pass the property above.
#[test]
fn half_failing_at_speed_uses_the_whole_budget_and_no_more() {
    let total = attempts_in_a_storm(7, 100_000, 100_000, 20);
    assert!((119_000..=120_110).contains(&total), "{total} attempts");
}

#[test]
fn a_quiet_pool_retries_from_the_reserve_alone() {
    // Two requests a second need far less than the ten retries a second of the reserve.
    let total = attempts_in_a_storm(7, 1_000, 2, 0);
    assert!(total > 1_900, "{total} attempts");
}
