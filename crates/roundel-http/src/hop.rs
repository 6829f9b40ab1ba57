//! What the fields of a head say about this hop: framing, persistence, upgrade, and which fields
//! end here (RFC 9110 §7.6.1, §7.8, §8.6; RFC 9112 §6, §9.3).
//!
//! Requests and responses share these rules and differ only in the conclusions, which they draw
//! themselves. Wherever a recipient has a choice, the choice here is to refuse: a second
//! Content-Length though equal, a Transfer-Encoding other than one `chunked`.

use crate::field::{Field, FieldKind, Span};
use crate::request::Version;
use crate::syntax;

/// More options in Connection than any sender has use for. Each is compared with each field, so
/// without a bound a head could cost the square of its size.
const OPTIONS_MAX: usize = 64;

/// Why the fields are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HopError {
    /// Content-Length or Transfer-Encoding is doubled or malformed.
    Framing,
    /// Connection has too many options.
    Options,
}

/// What Transfer-Encoding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Transfer {
    /// There is none.
    #[default]
    None,
    /// Exactly `chunked`.
    Chunked,
    /// Well-formed codings that exist and that this proxy does not do.
    Unsupported,
}

/// Facts gathered field by field.
#[derive(Debug, Default)]
pub(crate) struct Hop {
    pub(crate) content_length: Option<u64>,
    pub(crate) transfer: Transfer,
    has_close: bool,
    has_keep_alive: bool,
    has_upgrade: bool,
    upgrade: Span,
    /// Connection options that may name fields.
    options: usize,
}

impl Hop {
    /// Takes note of a field.
    pub(crate) fn note(&mut self, buf: &[u8], field: &Field) -> Result<(), HopError> {
        match field.kind {
            FieldKind::ContentLength => {
                let length = syntax::decimal(field.value.of(buf)).ok_or(HopError::Framing)?;
                if self.content_length.replace(length).is_some() {
                    return Err(HopError::Framing);
                }
            }
            FieldKind::TransferEncoding => {
                if self.transfer != Transfer::None {
                    return Err(HopError::Framing);
                }
                self.transfer = transfer(field.value.of(buf)).ok_or(HopError::Framing)?;
            }
            FieldKind::Connection => return self.note_options(field.value.of(buf)),
            FieldKind::Upgrade if self.upgrade.is_empty() => {
                self.upgrade = offered(buf, field.value);
            }
            _ => {}
        }
        Ok(())
    }

    fn note_options(&mut self, value: &[u8]) -> Result<(), HopError> {
        for option in syntax::elements(value) {
            match ConnectionOption::of(option) {
                ConnectionOption::Close => self.has_close = true,
                ConnectionOption::KeepAlive => self.has_keep_alive = true,
                ConnectionOption::Upgrade => self.has_upgrade = true,
                ConnectionOption::Te => {}
                ConnectionOption::Name => self.options += 1,
            }
        }
        if self.options > OPTIONS_MAX { Err(HopError::Options) } else { Ok(()) }
    }

    /// Whether the sender keeps the connection (RFC 9112 §9.3).
    pub(crate) const fn keeps_alive(&self, version: Version) -> bool {
        match version {
            Version::H11 => !self.has_close,
            Version::H10 => self.has_keep_alive && !self.has_close,
        }
    }

    /// The protocols of Upgrade, when Connection names it; empty otherwise.
    pub(crate) const fn upgrade(&self) -> Span {
        if self.has_upgrade { self.upgrade } else { Span { start: 0, len: 0 } }
    }

    /// Marks the fields that Connection names.
    pub(crate) fn nominate(&self, buf: &[u8], fields: &mut [Field]) {
        if self.options == 0 {
            return;
        }
        for index in 0..fields.len() {
            let Some(&Field { kind: FieldKind::Connection, value, .. }) = fields.get(index) else {
                continue;
            };
            for option in syntax::elements(value.of(buf)) {
                if ConnectionOption::of(option) == ConnectionOption::Name {
                    for field in fields.iter_mut().filter(|field| field.kind.may_be_nominated()) {
                        field.is_nominated |= field.name.of(buf).eq_ignore_ascii_case(option);
                    }
                }
            }
        }
    }
}

/// One option of Connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionOption {
    Close,
    KeepAlive,
    Upgrade,
    Te,
    /// Any other, which may be the name of a field.
    Name,
}

impl ConnectionOption {
    fn of(option: &[u8]) -> Self {
        match option.len() {
            5 if option.eq_ignore_ascii_case(b"close") => Self::Close,
            10 if option.eq_ignore_ascii_case(b"keep-alive") => Self::KeepAlive,
            7 if option.eq_ignore_ascii_case(b"upgrade") => Self::Upgrade,
            2 if option.eq_ignore_ascii_case(b"te") => Self::Te,
            _ => Self::Name,
        }
    }
}

