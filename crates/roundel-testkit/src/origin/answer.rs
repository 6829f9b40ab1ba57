//! What an origin does with one request, as data.
//!
//! An [`Answer`] reads like the sentence a test wants to say ("200, a thousand bytes, reset in the
//! middle of the body"); [`Answer::steps`] turns it into the few primitive [`Step`]s that a
//! connection executes. All misbehaviour is decided here, without a socket, and tested as data.

use std::time::Duration;

use super::directive;
use crate::deadline::Gate;
use crate::message::{Request, push_field};

/// One primitive act on a connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes.
    Write(Vec<u8>),
    /// Sends this many bytes of a fixed pattern, without holding them all in memory.
    Fill(u64),
    /// Waits; the end of the origin cuts it short.
    Pause(Duration),
    /// Waits until the gate is open or the origin ends.
    WaitFor(Gate),
    /// Reads the request body to its end.
    ReadBody,
    /// Reads this many bytes of the request body, or less if it is shorter.
    ReadBytes(u64),
    /// Sends back whatever comes until the peer half-closes, then half-closes too.
    Echo,
    /// Sends back every WebSocket message until the peer closes.
    EchoWebSocket,
    /// Ends the connection in good order.
    Close,
    /// Ends the connection with a reset.
    Reset,
    /// Keeps the connection and does nothing until the peer or the origin ends it.
    Hang,
}

/// Where in an answer something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before its first byte.
    BeforeHead,
    /// Half-way through the head.
    MidHead,
    /// Between head and body.
    AfterHead,
    /// Half-way through the body: in a chunked one, inside a chunk.
    MidBody,
    /// After the last byte, where nothing announced it.
    AfterBody,
}

#[derive(Debug, Clone)]
enum Body {
    Bytes(Vec<u8>),
    Pattern(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Length,
    Chunked,
    UntilClose,
}

/// How one request is answered, built up by methods that each add one peculiarity.
#[derive(Debug, Clone)]
pub struct Answer {
    version: &'static str,
    status: u16,
    fields: Vec<(String, String)>,
    body: Body,
    shape: Shape,
    claimed_length: Option<u64>,
    part_bytes: Option<u64>,
    trailers: Vec<(String, String)>,
    before_head: Vec<Step>,
    between_parts: Vec<Step>,
    interim: Vec<u8>,
    appended: Vec<u8>,
    cut: Option<(Point, Step)>,
    reads_body_bytes: Option<u64>,
    continues: bool,
    closes: bool,
    replacement: Option<Vec<Step>>,
}

/// Largest chunk of a chunked body that names no part size.
const CHUNK_BYTES: u64 = 64 * 1024;

impl Answer {
    /// A normal answer with `status` and an empty body.
    pub fn status(status: u16) -> Self {
        Self {
            version: "HTTP/1.1",
            status,
            fields: Vec::new(),
            body: Body::Bytes(Vec::new()),
            shape: Shape::Length,
            claimed_length: None,
            part_bytes: None,
            trailers: Vec::new(),
            before_head: Vec::new(),
            between_parts: Vec::new(),
            interim: Vec::new(),
            appended: Vec::new(),
            cut: None,
            reads_body_bytes: None,
            continues: true,
            closes: false,
            replacement: None,
        }
    }

    /// A normal 200 with an empty body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// Exactly these bytes, well-formed or not; afterwards the connection is kept.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::sequence(vec![Step::ReadBody, Step::Write(bytes.into())])
    }

    /// Exactly these steps.
    pub fn sequence(steps: Vec<Step>) -> Self {
        Self { replacement: Some(steps), ..Self::ok() }
    }

    /// No answer, ever: reads the request and keeps the connection open.
    pub fn never() -> Self {
        Self::sequence(vec![Step::ReadBody, Step::Hang])
    }

    /// No answer and no interest: does not even read the request body.
    pub fn never_reading() -> Self {
        Self::sequence(vec![Step::Hang])
    }

    /// Reads `count` bytes of the request body and closes without a word.
    pub fn close_after_body_bytes(count: u64) -> Self {
        Self::sequence(vec![Step::ReadBytes(count), Step::Close])
    }

