//! Answers that are waited for, as evidence of whether an endpoint answers at all.
//!
//! Each place knows whether an answer is awaited there; however the wait ends but by an answer, it
//! was no sign of life. What follows from that is `roundel_core::silence`'s, and who is passed over for
//! it is seen here.

use std::cell::Cell;

use roundel_core::policy::Balance;
use roundel_core::signal::Signal;

use crate::view::{LocalEndpoint, LocalPool};
use crate::worker::Worker;

/// The wait for an endpoint's answer: since when, in microseconds, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Awaited(Cell<Option<u64>>);

impl Awaited {
    /// A whole request has been sent to `endpoint` just now.
    pub(crate) fn begin(&self, endpoint: &LocalEndpoint, now_us: u64) {
        self.give_up(endpoint, now_us);
        self.0.set(Some(now_us));
        endpoint.note_answers(|answers| answers.asked(now_us));
    }

    /// The answer is there.
    pub(crate) fn end(&self, endpoint: &LocalEndpoint, now_us: u64) {
        let Some(since_us) = self.0.take() else { return };
        let took_us = now_us.saturating_sub(since_us);
        endpoint.note_answers(|answers| answers.answered(now_us, took_us));
        endpoint.shared.note_answer();
    }

    /// Nobody waits any more.
    pub(crate) fn give_up(&self, endpoint: &LocalEndpoint, now_us: u64) {
        if self.0.take().is_some() {
            endpoint.note_answers(|answers| answers.given_up(now_us));
        }
    }
}

/// Whether endpoints of `pool` that are silent are its last choice. By a hash each key has an
/// endpoint, with what it keeps for it: there only probes may lead a key elsewhere.
pub(crate) fn avoids_silent(pool: &LocalPool) -> bool {
    let policy = &pool.pool.policy;
    !policy.silent_after.is_zero() && !matches!(policy.balance, Balance::Hash(_))
}

/// Whether `endpoint` is the last choice for this worker, since it is silent.
pub(crate) fn is_avoided(worker: &Worker, pool: &LocalPool, endpoint: &LocalEndpoint) -> bool {
    avoids_silent(pool) && is_silent(worker, pool, endpoint)
}

/// Whether `endpoint` is silent, and it is not for this worker to find out whether it still is. The
/// first who sees it tells.
pub(crate) fn is_silent(worker: &Worker, pool: &LocalPool, endpoint: &LocalEndpoint) -> bool {
    let (answers, now_us) = (endpoint.answers(), worker.clock.micros());
    if endpoint.shared.is_silent() {
        return !answers.is_try_due(now_us, endpoint.shared.answers_probes());
    }
    let silence = answers.silence(now_us, pool.pool.policy.silent_after);
    let Some(silence) = silence else { return false };
    if endpoint.shared.note_silence() {
        endpoint.metrics().silences.increment();
        worker.signal(Signal::Silent(endpoint.id, silence));
    }
    true
}
