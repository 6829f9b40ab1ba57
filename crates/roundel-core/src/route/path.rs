//! Which paths a route serves.
//!
//! Paths are compared byte by byte and segment by segment, after `canonical` has made equal what
//! RFC 3986 §6.2.2 calls equivalent: an endpoint reads `/%61dmin` as `/admin`, so a route for
//! `/admin` has to. An encoded slash stays encoded, since servers differ about what it means.
//! Dot segments and backslashes, on which they differ too, are refused before routing, and a
//! matcher that would wait for them is refused here. The endpoint is sent the path as it came.

use std::borrow::Cow;
use std::fmt;

/// What paths a route matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatcher {
    /// All, also the `*` of `OPTIONS *` and the absent path of `CONNECT`.
    Any,
    /// This path, without query.
    Exact(String),
    /// This path and all below it, by segment: `/api` matches `/api` and `/api/x`, not `/apix`.
    Prefix(String),
}

/// Why a text is not a path to match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text does not start with a slash.
    #[error("a path starts with `/`")]
    NotAbsolute,
    /// A query or fragment follows the path.
    #[error("a path is matched without query or fragment: leave out {0:?} and what follows")]
    Query(char),
    /// A segment is `.` or `..`.
    #[error("requests with `.` or `..` segments are refused, so this would never match")]
    DotSegment,
    /// A character that no request path has.
    #[error("{0:?} never arrives in a path (write it percent-encoded)")]
    Character(char),
}

impl PathMatcher {
    /// Matches `path` alone.
    pub fn exact(path: &str) -> Result<Self, PathError> {
        check(path)?;
        Ok(Self::Exact(path.to_owned()))
    }

    /// Matches `path` and all below it. Slashes at its end mean nothing: `/api/` is `/api`.
    pub fn prefix(path: &str) -> Result<Self, PathError> {
        check(path)?;
        let trimmed = trim_end_slashes(path);
        Ok(Self::Prefix(if trimmed.is_empty() { "/" } else { trimmed }.to_owned()))
    }

    /// Whether it matches `path`, which is without query.
    pub fn is_match(&self, path: &str) -> bool {
        let path = canonical(path);
        match self {
            Self::Any => true,
            Self::Exact(exact) => canonical(exact) == path,
            Self::Prefix(prefix) => path
                .strip_prefix(&*canonical(trim_end_slashes(prefix)))
                .is_some_and(|rest| rest.starts_with('/') || (rest.is_empty() && !path.is_empty())),
        }
    }
}

/// `path` in the one form of RFC 3986 §6.2.2 that escapes have: those of letters, digits, `-`, `.`,
/// `_` and `~` decoded, others in upper case. Allocates only if `path` is not in that form, as it
/// is from usual clients; a broken escape stays as it is.
pub(super) fn canonical(path: &str) -> Cow<'_, str> {
    let is_canonical = |rest: &str| match escape(rest) {
        Some((byte, _)) => {
            !is_unreserved(byte) && !rest.bytes().take(2).any(|b| b.is_ascii_lowercase())
        }
        None => true,
    };
    if path.split('%').skip(1).all(is_canonical) {
        return Cow::Borrowed(path);
    }
    let mut parts = path.split('%');
    let mut canonical = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match escape(part) {
            Some((byte, rest)) if is_unreserved(byte) => {
                canonical.push(char::from(byte));
                canonical.push_str(rest);
            }
            Some((byte, rest)) => canonical.extend([&format!("%{byte:02X}"), rest]),
            None => canonical.extend(["%", part]),
        }
    }
    Cow::Owned(canonical)
}

/// The byte that the two digits after a `%` stand for, and what follows them.
fn escape(part: &str) -> Option<(u8, &str)> {
    let (digits, rest) = part.split_at_checked(2)?;
    // A sign would pass as a number.
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some((byte, rest))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The segments of a prefix: none for `/`.
pub(super) fn prefix_segments(prefix: &str) -> impl Iterator<Item = &str> {
    trim_end_slashes(prefix).split('/').skip(1)
}

/// The segments of a whole path: one, empty, for `/`.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

pub(super) fn trim_end_slashes(path: &str) -> &str {
    path.trim_end_matches('/')
}

fn check(path: &str) -> Result<(), PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    for c in path.chars() {
        match c {
            '?' | '#' => return Err(PathError::Query(c)),
            '\\' => return Err(PathError::Character(c)),
            c if !c.is_ascii_graphic() => return Err(PathError::Character(c)),
            _ => {}
        }
    }
    if segments(&canonical(path)).any(|segment| matches!(segment, "." | "..")) {
        return Err(PathError::DotSegment);
    }
    Ok(())
}

/// `*` for any, `/login` for an exact path, `/api/*` for a prefix.
impl fmt::Display for PathMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(path) => f.write_str(path),
            Self::Prefix(path) => write!(f, "{}/*", trim_end_slashes(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_by_segment() {
        for (prefix, path, expected) in [
            ("/api", "/api", true),
            ("/api", "/api/", true),
            ("/api", "/api/x", true),
            ("/api", "/apix", false),
            ("/api", "/Api", false),
            ("/api", "/", false),
            ("/api/", "/api", true),
            ("/", "/", true),
            ("/", "/x", true),
            ("/", "//", true),
            ("/", "*", false),
            ("/", "", false),
            ("//", "/x", true),
            ("/api//", "/api", true),
            ("//api", "/api", false),
        ] {
            let matcher = PathMatcher::prefix(prefix).unwrap();
            assert_eq!(matcher.is_match(path), expected, "{prefix} and {path}");
        }
    }

    #[test]
    fn an_exact_path_matches_itself_alone() {
        let matcher = PathMatcher::exact("/a/").unwrap();
        assert!(matcher.is_match("/a/"));
        assert!(!matcher.is_match("/a") && !matcher.is_match("/a/b"));
    }

    #[test]
    fn equivalent_escapes_are_one_path() {
        for (path, expected) in [
            ("/admin", "/admin"),
            ("/%61dmin", "/admin"),
            ("/%61%64%6d%69%6E", "/admin"),
            ("/a%2db%2Ec%5fd%7E", "/a-b.c_d~"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%20b%C3%a4", "/a%20b%C3%A4"),
            ("/%2561", "/%2561"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%+1", "/%+1"),
            ("/%zz%61", "/%zza"),
            ("/%ä%61", "/%äa"),
        ] {
            assert_eq!(canonical(path), expected);
            assert_eq!(canonical(expected), expected);
        }
        assert!(matches!(canonical("/a%20b%2F"), Cow::Borrowed(_)));
        let matcher = PathMatcher::prefix("/%61%2f").unwrap();
        assert!(matcher.is_match("/a%2F/x") && matcher.is_match("/%61%2f"));
    }

    #[test]
    fn paths_that_never_arrive_are_refused() {
        for (path, why) in [
            ("", PathError::NotAbsolute),
            ("api", PathError::NotAbsolute),
            ("/a?b", PathError::Query('?')),
            ("/a#b", PathError::Query('#')),
            ("/a/../b", PathError::DotSegment),
            ("/.", PathError::DotSegment),
            ("/a/%2e%2E", PathError::DotSegment),
            ("/a b", PathError::Character(' ')),
            ("/a\\b", PathError::Character('\\')),
            ("/ä", PathError::Character('ä')),
        ] {
            assert_eq!(PathMatcher::exact(path), Err(why.clone()), "{path}");
            assert_eq!(PathMatcher::prefix(path), Err(why), "{path}");
        }
    }
}
