//! Reading HTTP/1 from a blocking connection: heads, lines, lengths, chunks.
//!
//! Accepts a bare LF wherever a line ends; says precisely how a connection ended, because that is
//! what tests about failure are about. Does not write.

use std::io::{self, ErrorKind, Read};

use crate::message::{Fields, Framing};

/// How reading ended before the message did.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The peer closed in good order before the first byte of a message.
    #[error("closed before the first byte")]
    Closed,
    /// The peer closed in good order inside a message.
    #[error("closed in the middle of a message, after {0:?}")]
    Truncated(String),
    /// The peer reset the connection.
    #[error("connection reset")]
    Reset,
    /// Nothing came before the deadline.
    #[error("timed out")]
    Timeout,
    /// What came is not HTTP/1, not even with goodwill.
    #[error("not HTTP/1: {0}")]
    Malformed(String),
    /// Something else went wrong with the socket.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                Self::Reset
            }
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Io(error),
        }
    }
}

/// Longest head or line before the peer is taken to be talking something else.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A reader that remembers what it has consumed of the message at hand.
pub(crate) struct Wire<R> {
    source: R,
    /// Received and not yet consumed.
    ahead: Vec<u8>,
    /// Consumed since the last [`Wire::take_raw`], kept only if asked for.
    raw: Option<Vec<u8>>,
}

impl<R: Read> Wire<R> {
    /// Over `source`; keeps the raw bytes of messages when `keeps_raw`.
    pub(crate) fn new(source: R, keeps_raw: bool) -> Self {
        Self { source, ahead: Vec::new(), raw: keeps_raw.then(Vec::new) }
    }

    /// The connection below.
    pub(crate) fn source(&self) -> &R {
        &self.source
    }

