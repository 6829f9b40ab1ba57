//! Texts of others on our terminal: harmless, and measured as they are seen.
//!
//! A path in the request log, a probe's reason or an app's output may hold anything, also what moves
//! a cursor, changes colours or reverses the reading direction. Such characters are shown by their
//! number. Widths are those of a terminal (UAX #11): a name in another script takes the cells that it
//! takes.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether a character does something instead of being seen.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn escape(text: &str, is_kept: impl Fn(char) -> bool, write: impl Fn(&mut String, char)) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) && !is_kept(c) {
            write(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    shown
}

/// As in a program's text: `\n`, `\x1b`, `\u{202e}`.
fn by_number(shown: &mut String, c: char) {
    // Writing to a `String` cannot fail.
    let _ = match c {
        '\n' => shown.write_str("\\n"),
        '\r' => shown.write_str("\\r"),
        '\t' => shown.write_str("\\t"),
        c if u32::from(c) < 0x80 => write!(shown, "\\x{:02x}", u32::from(c)),
        c => write!(shown, "\\u{{{:x}}}", u32::from(c)),
    };
}

/// `text` on one line.
pub(crate) fn line(text: &str) -> String {
    escape(text, |_| false, by_number)
}

/// `text` with its lines.
pub(crate) fn lines(text: &str) -> String {
    escape(text, |c| matches!(c, '\n' | '\t'), by_number)
}

/// JSON that says the same: what is unseen stands only inside strings, where it has a number.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let by_code = |shown: &mut String, c: char| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a `String` cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    };
    Cow::Owned(escape(text, |c| matches!(c, '\n' | '\t'), by_code))
}

/// Cells that `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// `text` in `cells` at most; an ellipsis stands for what is left out.
pub(crate) fn cut(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut left = cells.saturating_sub(1);
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else { break };
        left = rest;
        kept.push(c);
    }
    if cells > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// `text` in lines of `cells` at most, broken at spaces; all but the first are indented. A word that
/// is longer than a line stays whole, so that it can be copied.
pub(crate) fn folded(text: &str, cells: Option<usize>, indent: usize) -> String {
    let Some(cells) = cells else { return text.to_owned() };
    let mut folded = String::with_capacity(text.len());
    let mut used = 0;
    // What stands on the line besides its indentation.
    let mut is_begun = false;
    let mut spaces = 0;
    for word in text.split(' ') {
        let length = painted_width(word);
        if is_begun && used + spaces + length > cells {
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            used = indent;
        } else {
            folded.push_str(&" ".repeat(spaces));
            used += spaces;
        }
        folded.push_str(word);
        used += length;
        is_begun = is_begun || length > 0;
        spaces = 1;
    }
    folded
}

/// Cells of a text that may have colours in it.
fn painted_width(text: &str) -> usize {
    let mut parts = text.split("\x1b[");
    let plain = parts.next().map_or(0, width);
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| width(rest))).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_shown_by_its_number() {
        for (text, expected) in [
            ("plain — Größe 日本", "plain — Größe 日本"),
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
            ("a\r\nb\tc\0\x7f", "a\\r\\nb\\tc\\x00\\x7f"),
            ("csi \u{9b}2J", "csi \\u{9b}2J"),
            ("abc\u{202e}fdp", "abc\\u{202e}fdp"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(lines("a\n\tb\r\x1b[m\n"), "a\n\tb\\r\\x1b[m\n");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"a\u{9b}": "x\u{7f}\u{202e}\u{e0001}\x1b\n", "b": [1, "é"]});
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let shown = json(&text);
            assert!(!shown.chars().any(|c| is_unseen(c) && c != '\n'), "{shown}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
        assert!(matches!(json("{\"a\": 1}"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_lines_are_folded_at_spaces() {
        for (text, cells, expected) in [
            ("one two three", None, "one two three"),
            ("one two three", Some(13), "one two three"),
            ("one two three", Some(12), "one two\n  three"),
            ("one two three", Some(7), "one two\n  three"),
            ("one two three", Some(2), "one\n  two\n  three"),
            ("a    b c", Some(6), "a    b\n  c"),
            ("\x1b[31mone\x1b[0m two", Some(7), "\x1b[31mone\x1b[0m two"),
            ("", Some(5), ""),
        ] {
            assert_eq!(folded(text, cells, 2), expected, "{text:?} in {cells:?}");
        }
    }

    #[test]
    fn texts_are_cut_by_cells() {
        for (text, cells, expected) in [
            ("server", 6, "server"),
            ("server", 5, "serv…"),
            ("server", 1, "…"),
            ("server", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}a", 2, "e\u{301}a"),
        ] {
            assert_eq!(cut(text, cells), expected);
            assert!(width(&cut(text, cells)) <= cells);
        }
    }
}