    /// 101 to `protocol`, then sends back whatever comes.
    pub fn upgrade(protocol: &str) -> Self {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
        );
        Self::sequence(vec![Step::Write(head.into_bytes()), Step::Echo])
    }

    /// What an `X-Test` request field asks for, see [`super::directive`].
    ///
    /// # Panics
    /// When the text has a word it does not know: that is a mistake in the test.
    pub fn from_directive(text: &str) -> Self {
        directive::parse(text)
    }

    /// Adds a header field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    /// Sets the body to `count` bytes of a fixed pattern; gigabytes cost no memory.
    #[must_use]
    pub fn body_of(mut self, count: u64) -> Self {
        self.body = Body::Pattern(count);
        self
    }

    /// Frames the body by chunks.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.shape = Shape::Chunked;
        self
    }

    /// Adds a trailer field, and with it chunks.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self.chunked()
    }

    /// Frames the body by the end of the connection.
    #[must_use]
    pub fn until_close(mut self) -> Self {
        self.shape = Shape::UntilClose;
        self.closes = true;
        self
    }

    /// Answers as HTTP/1.0, which closes unless the request asked otherwise.
    #[must_use]
    pub fn http_1_0(mut self) -> Self {
        self.version = "HTTP/1.0";
        self.closes = true;
        self
    }

    /// Announces this `Content-Length` instead of the true one.
    #[must_use]
    pub fn claims_length(mut self, count: u64) -> Self {
        self.claimed_length = Some(count);
        self
    }

    /// Sends the body in parts (chunks, if chunked) of at most `count` bytes.
    #[must_use]
    pub fn in_parts_of(mut self, count: u64) -> Self {
        self.part_bytes = Some(count.max(1));
        self
    }

    /// Waits before the head.
    #[must_use]
    pub fn pause_before(mut self, time: Duration) -> Self {
        self.before_head.push(Step::Pause(time));
        self
    }

    /// Waits for the gate before the head.
    #[must_use]
    pub fn hold(mut self, gate: &Gate) -> Self {
        self.before_head.push(Step::WaitFor(gate.clone()));
        self
    }

    /// Waits before every part of the body; see [`Answer::in_parts_of`].
    #[must_use]
    pub fn pause_between(mut self, time: Duration) -> Self {
        self.between_parts.push(Step::Pause(time));
        self
    }

    /// Waits for the gate before every part of the body, which is after the head.
    #[must_use]
    pub fn hold_body(mut self, gate: &Gate) -> Self {
        self.between_parts.push(Step::WaitFor(gate.clone()));
        self
    }

    /// Sends the answer without waiting for the request body, which is read afterwards.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.reads_body_bytes = Some(0);
        self.continues = false;
        self
    }

    /// Does not send `100 Continue` to a request that expects it.
    #[must_use]
    pub fn without_continue(mut self) -> Self {
        self.continues = false;
        self
    }

    /// Sends an informational response first; may be called for several.
    #[must_use]
    pub fn interim(mut self, status: u16, fields: &[(&str, &str)]) -> Self {
        self.interim.extend(head("HTTP/1.1", status, fields.iter().copied()));
        self
    }

    /// Says `Connection: close` and means it.
    #[must_use]
    pub fn close(self) -> Self {
        let mut answer = self.field("Connection", "close");
        answer.closes = true;
        answer
    }

    /// Closes after the answer without having announced it.
    #[must_use]
    pub fn close_unannounced(self) -> Self {
        self.close_at(Point::AfterBody)
    }

    /// Sends these bytes after the end of the answer, where nothing belongs.
    #[must_use]
    pub fn then_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.appended = bytes.into();
        self
    }

    /// Resets the connection at `point`.
    #[must_use]
    pub fn reset_at(mut self, point: Point) -> Self {
        self.cut = Some((point, Step::Reset));
        self
    }

    /// Closes the connection in good order at `point`.
    #[must_use]
    pub fn close_at(mut self, point: Point) -> Self {
        self.cut = Some((point, Step::Close));
        self
    }

    /// Falls silent at `point`, with the connection open.
    #[must_use]
    pub fn hang_at(mut self, point: Point) -> Self {
        self.cut = Some((point, Step::Hang));
        self
    }

    /// What to do for `request`, in execution order. When the steps run out the connection is kept,
    /// and a request body still unread is read first.
    pub fn steps(&self, request: &Request) -> Vec<Step> {
        if let Some(steps) = &self.replacement {
            return steps.clone();
        }
        let mut steps = Vec::new();
        if self.continues && request.fields.has_token("expect", "100-continue") {
            steps.push(Step::Write(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()));
        }
        steps.push(self.reads_body_bytes.map_or(Step::ReadBody, Step::ReadBytes));
        if !self.interim.is_empty() {
            steps.push(Step::Write(self.interim.clone()));
        }
        steps.extend(self.before_head.iter().cloned());
        let has_body = request.method != "HEAD" && !matches!(self.status, 100..=199 | 204 | 304);
        let message = self.message(request, has_body);
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

    fn message(&self, request: &Request, has_body: bool) -> Message {
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
        // An answer in the request's terms: the echo of its ledger id lets a client notice that it
        // was handed someone else's answer.
        if let Some(id) = request.fields.first(crate::ledger::FIELD) {
            fields.push((crate::ledger::FIELD.to_owned(), id.to_owned()));
        }
        let pairs = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let head = vec![Step::Write(head(self.version, self.status, pairs))];
        let body = if has_body { self.body_steps(0, length) } else { Vec::new() };
        Message { head, body }
    }

    fn body_bytes(&self) -> u64 {
        match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Pattern(count) => *count,
        }
    }

    /// The body from byte `start` to `end`, in parts, framed.
    fn body_steps(&self, start: u64, end: u64) -> Vec<Step> {
        let is_chunked = self.shape == Shape::Chunked;
        let part = self.part_bytes.unwrap_or(if is_chunked { CHUNK_BYTES } else { u64::MAX });
        let mut steps = Vec::new();
        let mut at = start;
        while at < end {
            let next = at.saturating_add(part).min(end);
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

fn head<'a>(
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
