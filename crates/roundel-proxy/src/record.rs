//! The account of one exchange: filled in as it goes, entered exactly once when it ends.

use std::net::SocketAddr;
use std::rc::Rc;

use roundel_core::end::{AttemptFailure, EndReason};
use roundel_http::Version;
use roundel_telemetry::{
    Account, Attempt, AttemptOutcome, EndpointFields, ExchangeRecord, RequestFields,
    RequestLogWriter, Timing, Trail,
};

use crate::buffers::Request;
use crate::client::LocalListener;
use crate::clock::Clock;
use crate::pick::Place;
use crate::request_id::RequestId;
use crate::view::{LocalEndpoint, LocalPool, View};
use crate::worker::Worker;

/// What is known about an exchange so far.
pub(crate) struct Record {
    worker: Rc<Worker>,
    listener: Rc<LocalListener>,
    /// The client, as trusted proxies tell it; the connection's peer until the head is read.
    pub(crate) client: SocketAddr,
    pub(crate) started_us: u64,
    /// The route chosen, by its index in the view.
    pub(crate) route: Option<(Rc<View>, usize)>,
    pub(crate) pool: Option<Rc<LocalPool>>,
    pub(crate) endpoint: Option<Rc<LocalEndpoint>>,
    /// The request's number at that endpoint.
    pub(crate) request_count: u64,
    pub(crate) is_reused: bool,
    pub(crate) attempts: u32,
    /// When the last attempt began.
    pub(crate) attempt_started_us: u64,
    /// Status of the last attempt's response head; 0 while there is none.
    pub(crate) endpoint_status: u16,
    /// How the last attempt failed.
    pub(crate) failure: Option<AttemptFailure>,
    /// Whether the request has what the `hash` balancer goes by.
    pub(crate) has_key: bool,
    pub(crate) status: u16,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) timing: Timing,
    /// The id that Roundel made, when the request came without one.
    pub(crate) request_id: Option<RequestId>,
    /// Whether the request log keeps it however it ends.
    is_admitted: bool,
    is_entered: bool,
}

impl Record {
    /// Opens the account of an exchange whose head has begun to arrive.
    pub(crate) fn open(
        worker: &Rc<Worker>,
        listener: &Rc<LocalListener>,
        client: SocketAddr,
        started_us: u64,
    ) -> Self {
        listener.metrics().requests.increment();
        let mut requests = worker.requests.borrow_mut();
        let is_admitted = requests.as_mut().is_some_and(|log| log.admits(worker.clock.micros()));
        Self {
            worker: worker.clone(),
            listener: listener.clone(),
            client,
            started_us,
            route: None,
            pool: None,
            endpoint: None,
            request_count: 0,
            is_reused: false,
            attempts: 0,
            attempt_started_us: 0,
            endpoint_status: 0,
            failure: None,
            has_key: false,
            status: 0,
            request_bytes: 0,
            response_bytes: 0,
            timing: Timing::default(),
            request_id: None,
            is_admitted,
            is_entered: false,
        }
    }

    /// Begins the account of the next attempt, at `place`; what `trail` has to know of the last one
    /// goes there.
    pub(crate) fn enter_attempt(&mut self, place: &Place, trail: &mut Trail) {
        if let (Some(pool), Some(attempt)) = (&self.pool, self.attempt()) {
            trail.leave(&pool.pool, attempt);
        }
        // While the exchange waited the pool may have changed.
        self.pool = Some(place.pool.clone());
        self.endpoint = Some(place.endpoint.clone());
        self.request_count = place.number;
        self.attempts += 1;
        self.attempt_started_us = self.worker.clock.micros();
        self.endpoint_status = 0;
        self.failure = None;
        self.is_reused = false;
        (self.timing.connect_us, self.timing.first_byte_us) = (None, None);
    }

