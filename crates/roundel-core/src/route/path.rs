//! Which paths a route serves.
//!
//! Paths are compared as they are sent, byte by byte and segment by segment: nothing is decoded,
//! so router and endpoint can never disagree about what `%2F` means. What servers read
//! differently (dot segments, backslashes) is refused before routing, and a matcher that would
//! wait for it is refused here.

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
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == path,
            Self::Prefix(prefix) => path
                .strip_prefix(trim_end_slashes(prefix))
                .is_some_and(|rest| rest.starts_with('/') || (rest.is_empty() && !path.is_empty())),
        }
    }
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
    if segments(path).any(|segment| matches!(segment, "." | "..")) {
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
    fn paths_that_never_arrive_are_refused() {
        for (path, why) in [
            ("", PathError::NotAbsolute),
            ("api", PathError::NotAbsolute),
            ("/a?b", PathError::Query('?')),
            ("/a#b", PathError::Query('#')),
            ("/a/../b", PathError::DotSegment),
            ("/.", PathError::DotSegment),
            ("/a b", PathError::Character(' ')),
            ("/a\\b", PathError::Character('\\')),
            ("/ä", PathError::Character('ä')),
        ] {
            assert_eq!(PathMatcher::exact(path), Err(why.clone()), "{path}");
            assert_eq!(PathMatcher::prefix(path), Err(why), "{path}");
        }
    }
}
