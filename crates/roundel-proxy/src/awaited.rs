//! Answers that are waited for, as evidence of whether an endpoint answers at all.
//!
//! Who sends a request holds an [`Awaited`] until it is answered; however else the wait ends, it was
//! no sign of life. What follows from that is `roundel_core::silence`'s, and who is passed over for it
//! is seen here.

use roundel_core::policy::Balance;
use roundel_core::signal::Signal;
use roundel_core::silence::Answers;

use crate::pick::Place;
use crate::view::{LocalEndpoint, LocalPool};
use crate::worker::Worker;

/// A request that was sent and is not answered.
pub(crate) struct Awaited<'p> {
    place: &'p Place,
    since_us: u64,
    is_answered: bool,
}

impl<'p> Awaited<'p> {
    /// The request to `place` has been sent just now.
    pub(crate) fn begin(place: &'p Place) -> Self {
        let since_us = place.worker().clock.micros();
        place.endpoint.note_answers(|answers| answers.asked(since_us));
        Self { place, since_us, is_answered: false }
    }

    /// The answer is there.
    pub(crate) fn end(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let endpoint = &self.place.endpoint;
        if !self.is_answered {
            return endpoint.note_answers(Answers::given_up);
        }
        let worker = self.place.worker();
        let now_us = worker.clock.micros();
        let took_us = now_us.saturating_sub(self.since_us);
        endpoint.note_answers(|answers| answers.answered(now_us, took_us));
        endpoint.shared.note_answer();
    }
}

/// Whether endpoints of `pool` that are silent are its last choice. By a hash each key has an
/// endpoint, with what it keeps for it: there only probes may lead a key elsewhere.
pub(crate) fn avoids_silent(pool: &LocalPool) -> bool {
    let policy = &pool.pool.policy;
    !policy.silent_after.is_zero() && !matches!(policy.balance, Balance::Hash(_))
}

/// Whether `endpoint` is silent, and this worker has a request there to notice the end of that. The
/// first who sees it tells.
pub(crate) fn is_silent(worker: &Worker, pool: &LocalPool, endpoint: &LocalEndpoint) -> bool {
    let answers = endpoint.answers();
    if endpoint.shared.is_silent() {
        return answers.is_awaited();
    }
    let silence = answers.silence(worker.clock.micros(), pool.pool.policy.silent_after);
    let Some(silence) = silence else { return false };
    if endpoint.shared.note_silence() {
        endpoint.metrics().silences.increment();
        worker.signal(Signal::Silent(endpoint.id, silence));
    }
    true
}
