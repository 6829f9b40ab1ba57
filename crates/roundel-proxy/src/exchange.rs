//! One request and its response, from top to bottom.
//!
//! admit → match route → act; for a pool: gather the body's beginning → loop over attempts (pick
//! an endpoint, connect, send, read the head; the verdict on a failure is a pure function) →
//! relay. Every way out yields an [`Ending`], which [`run`] records exactly once.

use std::net::IpAddr;
use std::rc::Rc;

use roundel_core::balance::hash_key;
use roundel_core::end::{AttemptFailure, EndReason};
use roundel_core::listener::ListenerSettings;
use roundel_core::policy::{Balance, HashKey};
use roundel_core::retry::{FailedAttempt, Verdict, verdict};
use roundel_core::route::{Action, Match, Route};
use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;
use roundel_http::{BodyEncoder, Framing, Method, Span, TargetForm, Version};
use roundel_telemetry::stats;

use crate::admit::{Admission, read_head};
use crate::attempt::Failed;
use crate::buffers::Buffers;
use crate::client::Client;
use crate::deadline::Millis;
use crate::flow::FlowError;
use crate::forwarded::Forwarding;
use crate::pick::{Place, Refusal, Wanted, pick, wait};
use crate::record::Record;
use crate::reply::Reply;
use crate::request_id::{RequestId, is_acceptable};
use crate::serve::Next;
use crate::view::{LocalPool, View};
use crate::worker::Worker;

/// An exchange under way.
pub(crate) struct Exchange<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) client: &'a Client,
    pub(crate) buffers: &'a mut Buffers,
    pub(crate) settings: Rc<ListenerSettings>,
    pub(crate) forwarding: Forwarding,
    pub(crate) record: Record,
    /// A kept connection turned out closed; what follows goes by new ones, so that it happens once.
    pub(crate) must_be_fresh: bool,
    /// When the wait for a response head ends, whatever it is for. The time in which a body is on
    /// its way is added: see [`PoolTimeouts::total`](roundel_core::policy::PoolTimeouts::total).
    pub(crate) deadline: Millis,
}

/// How an exchange ended, and what becomes of the client's connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) reason: EndReason,
    pub(crate) next: Next,
}

/// Serves the next request of `client`, if there is one.
pub(crate) async fn run(worker: &Rc<Worker>, client: &mut Client, buffers: &mut Buffers) -> Next {
    let settings = client.listener.settings();
    let started_us = worker.clock.micros();
    let admission = read_head(worker, client, &mut buffers.request, &settings).await;
    if matches!(admission, Admission::Nothing) {
        return Next::Keep;
    }
    if matches!(admission, Admission::Gone) {
        return Next::Close;
    }
    client.requests += 1;
    buffers.upload.reset();
    buffers.download.reset();
    buffers.tried.clear();
    buffers.trail.clear();
    let mut exchange = Exchange {
        worker,
        client,
        record: Record::open(worker, &client.listener, client.peer, started_us),
        forwarding: Forwarding::of(&settings.forwarded, client.peer.ip()),
        settings,
        buffers,
        must_be_fresh: false,
        deadline: Millis::MAX,
    };
    let ending = match admission {
        Admission::Refused(reason) => {
            exchange.make_request_id();
            exchange.refuse(reason).await
        }
        _ => exchange.serve().await,
    };
    exchange.close(ending.reason);
    ending.next
}

/// An exchange that nobody closed ends here: a panic unwinds through it, or the worker stops before
/// it has ended. So every exchange is recorded, however it ends.
impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.record.is_entered() {
            let is_panic = std::thread::panicking();
            self.close(if is_panic { EndReason::Panic } else { EndReason::Shutdown });
        }
    }
}

