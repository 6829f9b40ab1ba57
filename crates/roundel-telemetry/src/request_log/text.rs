//! Short texts that are kept in place: nothing is allocated to take one.

use std::fmt;

/// A text of at most `N` bytes; what is longer is cut, and remembered as cut.
#[derive(Clone, Copy)]
pub(super) struct Text<const N: usize> {
    len: u16,
    is_cut: bool,
    bytes: [u8; N],
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self { len: 0, is_cut: false, bytes: [0; N] }
    }
}

impl<const N: usize> Text<N> {
    /// Replaces the text by `parts`, one after the other.
    pub(super) fn set(&mut self, parts: &[&[u8]]) {
        let mut len = 0;
        self.is_cut = false;
        for part in parts {
            let room = &mut self.bytes[len..];
            let taken = part.len().min(room.len());
            room[..taken].copy_from_slice(&part[..taken]);
            len += taken;
            self.is_cut |= taken < part.len();
        }
        self.len = u16::try_from(len).unwrap_or(u16::MAX);
    }

    /// What was kept.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text, unless it is empty.
    pub(super) fn to_text(self) -> Option<String> {
        (!self.is_empty()).then(|| self.to_string())
    }
}

/// The text with a replacement character for what cannot be shown, and an ellipsis where it was
/// cut.
impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in String::from_utf8_lossy(self.bytes()).chars() {
            let shown = if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
            fmt::Write::write_char(f, shown)?;
        }
        if self.is_cut { f.write_str("…") } else { Ok(()) }
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_say_so() {
        let cases: [(&[&[u8]], &str); 7] = [
            (&[], ""),
            (&[b"abc"], "abc"),
            (&[b"abcd", b"efgh"], "abcdefgh"),
            (&[b"abcd", b"efghi"], "abcdefgh…"),
            (&[b"abcdefghi", b""], "abcdefgh…"),
            (&[b"abcdefgh", b"?"], "abcdefgh…"),
            (&[b"a\n\x1b\xff"], "a\u{fffd}\u{fffd}\u{fffd}"),
        ];
        let mut text = Text::<8>::default();
        for (parts, shown) in cases {
            text.set(parts);
            assert_eq!(text.to_string(), shown, "{parts:?}");
        }
    }
}
