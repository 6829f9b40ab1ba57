//! What of a request target may be kept: the path, never who asks and with which words.
//!
//! Queries carry tokens, session ids and search terms, and the user information of a URL a
//! password (RFC 9110 §4.2.4). Pure, and careful with what the parser refused, since that is kept
//! too.

/// The parts of `target` that are kept, in order; together they are its path, `*`, or an authority
/// (RFC 9112 §3.2). A query is replaced by `?…` unless `keeps_queries`.
pub(super) fn redacted(target: &[u8], keeps_queries: bool) -> [&[u8]; 2] {
    let path = without_authority(target);
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(path.len());
    let (path, rest) = path.split_at(end);
    let path: &[u8] = if path.is_empty() && !target.is_empty() { b"/" } else { path };
    match rest.first() {
        Some(b'?') if keeps_queries => [path, rest],
        Some(b'?') if rest.len() > 1 => [path, "?…".as_bytes()],
        // A fragment is never sent by who keeps to RFC 9110 §7.1.
        _ => [path, b""],
    }
}

/// Without scheme, user information and host, if it has them.
fn without_authority(target: &[u8]) -> &[u8] {
    if matches!(target.first(), Some(b'/' | b'?' | b'*')) {
        return target;
    }
    if let Some(at) = memchr::memmem::find(target, b"://") {
        let rest = &target[at + 3..];
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
        return &rest[end.unwrap_or(rest.len())..];
    }
    // An authority, or no target at all: user information ends with the last `@`.
    let after = memchr::memrchr(b'@', target).map_or(0, |at| at + 1);
    &target[after..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_is_kept() {
        for (target, kept, with_query) in [
            ("/", "/", "/"),
            ("/a/b", "/a/b", "/a/b"),
            ("/a?token=1", "/a?…", "/a?token=1"),
            ("/a?", "/a", "/a?"),
            ("/a?b?c#d", "/a?…", "/a?b?c#d"),
            ("/a#secret", "/a", "/a"),
            ("/a@b:c", "/a@b:c", "/a@b:c"),
            ("*", "*", "*"),
            ("", "", ""),
            ("http://user:pw@host/x?q=1", "/x?…", "/x?q=1"),
            ("http://user:pw@host", "/", "/"),
            ("http://host?q=1", "/?…", "/?q=1"),
            ("http://host/a@b", "/a@b", "/a@b"),
            ("host:443", "host:443", "host:443"),
            ("user:pw@host:443", "host:443", "host:443"),
            ("user:p@w@host:443", "host:443", "host:443"),
            ("?q=1", "/?…", "/?q=1"),
        ] {
            let joined = |keeps| String::from_utf8(redacted(target.as_bytes(), keeps).concat());
            assert_eq!(joined(false).unwrap(), kept, "{target}");
            assert_eq!(joined(true).unwrap(), with_query, "{target}");
        }
    }
}
