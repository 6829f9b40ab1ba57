//! Field lines: `name: value CRLF`, and the empty line that ends them (RFC 9112 §5).
//!
//! Heads and trailers are read by this one reader, line by line from left to right. What it says of
//! a line depends on the bytes of that line alone, so a verdict never changes when more bytes come.
//!
//! Refused, where a lenient recipient might not: a line end other than CRLF, a folded line, white
//! space before the colon, an empty name, control bytes, and names that become a framing or
//! forwarding field when an underscore is read as a hyphen.

use crate::field::{FORWARDING, Field, FieldKind, Span};
use crate::syntax;

/// Why a field section is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionError {
    /// A line is one that no sender may write.
    Malformed,
    /// There are more fields than allowed.
    TooMany,
}

/// One line of a field section.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line {
    /// A field.
    Field(Field),
    /// The empty line after the last field.
    End,
}

/// Reads the lines from `start` to the empty line into `fields`, each special field also going to
/// `note`, and gives the place after the empty line; nothing when the buffer ends before.
pub(crate) fn read_section<E: From<SectionError>>(
    buf: &[u8],
    start: usize,
    fields_max: usize,
    fields: &mut Vec<Field>,
    mut note: impl FnMut(&Field) -> Result<(), E>,
) -> Result<Option<usize>, E> {
    fields.clear();
    let mut position = start;
    loop {
        if fields.len() >= fields_max && buf.get(position).is_some_and(|&byte| byte != b'\r') {
            return Err(SectionError::TooMany.into());
        }
        let Some((line, next)) = read(buf, position)? else { return Ok(None) };
        position = next;
        match line {
            Line::End => return Ok(Some(position)),
            Line::Field(field) => {
                fields.push(field);
                if field.kind != FieldKind::Other {
                    note(&field)?;
                }
            }
        }
    }
}

/// Reads the line that starts at `start`, and gives it with the place where the next one starts;
/// nothing when the buffer ends before the line does.
#[allow(
    clippy::inline_always,
    reason = "returning a field through memory costs as much as reading it"
)]
#[inline(always)]
pub(crate) fn read(buf: &[u8], start: usize) -> Result<Option<(Line, usize)>, SectionError> {
    let rest = buf.get(start..).unwrap_or_default();
    let (name_len, classes) = syntax::run(rest, syntax::TOKEN);
    let after_colon = match rest.get(name_len..) {
        Some([b':', after @ ..]) if name_len > 0 => after,
        Some([b'\r', b'\n', ..]) if name_len == 0 => return Ok(Some((Line::End, start + 2))),
        Some([] | [b'\r']) if name_len == 0 => return Ok(None),
        Some([]) | None => return Ok(None),
        Some(_) => return Err(SectionError::Malformed),
    };
    let value_start = syntax::ows_run(after_colon);
    let from_value = after_colon.get(value_start..).unwrap_or_default();
    let text_len = syntax::text_run(from_value);
    match from_value.get(text_len..) {
        Some([b'\r', b'\n', ..]) => {}
        Some([] | [b'\r']) | None => return Ok(None),
        Some(_) => return Err(SectionError::Malformed),
    }
    let name = rest.get(..name_len).unwrap_or_default();
    let kind = FieldKind::of(name);
    if classes & syntax::UNDERSCORE != 0 && is_disguised(name) {
        return Err(SectionError::Malformed);
    }
    let value = from_value.get(..text_len).unwrap_or_default();
    let value_offset = start + name_len + 1 + value_start;
    let field = Field {
        name: Span::new(start, name_len),
        value: Span::new(value_offset, syntax::len_without_trailing_ows(value)),
        kind,
        is_nominated: false,
    };
    Ok(Some((Line::Field(field), value_offset + text_len + 2)))
}

/// Whether `name` is a special field's name when underscores are read as hyphens, as CGI and WSGI
/// servers do: `Content_Length` must not reach them past our own reading of Content-Length.
fn is_disguised(name: &[u8]) -> bool {
    let mut hyphenated = [0; FieldKind::NAME_LEN_MAX];
    for (to, &from) in hyphenated.iter_mut().zip(name) {
        *to = if from == b'_' { b'-' } else { from };
    }
    match hyphenated.get(..name.len()) {
        Some(whole) => FieldKind::of(whole) != FieldKind::Other,
        // Too long for a special name, but not for one of a family.
        None => syntax::has_prefix_ignoring_case(&hyphenated, FORWARDING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(line: &[u8]) -> Option<(&[u8], &[u8], FieldKind)> {
        match read(line, 0) {
            Ok(Some((Line::Field(field), next))) => {
                assert_eq!(next, line.len());
                Some((field.name.of(line), field.value.of(line), field.kind))
            }
            Ok(Some((Line::End, _)) | None) => panic!("not a field: {line:?}"),
            Err(_) => None,
        }
    }

    #[test]
    fn values_lose_surrounding_white_space_only() {
        for line in [&b"a:b \t c\r\n"[..], b"a: \t b \t c\r\n", b"a: b \t c \t \r\n"] {
            assert_eq!(field(line), Some((&b"a"[..], &b"b \t c"[..], FieldKind::Other)));
        }
        assert_eq!(field(b"a: \t \r\n"), Some((&b"a"[..], &b""[..], FieldKind::Other)));
        assert_eq!(
            field(b"a: \x80\xff\r\n"),
            Some((&b"a"[..], &b"\x80\xff"[..], FieldKind::Other))
        );
    }

    #[test]
    fn lines_that_parsers_disagree_on_are_refused() {
        for line in [
            &b"a: b\n"[..],
            b"a: b\rc\r\n",
            b"a: b\r\r\n",
            b"a : b\r\n",
            b"a\t: b\r\n",
            b" a: b\r\n",
            b": b\r\n",
            b"a\r\n",
            b"a b: c\r\n",
            b"\xe9: c\r\n",
            b"a: \0\r\n",
            b"a: \x0b\r\n",
            b"a: \x7f\r\n",
            b"\n",
            b"\rX",
        ] {
            assert_eq!(field(line), None, "{line:?}");
        }
    }

    #[test]
    fn disguised_special_names_are_refused_and_other_underscores_pass() {
        for name in [
            "Content_Length",
            "transfer_encoding",
            "X_Forwarded-For",
            "x_real_ip",
            "X_Forwarded_Port",
            "X-Forwarded-Client_Cert",
        ] {
            assert_eq!(field(format!("{name}: 1\r\n").as_bytes()), None, "{name}");
        }
        for name in [
            "user_id",
            "_",
            "Content_Type",
            "x_a_very_long_name_with_underscores",
            "proxy_authorization_that_is_longer",
        ] {
            assert!(field(format!("{name}: 1\r\n").as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn a_line_without_its_end_is_not_judged_yet() {
        for line in [&b"a: b\r\n"[..], b"\r\n"] {
            for len in 0..line.len() {
                assert!(matches!(read(&line[..len], 0), Ok(None)), "{:?}", &line[..len]);
            }
        }
    }
}
