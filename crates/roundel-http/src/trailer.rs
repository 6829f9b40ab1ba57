//! Trailer fields: read, checked, and cleared of those that have no business there
//! (RFC 9110 §6.5.1, RFC 9112 §7.1.2).
//!
//! A trailer comes after everything it could change was decided, and some recipients merge it into
//! the head all the same. Fields that frame, route, authenticate, or say how to treat or read the
//! content are therefore dropped; the others are kept, written anew.

use crate::body::BodyError;
use crate::field::{Field, FieldKind};
use crate::line::{self, Line};
use crate::syntax;

/// Bytes of a trailer section as received, the empty line included.
const BYTES_MAX: usize = 8 * 1024;
/// Fields of a trailer section, dropped ones included.
const FIELDS_MAX: usize = 64;

/// A trailer section being read. Owns no memory unless there are trailers.
#[derive(Debug, Default)]
pub(crate) struct Trailers {
    /// Kept fields, then the start of the line being read.
    bytes: Vec<u8>,
    /// Where the line being read starts.
    line_start: usize,
    bytes_read: usize,
    fields_read: usize,
}

impl Trailers {
    /// The kept fields, once the section has ended.
    pub(crate) fn lines(&self) -> &[u8] {
        self.bytes.get(..self.line_start).unwrap_or_default()
    }

    /// Reads from `input`, which is not empty, up to a line break or its end. Gives the number of
    /// bytes read, and whether the section ended with them.
    pub(crate) fn read(&mut self, input: &[u8]) -> Result<(usize, bool), BodyError> {
        let allowed = input.get(..BYTES_MAX - self.bytes_read).unwrap_or(input);
        if self.bytes.len() == self.line_start && allowed.starts_with(b"\r\n") {
            return Ok((2, true));
        }
        // A line is over after LF, and after the byte that follows a CR, whatever it is.
        let is_after_cr = self.bytes.len() > self.line_start && self.bytes.ends_with(b"\r");
        let line_break = if is_after_cr { Some(0) } else { memchr::memchr2(b'\r', b'\n', allowed) };
        let len = line_break.map_or(allowed.len(), |at| at + 1);
        if allowed.is_empty() || (line_break.is_none() && allowed.len() < input.len()) {
            return Err(BodyError::TooLarge);
        }
        let part = allowed.get(..len).unwrap_or_default();
        self.bytes.extend_from_slice(part);
        self.bytes_read += len;
        let is_line = is_after_cr || part.ends_with(b"\n");
        let is_end = is_line && self.take_line()?;
        Ok((len, is_end))
    }

    /// Judges the line just completed: keeps it in canonical form, or drops it. True for the empty
    /// line.
    fn take_line(&mut self) -> Result<bool, BodyError> {
        let line = self.bytes.split_off(self.line_start);
        match line::read(&line, 0) {
            Ok(Some((Line::End, _))) => return Ok(true),
            Ok(Some((Line::Field(_), _))) if self.fields_read == FIELDS_MAX => {
                return Err(BodyError::TooLarge);
            }
            Ok(Some((Line::Field(field), _))) => {
                self.fields_read += 1;
                if is_allowed(&field, &line) {
                    self.bytes.extend_from_slice(field.name.of(&line));
                    self.bytes.extend_from_slice(b": ");
                    self.bytes.extend_from_slice(field.value.of(&line));
                    self.bytes.extend_from_slice(b"\r\n");
                    self.line_start = self.bytes.len();
                }
            }
            Ok(None) | Err(_) => return Err(BodyError::Trailer),
        }
        Ok(false)
    }
}

/// Families of fields that are dropped, by how their names start.
const DROPPED_FAMILIES: [&[u8]; 11] = [
    // How to read the content.
    b"content-",
    // Controls of the request, and of what is done with the response.
    b"accept",
    b"access-control-",
    b"if-",
    // Whose request it is.
    b"authentication-",
    b"proxy-",
    b"set-cookie",
    // Where it came from, and what it should be taken for.
    b"x-client-",
    b"x-http-method",
    b"x-original-",
    b"x-real-",
];

/// Single fields that are dropped, for the same reasons.
const DROPPED: [&[u8]; 14] = [
    b"age",
    b"allow",
    b"cache-control",
    b"expires",
    b"location",
    b"origin",
    b"pragma",
    b"priority",
    b"range",
    b"referer",
    b"retry-after",
    b"vary",
    b"warning",
    b"www-authenticate",
];

