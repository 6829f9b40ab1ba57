//! Answers that Roundel makes itself: refusals, redirects, fixed responses, stats.
//!
//! A client learns what it can act on, never what went on inside: addresses and causes are in the
//! access log, tied to the answer by the request id.

use std::fmt::Write as _;

use roundel_core::end::EndReason;
use roundel_core::route::FixedResponse;
use roundel_http::{Framing, Method};

use crate::exchange::{Ending, Exchange};
use crate::reactor::Ready;
use crate::serve::Next;

/// An answer to be written.
#[derive(Debug, Default)]
pub(crate) struct Reply<'a> {
    status: u16,
    fields: Vec<(&'a str, &'a str)>,
    content_type: Option<&'a str>,
    body: &'a str,
}

impl<'a> Reply<'a> {
    pub(crate) fn new(status: u16, body: &'a str) -> Self {
        Self { status, body, content_type: Some("text/plain; charset=utf-8"), fields: Vec::new() }
    }

    /// The answer to an exchange that ended so.
    pub(crate) fn of_end(end: EndReason) -> Self {
        let (status, text) = status_and_text(end);
        let reply = Self::new(status, text);
        // 503 says when to come back (RFC 9110 §15.6.4): the conditions behind it pass quickly.
        if status == 503 { reply.with_field("Retry-After", "1") } else { reply }
    }

    pub(crate) fn fixed(response: &'a FixedResponse) -> Self {
        let fields = response.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        Self { status: response.status, fields, content_type: None, body: &response.body }
    }

    pub(crate) fn stats(text: &'a str, is_json: bool) -> Self {
        let mut reply = Self::new(200, text).with_field("Cache-Control", "no-store");
        if is_json {
            reply.content_type = Some("application/json");
        }
        reply
    }

    #[must_use]
    pub(crate) fn with_field(mut self, name: &'a str, value: &'a str) -> Self {
        self.fields.push((name, value));
        self
    }
}

impl Exchange<'_> {
    /// Ends the exchange with the answer that belongs to `reason`; with none when the client is
    /// gone or has part of another answer already.
    pub(crate) async fn refuse(&mut self, reason: EndReason) -> Ending {
        if matches!(reason, EndReason::ClientClosed | EndReason::Shutdown) {
            return Ending { reason, next: Next::Close };
        }
        self.refuse_by(Reply::of_end(reason), reason).await
    }

    /// Ends the exchange with 405 and what is allowed instead (RFC 9110 §15.5.6).
    pub(crate) async fn refuse_method(&mut self, allow: &str) -> Ending {
        let reason = EndReason::MethodNotAllowed;
        self.refuse_by(Reply::of_end(reason).with_field("Allow", allow), reason).await
    }

    /// Sends `reply`, or what it says as JSON to a client that prefers that.
    async fn refuse_by(&mut self, mut reply: Reply<'_>, reason: EndReason) -> Ending {
        if !self.wants_json() {
            return self.reply(reply, reason).await;
        }
        let text = self.json_of(reason);
        reply.content_type = Some("application/json");
        self.reply(Reply { body: &text, ..reply }, reason).await
    }

    /// Sends `reply` and ends the exchange for `reason`.
    pub(crate) async fn reply(&mut self, reply: Reply<'_>, reason: EndReason) -> Ending {
        let keeps = self.keeps_client() && self.has_whole_request(reason);
        self.record.status = reply.status;
        let is_http10 = self.is_http10();
        let is_head = self.buffers.request.head.method == Method::Head;
        // Behind an interim response that the client has not taken yet.
        let mut out = std::mem::take(self.buffers.download.head_mut());
        self.write_reply(&mut out, &reply, keeps, is_http10);
        if !is_head && !matches!(reply.status, 204 | 304) {
            out.extend_from_slice(reply.body.as_bytes());
            self.record.response_bytes = reply.body.len() as u64;
        }
        *self.buffers.download.head_mut() = out;
        if let Err(reason) = self.flush_reply().await {
            return Ending { reason, next: Next::Close };
        }
        Ending { reason, next: if keeps { Next::Keep } else { Next::Linger } }
    }

    fn write_reply(&self, out: &mut Vec<u8>, reply: &Reply<'_>, keeps: bool, is_http10: bool) {
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(digits.format(reply.status).as_bytes());
        out.push(b' ');
        out.extend_from_slice(phrase(reply.status).as_bytes());
        out.extend_from_slice(b"\r\nDate: ");
        self.worker.clock.write_date(out);
        for (name, value) in &reply.fields {
            push_field(out, name, value.as_bytes());
        }
        if let Some(content_type) = reply.content_type.filter(|_| !reply.body.is_empty()) {
            push_field(out, "Content-Type", content_type.as_bytes());
        }
        if let Some(id) = self.request_id() {
            push_field(out, "X-Request-Id", id);
        }
        if !matches!(reply.status, 204 | 304) {
            push_field(out, "Content-Length", digits.format(reply.body.len()).as_bytes());
        }
        if !keeps {
            push_field(out, "Connection", b"close");
        } else if is_http10 {
            push_field(out, "Connection", b"keep-alive");
        }
        out.extend_from_slice(b"\r\n\r\n");
    }

    async fn flush_reply(&mut self) -> Result<(), EndReason> {
        let deadline = self.worker.clock.after(self.settings.timeouts.write_idle);
        loop {
            let download = &mut self.buffers.download;
            download.flush(&self.client.socket).map_err(|_| EndReason::ClientClosed)?;
            if download.is_done() {
                return Ok(());
            }
            let ready = self.worker.ready(&self.client.socket, Ready::WRITE, deadline);
            ready.await.map_err(|_| EndReason::ClientWriteTimeout)?;
        }
    }

    /// Whether the request was understood and has been read to its end, so that what follows on
    /// the connection is the next request.
    fn has_whole_request(&self, reason: EndReason) -> bool {
        let is_understood =
            !matches!(status_and_text(reason).0, 400 | 408 | 413 | 414 | 417 | 431 | 501 | 505);
        let upload = &self.buffers.upload;
        is_understood
            && (self.buffers.request.head.framing == Framing::None
                || upload.has_whole_body() && upload.data_bytes() > 0)
    }

    fn json_of(&self, reason: EndReason) -> String {
        let (status, text) = status_and_text(reason);
        let mut json = String::new();
        // Writing to a string does not fail; every part is ASCII without quotes.
        let _ = write!(
            json,
            r#"{{"status":{status},"error":"{}","message":"{}","end":"{}""#,
            phrase(status),
            text.trim_end(),
            reason.code()
        );
        if let Some(id) = self.request_id() {
            let _ = write!(json, r#","request_id":"{}""#, String::from_utf8_lossy(id));
        }
        json.push_str("}\n");
        json
    }
}