impl Exchange<'_> {
    /// Enters the record, once.
    fn close(&mut self, reason: EndReason) {
        let Buffers { request, upload, download, trail, .. } = &mut *self.buffers;
        self.record.request_bytes = upload.data_bytes();
        self.record.response_bytes += download.data_bytes();
        self.record.enter(reason, request, trail);
        // It may keep an old pool alive.
        trail.clear();
        request.finish();
    }

    /// Finds out what is to be done with the request, and does it.
    async fn serve(&mut self) -> Ending {
        let view = self.worker.view();
        let request = &self.buffers.request;
        let policy = &self.settings.forwarded;
        self.record.client = self.forwarding.client(policy, self.client.peer, request);
        let framing = request.head.framing;
        if !request.field("x-request-id").is_some_and(is_acceptable) {
            self.make_request_id();
        }
        if let Framing::Length(length) = framing
            && self.settings.limits.body_bytes_max.is_some_and(|max| length > max)
        {
            return self.refuse(EndReason::BodyTooLarge).await;
        }
        let (host, path, method) = self.routing_key();
        match view.snapshot.routes.find(host, path, method) {
            Match::Route(route) => self.follow(route, &view).await,
            Match::MethodNotAllowed(allow) => self.refuse_method(&allow).await,
            Match::NoPath => self.refuse(EndReason::NoRoute).await,
            Match::NoHost => self.refuse(EndReason::Misdirected).await,
        }
    }

    async fn follow(&mut self, route: &Route, view: &Rc<View>) -> Ending {
        self.record.route = view.count_request(route).map(|index| (view.clone(), index));
        let head = &mut self.buffers.request.head;
        let is_to_pool = matches!(route.action, Action::Pool(_));
        let is_forbidden = match head.method {
            Method::Connect => !(route.allow_connect && is_to_pool),
            // An endpoint that echoes a request would show fields that the client can't see.
            Method::Trace => true,
            _ => false,
        };
        if is_forbidden {
            return self.refuse_method(&allowed_methods(route)).await;
        }
        if !route.allow_upgrade {
            // Who does not want to switch ignores the offer (RFC 9110 §7.8).
            head.upgrade = Span::default();
        }
        match &route.action {
            // RFC 9110 §7.6.2: the request ends here, so Roundel answers for itself.
            Action::Pool(_) if self.buffers.request.hops_left() == Some(0) => {
                self.reply(Reply::new(204, ""), EndReason::Local).await
            }
            Action::Pool(index) => match view.pools.get(*index) {
                Some(pool) => self.forward(pool).await,
                None => self.refuse(EndReason::NoEndpoint).await,
            },
            Action::Respond(response) => self.reply(Reply::fixed(response), EndReason::Local).await,
            Action::Redirect { status, location, keep_path } => {
                let location = self.redirect_target(location, *keep_path);
                let reply = Reply::new(*status, "").with_field("Location", &location);
                self.reply(reply, EndReason::Local).await
            }
            Action::Stats => {
                let is_json = self.wants_json();
                let stats = stats_text(&view.snapshot, is_json);
                self.reply(Reply::stats(&stats, is_json), EndReason::Local).await
            }
        }
    }

    fn make_request_id(&mut self) {
        if self.settings.forwarded.request_id {
            self.record.request_id = Some(self.worker.request_ids.next());
        }
    }

    /// The id that ties the exchange to what endpoints and the access log say of it: the one made,
    /// else the client's.
    pub(crate) fn request_id(&self) -> Option<&[u8]> {
        let is_kept = self.settings.forwarded.request_id;
        let made = self.record.request_id.as_ref().map(RequestId::as_bytes);
        made.or_else(|| self.buffers.request.field("x-request-id").filter(|_| is_kept))
    }

    /// Has the request answered by an endpoint of `pool`.
    async fn forward(&mut self, pool: &Rc<LocalPool>) -> Ending {
        self.record.pool = Some(pool.clone());
        if let Err(reason) = self.gather(pool).await {
            return self.refuse(reason).await;
        }
        self.deadline = self.worker.clock.after(pool.pool.policy.timeouts.total);
        let key_hash = self.key_hash(&pool.pool.policy.balance);
        self.record.has_key = key_hash.is_some();
        pool.budget.borrow_mut().deposit();
        loop {
            let mut place = match self.pick(pool, key_hash).await {
                Ok(place) => place,
                Err(reason) => return self.refuse(reason).await,
            };
            let end = match self.attempt(&mut place).await {
                Ok(_) if self.is_turned_down(&place) => None,
                Ok(answer) => return self.relay(place, answer).await,
                Err(failed) => self.judge(&place, failed),
            };
            // Neither the next attempt nor a refusal needs this place.
            drop(place);
            if let Some(reason) = end {
                return self.refuse(reason).await;
            }
        }
    }

    /// Takes what was read of the body, and waits for the rest of a short one: a client that sends
    /// it slowly then holds no endpoint.
    async fn gather(&mut self, pool: &Rc<LocalPool>) -> Result<(), EndReason> {
        let framing = self.buffers.request.head.framing;
        if framing == Framing::None {
            return Ok(());
        }
        let retry = &pool.pool.policy.retry;
        let encoder = match framing {
            Framing::Chunked => BodyEncoder::Chunked,
            _ => BodyEncoder::Identity,
        };
        let upload = &mut self.buffers.upload;
        upload.frame(framing, encoder);
        upload.limit_data(self.settings.limits.body_bytes_max.unwrap_or(u64::MAX));
        // Even without retries: a kept connection that turns out closed is not the client's concern.
        upload.keep_for_replay(retry.body_bytes_max);
        let fed = upload.feed(self.buffers.request.body()).map_err(end_of_upload)?;
        self.buffers.request.taken += fed;
        let is_short = matches!(framing, Framing::Length(n) if n <= GATHERED_BYTES_MAX);
        if is_short && !self.buffers.request.head.expects_continue {
            self.receive_short_body().await?;
        }
        Ok(())
    }

    async fn pick(
        &mut self,
        pool: &Rc<LocalPool>,
        key_hash: Option<u64>,
    ) -> Result<Place, EndReason> {
        // Where an attempt has just failed, the pool may look different by now.
        let pool = &if self.record.attempts > 0 { self.worker.newest(pool) } else { pool.clone() };
        let wanted = Wanted { pool, key_hash, tried: &self.buffers.tried };
        let expects_endpoint = pool.pool.policy.endpoint_wait.is_some();
        let place = match pick(self.worker, wanted) {
            Ok(place) => place,
            Err(Refusal::NoEndpoint) if !expects_endpoint => return Err(EndReason::NoEndpoint),
            Err(_) => {
                let queue_us = &mut self.record.timing.queue_us;
                wait(self.worker, wanted, self.client, self.deadline, queue_us).await?
            }
        };
        if self.record.attempts > 0 {
            pool.metrics().retries.increment();
        }
        self.enter_attempt(&place);
        Ok(place)
    }

    /// Begins the account of the attempt at `place`.
    pub(crate) fn enter_attempt(&mut self, place: &Place) {
        let Buffers { trail, tried, .. } = &mut *self.buffers;
        self.record.enter_attempt(place, trail);
        if self.record.is_looked_at() {
            trail.look(&place.pool.pool, place.endpoint.id, tried);
        }
    }

    /// What follows from a failed attempt: another one (`None`), or the end of the exchange.
    fn judge(&mut self, place: &Place, failed: Failed) -> Option<EndReason> {
        let (failure, is_unprocessed) = match failed {
            Failed::Downstream(reason) => return Some(reason),
            Failed::Upstream { failure, is_unprocessed } => (failure, is_unprocessed),
        };
        self.note_failure(place, failure);
        let took_long =
            matches!(failure, AttemptFailure::ResponseTimeout | AttemptFailure::WriteTimeout);
        if took_long && self.client.has_finished() {
            return Some(end_of(failure));
        }
        let is_retried = self.is_retried(place, failure, is_unprocessed);
        if failure == AttemptFailure::ReusedClosed {
            self.must_be_fresh = true;
            place.endpoint.idle.note_closed(0, self.worker.clock.millis());
        }
        if is_retried { None } else { Some(end_of(failure)) }
    }

    /// Notes how the present attempt failed.
    pub(crate) fn note_failure(&mut self, place: &Place, failure: AttemptFailure) {
        self.record.failure = Some(failure);
        note_failure(self.worker, place, failure);
    }

    /// Whether another attempt follows on an answer, because of its status.
    fn is_turned_down(&mut self, place: &Place) -> bool {
        let status = self.buffers.response.head.status;
        let is_listed = place.pool.pool.policy.retry.statuses.contains(&status);
        if is_listed && self.is_retried(place, AttemptFailure::Status, false) {
            self.note_failure(place, AttemptFailure::Status);
            return true;
        }
        note_status(self.worker, place, status);
        false
    }

    fn is_retried(&mut self, place: &Place, failure: AttemptFailure, is_unprocessed: bool) -> bool {
        let now = self.worker.clock.millis();
        let attempt = FailedAttempt {
            failure,
            status: self.buffers.response.head.status,
            is_idempotent: self.buffers.request.head.method.is_idempotent(),
            is_unprocessed,
            is_replayable: self.buffers.upload.is_replayable(),
            attempts: self.record.attempts - u32::from(self.must_be_fresh),
        };
        let policy = &place.pool.pool.policy.retry;
        match verdict(policy, attempt, &mut place.pool.budget.borrow_mut(), now) {
            Verdict::Retry => {
                self.buffers.tried.push(place.endpoint.id);
                now < self.deadline
            }
            Verdict::GiveUp(reason) => {
                place.pool.metrics().give_ups.increment(reason);
                false
            }
        }
    }

    /// What the route table is asked: host without port, path without query, method.
    fn routing_key(&self) -> (&str, &str, &str) {
        let (head, bytes) = (&self.buffers.request.head, &self.buffers.request.bytes);
        // The parser lets only ASCII through in all three.
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let path = match head.form {
            TargetForm::Asterisk => "*",
            _ if head.path.is_empty() => "/",
            _ => text(head.path.of(bytes)),
        };
        (text(head.host.of(bytes)), path, text(head.method_text.of(bytes)))
    }

    pub(crate) fn key_hash(&self, balance: &Balance) -> Option<u64> {
        let Balance::Hash(key) = balance else { return None };
        let request = &self.buffers.request;
        match key {
            HashKey::ClientAddress => Some(match self.record.client.ip() {
                IpAddr::V4(ip) => hash_key(&ip.octets()),
                IpAddr::V6(ip) => hash_key(&ip.octets()),
            }),
            HashKey::Header(name) => request.field(name).map(hash_key),
            HashKey::Cookie(name) => request.cookie(name).map(hash_key),
            HashKey::Uri => Some(hash_key(request.head.path_and_query.of(&request.bytes))),
        }
    }

    fn redirect_target(&self, location: &str, keep_path: bool) -> String {
        let (head, bytes) = (&self.buffers.request.head, &self.buffers.request.bytes);
        let target = if keep_path { head.path_and_query.of(bytes) } else { b"" };
        format!("{location}{}", String::from_utf8_lossy(target))
    }

    pub(crate) fn wants_json(&self) -> bool {
        let accept = self.buffers.request.field("accept").unwrap_or_default();
        memchr::memmem::find(accept, b"application/json").is_some()
    }

    /// Whether the connection may carry another request after this exchange. Never after CONNECT:
    /// who hoped for a tunnel may have sent into it already, and that is no request.
    pub(crate) fn keeps_client(&self) -> bool {
        self.buffers.request.head.keep_alive
            && self.buffers.request.head.method != Method::Connect
            && !self.worker.is_draining()
            && !self.client.listener.is_leaving.get()
            && self.client.requests < self.settings.limits.requests_per_connection_max
    }

    pub(crate) fn is_http10(&self) -> bool {
        self.buffers.request.head.version == Version::H10
    }
}

