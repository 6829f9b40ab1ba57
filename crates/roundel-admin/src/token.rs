//! The token that a caller presents where the surface can be reached from other machines.
//!
//! `Authorization: Bearer TOKEN` (RFC 6750 §2.1). Not a cookie and not Basic: a browser sends those
//! by itself, also when a page of another site makes it, and then they prove nothing.

use std::fmt;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};

/// A secret of at least one visible ASCII character.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<[u8]>);

/// Why a token file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The first line is empty.
    #[error("the first line of the token file {0} is empty")]
    Empty(PathBuf),
    /// The first line has something that cannot stand in a header field.
    #[error("the first line of the token file {0} has a space or a character that is not ASCII")]
    Character(PathBuf),
}

impl Token {
    /// Takes the first line of the file at `path`; spaces around it are not part of the token.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TokenError::Unreadable { path: path.to_owned(), source })?;
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            return Err(TokenError::Empty(path.to_owned()));
        }
        if !line.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Character(path.to_owned()));
        }
        Ok(Self(line.as_bytes().into()))
    }

    /// The value of `Authorization` that presents it, for one who calls.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", String::from_utf8_lossy(&self.0))
    }

    /// A token that a test knows.
    #[cfg(test)]
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// Whether an `Authorization` field presents this token. How long that takes depends on
    /// lengths alone, so a caller cannot find the token out byte by byte.
    pub(crate) fn is_presented_by(&self, authorization: &[u8]) -> bool {
        let Some((scheme, presented)) = authorization.split_at_checked(b"Bearer ".len()) else {
            return false;
        };
        if !scheme.eq_ignore_ascii_case(b"Bearer ") || presented.len() != self.0.len() {
            return false;
        }
        let pairs = self.0.iter().zip(presented);
        pairs.fold(0, |difference, (ours, theirs)| black_box(difference | (ours ^ theirs))) == 0
    }
}

// A secret stays out of logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_as_a_bearer_is_accepted() {
        let token = Token(b"s3cret"[..].into());
        for good in ["Bearer s3cret", "bearer s3cret"] {
            assert!(token.is_presented_by(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "s3cret",
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Bearer s3crets",
            "Bearer S3cret",
            "Basic s3cret",
            "Bearer  s3cret",
        ] {
            assert!(!token.is_presented_by(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_token_never_appears_in_debug_output() {
        assert_eq!(format!("{:?}", Token(b"s3cret"[..].into())), "Token(…)");
    }

    #[test]
    fn a_file_without_a_usable_first_line_is_refused() {
        let folder = std::env::temp_dir().join(format!("roundel-token-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("token");
        for (text, verdict) in [
            ("abc\nsecond line\n", Ok(&b"abc"[..])),
            ("  abc\r\n", Ok(b"abc")),
            ("\nabc", Err("is empty")),
            ("", Err("is empty")),
            ("a b", Err("has a space")),
            ("ä", Err("has a space or a character that is not ASCII")),
        ] {
            std::fs::write(&path, text).unwrap();
            match (Token::read(&path), verdict) {
                (Ok(token), Ok(expected)) => assert_eq!(&*token.0, expected, "{text:?}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (token, verdict) => panic!("{text:?}: {token:?}, wanted {verdict:?}"),
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(Token::read(&path).unwrap_err().to_string().starts_with("cannot read"));
    }
}
