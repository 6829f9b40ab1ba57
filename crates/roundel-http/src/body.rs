//! Message bodies: where they end, and how they are written on (RFC 9112 §6, §7).
//!
//! A decoder finds data in place and copies nothing; an encoder frames data anew. What a peer wrote
//! around the data (chunk sizes, extensions) never passes from one to the other.

use crate::chunked::ChunkedDecoder;

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

impl Framing {
    /// Framing of a body of `length` bytes.
    pub const fn of_length(length: u64) -> Self {
        if length == 0 { Self::None } else { Self::Length(length) }
    }
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
pub struct BodyDecoder(State);

#[derive(Debug)]
enum State {
    /// Bytes still to come.
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
    End,
}

/// What one [`BodyDecoder::decode`] call found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are done with, data included.
    pub consumed: usize,
    /// Where in the input the data lies, from start to end; may be empty. Never past `consumed`.
    pub data: (usize, usize),
    /// Whether the body ended; what follows `consumed` belongs to the next message.
    pub is_end: bool,
}

impl BodyDecoder {
    /// A decoder at the start of a body.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None | Framing::Length(0) => State::End,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(ChunkedDecoder::default()),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether the body has ended. True from the start for [`Framing::None`].
    pub fn is_end(&self) -> bool {
        match &self.0 {
            State::End => true,
            State::Chunked(chunked) => chunked.is_end(),
            State::Length(_) | State::UntilClose => false,
        }
    }

    /// Takes the next run of data from `input`. Call again with the rest until `input` is consumed
    /// or the body ends. Every call before the end consumes at least one byte of a non-empty input.
    /// State (a partial chunk line, say) is kept inside, bounded. An error is final: later calls
    /// repeat it. Data in front of the fault is not given when it came in the same call.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, BodyError> {
        let plain = |len, is_end| Decoded { consumed: len, data: (0, len), is_end };
        match &mut self.0 {
            State::End => Ok(plain(0, true)),
            State::UntilClose => Ok(plain(input.len(), false)),
            State::Length(remaining) => {
                let len = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
                *remaining -= len as u64;
                let is_end = *remaining == 0;
                if is_end {
                    self.0 = State::End;
                }
                Ok(plain(len, is_end))
            }
            State::Chunked(chunked) => chunked.decode(input),
        }
    }

    /// Tells that the connection was closed: true when that ends the body properly
    /// ([`Framing::UntilClose`], or already ended), false when it truncates it.
    pub fn close(&mut self) -> bool {
        if matches!(self.0, State::UntilClose) {
            self.0 = State::End;
        }
        self.is_end()
    }

    /// How many of the bytes to come are data whatever they are, so that nobody has to look at them;
    /// 0 where framing lies in between.
    pub fn unframed(&self) -> u64 {
        match &self.0 {
            State::Length(remaining) => *remaining,
            State::UntilClose => u64::MAX,
            State::Chunked(_) | State::End => 0,
        }
    }

    /// Passes over `len` bytes of data, at most [`Self::unframed`], that went another way than through
    /// [`Self::decode`].
    pub fn skip(&mut self, len: u64) {
        if let State::Length(remaining) = &mut self.0 {
            *remaining = remaining.saturating_sub(len);
            if *remaining == 0 {
                self.0 = State::End;
            }
        }
    }

    /// The trailer fields of a chunked body that ended, as validated field lines each ending in
    /// CRLF, without those that must not come in trailers (RFC 9110 §6.5.1). Usually empty.
    pub fn trailers(&self) -> &[u8] {
        match &self.0 {
            State::Chunked(chunked) if chunked.is_end() => chunked.trailers(),
            _ => &[],
        }
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
    /// Most bytes that [`BodyEncoder::encode`] adds to data: a chunk size of 16 digits and two CRLF.
    pub const OVERHEAD_MAX: usize = 16 + 2 + 2;

    /// Appends `data` to `out`; nothing for empty data (an empty chunk would end the body).
    pub fn encode(self, out: &mut Vec<u8>, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        match self {
            Self::Identity => out.extend_from_slice(data),
            Self::Chunked => {
                out.reserve(data.len() + Self::OVERHEAD_MAX);
                push_hex(out, data.len());
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Appends the body's end, with `trailers` as [`BodyDecoder::trailers`] gives them.
    pub fn finish(self, out: &mut Vec<u8>, trailers: &[u8]) {
        if self == Self::Chunked {
            out.extend_from_slice(b"0\r\n");
            out.extend_from_slice(trailers);
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn push_hex(out: &mut Vec<u8>, number: usize) {
    let digits = number.checked_ilog2().unwrap_or(0) / 4;
    for digit in (0..=digits).rev() {
        let value = (number >> (4 * digit) & 0xf) as u8;
        out.push(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_ends_after_so_many_bytes() {
        let mut body = BodyDecoder::new(Framing::Length(5));
        assert_eq!(body.unframed(), 5);
        let decoded = body.decode(b"abc").unwrap();
        assert_eq!(decoded, Decoded { consumed: 3, data: (0, 3), is_end: false });
        assert!(!body.close());
        let decoded = body.decode(b"deGET /").unwrap();
        assert_eq!(decoded, Decoded { consumed: 2, data: (0, 2), is_end: true });
        assert_eq!((body.is_end(), body.unframed(), body.close()), (true, 0, true));
        let decoded = body.decode(b"GET /").unwrap();
        assert_eq!(decoded, Decoded { consumed: 0, data: (0, 0), is_end: true });
    }

    #[test]
    fn data_that_goes_another_way_is_passed_over() {
        let mut body = BodyDecoder::new(Framing::Length(5));
        body.skip(3);
        assert_eq!((body.is_end(), body.unframed()), (false, 2));
        body.skip(2);
        assert!(body.is_end());
        let mut body = BodyDecoder::new(Framing::UntilClose);
        body.skip(u64::MAX);
        assert!(!body.is_end());
        assert_eq!(BodyDecoder::new(Framing::Chunked).unframed(), 0);
    }

    #[test]
    fn no_body_has_ended_from_the_start() {
        for framing in [Framing::None, Framing::Length(0), Framing::of_length(0)] {
            let mut body = BodyDecoder::new(framing);
            assert!(body.is_end() && body.close());
            assert_eq!(body.decode(b"x").unwrap().consumed, 0);
        }
    }

    #[test]
    fn only_closing_ends_a_body_without_framing() {
        let mut body = BodyDecoder::new(Framing::UntilClose);
        let decoded = body.decode(b"abc").unwrap();
        assert_eq!(decoded, Decoded { consumed: 3, data: (0, 3), is_end: false });
        assert_eq!((body.is_end(), body.unframed()), (false, u64::MAX));
        assert!(body.close() && body.is_end());
    }

    #[test]
    fn encoding_frames_data_and_leaves_out_empty_chunks() {
        let mut out = Vec::new();
        BodyEncoder::Chunked.encode(&mut out, b"hello");
        BodyEncoder::Chunked.encode(&mut out, b"");
        BodyEncoder::Chunked.encode(&mut out, &[b'x'; 0x1a0]);
        BodyEncoder::Chunked.finish(&mut out, b"A: b\r\n");
        let expected =
            [b"5\r\nhello\r\n1a0\r\n", &[b'x'; 0x1a0][..], b"\r\n0\r\nA: b\r\n\r\n"].concat();
        assert_eq!(out, expected);

        out.clear();
        BodyEncoder::Identity.encode(&mut out, b"hello");
        BodyEncoder::Identity.finish(&mut out, b"A: b\r\n");
        assert_eq!(out, b"hello");
    }
}