fn push_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
}

/// The status and the text a client gets for an exchange that ended so.
fn status_and_text(end: EndReason) -> (u16, &'static str) {
    use EndReason as E;
    match end {
        E::Ok | E::Local | E::Tunnel => (200, ""),
        E::RequestLine => (400, "Malformed request line\n"),
        E::RequestField => (400, "Malformed header field\n"),
        E::RequestFraming => (400, "Ambiguous or malformed body framing\n"),
        E::RequestHost => (400, "Missing, doubled or malformed Host\n"),
        E::RequestPath => (400, "Ambiguous path\n"),
        E::RequestChunk => (400, "Malformed chunked body\n"),
        E::TargetTooLong => (414, "Request target too long\n"),
        E::HeadTooLarge => (431, "Request head too large\n"),
        E::BodyTooLarge => (413, "Request body too large\n"),
        E::TransferCoding => (501, "Transfer coding not implemented\n"),
        E::Expectation => (417, "Only 100-continue can be expected\n"),
        E::Version => (505, "Only HTTP/1.0 and HTTP/1.1 are spoken here\n"),
        E::MethodNotAllowed => (405, "Method not allowed here\n"),
        E::Misdirected => (421, "This host is not served here\n"),
        E::NoRoute => (404, "No route for this path\n"),
        E::ClientHeadTimeout => (408, "The request head took too long\n"),
        E::ClientBodyTimeout => (408, "The request body took too long\n"),
        E::ClientClosed | E::ClientWriteTimeout => (408, ""),
        E::NoEndpoint => (503, "No backend server is available\n"),
        E::QueueFull => (503, "All backend servers are busy\n"),
        E::QueueTimeout => (503, "All backend servers stayed busy\n"),
        E::StartTimeout => (503, "No backend server was ready in time\n"),
        E::NoSocket => (503, "No connection to a backend server can be opened at present\n"),
        E::ConnectFailed => (502, "Backend server unreachable\n"),
        E::EndpointClosed => (502, "Backend server unreachable: it closed the connection\n"),
        E::ResponseMalformed | E::ResponseTruncated => {
            (502, "Backend server sent a malformed response\n")
        }
        E::ConnectTimeout => (504, "Backend server unreachable: connecting took too long\n"),
        E::ResponseTimeout | E::ResponseStalled => (504, "Backend server did not answer in time\n"),
        E::EndpointWriteTimeout => (504, "Backend server did not take the request in time\n"),
        E::Shutdown => (503, "Shutting down\n"),
        E::Panic => (500, "Internal error\n"),
    }
}

/// Reason phrases of the statuses that Roundel itself sends (RFC 9110 §15).
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