/// What `route` allows, for the `Allow` of a 405 (RFC 9110 §10.2.1).
fn allowed_methods(route: &Route) -> String {
    if route.matcher.methods.is_empty() {
        return "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".to_owned();
    }
    let mut allowed = Vec::new();
    for method in route.matcher.methods_taken() {
        if !matches!(method, "CONNECT" | "TRACE") && !allowed.contains(&method) {
            allowed.push(method);
        }
    }
    allowed.join(", ")
}

fn stats_text(snapshot: &Snapshot, is_json: bool) -> String {
    let view = roundel_telemetry::View::of(snapshot);
    if is_json {
        String::from_utf8(stats::render_json(&view)).unwrap_or_default()
    } else {
        stats::render_text(&view)
    }
}

/// A body of known length up to this is received before an endpoint is chosen.
const GATHERED_BYTES_MAX: u64 = 64 * 1024;

/// Counts a failed attempt, and tells the control plane when it should know at once.
pub(crate) fn note_failure(worker: &Worker, place: &Place, failure: AttemptFailure) {
    let endpoint = &place.endpoint;
    endpoint.metrics().failures.increment(failure);
    // A kept-alive connection that the endpoint closed is nobody's fault, a shortage here is not
    // the endpoint's, and a silence is judged by itself and ends with the first answer.
    let is_no_error = matches!(
        failure,
        AttemptFailure::ReusedClosed | AttemptFailure::NoSocket | AttemptFailure::Overtaken
    );
    if is_no_error {
        return;
    }
    note_error(worker, place);
    if matches!(failure, AttemptFailure::Connect | AttemptFailure::ConnectTimeout) {
        worker.signal(Signal::ConnectFailed(endpoint.id));
    }
}

