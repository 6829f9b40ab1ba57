//! The response head (RFC 9112 §4, §6.3).
//!
//! Endpoints are trusted with content, not with framing: an answer that could end in two places may
//! carry someone else's answer. Such a head is refused, and the connection with it.

use crate::body::Framing;
use crate::field::{self, Field, Span};
use crate::hop::{Hop, HopError, Transfer};
use crate::line::{self, SectionError};
use crate::method::Method;
use crate::request::{HeadLimits, Parse, Version};
use crate::syntax;

/// Why a response head is refused; all lead to 502 and the end of the upstream connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ResponseError {
    /// The status line is malformed.
    #[error("malformed status line")]
    Line,
    /// A field line is malformed or has a forbidden byte.
    #[error("malformed field")]
    Field,
    /// Content-Length or Transfer-Encoding is doubled, conflicting or malformed.
    #[error("ambiguous or malformed body framing")]
    Framing,
    /// The head is larger than the limit or has too many fields.
    #[error("response head too large")]
    HeadTooLarge,
}

/// A response head: ranges into the buffer it was parsed from, and the facts that decide its
/// treatment. Reused from response to response.
#[derive(Debug, Default)]
pub struct ResponseHead {
    /// 100 to 999.
    pub status: u16,
    /// The reason phrase, perhaps empty.
    pub reason: Span,
    /// The version.
    pub version: Version,
    /// The body's framing, given the request's method (RFC 9112 §6.3). [`Framing::None`] when
    /// [`Self::is_bodiless`].
    pub framing: Framing,
    /// Whether a body is impossible whatever the fields say: 1xx, 204, 304, answers to HEAD, 2xx to
    /// CONNECT.
    pub is_bodiless: bool,
    /// Content-Length as sent, also where no body follows (HEAD, 304); nothing for 2xx to CONNECT,
    /// where it has no meaning.
    pub content_length: Option<u64>,
    /// Whether the connection can carry another exchange after this one: the endpoint keeps it, and
    /// the response ends before it does.
    pub keep_alive: bool,
    /// Value of Upgrade, for 101; empty otherwise.
    pub upgrade: Span,
    /// All field lines in order.
    pub fields: Vec<Field>,
    /// Bytes of the head; the body starts here.
    pub len: usize,
}

impl ResponseHead {
    /// Parses a head from the start of `buf`, the answer to a request with `method`. Incremental
    /// like [`crate::RequestHead::parse`]; no empty line is skipped.
    pub fn parse(
        &mut self,
        buf: &[u8],
        method: Method,
        limits: &HeadLimits,
    ) -> Result<Parse, ResponseError> {
        let bytes_max = limits.bytes_max();
        match self.read(buf.get(..bytes_max).unwrap_or(buf), method, limits)? {
            Some(len) => {
                self.len = len;
                Ok(Parse::Complete)
            }
            None if buf.len() >= bytes_max => Err(ResponseError::HeadTooLarge),
            None => Ok(Parse::Partial),
        }
    }

