//! What the request log tells of one exchange: on one line, and in full.

use std::net::SocketAddr;
use std::time::SystemTime;

use roundel_core::end::EndReason;

use super::{AttemptDetail, PickDetail};
use crate::access_log::Timing;

/// One exchange on one line. Texts are fit to be shown: what cannot be printed is replaced, what
/// was cut ends with an ellipsis.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSummary {
    /// Unique in the process; [`super::RequestLog::find`] takes it.
    pub id: String,
    /// When the exchange ended.
    pub at: SystemTime,
    /// The client: the connection's peer, or whom a trusted proxy names.
    pub client: SocketAddr,
    /// The listener that accepted the connection.
    pub listener: String,
    /// Method as sent; empty, as the next three, when the head was not read so far.
    pub method: String,
    /// Host that was asked for.
    pub host: String,
    /// Path; `?…` stands for a query.
    pub path: String,
    /// HTTP version of the request.
    pub version: &'static str,
    /// `X-Request-Id`, the client's or Roundel's.
    pub request_id: Option<String>,
    /// The route that matched.
    pub route: Option<String>,
    /// The pool that the route names.
    pub pool: Option<String>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<String>,
    /// Whether the last attempt took an idle connection; `None` without an attempt.
    pub is_reused: Option<bool>,
    /// Attempts made.
    pub attempts: u32,
    /// Status sent to the client; `None` when none was.
    pub status: Option<u16>,
    /// Request body bytes taken from the client.
    pub request_bytes: u64,
    /// Response body bytes sent to the client.
    pub response_bytes: u64,
    /// Where the time went.
    pub timing: Timing,
    /// How it ended.
    pub end: EndReason,
}

/// One exchange with the explanation of how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestDetail {
    /// The line of it.
    pub summary: RequestSummary,
    /// Which route matched and why, or why none did.
    pub route_reason: String,
    /// The attempts in order, at most [`super::ATTEMPTS_MAX`]: the first ones and the last.
    pub attempts: Vec<AttemptDetail>,
    /// Attempts between those and the last that are not told.
    pub attempts_omitted: u32,
    /// The pool's endpoints when the exchange ended for want of a place at one; else `None`.
    pub refusal: Option<PickDetail>,
}
