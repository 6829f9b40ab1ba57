//! The request head (RFC 9112 §3, §5; RFC 9110 §7.2).
//!
//! One pass from left to right, each byte looked at once, into ranges and a few facts. The facts that
//! other parts rely on are decided here and nowhere else: where the body ends, whose request it is,
//! whether the connection lives on.

use crate::authority;
use crate::body::Framing;
use crate::field::{self, Field, FieldKind, Span};
use crate::hop::{Hop, HopError, Transfer};
use crate::line::{self, SectionError};
use crate::method::Method;
use crate::syntax;
use crate::target::{self, Target};

/// Bounds on a head.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// Start line, fields and the empty line together.
    pub head_bytes_max: usize,
    /// Number of fields.
    pub fields_max: usize,
    /// Request target.
    pub target_bytes_max: usize,
}

impl HeadLimits {
    /// The bound on a head, within what a [`Span`] can express.
    pub(crate) fn bytes_max(&self) -> usize {
        self.head_bytes_max.min(u32::MAX as usize)
    }
}

/// What a parse found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parse {
    /// A whole head; its length is in the head.
    Complete,
    /// A legal beginning; more bytes are needed.
    Partial,
}

/// Minor version of HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.0
    H10,
    /// HTTP/1.1
    #[default]
    H11,
}

/// Form of the request target (RFC 9112 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetForm {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `host:port`, for CONNECT
    Authority,
    /// `*`, for OPTIONS; also an absolute form without path there, which means the same
    /// (RFC 9112 §3.2.4)
    Asterisk,
}

/// Why a request head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RequestError {
    /// The request line is malformed (400).
    #[error("malformed request line")]
    Line,
    /// A field line is malformed or has a forbidden byte (400).
    #[error("malformed field")]
    Field,
    /// Content-Length or Transfer-Encoding is doubled, conflicting or malformed (400).
    #[error("ambiguous or malformed body framing")]
    Framing,
    /// Host is missing, doubled or malformed (400).
    #[error("missing, doubled or malformed host")]
    Host,
    /// The path has dot segments, a backslash, an encoded NUL or a broken escape (400).
    #[error("ambiguous path")]
    Path,
    /// The target is longer than the limit (414).
    #[error("request target too long")]
    TargetTooLong,
    /// The head is larger than the limit or has too many fields (431).
    #[error("request head too large")]
    HeadTooLarge,
    /// A transfer coding other than chunked (501).
    #[error("transfer coding not implemented")]
    TransferCoding,
    /// An expectation other than 100-continue (417).
    #[error("expectation not supported")]
    Expectation,
    /// A version other than HTTP/1.0 and HTTP/1.1 (505).
    #[error("HTTP version not supported")]
    Version,
}

/// A request head: ranges into the buffer it was parsed from, and the facts that decide its
/// treatment. Reused from request to request.
#[derive(Debug, Default)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The method's text.
    pub method_text: Span,
    /// The target as received.
    pub target: Span,
    /// Its form.
    pub form: TargetForm,
    /// Path and query as received. In absolute form it may be empty or start with `?`: then the
    /// path is `/`. Always empty with [`TargetForm::Asterisk`] and [`TargetForm::Authority`].
    pub path_and_query: Span,
    /// The path alone; empty means `/`, as above.
    pub path: Span,
    /// Authority that the request is for, port included: the target's in absolute and authority
    /// form, else the Host field's. Empty only in HTTP/1.0 without Host. Valid: a name of letters,
    /// digits and `-._~`, or a bracketed IPv6 address, perhaps with `:` and a port.
    pub authority: Span,
    /// The authority without port (and with brackets, for IPv6).
    pub host: Span,
    /// The version.
    pub version: Version,
    /// The body's framing; [`Framing::UntilClose`] never occurs in a request.
    pub framing: Framing,
    /// Whether the client wants the connection kept (RFC 9112 §9.3).
    pub keep_alive: bool,
    /// Whether the client waits for 100 (Continue) before it sends the body. Never set in
    /// HTTP/1.0 or without a body.
    pub expects_continue: bool,
    /// Value of Upgrade, when Connection names it too; empty otherwise. `h2c` is never offered on.
    pub upgrade: Span,
    /// All field lines in order.
    pub fields: Vec<Field>,
    /// Bytes of the head, the empty line included; the body starts here.
    pub len: usize,
}

