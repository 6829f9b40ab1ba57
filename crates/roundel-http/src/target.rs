//! Request targets: their four forms and what they say of authority and path (RFC 9112 §3.2).
//!
//! Router, access rules and endpoint must see one path. Paths are therefore never decoded or
//! normalised here; those that someone further on might normalise into another path are refused.

use crate::authority;
use crate::field::Span;
use crate::method::Method;
use crate::request::{RequestError, TargetForm};
use crate::syntax;

/// A target taken apart. Spans are into the buffer that the target lies in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) form: TargetForm,
    pub(crate) path_and_query: Span,
    pub(crate) path: Span,
    /// Empty in origin and asterisk form, unless the latter came as an absolute form.
    pub(crate) authority: Span,
    pub(crate) host: Span,
}

/// Takes apart the target at `span`, whose bytes are all of [`syntax::TARGET`]; `classes` are the
/// classes seen in it.
pub(crate) fn parse(
    buf: &[u8],
    span: Span,
    classes: u8,
    method: Method,
) -> Result<Target, RequestError> {
    let text = span.of(buf);
    let start = span.start as usize;
    let (mut target, path_start) = match (method, text) {
        (Method::Connect, _) => return authority_form(text, start),
        (_, [b'/', ..]) => (Target::default(), 0),
        (Method::Options, b"*") => {
            return Ok(Target { form: TargetForm::Asterisk, ..Target::default() });
        }
        _ => absolute_form(text, start)?,
    };
    let path_and_query = text.get(path_start..).unwrap_or_default();
    if path_and_query.is_empty() && method == Method::Options {
        // OPTIONS http://host asks what OPTIONS * asks (RFC 9112 §3.2.4).
        target.form = TargetForm::Asterisk;
        return Ok(target);
    }
    let path_len = memchr::memchr(b'?', path_and_query).unwrap_or(path_and_query.len());
    let path = path_and_query.get(..path_len).unwrap_or_default();
    if classes & syntax::SUSPECT != 0 && is_ambiguous(path) {
        return Err(RequestError::Path);
    }
    target.path_and_query = Span::new(start + path_start, path_and_query.len());
    target.path = Span::new(start + path_start, path_len);
    Ok(target)
}

/// `host:port`; both are needed, since there is no scheme to imply a port (RFC 9112 §3.2.3).
fn authority_form(text: &[u8], start: usize) -> Result<Target, RequestError> {
    let authority = authority::parse(text).ok_or(RequestError::Line)?;
    if authority.port.is_none_or(|port| port == 0) {
        return Err(RequestError::Line);
    }
    Ok(Target {
        form: TargetForm::Authority,
        authority: Span::new(start, text.len()),
        host: Span::new(start, authority.host_len),
        ..Target::default()
    })
}

/// `http://authority` and what follows; gives the target so far and where its path starts.
fn absolute_form(text: &[u8], start: usize) -> Result<(Target, usize), RequestError> {
    let scheme_len = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| syntax::has_prefix_ignoring_case(text, scheme))
        .map(<[u8]>::len)
        .ok_or(RequestError::Line)?;
    let rest = text.get(scheme_len..).unwrap_or_default();
    let authority_len = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let authority = authority::parse(rest.get(..authority_len).unwrap_or_default())
        .ok_or(RequestError::Line)?;
    let target = Target {
        form: TargetForm::Absolute,
        authority: Span::new(start + scheme_len, authority_len),
        host: Span::new(start + scheme_len, authority.host_len),
        ..Target::default()
    };
    Ok((target, scheme_len + authority_len))
}

