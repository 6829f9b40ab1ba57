//! Exchanges of the request log, and the explanation of one.

use roundel_telemetry::request_log::{self, AttemptDetail, CandidateDetail};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// The newest exchanges that match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// Newest first.
    pub requests: Vec<RequestSummary>,
    /// Exchanges that were never kept since the process began, because there were too many.
    pub sampled_out: u64,
    /// How many are kept at most.
    pub capacity: u64,
}

/// One exchange on one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestSummary {
    /// Unique in the process.
    pub id: String,
    /// When it ended.
    pub at: Time,
    /// The client: the connection's peer, or whom a trusted proxy names.
    pub client: String,
    /// The listener that accepted the connection.
    pub listener: String,
    /// As sent; empty, as the next three, when the head was not read so far.
    pub method: String,
    /// Host that was asked for.
    pub host: String,
    /// Path; `?…` stands for a query, unless queries are kept.
    pub path: String,
    /// HTTP version of the request.
    pub version: String,
    /// The route that matched.
    pub route: Option<String>,
    /// The pool that the route names.
    pub pool: Option<String>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// Status sent to the client; `null` when none was.
    pub status: Option<u16>,
    /// Body bytes taken from the client.
    pub request_bytes: u64,
    /// Body bytes sent to the client.
    pub response_bytes: u64,
    /// Whether the last attempt took an idle connection; `null` without an attempt.
    pub reused: Option<bool>,
    /// Wait for an endpoint below its limit; `null` when it did not wait.
    pub queue_ms: Option<f64>,
    /// Connecting for the last attempt; `null` when an idle connection was taken or none was made.
    pub connect_ms: Option<f64>,
    /// From the start of the last attempt to its response head; `null` when none came.
    pub first_byte_ms: Option<f64>,
    /// From the first byte of the request head to the last byte of the response.
    pub total_ms: f64,
    /// How it ended: a code of the end reasons.
    pub end: String,
    /// `X-Request-Id`, the client's or Roundel's.
    pub request_id: Option<String>,
}

/// One exchange, explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestDetail {
    /// The line of it.
    #[serde(flatten)]
    pub summary: RequestSummary,
    /// Which route matched and why, or why none did.
    pub route_reason: String,
    /// The attempts in order: the first ones and the last.
    pub attempts_made: Vec<RequestAttempt>,
    /// Attempts between those and the last that are not told.
    pub attempts_omitted: u32,
    /// The pool's endpoints when it ended for want of a place at one; else `null`.
    pub refusal: Option<RequestPick>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestAttempt {
    /// The endpoint chosen.
    pub endpoint: String,
    /// Its address as configured.
    pub address: String,
    /// From the exchange's start to the attempt's.
    pub started_ms: f64,
    /// Connecting; `null` when an idle connection was taken or none was made.
    pub connect_ms: Option<f64>,
    /// From the attempt's start to the response head; `null` when none came.
    pub first_byte_ms: Option<f64>,
    /// Whether it took an idle connection.
    pub reused: bool,
    /// `ok`, `cut`, or the code of its failure.
    pub outcome: String,
    /// Status of the response head; `null` when none came.
    pub status: Option<u16>,
    /// What became of the pool's endpoints when this one was chosen.
    #[serde(flatten)]
    pub pick: RequestPick,
}

/// The endpoints of a pool when one of them was to be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestPick {
    /// In the pool's order.
    pub candidates: Vec<RequestCandidate>,
    /// Endpoints that are not listed.
    pub candidates_omitted: u64,
}

/// What became of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestCandidate {
    /// Its name.
    pub endpoint: String,
    /// `chosen`, `not_chosen`, `tried`, `at_limit`, `silent`, `unhealthy`, `ejected`, `draining`,
    /// `disabled`, `starting`, `absent`, `backup` or `unprobed`.
    pub verdict: String,
    /// Attempts in flight at that moment; `null` when nobody looked.
    pub in_flight: Option<u32>,
    /// Why, in plain words.
    pub reason: String,
}

/// How many exchanges a live log left out since the last time it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SampledOut {
    /// Not kept because there were too many, or overwritten before they were read.
    pub sampled_out: u64,
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

impl From<request_log::RequestSummary> for RequestSummary {
    fn from(it: request_log::RequestSummary) -> Self {
        Self {
            id: it.id,
            at: it.at.into(),
            client: it.client.to_string(),
            listener: it.listener,
            method: it.method,
            host: it.host,
            path: it.path,
            version: it.version.to_owned(),
            route: it.route,
            pool: it.pool,
            endpoint: it.endpoint,
            attempts: it.attempts,
            status: it.status,
            request_bytes: it.request_bytes,
            response_bytes: it.response_bytes,
            reused: it.is_reused,
            queue_ms: it.timing.queue_us.map(ms),
            connect_ms: it.timing.connect_us.map(ms),
            first_byte_ms: it.timing.first_byte_us.map(ms),
            total_ms: ms(it.timing.total_us),
            end: it.end.code().to_owned(),
            request_id: it.request_id,
        }
    }
}

impl From<request_log::RequestDetail> for RequestDetail {
    fn from(it: request_log::RequestDetail) -> Self {
        Self {
            summary: it.summary.into(),
            route_reason: it.route_reason,
            attempts_made: it.attempts.into_iter().map(RequestAttempt::from).collect(),
            attempts_omitted: it.attempts_omitted,
            refusal: it.refusal.map(RequestPick::from),
        }
    }
}

impl From<AttemptDetail> for RequestAttempt {
    fn from(it: AttemptDetail) -> Self {
        Self {
            endpoint: it.endpoint.to_string(),
            address: it.address.to_string(),
            started_ms: ms(it.started_us),
            connect_ms: it.connect_us.map(ms),
            first_byte_ms: it.first_byte_us.map(ms),
            reused: it.is_reused,
            outcome: it.outcome.code().to_owned(),
            status: it.status,
            pick: it.pick.into(),
        }
    }
}

impl From<request_log::PickDetail> for RequestPick {
    fn from(it: request_log::PickDetail) -> Self {
        Self {
            candidates: it.candidates.into_iter().map(RequestCandidate::from).collect(),
            candidates_omitted: it.candidates_omitted as u64,
        }
    }
}

impl From<CandidateDetail> for RequestCandidate {
    fn from(it: CandidateDetail) -> Self {
        Self {
            endpoint: it.endpoint.to_string(),
            verdict: it.verdict.code().to_owned(),
            in_flight: it.in_flight,
            reason: it.reason,
        }
    }
}
