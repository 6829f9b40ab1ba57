//! What an origin does with one request, as data.
//!
//! An [`Answer`] reads like the sentence a test wants to say ("200, a thousand bytes, reset in the
//! middle of the body"); [`compose`] turns it into the few primitive [`Step`]s that a
//! connection executes. All misbehaviour is decided here, without a socket, and tested as data.

mod compose;

use std::time::Duration;

use compose::head;

use super::directive;
use crate::deadline::Gate;

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
    is_early: bool,
    continues: bool,
    closes: bool,
    replacement: Option<Vec<Step>>,
}

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
            is_early: false,
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

    /// Answers as HTTP/1.0, and closes.
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
        self.is_early = true;
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
}
