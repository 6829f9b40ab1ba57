//! The response head (RFC 9112 §4).

use crate::body::Framing;
use crate::field::{Field, Span};
use crate::method::Method;
use crate::request::{HeadLimits, Parse, Version};

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
    /// The body's framing, given the request's method (RFC 9112 §6.3). [`Framing::None`] for 1xx,
    /// 204, 304, for answers to HEAD and for 2xx to CONNECT.
    pub framing: Framing,
    /// Content-Length as sent, also where no body follows (HEAD, 304).
    pub content_length: Option<u64>,
    /// Whether the endpoint keeps the connection.
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
        _buf: &[u8],
        _method: Method,
        _limits: &HeadLimits,
    ) -> Result<Parse, ResponseError> {
        todo!()
    }

    /// Value of the first field called `name` (compared without case).
    pub fn field<'b>(&self, _buf: &'b [u8], _name: &str) -> Option<&'b [u8]> {
        todo!()
    }
}
