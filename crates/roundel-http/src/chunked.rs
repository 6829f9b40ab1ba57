//! The chunked coding, decoded in place (RFC 9112 §7.1).
//!
//! A state machine over single bytes outside of the data, so that input may be cut anywhere. Sizes
//! are plain hexadecimal digits, lines end in CRLF, extensions follow the grammar without the
//! optional white space that RFC 9112 calls bad, and are dropped. All of it is bounded, because a
//! peer can make an endless body of nothing but framing; memory is used for trailers only.

use crate::body::{BodyError, Decoded};
use crate::syntax;
use crate::trailer::Trailers;

/// Digits of the largest size that fits 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;
/// Bytes of one chunk's extensions, semicolons included. None that matters is longer than a signature.
const EXTENSION_BYTES_MAX: u16 = 256;
/// Bytes of all extensions of a body.
const EXTENSIONS_BYTES_MAX: u16 = 8 * 1024;

/// Finds chunk data in a stream of bytes.
#[derive(Debug, Default)]
pub(crate) struct ChunkedDecoder {
    state: State,
    /// Size of the chunk being read or, within data, what is left of it.
    size: u64,
    /// Extension bytes in this chunk's line, and in all lines so far.
    extension_bytes: u16,
    extensions_bytes: u16,
    trailers: Trailers,
}

/// What the next byte is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A chunk size of so many digits yet.
    Size(u8),
    /// Extensions of a chunk.
    Extension(Extension),
    /// The LF that ends a chunk line.
    SizeLf,
    Data,
    /// CR and LF after data.
    DataCr,
    DataLf,
    Trailers,
    End,
    Failed(BodyError),
}

impl Default for State {
    fn default() -> Self {
        Self::Size(0)
    }
}

/// Where in `";" name [ "=" ( token / quoted-string ) ]` the next byte is (RFC 9112 §7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    NameStart,
    Name,
    ValueStart,
    Token,
    Quoted,
    /// After a backslash in a quoted string.
    Escaped,
    QuotedEnd,
}

impl ChunkedDecoder {
    pub(crate) fn is_end(&self) -> bool {
        self.state == State::End
    }

    pub(crate) fn trailers(&self) -> &[u8] {
        self.trailers.lines()
    }

    /// Takes framing up to the next data, the data, and framing after it.
    pub(crate) fn decode(&mut self, input: &[u8]) -> Result<Decoded, BodyError> {
        let data_start = self.skip_framing(input, 0)?;
        let mut data = (data_start, data_start);
        let mut consumed = data_start;
        if self.state == State::Data {
            let available = input.len() - data_start;
            let len = usize::try_from(self.size).unwrap_or(usize::MAX).min(available);
            self.size -= len as u64;
            if self.size == 0 {
                self.state = State::DataCr;
            }
            data.1 += len;
            consumed = self.skip_framing(input, data.1)?;
        }
        Ok(Decoded { consumed, data, is_end: self.is_end() })
    }

    /// Reads framing from `start` until data, the end of the body or the end of the input, and gives
    /// where that is.
    fn skip_framing(&mut self, input: &[u8], start: usize) -> Result<usize, BodyError> {
        let mut rest = input.get(start..).unwrap_or_default();
        let outcome = loop {
            match (self.state, rest) {
                (State::Failed(error), _) => break Err(error),
                (State::Data | State::End, _) | (_, []) => break Ok(()),
                (State::Trailers, _) => match self.trailers.read(rest) {
                    Ok((consumed, is_end)) => {
                        rest = rest.get(consumed..).unwrap_or_default();
                        if is_end {
                            self.state = State::End;
                        }
                    }
                    Err(error) => break Err(error),
                },
                (_, [byte, after @ ..]) => match self.step(*byte) {
                    Ok(state) => {
                        self.state = state;
                        rest = after;
                    }
                    Err(error) => break Err(error),
                },
            }
        };
        if let Err(error) = outcome {
            self.state = State::Failed(error);
        }
        outcome.map(|()| input.len() - rest.len())
    }

    /// The state after `byte`, in the states that take single bytes.
    fn step(&mut self, byte: u8) -> Result<State, BodyError> {
        match (self.state, byte) {
            (State::Size(1..), b'\r') => Ok(State::SizeLf),
            (State::Size(1..), b';') => {
                self.extension_bytes = 0;
                self.count_extension_byte()?;
                Ok(State::Extension(Extension::NameStart))
            }
            (State::Size(digits), _) => {
                let digit = syntax::hex_digit(byte).ok_or(BodyError::Chunk)?;
                if digits == SIZE_DIGITS_MAX {
                    return Err(BodyError::Chunk);
                }
                self.size = self.size << 4 | u64::from(digit);
                Ok(State::Size(digits + 1))
            }
            (State::Extension(extension), _) => {
                let next = extension.step(byte)?;
                if next != State::SizeLf {
                    self.count_extension_byte()?;
                }
                Ok(next)
            }
            (State::SizeLf, b'\n') if self.size == 0 => Ok(State::Trailers),
            (State::SizeLf, b'\n') => Ok(State::Data),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size(0)),
            _ => Err(BodyError::Chunk),
        }
    }

    fn count_extension_byte(&mut self) -> Result<(), BodyError> {
        self.extension_bytes += 1;
        self.extensions_bytes += 1;
        if self.extension_bytes > EXTENSION_BYTES_MAX
            || self.extensions_bytes > EXTENSIONS_BYTES_MAX
        {
            return Err(BodyError::TooLarge);
        }
        Ok(())
    }
}

