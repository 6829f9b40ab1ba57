//! Makes peer bytes harmless in a line of log or JSON.
//!
//! A log is read by people in terminals and by programs that split lines. So only printable ASCII
//! passes: a line end cannot forge a line, a quote cannot end a field, an escape sequence cannot
//! drive a terminal, and no right-to-left mark can reorder what is seen. Any other byte is written
//! as its value, which loses nothing.

/// Longest part of a peer's text that goes into a line; the rest is replaced by `...`.
pub(crate) const TEXT_BYTES_MAX: usize = 2048;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// How a byte that may not pass is written.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// `\x0a`, for text and combined lines.
    Hex,
    /// `\u000a`, for JSON: the byte as the Latin-1 character of that value (RFC 8259 §7).
    Json,
}

/// Appends `bytes`, at most [`TEXT_BYTES_MAX`] of them, escaped.
pub(crate) fn push_escaped(out: &mut Vec<u8>, bytes: &[u8], style: Style) {
    let cut = bytes.get(..TEXT_BYTES_MAX);
    let mut rest = cut.unwrap_or(bytes);
    // Runs of plain bytes are copied whole: almost every text is one run.
    while let Some(at) = rest.iter().position(|b| !is_plain(*b)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        push_special(out, *byte, style);
        rest = after;
    }
    out.extend_from_slice(rest);
    if cut.is_some() && bytes.len() > TEXT_BYTES_MAX {
        out.extend_from_slice(b"...");
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn push_special(out: &mut Vec<u8>, byte: u8, style: Style) {
    match (byte, style) {
        (b'"' | b'\\', _) => out.extend_from_slice(&[b'\\', byte]),
        (_, Style::Hex) => out.extend_from_slice(b"\\x"),
        (_, Style::Json) => out.extend_from_slice(b"\\u00"),
    }
    if !matches!(byte, b'"' | b'\\') {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8], style: Style) -> String {
        let mut out = Vec::new();
        push_escaped(&mut out, bytes, style);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_printable_ascii_passes() {
        for (bytes, hex, json) in [
            (&b""[..], "", ""),
            (b"/plain path?q=1", "/plain path?q=1", "/plain path?q=1"),
            (b"a\r\nb", r"a\x0d\x0ab", r"a\u000d\u000ab"),
            (b"\"quoted\"", r#"\"quoted\""#, r#"\"quoted\""#),
            (b"back\\slash", r"back\\slash", r"back\\slash"),
            (b"\x1b[31mred", r"\x1b[31mred", r"\u001b[31mred"),
            (b"\0\x7f", r"\x00\x7f", r"\u0000\u007f"),
            ("\u{202e}".as_bytes(), r"\xe2\x80\xae", r"\u00e2\u0080\u00ae"),
            (b"\xff", r"\xff", r"\u00ff"),
        ] {
            assert_eq!(escaped(bytes, Style::Hex), hex);
            assert_eq!(escaped(bytes, Style::Json), json);
        }
    }

    #[test]
    fn long_texts_are_cut_and_marked() {
        let longest = [b'a'; TEXT_BYTES_MAX];
        assert_eq!(escaped(&longest, Style::Hex).len(), TEXT_BYTES_MAX);
        let too_long = [b'a'; TEXT_BYTES_MAX + 1];
        let text = escaped(&too_long, Style::Hex);
        assert_eq!(text.len(), TEXT_BYTES_MAX + 3);
        assert!(text.ends_with("a..."));
    }
}