    /// Value of the first field called `name` (compared without case).
    pub fn field<'b>(&self, buf: &'b [u8], name: &str) -> Option<&'b [u8]> {
        field::find(&self.fields, buf, name)
    }

    /// Reads a head from left to right and gives its length; nothing when it does not end in `buf`.
    fn read(
        &mut self,
        buf: &[u8],
        method: Method,
        limits: &HeadLimits,
    ) -> Result<Option<usize>, ResponseError> {
        let Some(fields_start) = self.read_status_line(buf)? else { return Ok(None) };
        let mut hop = Hop::default();
        let len =
            line::read_section(buf, fields_start, limits.fields_max, &mut self.fields, |field| {
                hop.note(buf, field).map_err(ResponseError::from)
            })?;
        if len.is_some() {
            self.conclude(buf, method, &hop)?;
        }
        Ok(len)
    }

    /// Reads `version SP status SP [reason] CRLF` and gives where the fields start. The second space
    /// may be missing before an empty reason: many servers leave it out, and nobody can take such a
    /// line for another one.
    fn read_status_line(&mut self, buf: &[u8]) -> Result<Option<usize>, ResponseError> {
        let Some((version, rest)) = read_version(buf)? else { return Ok(None) };
        let Some((status, rest)) = read_status(rest)? else { return Ok(None) };
        let (reason_start, rest) = match rest {
            [] => return Ok(None),
            [b' ', after @ ..] => (buf.len() - after.len(), after),
            _ => (buf.len() - rest.len(), rest),
        };
        let has_space = reason_start > VERSION_LEN + STATUS_LEN;
        let reason_len = if has_space { syntax::text_run(rest) } else { 0 };
        match rest.get(reason_len..) {
            Some([b'\r', b'\n', ..]) => {}
            Some([] | [b'\r']) | None => return Ok(None),
            Some(_) => return Err(ResponseError::Line),
        }
        self.version = version;
        self.status = status;
        self.reason = Span::new(reason_start, reason_len);
        Ok(Some(reason_start + reason_len + 2))
    }

    /// Draws the conclusions from all fields together.
    fn conclude(&mut self, buf: &[u8], method: Method, hop: &Hop) -> Result<(), ResponseError> {
        let framing = framing(hop, self.version)?;
        let is_tunnel = method == Method::Connect && (200..300).contains(&self.status);
        self.is_bodiless =
            method == Method::Head || is_tunnel || matches!(self.status, 100..=199 | 204 | 304);
        self.framing = if self.is_bodiless { Framing::None } else { framing };
        // Both framing fields are meaningless in a 2xx answer to CONNECT (RFC 9110 §9.3.6).
        self.content_length = hop.content_length.filter(|_| !is_tunnel);
        // A body announced where none may be is likely to follow all the same; what comes next on
        // the connection cannot be trusted to be a response (RFC 9112 §6.3).
        let is_confused = matches!(self.status, 100..=199 | 204)
            && matches!(framing, Framing::Length(_) | Framing::Chunked);
        self.keep_alive = hop.keeps_alive(self.version)
            && self.framing != Framing::UntilClose
            && !is_tunnel
            && !is_confused;
        self.upgrade = if self.status == 101 { hop.upgrade() } else { Span::default() };
        hop.nominate(buf, &mut self.fields);
        Ok(())
    }
}

const VERSION_LEN: usize = b"HTTP/1.1 ".len();
const STATUS_LEN: usize = 3;

fn read_version(buf: &[u8]) -> Result<Option<(Version, &[u8])>, ResponseError> {
    const H11: &[u8; VERSION_LEN] = b"HTTP/1.1 ";
    const H10: &[u8; VERSION_LEN] = b"HTTP/1.0 ";
    match buf.split_first_chunk() {
        Some((H11, rest)) => Ok(Some((Version::H11, rest))),
        Some((H10, rest)) => Ok(Some((Version::H10, rest))),
        None if H11.starts_with(buf) || H10.starts_with(buf) => Ok(None),
        _ => Err(ResponseError::Line),
    }
}

fn read_status(buf: &[u8]) -> Result<Option<(u16, &[u8])>, ResponseError> {
    let digits = buf.get(..STATUS_LEN).unwrap_or(buf);
    let is_status =
        digits.iter().all(u8::is_ascii_digit) && digits.first().is_none_or(|&first| first != b'0');
    if !is_status {
        return Err(ResponseError::Line);
    }
    Ok(buf.split_first_chunk::<STATUS_LEN>().map(|(digits, rest)| {
        (digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0')), rest)
    }))
}

/// Where the body ends if the response has one (RFC 9112 §6.3), refusing whatever leaves a doubt.
fn framing(hop: &Hop, version: Version) -> Result<Framing, ResponseError> {
    match (hop.transfer, hop.content_length) {
        (Transfer::None, Some(length)) => Ok(Framing::of_length(length)),
        (Transfer::None, None) => Ok(Framing::UntilClose),
        (Transfer::Chunked, None) if version == Version::H11 => Ok(Framing::Chunked),
        _ => Err(ResponseError::Framing),
    }
}

impl From<SectionError> for ResponseError {
    fn from(error: SectionError) -> Self {
        match error {
            SectionError::Malformed => Self::Field,
            SectionError::TooMany => Self::HeadTooLarge,
        }
    }
}

impl From<HopError> for ResponseError {
    fn from(error: HopError) -> Self {
        match error {
            HopError::Framing => Self::Framing,
            HopError::Options => Self::HeadTooLarge,
        }
    }
}