impl Extension {
    fn step(self, byte: u8) -> Result<State, BodyError> {
        let next = match (self, byte) {
            (Self::Name | Self::Token | Self::QuotedEnd, b'\r') => return Ok(State::SizeLf),
            (Self::Name | Self::Token | Self::QuotedEnd, b';') => Self::NameStart,
            (Self::Name, b'=') => Self::ValueStart,
            (Self::ValueStart, b'"') => Self::Quoted,
            (Self::NameStart | Self::Name, _) if syntax::is_token(&[byte]) => Self::Name,
            (Self::ValueStart | Self::Token, _) if syntax::is_token(&[byte]) => Self::Token,
            (Self::Quoted, b'"') => Self::QuotedEnd,
            (Self::Quoted, b'\\') => Self::Escaped,
            (Self::Quoted | Self::Escaped, _) if syntax::is_text(byte) => Self::Quoted,
            _ => return Err(BodyError::Chunk),
        };
        Ok(State::Extension(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `input` and gives what was consumed, where data lay, and whether the body ended.
    fn decode(body: &mut ChunkedDecoder, input: &[u8]) -> (usize, (usize, usize), bool) {
        let Decoded { consumed, data, is_end } = body.decode(input).unwrap();
        (consumed, data, is_end)
    }

    #[test]
    fn a_small_body_takes_one_call() {
        let mut body = ChunkedDecoder::default();
        assert_eq!(decode(&mut body, b"5\r\nhello\r\n0\r\n\r\nGET"), (15, (3, 8), true));
        assert_eq!(decode(&mut body, b"GET"), (0, (0, 0), true));
    }

    #[test]
    fn each_call_gives_one_run_of_data_and_the_framing_around_it() {
        let mut body = ChunkedDecoder::default();
        assert_eq!(decode(&mut body, b"5;a\r"), (4, (4, 4), false));
        assert_eq!(decode(&mut body, b"\nhe"), (3, (1, 3), false));
        assert_eq!(decode(&mut body, b""), (0, (0, 0), false));
        assert_eq!(decode(&mut body, b"llo\r\n3\r\nabc\r\n"), (8, (0, 3), false));
        assert_eq!(decode(&mut body, b"abc\r\n"), (5, (0, 3), false));
        assert_eq!(decode(&mut body, b"0\r\nA:b\r\n\r"), (9, (9, 9), false));
        assert_eq!(decode(&mut body, b"\n"), (1, (1, 1), true));
        assert_eq!(body.trailers(), b"A: b\r\n");
    }

    #[test]
    fn the_largest_size_is_counted_down_without_overflow() {
        let mut body = ChunkedDecoder::default();
        assert_eq!(decode(&mut body, b"ffffffffffffffff\r\nx"), (19, (18, 19), false));
        assert_eq!(body.size, u64::MAX - 1);
        let mut body = ChunkedDecoder::default();
        assert_eq!(body.decode(b"00000000000000000"), Err(BodyError::Chunk));
    }

    #[test]
    fn extensions_are_bounded_by_chunk_and_by_body() {
        let chunk = |len: usize| format!("1;{}\r\nx\r\n", "a".repeat(len - 1));
        let run = |chunks: &str| {
            let mut body = ChunkedDecoder::default();
            let mut rest = chunks.as_bytes();
            while !rest.is_empty() {
                rest = &rest[body.decode(rest)?.consumed..];
            }
            Ok(())
        };
        let max = usize::from(EXTENSION_BYTES_MAX);
        assert_eq!(run(&chunk(max)), Ok(()));
        assert_eq!(run(&chunk(max + 1)), Err(BodyError::TooLarge));
        let count = usize::from(EXTENSIONS_BYTES_MAX / EXTENSION_BYTES_MAX);
        assert_eq!(run(&chunk(max).repeat(count)), Ok(()));
        assert_eq!(run(&(chunk(max).repeat(count) + "1;")), Err(BodyError::TooLarge));
    }

    #[test]
    fn an_error_is_final() {
        let mut body = ChunkedDecoder::default();
        assert_eq!(body.decode(b"x"), Err(BodyError::Chunk));
        assert_eq!(body.decode(b"0\r\n\r\n"), Err(BodyError::Chunk));
        assert_eq!(body.decode(b""), Err(BodyError::Chunk));
        assert!(!body.is_end());
    }
}
