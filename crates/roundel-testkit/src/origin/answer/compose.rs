//! From an answer to the steps that a connection executes.

use super::{Answer, Body, Point, Shape, Step};
use crate::message::{Request, push_field};

/// Largest chunk of a chunked body that names no part size.
const CHUNK_BYTES: u64 = 64 * 1024;

impl Answer {
    /// What `origin` does for `request`, in execution order. When the steps run out the connection is kept,
    /// and a request body still unread is read first.
    pub(crate) fn steps(&self, request: &Request, origin: &str) -> Vec<Step> {
        if let Some(steps) = &self.replacement {
            return steps.clone();
        }
        let mut steps = Vec::new();
        if self.continues && request.fields.has_token("expect", "100-continue") {
            steps.push(Step::Write(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()));
        }
        if !self.is_early {
            steps.push(Step::ReadBody);
        }
        if !self.interim.is_empty() {
            steps.push(Step::Write(self.interim.clone()));
        }
        steps.extend(self.before_head.iter().cloned());
        let has_body = request.method != "HEAD" && !matches!(self.status, 100..=199 | 204 | 304);
        let message = self.message(request, origin, has_body);
        if let Some((point, end)) = &self.cut {
            steps.extend(self.cut_short(message, *point));
            steps.push(end.clone());
            return steps;
        }
        steps.extend(message.head);
        steps.extend(message.body);
        steps.push(Step::Write(self.appended.clone()));
        if self.closes_after(request) {
            steps.push(Step::Close);
        }
        steps
    }

    fn closes_after(&self, request: &Request) -> bool {
        let asked_to_close = request.fields.has_token("connection", "close");
        let is_old =
            request.version == "HTTP/1.0" && !request.fields.has_token("connection", "keep-alive");
        self.closes || asked_to_close || is_old
    }

    fn message(&self, request: &Request, origin: &str, has_body: bool) -> Message {
        let length = self.body_bytes();
        let mut fields = self.fields.clone();
        // A 204 and an informational response announce no body (RFC 9110 §8.6); a HEAD does.
        if !matches!(self.status, 100..=199 | 204) {
            match self.shape {
                Shape::Length => {
                    let claimed = self.claimed_length.unwrap_or(length);
                    if !(self.status == 304 && length == 0) {
                        fields.push(("Content-Length".into(), claimed.to_string()));
                    }
                }
                Shape::Chunked => fields.push(("Transfer-Encoding".into(), "chunked".into())),
                Shape::UntilClose => {}
            }
        }
        fields.push(("X-Origin".into(), origin.to_owned()));
        // An answer in the request's terms: the echo of its ledger id lets a client notice that it
        // was handed someone else's answer.
        if let Some(id) = request.fields.first(crate::ledger::FIELD) {
            fields.push((crate::ledger::FIELD.to_owned(), id.to_owned()));
        }
        let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let head = vec![Step::Write(head(self.version, self.status, pairs))];
        let body = if has_body { self.body_steps(length) } else { Vec::new() };
        Message { head, body }
    }

    fn body_bytes(&self) -> u64 {
        match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Pattern(count) => *count,
        }
    }

    /// The body of `length` bytes, in parts, framed.
    fn body_steps(&self, length: u64) -> Vec<Step> {
        let is_chunked = self.shape == Shape::Chunked;
        let part = self.part_bytes.unwrap_or(if is_chunked { CHUNK_BYTES } else { u64::MAX });
        let mut steps = Vec::new();
        let mut at = 0;
        while at < length {
            let next = at.saturating_add(part).min(length);
            steps.extend(self.between_parts.iter().cloned());
            if is_chunked {
                steps.push(Step::Write(format!("{:x}\r\n", next - at).into_bytes()));
            }
            steps.push(self.slice(at, next));
            if is_chunked {
                steps.push(Step::Write(b"\r\n".to_vec()));
            }
            at = next;
        }
        if is_chunked {
            let mut last = String::from("0\r\n");
            for (name, value) in &self.trailers {
                push_field(&mut last, name, value);
            }
            steps.push(Step::Write((last + "\r\n").into_bytes()));
        }
        steps
    }

    fn slice(&self, start: u64, end: u64) -> Step {
        match &self.body {
            Body::Bytes(bytes) => Step::Write(bytes[start as usize..end as usize].to_vec()),
            Body::Pattern(_) => Step::Fill(end - start),
        }
    }

    /// What is sent before the answer goes wrong at `point`.
    fn cut_short(&self, message: Message, point: Point) -> Vec<Step> {
        let Message { mut head, body } = message;
        let half = self.body_bytes() / 2;
        match point {
            Point::BeforeHead => Vec::new(),
            Point::MidHead => {
                if let Some(Step::Write(bytes)) = head.first_mut() {
                    bytes.truncate(bytes.len() / 2);
                }
                head
            }
            Point::AfterHead => head,
            Point::MidBody => {
                head.extend(self.between_parts.iter().cloned());
                if self.shape == Shape::Chunked {
                    let size = format!("{:x}\r\n", self.body_bytes());
                    head.push(Step::Write(size.into_bytes()));
                }
                head.push(self.slice(0, half));
                head
            }
            Point::AfterBody => {
                head.extend(body);
                head.push(Step::Write(self.appended.clone()));
                head
            }
        }
    }
}

struct Message {
    head: Vec<Step>,
    body: Vec<Step>,
}

pub(super) fn head<'a>(
    version: &str,
    status: u16,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<u8> {
    let mut text = format!("{version} {status} {}\r\n", reason(status));
    for (name, value) in fields {
        push_field(&mut text, name, value);
    }
    (text + "\r\n").into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        103 => "Early Hints",
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        404 => "Not Found",
        417 => "Expectation Failed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}