    /// Whether somebody may ask why the present endpoint was chosen: the exchange will be kept, or
    /// is in trouble, or had to wait.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.is_admitted || self.attempts > 1 || self.timing.queue_us.is_some()
    }

    /// Whether the account has been closed.
    pub(crate) fn is_entered(&self) -> bool {
        self.is_entered
    }

    /// Closes the account.
    pub(crate) fn enter(&mut self, end: EndReason, request: &Request, trail: &Trail) {
        self.is_entered = true;
        self.timing.total_us = self.worker.clock.micros().saturating_sub(self.started_us);
        let is_error = end.is_error(self.status);
        self.log(end, is_error, request, trail);
        // The end comes last in both: who finds it counted finds everything else.
        if let Some(pool) = &self.pool {
            let metrics = pool.metrics();
            metrics.requests.increment(self.status);
            metrics.errors.add(u64::from(is_error));
            metrics.request_bytes.add(self.request_bytes);
            metrics.response_bytes.add(self.response_bytes);
            metrics.duration.record(self.timing.total_us);
            if let Some(queue_us) = self.timing.queue_us {
                metrics.queue_time.record(queue_us);
            }
            metrics.ends.increment(end);
        } else {
            let metrics = self.listener.metrics();
            metrics.errors.add(u64::from(is_error));
            metrics.ends.increment(end);
        }
    }

    /// Tells the logs that want to know.
    fn log(&self, end: EndReason, is_error: bool, request: &Request, trail: &Trail) {
        let mut access = self.worker.log.borrow_mut();
        let mut requests = self.worker.requests.borrow_mut();
        let now_us = self.worker.clock.micros();
        let is_kept = |log: &mut RequestLogWriter| log.keeps(self.is_admitted, is_error, now_us);
        let kept = requests.as_mut().and_then(|log| is_kept(log).then_some(log));
        if access.is_none() && kept.is_none() {
            return;
        }
        let line = self.line(end, request);
        if let Some(log) = access.as_mut() {
            log.push(&line);
        }
        if let Some(log) = kept {
            log.push(&line, &self.account(trail));
        }
    }

    /// The last attempt; `None` when none was made.
    fn attempt(&self) -> Option<Attempt> {
        let endpoint = self.endpoint.as_ref()?;
        let outcome = match self.failure {
            Some(failure) => AttemptOutcome::Failed(failure),
            None if self.timing.first_byte_us.is_some() => AttemptOutcome::Answered,
            None => AttemptOutcome::Cut,
        };
        Some(Attempt {
            endpoint: endpoint.id,
            started_us: self.attempt_started_us.saturating_sub(self.started_us),
            connect_us: self.timing.connect_us,
            first_byte_us: self.timing.first_byte_us,
            is_reused: self.is_reused,
            outcome,
            status: self.endpoint_status,
            has_key: self.has_key,
        })
    }

    /// What explains the exchange.
    fn account<'a>(&'a self, trail: &'a Trail) -> Account<'a> {
        Account {
            route: self.route.as_ref().map(|(view, index)| (&view.snapshot.routes, *index)),
            pool: self.pool.as_ref().map(|pool| &pool.pool),
            attempt: self.attempt(),
            trail: Some(trail),
        }
    }

    /// What the access log says of the request. A head that was refused is told as far as it was
    /// read.
    fn request_fields<'a>(&'a self, request: &'a Request) -> RequestFields<'a> {
        let Request { head, bytes, .. } = request;
        let field = |name| head.field(bytes, name).unwrap_or_default();
        let made_id = self.request_id.as_ref().map(RequestId::as_bytes);
        RequestFields {
            method: head.method_text.of(bytes),
            target: head.target.of(bytes),
            version: match head.version {
                Version::H10 => "HTTP/1.0",
                Version::H11 => "HTTP/1.1",
            },
            host: head.authority.of(bytes),
            user_agent: field("user-agent"),
            referer: field("referer"),
            request_id: made_id.unwrap_or_else(|| field("x-request-id")),
        }
    }

    /// Name of the route.
    fn route(&self) -> Option<&str> {
        let (view, index) = self.route.as_ref()?;
        Some(view.snapshot.routes.routes().get(*index)?.name.as_str())
    }

    fn line<'a>(&'a self, end: EndReason, request: &'a Request) -> ExchangeRecord<'a> {
        ExchangeRecord {
            at_unix_us: Clock::unix_micros(),
            client: self.client,
            listener: self.listener.name.as_str(),
            request: self.request_fields(request),
            route: self.route(),
            pool: self.pool.as_ref().map(|pool| pool.pool.name.as_str()),
            endpoint: self.endpoint.as_ref().map(|endpoint| EndpointFields {
                name: endpoint.name.as_str(),
                authority: &endpoint.authority,
                request_count: self.request_count,
                is_reused: self.is_reused,
            }),
            attempts: self.attempts,
            status: self.status,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            timing: self.timing,
            end,
        }
    }
}