    /// Bytes received beyond what was consumed.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// The bytes consumed since this was last called; empty when they are not kept.
    pub(crate) fn take_raw(&mut self) -> Vec<u8> {
        self.raw.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Reads once; the number of bytes that came, zero at the end.
    fn fill(&mut self) -> Result<usize, ReadError> {
        let mut block = [0; 16 * 1024];
        loop {
            match self.source.read(&mut block) {
                Ok(count) => {
                    self.ahead.extend_from_slice(&block[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn consume(&mut self, count: usize) -> Vec<u8> {
        let rest = self.ahead.split_off(count);
        let taken = std::mem::replace(&mut self.ahead, rest);
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(&taken);
        }
        taken
    }

    fn truncated(&self) -> ReadError {
        let start = &self.ahead[..self.ahead.len().min(200)];
        ReadError::Truncated(String::from_utf8_lossy(start).into_owned())
    }

    /// A head up to and with its empty line; empty lines before it are passed over.
    pub(crate) fn read_head(&mut self) -> Result<Vec<u8>, ReadError> {
        loop {
            let blank = self.ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.consume(blank);
            if let Some(end) = head_end(&self.ahead) {
                return Ok(self.consume(end));
            }
            if self.ahead.len() > LINE_BYTES_MAX {
                return Err(ReadError::Malformed("a head without an end".to_owned()));
            }
            if self.fill()? == 0 {
                let is_clean = self.ahead.is_empty();
                return Err(if is_clean { ReadError::Closed } else { self.truncated() });
            }
        }
    }

    /// A line without its end.
    fn read_line(&mut self) -> Result<String, ReadError> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line = self.consume(end + 1);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.ahead.len() > LINE_BYTES_MAX {
                return Err(ReadError::Malformed("a line without an end".to_owned()));
            }
            if self.fill()? == 0 {
                return Err(self.truncated());
            }
        }
    }

    /// Hands `count` bytes to `sink`, as they come.
    pub(crate) fn read_bytes(
        &mut self,
        mut count: u64,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), ReadError> {
        while count > 0 {
            if self.ahead.is_empty() && self.fill()? == 0 {
                return Err(self.truncated());
            }
            let usable = usize::try_from(count).unwrap_or(usize::MAX).min(self.ahead.len());
            sink(&self.consume(usable));
            count -= usable as u64;
        }
        Ok(())
    }

    /// Hands everything up to the peer's close to `sink`.
    pub(crate) fn read_to_close(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<(), ReadError> {
        loop {
            sink(&self.consume(self.ahead.len()));
            if self.fill()? == 0 {
                return Ok(());
            }
        }
    }

    /// Hands a body to `sink` and returns its trailer fields.
    pub(crate) fn read_body(
        &mut self,
        framing: Framing,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Fields, ReadError> {
        match framing {
            Framing::None => {}
            Framing::Length(count) => self.read_bytes(count, sink)?,
            Framing::UntilClose => self.read_to_close(sink)?,
            Framing::Chunked => return self.read_chunks(sink),
        }
        Ok(Fields::default())
    }

    fn read_chunks(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<Fields, ReadError> {
        loop {
            let line = self.read_line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let Ok(count) = u64::from_str_radix(size, 16) else {
                return Err(ReadError::Malformed(format!("chunk size {line:?}")));
            };
            if count == 0 {
                return self.read_trailers();
            }
            self.read_bytes(count, sink)?;
            let end = self.read_line()?;
            if !end.is_empty() {
                return Err(ReadError::Malformed(format!("{end:?} where a chunk ends")));
            }
        }
    }

    fn read_trailers(&mut self) -> Result<Fields, ReadError> {
        let mut lines = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok(Fields::parse(lines.iter().map(String::as_str)));
            }
            lines.push(line);
        }
    }
}

/// Where the head at the start of `bytes` ends, its empty line included.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let newline = |from: usize| bytes.iter().skip(from).position(|byte| *byte == b'\n');
    let mut line = newline(0)? + 1;
    loop {
        let next = line + newline(line)? + 1;
        if matches!(&bytes[line..next], b"\n" | b"\r\n") {
            return Some(next);
        }
        line = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, framing: Framing) -> (Result<Fields, ReadError>, String) {
        let mut body = Vec::new();
        let mut wire = Wire::new(text.as_bytes(), false);
        let end = wire.read_body(framing, &mut |bytes| body.extend_from_slice(bytes));
        (end, String::from_utf8(body).unwrap())
    }

    #[test]
    fn heads_end_at_an_empty_line_of_either_kind() {
        let cases = [("a\r\n\r\nb", Some(5)), ("a\n\nb", Some(3)), ("a\r\nb\r\n", None)];
        for (text, end) in cases {
            assert_eq!(head_end(text.as_bytes()), end, "{text:?}");
        }
    }

    #[test]
    fn chunks_are_joined_and_trailers_returned() {
        let (end, body) = read("3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n", Framing::Chunked);
        assert_eq!(body, "abcde");
        assert_eq!(end.unwrap().first("t"), Some("1"));
    }

    #[test]
    fn a_body_cut_short_is_told_from_a_bad_one() {
        let truncated = [("ab", Framing::Length(3)), ("3\r\nab", Framing::Chunked)];
        for (text, framing) in truncated {
            assert!(matches!(read(text, framing).0, Err(ReadError::Truncated(_))), "{text:?}");
        }
        for text in ["x\r\n", "1\r\nabc\r\n"] {
            let end = read(text, Framing::Chunked).0;
            assert!(matches!(end, Err(ReadError::Malformed(_))), "{text:?}");
        }
    }

    #[test]
    fn a_close_between_messages_is_not_a_truncation() {
        let mut wire = Wire::new(&b"\r\nGET / HTTP/1.1\r\n\r\n"[..], true);
        wire.read_head().unwrap();
        assert!(wire.take_raw().ends_with(b"HTTP/1.1\r\n\r\n"));
        assert!(matches!(wire.read_head(), Err(ReadError::Closed)));
    }
}
