//! Message bodies: where they end, and how they are written on (RFC 9112 §6, §7).

/// Where a body ends. Decided once, from the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// There is none.
    #[default]
    None,
    /// After so many bytes; never 0 (that is [`Framing::None`]).
    Length(u64),
    /// After the last chunk and its trailers.
    Chunked,
    /// When the connection closes; responses only.
    UntilClose,
}

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyError {
    /// A chunk size, extension or delimiter is malformed.
    #[error("malformed chunk")]
    Chunk,
    /// A trailer is malformed.
    #[error("malformed trailer")]
    Trailer,
    /// Chunk extensions or trailers are larger than the fixed limits.
    #[error("chunk extensions or trailers too large")]
    TooLarge,
}

/// Finds the end of a body in a stream of bytes.
#[derive(Debug)]
pub struct BodyDecoder {}

/// What one [`BodyDecoder::decode`] call found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are done with, data included.
    pub consumed: usize,
    /// Where in the input the data lies; may be empty.
    pub data: (usize, usize),
    /// Whether the body ended; what follows `consumed` belongs to the next message.
    pub is_end: bool,
}

impl BodyDecoder {
    /// A decoder at the start of a body.
    pub fn new(_framing: Framing) -> Self {
        todo!()
    }

    /// Whether the body has ended. True from the start for [`Framing::None`].
    pub fn is_end(&self) -> bool {
        todo!()
    }

    /// Takes the next run of data from `input`. Call again with the rest until `input` is consumed
    /// or the body ends; input is always consumed whole unless the body ends. State (a partial
    /// chunk line, say) is kept inside, bounded.
    pub fn decode(&mut self, _input: &[u8]) -> Result<Decoded, BodyError> {
        todo!()
    }

    /// Tells that the connection was closed: true when that ends the body properly
    /// ([`Framing::UntilClose`], or already ended), false when it truncates it.
    pub fn close(&mut self) -> bool {
        todo!()
    }

    /// Bytes still to come, when known.
    pub fn remaining(&self) -> Option<u64> {
        todo!()
    }

    /// The trailer fields of a chunked body that ended, as validated field lines each ending in
    /// CRLF, without those that must not come in trailers (RFC 9110 §6.5.1). Usually empty.
    pub fn trailers(&self) -> &[u8] {
        todo!()
    }
}

/// How a body is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEncoder {
    /// Bytes as they are: length-delimited, until close, or none.
    Identity,
    /// In chunks.
    Chunked,
}

impl BodyEncoder {
    /// Appends `data` to `out`; nothing for empty data (an empty chunk would end the body).
    pub fn encode(self, _out: &mut Vec<u8>, _data: &[u8]) {
        todo!()
    }

    /// Appends the body's end, with `trailers` as [`BodyDecoder::trailers`] gives them.
    pub fn finish(self, _out: &mut Vec<u8>, _trailers: &[u8]) {
        todo!()
    }
}
