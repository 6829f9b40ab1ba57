//! Names an operator gives to things.
//!
//! A name appears in metrics, logs, API paths and messages, so its alphabet is restricted once,
//! here, and nothing downstream has to escape or re-check it.

use std::fmt;
use std::sync::Arc;

/// Longest name in bytes: fits a metric label and a table column.
pub const NAME_LEN_MAX: usize = 64;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name has at least one character")]
    Empty,
    /// The text is longer than [`NAME_LEN_MAX`] bytes.
    #[error("{0} bytes long (limit {NAME_LEN_MAX})")]
    TooLong(usize),
    /// The text has a character outside the alphabet, or a space at an end.
    #[error("{0:?} is not allowed here (letters, digits, `-`, `_`, `.`, `:` and inner spaces are)")]
    Character(char),
}

/// A validated name: 1 to 64 bytes of ASCII letters, digits, `-`, `_`, `.`, `:`, `/`, `[`, `]` or
/// inner spaces. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks `text` and takes it as a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_LEN_MAX {
            return Err(NameError::TooLong(text.len()));
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(NameError::Character(' '));
        }
        match text.chars().find(|c| !is_name_char(*c)) {
            Some(c) => Err(NameError::Character(c)),
            None => Ok(Self(text.into())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// The slash and brackets are there because an endpoint without a name is named by its address,
// which may be a Unix socket path or an IPv6 address.
fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '[' | ']' | ' ')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabet_and_length_are_enforced() {
        for good in ["web", "Server 2", "127.0.0.1:5001", "a", "unix:/run/app.sock", "[::1]:80"] {
            assert_eq!(Name::parse(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", NameError::Empty),
            (" a", NameError::Character(' ')),
            ("a\n", NameError::Character('\n')),
            ("a\"b", NameError::Character('"')),
            ("ü", NameError::Character('ü')),
        ] {
            assert_eq!(Name::parse(bad), Err(why));
        }
        assert_eq!(Name::parse(&"x".repeat(65)), Err(NameError::TooLong(65)));
    }
}
