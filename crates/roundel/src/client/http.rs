//! HTTP as a client of one's own admin surface needs it: a request out, an answer in.
//!
//! The head and the body's end are found by `roundel-http`, which believes nothing of a peer; here
//! is only what joins it to a blocking stream. One connection carries one exchange, so nothing of an
//! answer can be taken for another's. Everything that the peer sends is bounded: heads by
//! [`LIMITS`], bodies by whoever reads them, waits by [`super::wire`].

use std::fmt::Write as _;
use std::io::{self, Read};

use roundel_http::{
    BodyDecoder, BodyError, HeadLimits, Method, Parse, ResponseError, ResponseHead,
};

const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 16 * 1024, fields_max: 64, target_bytes_max: 8 * 1024 };

/// Interim answers (1xx) that are passed over before the final one.
const INTERIM_MAX: usize = 8;

/// Read at once.
const CHUNK: usize = 16 * 1024;

/// Why an answer is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Reading failed or took too long.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The head is not one of HTTP/1.
    #[error("the answer is not HTTP: {0}")]
    Head(#[from] ResponseError),
    /// The body's framing is wrong.
    #[error("the answer's body is broken: {0}")]
    Body(#[from] BodyError),
    /// The connection ended in the middle.
    #[error("the connection ended before the answer did")]
    Truncated,
    /// There is more of it than there can be.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// A request. Names and values come from this program, not from a peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// Path and query, percent-encoded.
    pub(crate) target: &'a str,
    pub(crate) accept: &'static str,
    /// Value of `Authorization`.
    pub(crate) authorization: Option<&'a str>,
    /// Goes on after this event of a stream.
    pub(crate) last_event_id: Option<u64>,
    /// JSON.
    pub(crate) body: Option<&'a [u8]>,
}

impl Request<'_> {
    /// The bytes that say it to `host`, which is an address: a name in `Host` would be refused.
    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        let Self { method, target, accept, authorization, last_event_id, body } = *self;
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             User-Agent: roundel/{}\r\nAccept: {accept}\r\n",
            env!("CARGO_PKG_VERSION")
        );
        // Writing to a `String` cannot fail.
        if let Some(value) = authorization {
            let _ = write!(head, "Authorization: {value}\r\n");
        }
        if let Some(id) = last_event_id {
            let _ = write!(head, "Last-Event-ID: {id}\r\n");
        }
        if let Some(body) = body {
            let length = body.len();
            let _ = write!(head, "Content-Type: application/json\r\nContent-Length: {length}\r\n");
        } else if method != "GET" {
            head.push_str("Content-Length: 0\r\n");
        }
        head.push_str("\r\n");
        [head.as_bytes(), body.unwrap_or_default()].concat()
    }
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Response<R> {
    pub(crate) status: u16,
    /// The media type without its parameters, in lower case.
    pub(crate) kind: String,
    pub(crate) body: Body<R>,
}

/// Reads the head of the answer to a GET, POST, PATCH or DELETE.
pub(crate) fn read_response<R: Read>(mut stream: R) -> Result<Response<R>, HttpError> {
    let mut buffer = Vec::new();
    let mut head = ResponseHead::default();
    for _ in 0..INTERIM_MAX {
        // GET stands for all methods that do not change what a body is (RFC 9112 §6.3).
        while head.parse(&buffer, Method::Get, &LIMITS)? == Parse::Partial {
            if read_more(&mut stream, &mut buffer)? == 0 {
                return Err(HttpError::Truncated);
            }
        }
        if head.status >= 200 {
            let kind = head.field(&buffer, "content-type").unwrap_or_default();
            let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
            let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
            let pending = buffer.split_off(head.len);
            let decoder = BodyDecoder::new(head.framing);
            return Ok(Response {
                status: head.status,
                kind,
                body: Body { stream, decoder, pending },
            });
        }
        buffer.drain(..head.len);
    }
    Err(HttpError::Head(ResponseError::Line))
}

/// Appends what comes next; 0 at the end of the connection.
fn read_more(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = [0; CHUNK];
    loop {
        match stream.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(read) => {
                buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
                return Ok(read);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The body of an answer, read as it comes.
#[derive(Debug)]
pub(crate) struct Body<R> {
    stream: R,
    decoder: BodyDecoder,
    /// Read, and not yet decoded.
    pending: Vec<u8>,
}

impl<R: Read> Body<R> {
    /// Appends what comes next to `data`, at least one byte; `false` at the body's end.
    pub(crate) fn read_some(&mut self, data: &mut Vec<u8>) -> Result<bool, HttpError> {
        let before = data.len();
        loop {
            let mut done = 0;
            while let Some(rest) = self.pending.get(done..).filter(|rest| !rest.is_empty()) {
                let decoded = self.decoder.decode(rest)?;
                let (start, end) = decoded.data;
                data.extend_from_slice(rest.get(start..end).unwrap_or_default());
                done += decoded.consumed;
                if decoded.is_end {
                    break;
                }
            }
            self.pending.clear();
            if data.len() > before {
                return Ok(true);
            }
            if self.decoder.is_end() {
                return Ok(false);
            }
            if read_more(&mut self.stream, &mut self.pending)? == 0 {
                return if self.decoder.close() { Ok(false) } else { Err(HttpError::Truncated) };
            }
        }
    }

    /// All of it, `max` bytes at most.
    pub(crate) fn read_all(mut self, max: usize) -> Result<Vec<u8>, HttpError> {
        let mut data = Vec::new();
        while self.read_some(&mut data)? {
            if data.len() > max {
                return Err(HttpError::TooLong(max));
            }
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests;