/// Content fields that are computed while the content is sent and so belong in trailers.
const KEPT: [&[u8]; 2] = [b"content-digest", b"content-md5"];

fn is_allowed(field: &Field, line: &[u8]) -> bool {
    let name = field.name.of(line);
    let is_in = |names: &[&[u8]]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    let is_dropped_family =
        || DROPPED_FAMILIES.iter().any(|start| syntax::has_prefix_ignoring_case(name, start));
    field.kind == FieldKind::Other && (is_in(&KEPT) || !is_in(&DROPPED) && !is_dropped_family())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a section given in pieces, and gives the kept lines.
    fn read(pieces: &[&[u8]]) -> Result<String, BodyError> {
        let mut trailers = Trailers::default();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let (len, is_end) = trailers.read(rest)?;
                rest = &rest[len..];
                if is_end {
                    return Ok(String::from_utf8(trailers.lines().to_vec()).unwrap());
                }
            }
        }
        panic!("no end: {pieces:?}");
    }

    #[test]
    fn no_trailers_take_no_memory() {
        let mut trailers = Trailers::default();
        assert_eq!(trailers.read(b"\r\nGET /"), Ok((2, true)));
        assert_eq!(trailers.bytes.capacity(), 0);
    }

    #[test]
    fn kept_fields_are_written_anew() {
        assert_eq!(read(&[b"a:1 \r\nB: \t2\r\n\r\n"]).unwrap(), "a: 1\r\nB: 2\r\n");
        assert_eq!(read(&[b"a", b":", b"1\r", b"\n\r", b"\n"]).unwrap(), "a: 1\r\n");
        assert_eq!(read(&[b"\r", b"\n"]).unwrap(), "");
    }

    #[test]
    fn fields_that_change_the_message_are_dropped() {
        for name in [
            "Content-Length",
            "Transfer-Encoding",
            "Host",
            "Authorization",
            "Cookie",
            "Set-Cookie",
            "Connection",
            "TE",
            "Trailer",
            "Expect",
            "Content-Type",
            "Content-Encoding",
            "Range",
            "If-Match",
            "Cache-Control",
            "X-Forwarded-For",
            "X-Forwarded-Port",
            "Via",
            "Upgrade",
        ] {
            let section = format!("a: 1\r\n{name}: 1\r\nb: 2\r\n\r\n");
            assert_eq!(read(&[section.as_bytes()]).unwrap(), "a: 1\r\nb: 2\r\n", "{name}");
        }
        for name in ["ETag", "Content-Digest", "grpc-status", "Server-Timing", "Agent"] {
            let section = format!("{name}: 1\r\n\r\n");
            assert_eq!(read(&[section.as_bytes()]).unwrap(), format!("{name}: 1\r\n"));
        }
    }

    #[test]
    fn malformed_trailers_are_refused() {
        for section in [
            &b"a: 1\n\r\n"[..],
            b"a : 1\r\n\r\n",
            b"a: 1\r\n b\r\n\r\n",
            b"a: \0\r\n\r\n",
            b"\n",
            b"a\r\n\r\n",
            b"Content_Length: 1\r\n\r\n",
            b"a: 1\r2\r\n\r\n",
        ] {
            assert_eq!(read(&[section]), Err(BodyError::Trailer), "{section:?}");
        }
    }

    #[test]
    fn sections_are_bounded_in_bytes_and_fields() {
        let line = |len: usize| format!("a: {}\r\n", "x".repeat(len - 5));
        let fits = line(BYTES_MAX - 2) + "\r\n";
        assert_eq!(read(&[fits.as_bytes()]).unwrap().len(), BYTES_MAX - 2);
        let exceeds = line(BYTES_MAX + 1);
        assert_eq!(read(&[exceeds.as_bytes()]), Err(BodyError::TooLarge));
        let dropped = line(BYTES_MAX / 2).replace('a', "te").repeat(3);
        assert_eq!(read(&[dropped.as_bytes()]), Err(BodyError::TooLarge));

        let fields = "a: 1\r\n".repeat(FIELDS_MAX);
        assert_eq!(read(&[fields.as_bytes(), b"\r\n"]).unwrap(), fields);
        assert_eq!(read(&[fields.as_bytes(), b"te: 1\r\n"]), Err(BodyError::TooLarge));
    }
}
