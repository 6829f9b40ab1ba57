//! Asking a second endpoint while the first is silent.
//!
//! A request that was sent to an endpoint just before that stopped would wait until it goes on, or
//! until `response_head`. So whoever waits looks whether the endpoint has stopped, and if it seems so
//! for a while, sends the request to another endpoint as well: a hedge. From whom the first byte of
//! an answer comes has the exchange; the other one is dropped, with its connection. Which requests
//! are hedged, and how many, is `roundel_core::retry`'s.
//!
//! The first attempt stays what it was meanwhile: if the hedge fails it goes on waiting, and if it
//! fails itself the hedge stands in for it.

use std::rc::Rc;
use std::time::Duration;

use roundel_core::end::AttemptFailure;
use roundel_core::endpoint::Health;
use roundel_core::retry::{WaitingAttempt, may_hedge};
use roundel_http::Framing;

use crate::attempt::{Sending, Sent, is_near};
use crate::awaited::{avoids_silent, is_avoided};
use crate::clock::Clock;
use crate::connect::finish_connecting;
use crate::deadline::Millis;
use crate::exchange::{Exchange, note_failure};
use crate::flow::Flow;
use crate::pick::{Place, Wanted, pick};
use crate::reactor::Ready;
use crate::socket::{Received, Socket};
use crate::view::{LocalEndpoint, LocalPool};

/// How long a request waits at least before it looks around, where silence is of no interest.
const LOOK_AFTER: Duration = Duration::from_millis(250);

/// The longest time between two looks. Each costs about a microsecond, and many may wait long.
const LOOK_EVERY_MAX: Millis = 2000;

/// The same request on its way to a second endpoint.
pub(crate) struct Hedge {
    place: Place,
    socket: Socket,
    is_reused: bool,
    started_us: u64,
    connect_us: Option<u64>,
    /// Set while the connection is being made: when it is too late for it.
    connects_until: Option<Millis>,
    sent: Option<Sent>,
}

