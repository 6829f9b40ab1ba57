//! Serves the dashboard: the files that `build.rs` embedded, packed as the browser takes them.
//!
//! The files hold no secret and need no token; what they show comes from the API, which does. The
//! page itself is asked for anew each time and usually answered with 304; everything else has a hash
//! in its name and is kept by the browser for good. A content policy lets the page load, run and
//! reach nothing but this server. A binary built without Node has no files: then a page says so, and
//! leads to the status page.

use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Own scripts, styles and calls; no inline ones, no frames, no forms, no other server.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'none'; require-trusted-types-for 'script'";

/// The page.
const INDEX: &str = "/index.html";

/// What stands in for the page in a binary without one.
const MISSING: &str = include_str!("page/missing.html");

/// One embedded file.
struct File {
    /// From the root, as `/assets/index-4f2a.js`.
    path: &'static str,
    /// Changes with the content.
    tag: &'static str,
    plain: &'static [u8],
    /// Packed copies; none where packing saves nothing.
    br: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// `GET /`.
pub(crate) async fn index(request: Request) -> Response {
    match find(INDEX) {
        Some(file) => file.answer(request.headers(), "no-cache"),
        None => ([(CONTENT_TYPE, "text/html; charset=utf-8")], MISSING).into_response(),
    }
}

/// `GET /assets/…`. A name that is not there is of an older build: 404, never the page.
pub(crate) async fn asset(request: Request) -> Response {
    match find(request.uri().path()) {
        Some(file) => file.answer(request.headers(), "public, max-age=31536000, immutable"),
        None => (StatusCode::NOT_FOUND, "no such file in this build\n").into_response(),
    }
}

fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl File {
    fn answer(&self, fields: &HeaderMap, kept: &'static str) -> Response {
        let (coding, bytes) = self.packed_for(fields);
        // Each coding is another representation, so it has a tag of its own (RFC 9110 §8.8.3).
        let tag = format!("\"{}-{}\"", self.tag, coding.unwrap_or("plain"));
        let is_known = fields.get_all(IF_NONE_MATCH).iter().any(|value| has_tag(value, &tag));
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, content_type(self.path))], bytes).into_response()
        };
        let set = response.headers_mut();
        set.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        set.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
        set.insert(VARY, HeaderValue::from_static("accept-encoding"));
        set.extend(HeaderValue::from_str(&tag).map(|tag| (ETAG, tag)));
        if let (Some(coding), false) = (coding, is_known) {
            set.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }

    /// The smallest copy that the caller takes, and its coding.
    fn packed_for(&self, fields: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
        let takes = |coding| {
            let mut values = fields.get_all(ACCEPT_ENCODING).iter();
            values.any(|value| value.to_str().is_ok_and(|value| accepts(value, coding)))
        };
        match (self.br, self.gzip) {
            (Some(br), _) if takes("br") => (Some("br"), br),
            (_, Some(gzip)) if takes("gzip") => (Some("gzip"), gzip),
            _ => (None, self.plain),
        }
    }
}

/// Whether `coding` is named in an `Accept-Encoding` value and not with weight zero (RFC 9110
/// §12.5.3). `*` is not taken for a yes: a caller who knows a packing can name it.
fn accepts(value: &str, coding: &str) -> bool {
    value.split(',').any(|part| {
        let mut parameters = part.split(';').map(str::trim);
        let is_named = parameters.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parameters.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        is_named && weight.is_none_or(|q| q.trim().parse().is_ok_and(|q: f32| q > 0.0))
    })
}

/// Whether an `If-None-Match` value holds `tag`, by the weak comparison (RFC 9110 §13.1.2).
fn has_tag(value: &HeaderValue, tag: &str) -> bool {
    let Ok(value) = value.to_str() else { return false };
    value.trim() == "*"
        || value.split(',').map(str::trim).any(|it| it.strip_prefix("W/").unwrap_or(it) == tag)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILE: File = File {
        path: "/assets/index-4f2a.js",
        tag: "1234",
        plain: b"plain",
        br: Some(b"br"),
        gzip: Some(b"gzip"),
    };

    fn fields(pairs: &[(axum::http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_best_packing_that_is_accepted_is_sent() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, br;q=0", Some("gzip")),
            ("GZIP;q=0.5", Some("gzip")),
            ("identity", None),
            ("*", None),
            ("br;q=x", None),
            ("", None),
        ] {
            let (found, bytes) = FILE.packed_for(&fields(&[(ACCEPT_ENCODING, accepted)]));
            assert_eq!(found, coding, "{accepted}");
            assert_eq!(bytes, coding.unwrap_or("plain").as_bytes(), "{accepted}");
        }
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let first = FILE.answer(&fields(&[(ACCEPT_ENCODING, "br")]), "no-cache");
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CONTENT_ENCODING], "br");
        assert_eq!(first.headers()[ETAG], "\"1234-br\"");
        for (known, status) in [
            ("\"1234-br\"", StatusCode::NOT_MODIFIED),
            ("\"x\", W/\"1234-br\"", StatusCode::NOT_MODIFIED),
            ("*", StatusCode::NOT_MODIFIED),
            ("\"1234-gzip\"", StatusCode::OK),
        ] {
            let asked = fields(&[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, known)]);
            assert_eq!(FILE.answer(&asked, "no-cache").status(), status, "{known}");
        }
    }

    /// Either the whole dashboard is embedded or nothing of it.
    #[test]
    fn the_page_comes_with_all_that_it_loads() {
        let Some(page) = find(INDEX) else {
            assert!(FILES.is_empty(), "files without a page");
            return;
        };
        let text = std::str::from_utf8(page.plain).unwrap();
        let named: Vec<_> = text.split('"').filter(|it| it.starts_with("/assets/")).collect();
        assert!(named.len() >= 2, "a script and a style: {text}");
        for name in named {
            assert!(find(name).is_some(), "{name} is not embedded");
        }
        assert!(!text.contains("<style") && !text.contains("style="), "the policy refuses these");
    }
}
