//! Lines: for people, in the NCSA combined format, and as JSON.

use std::fmt::Display;
use std::io::Write as _;

use roundel_core::end::EndReason;

use super::date::TimeText;
use super::record::{EndpointFields, ExchangeRecord};
use crate::escape::{Style, push_escaped};
use crate::json::JsonWriter;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// NCSA combined, which log analysers read.
    Combined,
    /// One JSON object with the names of [`super::FIELDS`].
    Json,
}

/// Appends the line of `record`, with its line end. Allocates nothing once `out` is large enough.
pub(super) fn push_line(
    out: &mut Vec<u8>,
    format: LogFormat,
    record: &ExchangeRecord<'_>,
    time: &mut TimeText,
) {
    match format {
        LogFormat::Text => push_text(out, record, time),
        LogFormat::Combined => push_combined(out, record, time),
        LogFormat::Json => push_json(out, record, time),
    }
    out.push(b'\n');
}

/// `TIME LEVEL CLIENT "REQUEST" ROUTING STATUS BYTES TIME [ATTEMPTS] [END]`.
fn push_text(out: &mut Vec<u8>, record: &ExchangeRecord<'_>, time: &mut TimeText) {
    time.push_rfc3339(out, record.at_unix_us);
    push(out, " ");
    push(out, level(record));
    push(out, " ");
    push_display(out, record.client);
    push(out, " \"");
    push_request(out, record);
    push(out, "\" ");
    if let Some(endpoint) = &record.endpoint {
        push_routing(out, endpoint);
    }
    if record.status == 0 {
        push(out, "no status, ");
    } else {
        push_number(out, record.status.into());
        push(out, ", ");
    }
    push_number(out, record.response_bytes);
    push(out, " bytes, ");
    push_millis(out, record.timing.total_us);
    push(out, " ms");
    if record.attempts > 1 {
        push(out, ", ");
        push_number(out, record.attempts.into());
        push(out, " attempts");
    }
    if record.end != EndReason::Ok {
        push(out, ", ended: ");
        push(out, record.end.code());
    }
}

/// A word by which to search: ERROR for what the operator answers for, WARN for what the client
/// does.
fn level(record: &ExchangeRecord<'_>) -> &'static str {
    match record.end {
        _ if record.status >= 500 => "ERROR",
        EndReason::Ok | EndReason::Local | EndReason::Tunnel => "INFO",
        EndReason::ResponseTruncated | EndReason::ResponseStalled | EndReason::Panic => "ERROR",
        _ => "WARN",
    }
}

fn push_routing(out: &mut Vec<u8>, endpoint: &EndpointFields<'_>) {
    push(out, "Routing request to ");
    if !endpoint.authority.starts_with("unix:") {
        push(out, "http://");
    }
    push_escaped(out, endpoint.authority.as_bytes(), Style::Hex);
    push(out, " (");
    push_escaped(out, endpoint.name.as_bytes(), Style::Hex);
    push(out, "), Request count: ");
    push_number(out, endpoint.request_count);
    push(out, ", ");
}

/// `CLIENT - - [TIME] "REQUEST" STATUS BYTES "REFERER" "USER-AGENT"`.
fn push_combined(out: &mut Vec<u8>, record: &ExchangeRecord<'_>, time: &mut TimeText) {
    push_display(out, record.client.ip());
    push(out, " - - [");
    time.push_ncsa(out, record.at_unix_us);
    push(out, "] \"");
    push_request(out, record);
    push(out, "\" ");
    push_number(out, record.status.into());
    push(out, " ");
    push_number(out, record.response_bytes);
    for text in [record.request.referer, record.request.user_agent] {
        push(out, " \"");
        push_escaped(out, if text.is_empty() { b"-" } else { text }, Style::Hex);
        push(out, "\"");
    }
}

/// `METHOD TARGET VERSION`, or `-` when the head did not get so far.
fn push_request(out: &mut Vec<u8>, record: &ExchangeRecord<'_>) {
    let request = &record.request;
    if request.method.is_empty() {
        return push(out, "-");
    }
    push_escaped(out, request.method, Style::Hex);
    push(out, " ");
    push_escaped(out, request.target, Style::Hex);
    push(out, " ");
    push_escaped(out, request.version.as_bytes(), Style::Hex);
}

fn push_json(out: &mut Vec<u8>, record: &ExchangeRecord<'_>, time: &mut TimeText) {
    let (request, endpoint, timing) = (&record.request, &record.endpoint, &record.timing);
    let mut json = JsonWriter::new(out);
    json.open(b'{');
    json.quoted("time", |out| time.push_rfc3339(out, record.at_unix_us));
    json.text("listener", Some(record.listener.as_bytes()));
    json.quoted("client", |out| push_display(out, record.client));
    json.text("method", Some(request.method));
    json.text("host", Some(request.host));
    json.text("target", Some(request.target));
    json.text("version", Some(request.version.as_bytes()));
    json.text("route", record.route.map(str::as_bytes));
    json.text("pool", record.pool.map(str::as_bytes));
    json.text("endpoint", endpoint.map(|e| e.name.as_bytes()));
    json.text("endpoint_address", endpoint.map(|e| e.authority.as_bytes()));
    json.number("endpoint_requests", endpoint.map(|e| e.request_count));
    json.boolean("connection_reused", endpoint.map(|e| e.is_reused));
    json.number("attempts", Some(record.attempts.into()));
    json.number("status", Some(record.status.into()));
    json.number("request_bytes", Some(record.request_bytes));
    json.number("response_bytes", Some(record.response_bytes));
    json.number("queue_us", timing.queue_us);
    json.number("connect_us", timing.connect_us);
    json.number("first_byte_us", timing.first_byte_us);
    json.number("total_us", Some(timing.total_us));
    json.text("end", Some(record.end.code().as_bytes()));
    json.text("request_id", Some(request.request_id));
    json.text("user_agent", Some(request.user_agent));
    json.text("referer", Some(request.referer));
    json.close(b'}');
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn push_number(out: &mut Vec<u8>, n: u64) {
    push(out, itoa::Buffer::new().format(n));
}

/// Microseconds as milliseconds with three places.
fn push_millis(out: &mut Vec<u8>, us: u64) {
    push_number(out, us / 1_000);
    let [hundreds, tens, ones] = [us / 100 % 10, us / 10 % 10, us % 10].map(|d| b'0' + d as u8);
    out.extend_from_slice(&[b'.', hundreds, tens, ones]);
}

/// Appends what only `Display` can write; it needs no allocation either.
fn push_display(out: &mut Vec<u8>, value: impl Display) {
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "{value}");
}