impl Exchange<'_> {
    /// Looks whether the endpoint has stopped: whoever chooses an endpoint sees that too, but when all
    /// clients wait there nobody chooses. Returns when to look again.
    pub(crate) fn look_around(
        &mut self,
        sending: &mut Sending<'_>,
        sent_at: Millis,
        now: Millis,
    ) -> Millis {
        if let Some(hedge) = &sending.hedge {
            return hedge.connects_until.unwrap_or(Millis::MAX);
        }
        let Place { pool, endpoint, .. } = &*sending.place;
        let least = if avoids_silent(pool) { pool.pool.policy.silent_after } else { LOOK_AFTER };
        let least = Millis::try_from(least.as_millis()).unwrap_or(Millis::MAX).max(1);
        let waited = now.saturating_sub(sent_at);
        if waited < least {
            return sent_at.saturating_add(least);
        }
        let later = now.saturating_add(waited.min(LOOK_EVERY_MAX).max(least));
        // What is known of the endpoint may be newer than the choice of it.
        let pool = self.worker.newest(pool);
        if !self.seems_stopped(&pool, endpoint) {
            sending.stopped_since = None;
            return later;
        }
        // A silence brings a probe forward, which gets its time to be answered.
        let due = sending.stopped_since.get_or_insert(now).saturating_add(least);
        if now < due {
            return due;
        }
        if !sending.place.endpoint.shared.answers_probes() {
            self.begin_hedge(sending, &pool);
        }
        later
    }

    /// Whether `endpoint` has fallen silent, or was found unhealthy since it answers no probe.
    fn seems_stopped(&self, pool: &LocalPool, endpoint: &LocalEndpoint) -> bool {
        let is_unhealthy = || {
            let found = pool.pool.endpoints.iter().find(|it| it.id == endpoint.id);
            found.is_some_and(|it| it.facts.health == Health::Unhealthy)
        };
        is_avoided(self.worker, pool, endpoint)
            || endpoint.shared.ignores_probes() && is_unhealthy()
    }

    /// Sends the request to another endpoint as well, if it may be sent there and there is one that
    /// could do better.
    fn begin_hedge(&mut self, sending: &mut Sending<'_>, pool: &Rc<LocalPool>) {
        let head = &self.buffers.request.head;
        let has_begun = !self.buffers.response.bytes.is_empty() || sending.has_interim();
        let is_possible = !has_begun && !sending.is_upload_cut && head.upgrade.is_empty();
        if !is_possible || self.client.has_finished() {
            return;
        }
        let waiting = WaitingAttempt {
            is_safe: head.method.is_safe(),
            has_body: head.framing != Framing::None,
            attempts: self.record.attempts,
        };
        let key_hash = self.key_hash(&pool.pool.policy.balance);
        let tried = &mut self.buffers.tried;
        if !tried.contains(&sending.place.endpoint.id) {
            tried.push(sending.place.endpoint.id);
        }
        let is_better = |it: &Rc<LocalEndpoint>| {
            !tried.contains(&it.id) && pool.has_room(it) && !is_avoided(self.worker, pool, it)
        };
        let now = self.worker.clock.millis();
        let retry = &pool.pool.policy.retry;
        if !pool.candidates().any(is_better)
            || !may_hedge(retry, waiting, &mut pool.budget.borrow_mut(), now)
        {
            return;
        }
        let Ok(place) = pick(self.worker, Wanted { pool, key_hash, tried }) else { return };
        pool.metrics().hedges.increment();
        let started_us = self.worker.clock.micros();
        match self.open(&place, false) {
            Ok((socket, is_reused)) => {
                let connects_until = (!is_reused).then(|| self.connect_until(&place));
                self.write_request_head(&place);
                let (connect_us, sent) = (None, None);
                let hedge = Hedge {
                    place,
                    socket,
                    is_reused,
                    started_us,
                    connect_us,
                    connects_until,
                    sent,
                };
                sending.hedge = Some(Box::new(hedge));
                // It is moved on where what follows from that is seen.
                self.worker.yield_now();
            }
            Err(failure) => self.note_failed_hedge(&place, failure),
        }
    }

    /// Moves the hedge on as far as it goes. Returns whether it has become the attempt, since it is
    /// answered first.
    pub(crate) fn is_overtaken(&mut self, sending: &mut Sending<'_>) -> bool {
        let Some(hedge) = &mut sending.hedge else { return false };
        match hedge.advance(&mut self.buffers.upload, &self.worker.clock) {
            Ok(false) => false,
            Ok(true) => {
                self.take_over(sending, AttemptFailure::Overtaken);
                true
            }
            Err(failure) => {
                self.note_failed_hedge(&hedge.place, failure);
                self.end_hedge(sending);
                false
            }
        }
    }

    /// Whether an attempt that has failed is not over, since its hedge is on its way. A hedge that is
    /// not, ends with it: the verdict on the failure finds the next endpoint.
    pub(crate) fn falls_back(
        &mut self,
        sending: &mut Sending<'_>,
        failure: AttemptFailure,
    ) -> bool {
        let is_sent = sending.hedge.as_ref().is_some_and(|hedge| hedge.sent.is_some());
        if is_sent {
            self.take_over(sending, failure);
        } else if sending.hedge.is_some() {
            self.end_hedge(sending);
        }
        is_sent
    }

    /// Makes the hedge the attempt; the attempt until now ended by `failure`.
    fn take_over(&mut self, sending: &mut Sending<'_>, failure: AttemptFailure) {
        let Some(hedge) = sending.hedge.take() else { return };
        self.note_failure(sending.place, failure);
        *sending.place = hedge.place;
        sending.socket = hedge.socket;
        sending.is_reused = hedge.is_reused;
        sending.started_us = hedge.started_us;
        sending.sent = hedge.sent;
        sending.has_arrived = is_near(sending.place);
        sending.stopped_since = None;
        self.enter_attempt(sending.place);
        self.record.attempt_started_us = hedge.started_us;
        self.record.is_reused = hedge.is_reused;
        self.record.timing.connect_us = hedge.connect_us;
    }

    /// Drops the hedge. Nothing of the request is to be sent any more.
    pub(crate) fn end_hedge(&mut self, sending: &mut Sending<'_>) {
        sending.hedge = None;
        self.buffers.upload.rewind();
    }

    /// Notes how a hedge to `place` failed; the next one goes elsewhere.
    fn note_failed_hedge(&mut self, place: &Place, failure: AttemptFailure) {
        note_failure(self.worker, place, failure);
        if failure != AttemptFailure::ReusedClosed {
            self.buffers.tried.push(place.endpoint.id);
        }
    }
}

impl Hedge {
    /// Moves on as far as it goes. Returns whether an answer has begun to come.
    fn advance(&mut self, upload: &mut Flow, clock: &Clock) -> Result<bool, AttemptFailure> {
        Ok(self.is_connected(clock)? && self.is_sent(upload, clock)? && self.is_answered()?)
    }

    fn is_connected(&mut self, clock: &Clock) -> Result<bool, AttemptFailure> {
        let Some(until) = self.connects_until else { return Ok(true) };
        if !self.socket.ready().has_any(Ready::WRITE) {
            let is_late = clock.millis() >= until;
            return if is_late { Err(AttemptFailure::ConnectTimeout) } else { Ok(false) };
        }
        finish_connecting(&self.place, &self.socket)?;
        self.connects_until = None;
        self.connect_us = Some(clock.micros().saturating_sub(self.started_us));
        Ok(true)
    }

    fn is_sent(&mut self, upload: &mut Flow, clock: &Clock) -> Result<bool, AttemptFailure> {
        if self.sent.is_some() {
            return Ok(true);
        }
        upload.flush(&self.socket).map_err(|_| self.closed())?;
        if !upload.is_done() {
            return Ok(false);
        }
        self.place.note_sent();
        self.sent = Some(Sent { at: clock.millis(), bytes: upload.written_bytes() });
        Ok(true)
    }

    fn is_answered(&self) -> Result<bool, AttemptFailure> {
        if !self.socket.ready().has_any(Ready::READ) {
            return Ok(false);
        }
        match self.socket.peek() {
            Received::Bytes(_) => Ok(true),
            Received::Nothing => Ok(false),
            Received::End => Err(self.closed()),
        }
    }

    /// How it failed when its connection ended.
    fn closed(&self) -> AttemptFailure {
        if self.is_reused { AttemptFailure::ReusedClosed } else { AttemptFailure::Closed }
    }
}
