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

/// `METHOD TARGET VERSION`, or `-` for what the head did not get so far as to say.
fn push_request(out: &mut Vec<u8>, record: &ExchangeRecord<'_>) {
    let request = &record.request;
    if request.method.is_empty() {
        return push(out, "-");
    }
    push_escaped(out, request.method, Style::Hex);
    push(out, " ");
    push_escaped(out, if request.target.is_empty() { b"-" } else { request.target }, Style::Hex);
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

#[cfg(test)]
mod tests {
    use super::super::record::{FIELDS, RequestFields, Timing};
    use super::*;
    use serde_json::Value;

    const FORMATS: [LogFormat; 3] = [LogFormat::Text, LogFormat::Combined, LogFormat::Json];

    fn record() -> ExchangeRecord<'static> {
        ExchangeRecord {
            at_unix_us: 1_795_233_684_123_456,
            client: "127.0.0.1:40000".parse().unwrap(),
            listener: "web",
            request: RequestFields {
                method: b"GET",
                target: b"/hello?name=x",
                version: "HTTP/1.1",
                host: b"localhost:8080",
                user_agent: b"curl/8.14.1",
                referer: b"",
                request_id: b"0123abcd",
            },
            route: Some("all"),
            pool: Some("web"),
            endpoint: Some(EndpointFields {
                name: "Server 1",
                authority: "127.0.0.1:5001",
                request_count: 1,
                is_reused: false,
            }),
            attempts: 1,
            status: 200,
            request_bytes: 0,
            response_bytes: 19,
            timing: Timing {
                queue_us: None,
                connect_us: Some(90),
                first_byte_us: Some(812),
                total_us: 1_042,
            },
            end: EndReason::Ok,
        }
    }

    /// A request that was refused before its head was read whole.
    fn refused() -> ExchangeRecord<'static> {
        ExchangeRecord {
            request: RequestFields::default(),
            route: None,
            pool: None,
            endpoint: None,
            attempts: 0,
            status: 400,
            timing: Timing { total_us: 30, ..Timing::default() },
            end: EndReason::RequestLine,
            ..record()
        }
    }

    fn line(format: LogFormat, record: &ExchangeRecord<'_>) -> String {
        let mut out = Vec::new();
        push_line(&mut out, format, record, &mut TimeText::new());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_of_an_exchange_that_went_well() {
        for (format, expected) in [
            (
                LogFormat::Text,
                "2026-11-21T04:01:24.123Z INFO 127.0.0.1:40000 \"GET /hello?name=x HTTP/1.1\" \
                 Routing request to http://127.0.0.1:5001 (Server 1), Request count: 1, \
                 200, 19 bytes, 1.042 ms\n",
            ),
            (
                LogFormat::Combined,
                "127.0.0.1 - - [21/Nov/2026:04:01:24 +0000] \"GET /hello?name=x HTTP/1.1\" \
                 200 19 \"-\" \"curl/8.14.1\"\n",
            ),
            (
                LogFormat::Json,
                "{\"time\":\"2026-11-21T04:01:24.123Z\",\"listener\":\"web\",\
                 \"client\":\"127.0.0.1:40000\",\"method\":\"GET\",\"host\":\"localhost:8080\",\
                 \"target\":\"/hello?name=x\",\"version\":\"HTTP/1.1\",\"route\":\"all\",\
                 \"pool\":\"web\",\"endpoint\":\"Server 1\",\
                 \"endpoint_address\":\"127.0.0.1:5001\",\"endpoint_requests\":1,\
                 \"connection_reused\":false,\"attempts\":1,\"status\":200,\"request_bytes\":0,\
                 \"response_bytes\":19,\"queue_us\":null,\"connect_us\":90,\"first_byte_us\":812,\
                 \"total_us\":1042,\"end\":\"ok\",\"request_id\":\"0123abcd\",\
                 \"user_agent\":\"curl/8.14.1\",\"referer\":\"\"}\n",
            ),
        ] {
            assert_eq!(line(format, &record()), expected);
        }
    }

    #[test]
    fn lines_of_a_request_that_was_refused() {
        assert_eq!(
            line(LogFormat::Text, &refused()),
            "2026-11-21T04:01:24.123Z WARN 127.0.0.1:40000 \"-\" \
             400, 19 bytes, 0.030 ms, ended: request_line\n"
        );
        assert_eq!(
            line(LogFormat::Combined, &refused()),
            "127.0.0.1 - - [21/Nov/2026:04:01:24 +0000] \"-\" 400 19 \"-\" \"-\"\n"
        );
        let json: Value = serde_json::from_str(&line(LogFormat::Json, &refused())).unwrap();
        assert_eq!((&json["pool"], &json["method"]), (&Value::Null, &Value::from("")));
    }

    #[test]
    fn text_tells_attempts_and_sockets_and_missing_statuses() {
        let endpoint = EndpointFields {
            name: "app",
            authority: "unix:/run/app.sock",
            request_count: 9,
            is_reused: true,
        };
        let record = ExchangeRecord {
            endpoint: Some(endpoint),
            attempts: 3,
            status: 0,
            response_bytes: 0,
            end: EndReason::ClientClosed,
            ..record()
        };
        assert!(line(LogFormat::Text, &record).ends_with(
            "Routing request to unix:/run/app.sock (app), Request count: 9, no status, 0 bytes, \
             1.042 ms, 3 attempts, ended: client_closed\n"
        ));
    }

    #[test]
    fn levels_tell_whose_fault_it_was() {
        for (status, end, expected) in [
            (200, EndReason::Ok, "INFO"),
            (404, EndReason::Ok, "INFO"),
            (301, EndReason::Local, "INFO"),
            (101, EndReason::Tunnel, "INFO"),
            (500, EndReason::Ok, "ERROR"),
            (502, EndReason::ConnectFailed, "ERROR"),
            (200, EndReason::ResponseTruncated, "ERROR"),
            (200, EndReason::ClientClosed, "WARN"),
            (413, EndReason::BodyTooLarge, "WARN"),
        ] {
            assert_eq!(level(&ExchangeRecord { status, end, ..record() }), expected, "{end}");
        }
    }

    #[test]
    fn json_has_exactly_the_documented_fields_in_order() {
        let text = line(LogFormat::Json, &record());
        let parsed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed.as_object().unwrap().len(), FIELDS.len());
        let mut rest = text.as_str();
        for (name, _) in FIELDS {
            let name = format!("\"{name}\":");
            let at = rest.find(&name).unwrap_or_else(|| panic!("{name} in {rest}"));
            rest = &rest[at + name.len()..];
        }
    }

    #[test]
    fn no_peer_byte_forges_a_line_or_a_field() {
        let evil: Vec<u8> = (0..=255).chain(*b"\" 200 1 \"x\"\r\n1.2.3.4 - -").collect();
        let request = RequestFields {
            method: &evil,
            target: &evil,
            version: "HTTP/1.1",
            host: &evil,
            user_agent: &evil,
            referer: &evil,
            request_id: &evil,
        };
        let record = ExchangeRecord { request, ..record() };
        for format in FORMATS {
            let text = line(format, &record);
            let body = text.strip_suffix('\n').unwrap();
            assert!(body.bytes().all(|b| matches!(b, b' '..=b'~')), "{text}");
        }
        // Between unescaped quotes lie the same fields as in a harmless line.
        let quotes = |text: &str| text.replace("\\\\", "").replace("\\\"", "").matches('"').count();
        assert_eq!(quotes(&line(LogFormat::Combined, &record)), 6);
        assert_eq!(quotes(&line(LogFormat::Text, &record)), 2);
        // JSON gives each byte back as the character of its value.
        let json: Value = serde_json::from_str(&line(LogFormat::Json, &record)).unwrap();
        let latin1: String = evil.iter().map(|b| char::from(*b)).collect();
        assert_eq!(json["target"], Value::from(latin1));
    }

    #[test]
    fn a_line_of_the_longest_fields_is_bounded() {
        let long = vec![0; 1 << 20];
        let request = RequestFields {
            method: &long,
            target: &long,
            version: "HTTP/1.1",
            host: &long,
            user_agent: &long,
            referer: &long,
            request_id: &long,
        };
        let record = ExchangeRecord { request, ..record() };
        for format in FORMATS {
            assert!(line(format, &record).len() < 80 * 1024);
        }
    }
}