impl RequestHead {
    /// Parses a head from the start of `buf`. After [`Parse::Partial`], call again with more bytes
    /// at the end of the same buffer: every prefix of an input gives the same final verdict.
    ///
    /// At most one empty line before the request line is skipped (RFC 9112 §2.2).
    ///
    /// Nothing is remembered between calls, so that a head can serve any number of connections in
    /// turn. A head that arrives byte by byte costs the square of its length, which
    /// [`HeadLimits::head_bytes_max`] bounds. After an error, method, target and fields are what was
    /// read of them, else empty ([`Method::Other`] with no text), so that the refusal can be logged
    /// and answered; all else has a meaning only after [`Parse::Complete`].
    pub fn parse(&mut self, buf: &[u8], limits: &HeadLimits) -> Result<Parse, RequestError> {
        let bytes_max = limits.bytes_max();
        match self.read(buf.get(..bytes_max).unwrap_or(buf), limits)? {
            Some(len) => {
                self.len = len;
                Ok(Parse::Complete)
            }
            None if buf.len() >= bytes_max => Err(RequestError::HeadTooLarge),
            None => Ok(Parse::Partial),
        }
    }

    /// Value of the first field called `name` (compared without case).
    pub fn field<'b>(&self, buf: &'b [u8], name: &str) -> Option<&'b [u8]> {
        field::find(&self.fields, buf, name)
    }

    /// Reads a head from left to right and gives its length; nothing when it does not end in `buf`.
    /// Each error is raised at the first byte, or at the end of the first line, that proves it.
    fn read(&mut self, buf: &[u8], limits: &HeadLimits) -> Result<Option<usize>, RequestError> {
        let Some((target, fields_start)) = self.read_request_line(buf, limits)? else {
            return Ok(None);
        };
        let version = self.version;
        let mut facts = Facts::default();
        let len =
            line::read_section(buf, fields_start, limits.fields_max, &mut self.fields, |field| {
                facts.note(buf, field, version)
            })?;
        if len.is_some() {
            self.conclude(buf, target, &facts)?;
        }
        Ok(len)
    }

    /// Reads `method SP target SP version CRLF` and gives the target and where the fields start.
    fn read_request_line(
        &mut self,
        buf: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<(Target, usize)>, RequestError> {
        self.method = Method::Other;
        self.method_text = Span::default();
        self.target = Span::default();
        self.fields.clear();
        let start = match buf {
            [b'\r', b'\n', ..] => 2,
            [] | [b'\r'] => return Ok(None),
            _ => 0,
        };
        let Some((method_text, _)) =
            word(buf, start, syntax::TOKEN, METHOD_LEN_MAX, RequestError::Line)?
        else {
            return Ok(None);
        };
        self.method_text = method_text;
        self.method = Method::of(method_text.of(buf));
        let target_start = method_text.end() + 1;
        let target_len_max = limits.target_bytes_max;
        let Some((target_text, classes)) =
            word(buf, target_start, syntax::TARGET, target_len_max, RequestError::TargetTooLong)?
        else {
            return Ok(None);
        };
        self.target = target_text;
        let version_start = target_text.end() + 1;
        let Some(version) = read_version(buf.get(version_start..).unwrap_or_default())? else {
            return Ok(None);
        };
        self.version = version;
        let target = target::parse(buf, target_text, classes, self.method)?;
        Ok(Some((target, version_start + VERSION_LINE.len())))
    }

    /// Draws the conclusions from all fields together.
    fn conclude(&mut self, buf: &[u8], target: Target, facts: &Facts) -> Result<(), RequestError> {
        let is_h11 = self.version == Version::H11;
        if is_h11 && facts.host.is_none() {
            return Err(RequestError::Host);
        }
        self.form = target.form;
        self.path_and_query = target.path_and_query;
        self.path = target.path;
        // The target's authority wins over Host (RFC 9112 §3.2.2).
        (self.authority, self.host) = if target.authority.is_empty() {
            facts.host.unwrap_or_default()
        } else {
            (target.authority, target.host)
        };
        self.framing = framing(&facts.hop, self.version)?;
        if self.method == Method::Connect && self.framing != Framing::None {
            // What follows a CONNECT head is the tunnel's (RFC 9110 §9.3.6).
            return Err(RequestError::Framing);
        }
        self.keep_alive = facts.hop.keeps_alive(self.version);
        self.expects_continue = facts.expects_continue && self.framing != Framing::None;
        // A server ignores Upgrade in HTTP/1.0 (RFC 9110 §7.8).
        self.upgrade = if is_h11 { facts.hop.upgrade() } else { Span::default() };
        facts.hop.nominate(buf, &mut self.fields);
        Ok(())
    }
}

