//! The facts of an exchange that the access log knows, under the names that JSON lines use.

use std::net::SocketAddr;

use roundel_core::end::EndReason;

/// One exchange, borrowed from wherever its parts lie.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeRecord<'a> {
    /// Wall-clock time at which the exchange ended, in microseconds since 1970 (UTC).
    pub at_unix_us: u64,
    /// The client: the connection's peer, or whom a trusted proxy names.
    pub client: SocketAddr,
    /// The listener that accepted the connection.
    pub listener: &'a str,
    /// What was asked.
    pub request: RequestFields<'a>,
    /// The route that matched.
    pub route: Option<&'a str>,
    /// The pool that the route names.
    pub pool: Option<&'a str>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<EndpointFields<'a>>,
    /// Attempts made; 0 when no endpoint was tried.
    pub attempts: u32,
    /// Status sent to the client; 0 when none was sent.
    pub status: u16,
    /// Request body bytes taken from the client.
    pub request_bytes: u64,
    /// Response body bytes sent to the client.
    pub response_bytes: u64,
    /// Where the time went.
    pub timing: Timing,
    /// How the exchange ended.
    pub end: EndReason,
}

/// What the client asked. Bytes as received; empty when the head did not get so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestFields<'a> {
    /// Method.
    pub method: &'a [u8],
    /// Target as sent, query included.
    pub target: &'a [u8],
    /// Version as text, such as `HTTP/1.1`.
    pub version: &'static str,
    /// Host, from the target or the field.
    pub host: &'a [u8],
    /// `User-Agent`.
    pub user_agent: &'a [u8],
    /// `Referer`.
    pub referer: &'a [u8],
    /// `X-Request-Id`, the client's or Roundel's.
    pub request_id: &'a [u8],
}

/// The endpoint that an exchange went to.
#[derive(Debug, Clone, Copy)]
pub struct EndpointFields<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its address as configured.
    pub authority: &'a str,
    /// The request's number at this endpoint, counted from 1.
    pub request_count: u64,
    /// Whether the attempt took an idle connection.
    pub is_reused: bool,
}

/// Where the time of an exchange went, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Wait for an endpoint below its limit; `None` when the exchange did not wait.
    pub queue_us: Option<u64>,
    /// Connecting for the last attempt; `None` when an idle connection was taken or none was made.
    pub connect_us: Option<u64>,
    /// From the start of the last attempt to its response head; `None` when none came.
    pub first_byte_us: Option<u64>,
    /// From the first byte of the request head to the last byte of the response.
    pub total_us: u64,
}

/// Fields of a JSON line, in order, with their meaning. The reference is made from this.
pub const FIELDS: &[(&str, &str)] = &[
    ("time", "When the exchange ended: RFC 3339, UTC, milliseconds."),
    ("listener", "The listener that accepted the connection."),
    ("client", "Client address and port."),
    (
        "method",
        "Request method as sent; empty, as the next three, when the head was not read so far.",
    ),
    ("host", "Host that was asked for."),
    ("target", "Request target as sent, query included."),
    ("version", "HTTP version of the request."),
    ("route", "The route that matched, or null."),
    ("pool", "The pool that the route names, or null."),
    ("endpoint", "Name of the endpoint of the last attempt, or null."),
    ("endpoint_address", "Address of that endpoint as configured, or null."),
    ("endpoint_requests", "Number of this request at that endpoint, counted from 1, or null."),
    ("connection_reused", "Whether the last attempt took an idle connection, or null."),
    ("attempts", "Attempts made; 0 when no endpoint was tried."),
    ("status", "Status sent to the client; 0 when none was sent."),
    ("request_bytes", "Request body bytes taken from the client."),
    ("response_bytes", "Response body bytes sent to the client."),
    ("queue_us", "Wait for an endpoint below its limit, in microseconds, or null."),
    ("connect_us", "Connecting for the last attempt, in microseconds, or null."),
    (
        "first_byte_us",
        "From the start of the last attempt to its response head, in microseconds, or null.",
    ),
    (
        "total_us",
        "From the first byte of the request head to the last of the response, in microseconds.",
    ),
    ("end", "How the exchange ended: a code of the end reasons."),
    ("request_id", "`X-Request-Id`, the client's or Roundel's."),
    ("user_agent", "`User-Agent` as sent; empty when absent."),
    ("referer", "`Referer` as sent; empty when absent."),
];
