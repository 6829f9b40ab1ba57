//! The request head (RFC 9112 §3, §5; RFC 9110 §7.2).

use crate::body::Framing;
use crate::field::{Field, Span};
use crate::method::Method;

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
    /// `*`, for OPTIONS
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
    /// The path has dot segments, a backslash or an encoded NUL (400).
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
    /// Path and query in origin form; empty means `/` (absolute form without path) or, with
    /// [`TargetForm::Asterisk`] and [`TargetForm::Authority`], nothing.
    pub path_and_query: Span,
    /// The path alone.
    pub path: Span,
    /// Authority that the request is for, port included: the target's in absolute and authority
    /// form, else the Host field's. Empty only in HTTP/1.0 without Host.
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
    pub fn parse(&mut self, _buf: &[u8], _limits: &HeadLimits) -> Result<Parse, RequestError> {
        todo!()
    }

    /// Value of the first field called `name` (compared without case).
    pub fn field<'b>(&self, _buf: &'b [u8], _name: &str) -> Option<&'b [u8]> {
        todo!()
    }
}