/// Reads a Transfer-Encoding; nothing when it is malformed. A coding nobody registered is taken for
/// a disguise of `chunked`, not for a coding.
fn transfer(value: &[u8]) -> Option<Transfer> {
    const CODINGS: [&[u8]; 6] =
        [b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"identity"];
    if value.eq_ignore_ascii_case(b"chunked") {
        return Some(Transfer::Chunked);
    }
    let mut codings = value.split(|&byte| byte == b',').map(syntax::trim_ows);
    let last = codings.next_back()?;
    let is_known = |coding: &[u8]| CODINGS.iter().any(|known| known.eq_ignore_ascii_case(coding));
    let is_last_fine = is_known(last) || last.eq_ignore_ascii_case(b"chunked");
    (is_last_fine && codings.all(is_known)).then_some(Transfer::Unsupported)
}

/// The part of an Upgrade value that may be offered on: all of it, or the first protocol that is
/// not another version of HTTP when it has such (which versions to speak is each hop's own choice,
/// and an `h2c` tunnel would carry requests past every rule); empty when malformed.
fn offered(buf: &[u8], value: Span) -> Span {
    let mut has_http = false;
    let mut first = Span::default();
    let mut start = value.start as usize;
    for part in value.of(buf).split(|&byte| byte == b',') {
        let protocol = syntax::trim_ows(part);
        let name_len = memchr::memchr(b'/', protocol).unwrap_or(protocol.len());
        let (name, version) = protocol.split_at(name_len);
        if !syntax::is_token(name) || !matches!(version, [] | [b'/', _, ..]) {
            return Span::default();
        }
        if !version.iter().skip(1).all(|&byte| syntax::is_token(&[byte])) {
            return Span::default();
        }
        if [&b"h2c"[..], b"h2", b"http"].iter().any(|http| name.eq_ignore_ascii_case(http)) {
            has_http = true;
        } else if first.is_empty() {
            first = Span::new(start + syntax::ows_run(part), protocol.len());
        }
        start += part.len() + 1;
    }
    if has_http { first } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunked_alone_is_chunked() {
        for (value, expected) in [
            ("chunked", Some(Transfer::Chunked)),
            ("Chunked", Some(Transfer::Chunked)),
            ("gzip", Some(Transfer::Unsupported)),
            ("gzip, chunked", Some(Transfer::Unsupported)),
            ("X-GZIP ,\tdeflate,chunked", Some(Transfer::Unsupported)),
            ("identity", Some(Transfer::Unsupported)),
            ("", None),
            ("chunked, chunked", None),
            ("chunked, gzip", None),
            (",chunked", None),
            ("chunked,", None),
            ("xchunked", None),
            ("chunked;q=1", None),
            ("\"chunked\"", None),
            ("\u{b}chunked", None),
            ("chunked\u{1}", None),
            ("chun ked", None),
            ("br, chunked", None),
        ] {
            assert_eq!(transfer(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn other_http_versions_are_never_offered_on() {
        for (value, expected) in [
            ("websocket", "websocket"),
            ("WebSocket, foo/1.2", "WebSocket, foo/1.2"),
            ("h2c", ""),
            ("H2C, HTTP/2.0", ""),
            ("h2c, websocket", "websocket"),
            ("a/1 ,\th2c, b", "a/1"),
            ("a,,b", ""),
            ("a b", ""),
            ("a/", ""),
            ("a/b/c", ""),
        ] {
            let span = Span::new(0, value.len());
            assert_eq!(offered(value.as_bytes(), span).of(value.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn persistence_follows_the_version_and_close_wins() {
        for (options, in_h10, in_h11) in [
            ("", false, true),
            ("close", false, false),
            ("Keep-Alive", true, true),
            ("keep-alive, close", false, false),
            ("foo , ,CLOSE", false, false),
            ("closed", false, true),
        ] {
            let mut hop = Hop::default();
            assert_eq!(hop.note_options(options.as_bytes()), Ok(()));
            assert_eq!(hop.keeps_alive(Version::H10), in_h10, "{options}");
            assert_eq!(hop.keeps_alive(Version::H11), in_h11, "{options}");
        }
    }

    #[test]
    fn options_are_bounded_over_all_connection_fields() {
        let mut hop = Hop::default();
        let half = "a,".repeat(OPTIONS_MAX / 2);
        assert_eq!(hop.note_options(half.as_bytes()), Ok(()));
        assert_eq!(hop.note_options(half.as_bytes()), Ok(()));
        assert_eq!(hop.note_options(b"close"), Ok(()));
        assert_eq!(hop.note_options(b"a"), Err(HopError::Options));
    }
}