/// Counts an error of an endpoint, and signals when there were too many in a row.
fn note_error(worker: &Worker, place: &Place) {
    let endpoint = &place.endpoint;
    let errors = endpoint.shared.note_error();
    let outlier = place.pool.pool.policy.outlier_detection.as_ref();
    if outlier.and_then(|o| o.consecutive_errors).is_some_and(|max| errors >= max.get()) {
        worker.signal(Signal::ConsecutiveErrors(endpoint.id));
    }
}

/// Outlier detection takes a server error for a failure, as users do: an endpoint that answers
/// nothing but 500, quickly, is worse than a dead one.
fn note_status(worker: &Worker, place: &Place, status: u16) {
    if status >= 500 {
        note_error(worker, place);
    } else {
        place.endpoint.shared.note_success();
    }
}

/// How an exchange ends when its last attempt failed so.
fn end_of(failure: AttemptFailure) -> EndReason {
    match failure {
        AttemptFailure::Connect => EndReason::ConnectFailed,
        AttemptFailure::ConnectTimeout => EndReason::ConnectTimeout,
        AttemptFailure::NoSocket => EndReason::NoSocket,
        AttemptFailure::ReusedClosed | AttemptFailure::Closed => EndReason::EndpointClosed,
        AttemptFailure::WriteTimeout => EndReason::EndpointWriteTimeout,
        // An attempt that was overtaken is not the last one.
        AttemptFailure::ResponseTimeout | AttemptFailure::Overtaken => EndReason::ResponseTimeout,
        AttemptFailure::Malformed | AttemptFailure::Status => EndReason::ResponseMalformed,
        AttemptFailure::Truncated => EndReason::ResponseTruncated,
        AttemptFailure::Stalled => EndReason::ResponseStalled,
    }
}

/// How an exchange ends when the client's body can't be taken.
pub(crate) fn end_of_upload(error: FlowError) -> EndReason {
    match error {
        FlowError::Truncated | FlowError::SinkClosed => EndReason::ClientClosed,
        FlowError::Malformed(_) => EndReason::RequestChunk,
        FlowError::TooLarge => EndReason::BodyTooLarge,
    }
}
