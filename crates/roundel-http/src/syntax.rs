//! Byte classes and the few lexical rules that heads, bodies and targets share.
//!
//! One table says for every byte which runs it may be part of, so that scanning costs one look-up
//! per byte and a rule cannot be spelt twice. Field values, the longest part of most heads, are
//! scanned eight bytes at a time instead.
//!
//! Source: RFC 9110 §5.5, §5.6 (tokens, white space, lists); RFC 3986 §2 (characters of a target).

/// A character of a token (RFC 9110 §5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// A visible ASCII character that may be part of a request target. `#` would start a fragment,
/// which is never sent (RFC 9112 §3.2).
pub(crate) const TARGET: u8 = 1 << 1;
/// A character of a host name: those of RFC 3986 §2.3 (unreserved) and no more. The sub-delimiters
/// and escapes that RFC 3986 also allows name no host on earth, but do divide parsers.
pub(crate) const HOST: u8 = 1 << 2;
/// A character that can make a path ambiguous: `.`, `%` or a backslash.
pub(crate) const SUSPECT: u8 = 1 << 3;
/// The underscore, which some servers take for a hyphen in field names.
pub(crate) const UNDERSCORE: u8 = 1 << 4;

static CLASSES: [u8; 256] = classes();

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a panic is an error")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = 0;
        if byte.is_ascii_alphanumeric() {
            class |= TOKEN | HOST;
        }
        if matches!(byte, b'-' | b'.' | b'_' | b'~') {
            class |= TOKEN | HOST;
        }
        if matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'^' | b'`' | b'|'
        ) {
            class |= TOKEN;
        }
        if byte.is_ascii_graphic() && byte != b'#' {
            class |= TARGET;
        }
        if matches!(byte, b'.' | b'%' | b'\\') {
            class |= SUSPECT;
        }
        if byte == b'_' {
            class |= UNDERSCORE;
        }
        table[byte as usize] = class;
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

fn class_of(byte: u8) -> u8 {
    // The table has an entry for every byte, so the compiler drops the check.
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Length of the run of `class` at the start of `bytes`, and all classes seen in it.
pub(crate) fn run(bytes: &[u8], class: u8) -> (usize, u8) {
    let mut seen = 0;
    for (len, &byte) in bytes.iter().enumerate() {
        let classes = class_of(byte);
        if classes & class == 0 {
            return (len, seen);
        }
        seen |= classes;
    }
    (bytes.len(), seen)
}

/// Whether all of `bytes` are of `class`.
pub(crate) fn is_all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().all(|&byte| class_of(byte) & class != 0)
}

/// Whether `bytes` are a token (RFC 9110 §5.6.2): a method or a field name, say.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && is_all(bytes, TOKEN)
}

/// Whether a byte may be part of a field value or reason phrase (RFC 9110 §5.5). Bytes above ASCII
/// may: they are opaque data.
pub(crate) const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Length of the run of [`is_text`] bytes at the start of `bytes`.
pub(crate) fn text_run(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut len = 0;
    for word in words {
        let mut marks = control_marks(u64::from_le_bytes(*word));
        while marks != 0 {
            let offset = (marks.trailing_zeros() / 8) as usize;
            if !word.get(offset).is_some_and(|&byte| is_text(byte)) {
                return len + offset;
            }
            // A tab, or a false mark above one.
            marks &= marks - 1;
        }
        len += word.len();
    }
    len + tail.iter().take_while(|&&byte| is_text(byte)).count()
}

/// Marks the top bit of every byte below 0x20 or equal to 0x7f. The lowest mark is exact; higher
/// ones may be false, because the subtraction borrows from the byte above.
const fn control_marks(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const TOPS: u64 = ONES << 7;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let not_delete = word ^ (ONES * 0x7f);
    let is_delete = not_delete.wrapping_sub(ONES) & !not_delete;
    (below_space | is_delete) & TOPS
}

const fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Length of the optional white space at the start of `bytes` (RFC 9110 §5.6.3).
pub(crate) fn ows_run(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| is_ows(byte)).count()
}

/// Length of `bytes` without the optional white space at their end.
pub(crate) fn len_without_trailing_ows(bytes: &[u8]) -> usize {
    bytes.len() - bytes.iter().rev().take_while(|&&byte| is_ows(byte)).count()
}

/// `bytes` without optional white space on either side.
pub(crate) fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, without white space; empty ones are skipped as RFC 9110
/// §5.6.1.2 asks. Not for lists with quoted strings.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim_ows).filter(|element| !element.is_empty())
}

/// A decimal number: digits only, at least one, no overflow.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The value of a hexadecimal digit.
pub(crate) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Whether `bytes` start with `prefix`, compared without case.
pub(crate) fn has_prefix_ignoring_case(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_what_the_rfc_lists() {
        let tchars = b"!#$%&'*+-.^_`|~0123456789\
            abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for byte in 0..=u8::MAX {
            assert_eq!(is_token(&[byte]), tchars.contains(&byte), "{byte:#x}");
        }
        assert!(!is_token(b""));
    }

    #[test]
    fn decimals_are_digits_within_64_bits() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"0042"), Some(42));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"+1", b"-1", b"1 ", b"0x1", b"1_0", b"18446744073709551616"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn list_elements_are_trimmed_and_empty_ones_skipped() {
        let found: Vec<_> = elements(b" ,a ,\tb c\t,, d").collect();
        assert_eq!(found, [&b"a"[..], b"b c", b"d"]);
    }

    proptest! {
        /// The word-wise scan agrees with the definition byte by byte.
        #[test]
        fn text_runs_end_at_the_first_control_byte(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b'\t'), Just(0x7f), Just(0x80), 0x20..0x7e_u8], 0..64)
        ) {
            let expected = bytes.iter().take_while(|&&byte| is_text(byte)).count();
            prop_assert_eq!(text_run(&bytes), expected);
        }
    }
}