/// Longer than any registered method (RFC 9110 §16.1), short enough for a log line.
const METHOD_LEN_MAX: usize = 32;

/// The end of a request line; a zero stands for any digit.
const VERSION_LINE: &[u8; 10] = b"HTTP/0.0\r\n";

/// Reads the bytes of `class` from `start` up to a space, at least one and at most `len_max`, and
/// gives them with the classes seen; nothing when the buffer ends before the space.
fn word(
    buf: &[u8],
    start: usize,
    class: u8,
    len_max: usize,
    too_long: RequestError,
) -> Result<Option<(Span, u8)>, RequestError> {
    let rest = buf.get(start..).unwrap_or_default();
    let (len, classes) = syntax::run(rest, class);
    match rest.get(len) {
        _ if len > len_max => Err(too_long),
        None => Ok(None),
        Some(b' ') if len > 0 => Ok(Some((Span::new(start, len), classes))),
        Some(_) => Err(RequestError::Line),
    }
}

/// Reads the version and the end of the request line, [`VERSION_LINE`] bytes.
fn read_version(rest: &[u8]) -> Result<Option<Version>, RequestError> {
    match rest.first_chunk() {
        Some(b"HTTP/1.1\r\n") => return Ok(Some(Version::H11)),
        Some(b"HTTP/1.0\r\n") => return Ok(Some(Version::H10)),
        _ => {}
    }
    let is_like = |(&byte, &expected): (&u8, &u8)| match expected {
        b'0' => byte.is_ascii_digit(),
        _ => byte == expected,
    };
    if !rest.iter().zip(VERSION_LINE).all(is_like) {
        Err(RequestError::Line)
    } else if rest.len() < VERSION_LINE.len() {
        Ok(None)
    } else {
        Err(RequestError::Version)
    }
}

/// Where the body ends (RFC 9112 §6.3), refusing whatever leaves a doubt.
fn framing(hop: &Hop, version: Version) -> Result<Framing, RequestError> {
    match (hop.transfer, hop.content_length) {
        (Transfer::None, length) => Ok(Framing::of_length(length.unwrap_or(0))),
        (_, Some(_)) => Err(RequestError::Framing),
        _ if version == Version::H10 => Err(RequestError::Framing),
        (Transfer::Chunked, None) => Ok(Framing::Chunked),
        (Transfer::Unsupported, None) => Err(RequestError::TransferCoding),
    }
}

/// Facts gathered field by field.
#[derive(Debug, Default)]
struct Facts {
    hop: Hop,
    /// The value of Host, whole and without port.
    host: Option<(Span, Span)>,
    expects_continue: bool,
}

impl Facts {
    fn note(&mut self, buf: &[u8], field: &Field, version: Version) -> Result<(), RequestError> {
        match field.kind {
            FieldKind::Host => {
                let authority = authority::parse(field.value.of(buf)).ok_or(RequestError::Host)?;
                let host = Span::new(field.value.start as usize, authority.host_len);
                if self.host.replace((field.value, host)).is_some() {
                    return Err(RequestError::Host);
                }
            }
            // A server ignores Expect in HTTP/1.0 (RFC 9110 §10.1.1).
            FieldKind::Expect if version == Version::H11 => {
                if !field.value.of(buf).eq_ignore_ascii_case(b"100-continue") {
                    return Err(RequestError::Expectation);
                }
                self.expects_continue = true;
            }
            _ => self.hop.note(buf, field)?,
        }
        Ok(())
    }
}

impl From<SectionError> for RequestError {
    fn from(error: SectionError) -> Self {
        match error {
            SectionError::Malformed => Self::Field,
            SectionError::TooMany => Self::HeadTooLarge,
        }
    }
}

impl From<HopError> for RequestError {
    fn from(error: HopError) -> Self {
        match error {
            HopError::Framing => Self::Framing,
            HopError::Options => Self::HeadTooLarge,
        }
    }
}