/// Whether some recipient may take `path` for another one: it has a dot segment (RFC 3986 §5.2.4),
/// plain, escaped, before a path parameter (`/..;/`) or between escaped slashes; a backslash or a
/// NUL, plain or escaped; or a broken escape.
fn is_ambiguous(path: &[u8]) -> bool {
    // Number of dots of the segment so far, while it has nothing else.
    let mut dots = Some(0_usize);
    let mut rest = path;
    loop {
        let byte;
        (byte, rest) = match *rest {
            [] => return matches!(dots, Some(1 | 2)),
            [b'%', high, low, ref after @ ..] => {
                let (Some(high), Some(low)) = (syntax::hex_digit(high), syntax::hex_digit(low))
                else {
                    return true;
                };
                (high << 4 | low, after)
            }
            [b'%', ..] => return true,
            [byte, ref after @ ..] => (byte, after),
        };
        dots = match (byte, dots) {
            (b'\\' | 0, _) | (b'/' | b';', Some(1 | 2)) => return true,
            (b'/', _) => Some(0),
            (b'.', Some(count)) => Some(count + 1),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(method: Method, text: &str) -> Result<Target, RequestError> {
        let (len, classes) = syntax::run(text.as_bytes(), syntax::TARGET);
        assert_eq!(len, text.len(), "not a run of target bytes: {text}");
        parse(text.as_bytes(), Span::new(0, len), classes, method)
    }

    fn parts(method: Method, text: &str) -> (TargetForm, &str, &str, &str, &str) {
        let target = parse_text(method, text).expect(text);
        let of = |span: Span| str::from_utf8(span.of(text.as_bytes())).unwrap();
        (
            target.form,
            of(target.authority),
            of(target.host),
            of(target.path),
            of(target.path_and_query),
        )
    }

    #[test]
    fn each_form_yields_its_parts() {
        use TargetForm::{Absolute, Asterisk, Authority, Origin};
        for (method, text, expected) in [
            (Method::Get, "/", (Origin, "", "", "/", "/")),
            (Method::Get, "/a/b?c=/../d", (Origin, "", "", "/a/b", "/a/b?c=/../d")),
            (Method::Get, "//a", (Origin, "", "", "//a", "//a")),
            (Method::Get, "/http://a", (Origin, "", "", "/http://a", "/http://a")),
            (Method::Get, "http://a", (Absolute, "a", "a", "", "")),
            (Method::Get, "HTTP://a:1/b", (Absolute, "a:1", "a", "/b", "/b")),
            (Method::Get, "https://a?b", (Absolute, "a", "a", "", "?b")),
            (Method::Options, "*", (Asterisk, "", "", "", "")),
            (Method::Options, "/", (Origin, "", "", "/", "/")),
            (Method::Options, "http://a:1", (Asterisk, "a:1", "a", "", "")),
            (Method::Options, "http://a/", (Absolute, "a", "a", "/", "/")),
            (Method::Connect, "a:443", (Authority, "a:443", "a", "", "")),
            (Method::Connect, "[::1]:443", (Authority, "[::1]:443", "[::1]", "", "")),
        ] {
            assert_eq!(parts(method, text), expected, "{text}");
        }
    }

    #[test]
    fn forms_are_bound_to_their_methods() {
        for (method, text) in [
            (Method::Get, "*"),
            (Method::Get, "a:80"),
            (Method::Get, "a"),
            (Method::Get, "?a"),
            (Method::Options, "*/a"),
            (Method::Get, "ftp://a/"),
            (Method::Get, "http:/a"),
            (Method::Get, "http://"),
            (Method::Get, "http:///a"),
            (Method::Get, "http://u@a/"),
            (Method::Get, "http://a:b/"),
            (Method::Connect, "/"),
            (Method::Connect, "*"),
            (Method::Connect, "a"),
            (Method::Connect, "a:"),
            (Method::Connect, "a:0"),
            (Method::Connect, "http://a:80"),
            (Method::Connect, "a:80/"),
        ] {
            assert_eq!(parse_text(method, text), Err(RequestError::Line), "{text}");
        }
    }

    #[test]
    fn paths_that_may_be_normalised_away_are_refused() {
        for path in [
            "/.",
            "/..",
            "/./a",
            "/a/../b",
            "/a/%2e",
            "/%2E%2e/a",
            "/.%2e",
            "/a%2f..%2fb",
            "/..%2F",
            "/..;/a",
            "/.;x",
            "/..%3b/a",
            "/a\\b",
            "/a%5cb",
            "/a%5C",
            "/%00",
            "/%",
            "/%4",
            "/%zz",
        ] {
            assert_eq!(parse_text(Method::Get, path), Err(RequestError::Path), "{path}");
            let absolute = format!("http://a{path}?b");
            assert_eq!(parse_text(Method::Get, &absolute), Err(RequestError::Path), "{path}");
        }
    }

    #[test]
    fn other_unusual_paths_pass_untouched() {
        for path in [
            "/.a",
            "/a.",
            "/...",
            "/a..b/c",
            "/a/..b",
            "/..a/",
            "//",
            "/a%2fb",
            "/%252e%252e/",
            "/a;..",
            "/.well-known/x",
            "/a?%",
            "/a?b=\\",
            "/a?/../",
            "/a:b@c|d^e",
            "/%20%0a",
        ] {
            assert!(parse_text(Method::Get, path).is_ok(), "{path}");
        }
    }
}
