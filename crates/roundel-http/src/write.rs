//! Writing heads on: canonical, from parsed facts, never a copy of the peer's framing.
//!
//! Fields that pass untouched and stand next to each other in the source, which is nearly all of
//! them, are copied as one run.

use crate::body::Framing;
use crate::field::{Field, FieldKind, KindSet, Span};
use crate::method::Method;
use crate::request::{RequestHead, TargetForm};
use crate::response::ResponseHead;
use crate::syntax;

/// Room for what is added to the fields that are passed on, beside what `extra` appends.
const ADDED_LEN: usize = 192;

/// Appends the head of a request to an endpoint.
///
/// Origin form (asterisk form as `*`, CONNECT in authority form), HTTP/1.1, `Host: {host}` first
/// (`None` leaves Host out), then the client's fields in order, in their case, as `Name: value`,
/// without hop-by-hop, nominated and framing fields and without the kinds in `omit`; then what
/// `extra` appends; then framing for `framing`; then `Connection: upgrade` and Upgrade when the head
/// has an upgrade and `omit` does not; then the empty line.
///
/// `TE: trailers` is kept as such (with its Connection option), other TE values are not.
/// `Expect: 100-continue` is passed on when `head.expects_continue`. Trailer is passed on before a
/// chunked body. [`Framing::None`] writes `Content-Length: 0` for POST, PUT and PATCH, and otherwise
/// nothing (RFC 9110 §8.6).
pub fn write_request(
    out: &mut Vec<u8>,
    buf: &[u8],
    head: &RequestHead,
    host: Option<&[u8]>,
    framing: Framing,
    omit: KindSet,
    extra: impl FnOnce(&mut Vec<u8>),
) {
    out.reserve(head.len + host.map_or(0, <[u8]>::len) + ADDED_LEN);
    out.extend_from_slice(head.method_text.of(buf));
    out.push(b' ');
    push_target(out, buf, head);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(host) = host {
        push_field(out, b"Host", host);
    }
    let is_dropped = |field: &Field| match field.kind {
        FieldKind::Host => true,
        FieldKind::Expect => !head.expects_continue,
        _ => false,
    };
    let mut takes_trailers = false;
    push_fields(out, buf, &head.fields, |field| {
        takes_trailers |= field.kind == FieldKind::Te && has_trailers(field.value.of(buf));
        passes_on(field, framing, omit) && !is_dropped(field)
    });
    extra(out);
    let may_lack_length = !matches!(head.method, Method::Post | Method::Put | Method::Patch);
    push_framing(out, framing, may_lack_length);
    takes_trailers &= !omit.has(FieldKind::Te);
    if takes_trailers {
        out.extend_from_slice(b"TE: trailers\r\n");
    }
    let upgrade = if omit.has(FieldKind::Upgrade) { b"" } else { head.upgrade.of(buf) };
    push_connection(out, false, takes_trailers, upgrade);
    out.extend_from_slice(b"\r\n");
}

/// Appends the head of a response to a client.
///
/// `HTTP/1.1` (as a 1.1 sender, also towards 1.0 clients: RFC 9110 §6.2), status and reason, the
/// endpoint's fields in order without hop-by-hop, nominated, framing fields and `omit`; then what
/// `extra` appends; then framing for `framing` ([`Framing::UntilClose`] and [`Framing::None`]
/// write none, except that the endpoint's Content-Length is kept for HEAD and 304 answers when
/// `keep_content_length`, and `Content-Length: 0` is written for [`Framing::None`] unless the
/// response [`is_bodiless`](ResponseHead::is_bodiless)); then `Connection: close` when `close`,
/// `Connection: upgrade` and Upgrade for 101; then the empty line. Trailer is passed on before a
/// chunked body.
#[allow(clippy::too_many_arguments, reason = "one call site; each argument is one decision")]
pub fn write_response(
    out: &mut Vec<u8>,
    buf: &[u8],
    head: &ResponseHead,
    framing: Framing,
    keep_content_length: bool,
    close: bool,
    omit: KindSet,
    extra: impl FnOnce(&mut Vec<u8>),
) {
    out.reserve(head.len + ADDED_LEN);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(head.status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.reason.of(buf));
    out.extend_from_slice(b"\r\n");
    push_fields(out, buf, &head.fields, |field| passes_on(field, framing, omit));
    extra(out);
    match head.content_length {
        // Describes what is not sent; not allowed at all in 1xx and 204 (RFC 9110 §8.6).
        Some(length)
            if keep_content_length
                && framing == Framing::None
                && !matches!(head.status, 100..=199 | 204) =>
        {
            push_content_length(out, length);
        }
        _ => push_framing(out, framing, head.is_bodiless),
    }
    push_connection(out, close, false, head.upgrade.of(buf));
    out.extend_from_slice(b"\r\n");
}

/// Appends the target in the form that an origin server takes (RFC 9112 §3.2).
fn push_target(out: &mut Vec<u8>, buf: &[u8], head: &RequestHead) {
    match head.form {
        TargetForm::Asterisk => out.push(b'*'),
        TargetForm::Authority => out.extend_from_slice(head.authority.of(buf)),
        TargetForm::Origin | TargetForm::Absolute => {
            if head.path.is_empty() {
                out.push(b'/');
            }
            out.extend_from_slice(head.path_and_query.of(buf));
        }
    }
}

/// Whether a field is for the next hop too.
fn passes_on(field: &Field, framing: Framing, omit: KindSet) -> bool {
    let is_ours = match field.kind {
        FieldKind::Other => false,
        FieldKind::Trailer => framing != Framing::Chunked || omit.has(FieldKind::Trailer),
        kind => kind.is_hop_by_hop() || omit.has(kind),
    };
    !is_ours && !field.is_nominated
}

/// Whether a TE value says that trailers are welcome (RFC 9110 §10.1.4).
fn has_trailers(value: &[u8]) -> bool {
    syntax::elements(value).any(|element| element.eq_ignore_ascii_case(b"trailers"))
}

/// Appends the fields that `passes_on`, neighbours together.
fn push_fields(
    out: &mut Vec<u8>,
    buf: &[u8],
    fields: &[Field],
    mut passes_on: impl FnMut(&Field) -> bool,
) {
    // Lines waiting to be copied, without the last CRLF.
    let mut run = Span::default();
    for field in fields {
        if !passes_on(field) {
            continue;
        }
        let is_plain = !field.value.is_empty() && between(buf, field.name, field.value) == b": ";
        if is_plain && !run.is_empty() && between(buf, run, field.name) == b"\r\n" {
            run.len = (field.value.end() - run.start as usize) as u32;
            continue;
        }
        push_run(out, buf, run);
        run = Span::default();
        if is_plain {
            let start = field.name.start as usize;
            run = Span::new(start, field.value.end() - start);
        } else {
            push_field(out, field.name.of(buf), field.value.of(buf));
        }
    }
    push_run(out, buf, run);
}

/// The bytes after one span and before the next.
fn between(buf: &[u8], first: Span, second: Span) -> &[u8] {
    buf.get(first.end()..second.start as usize).unwrap_or_default()
}

fn push_run(out: &mut Vec<u8>, buf: &[u8], run: Span) {
    if !run.is_empty() {
        out.extend_from_slice(run.of(buf));
        out.extend_from_slice(b"\r\n");
    }
}

fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn push_framing(out: &mut Vec<u8>, framing: Framing, may_lack_length: bool) {
    match framing {
        Framing::Length(length) => push_content_length(out, length),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None if !may_lack_length => push_content_length(out, 0),
        Framing::None | Framing::UntilClose => {}
    }
}

fn push_content_length(out: &mut Vec<u8>, length: u64) {
    push_field(out, b"Content-Length", itoa::Buffer::new().format(length).as_bytes());
}

/// Appends Connection with the options that apply, if any, and Upgrade if there is one.
fn push_connection(out: &mut Vec<u8>, close: bool, takes_trailers: bool, upgrade: &[u8]) {
    let is_upgrade = !upgrade.is_empty();
    let options: &[u8] = match (close, takes_trailers, is_upgrade) {
        (false, false, false) => return,
        (true, _, false) => b"close",
        (false, true, false) => b"TE",
        (false, false, true) => b"upgrade",
        (false, true, true) => b"upgrade, TE",
        (true, _, true) => b"close, upgrade",
    };
    push_field(out, b"Connection", options);
    if is_upgrade {
        push_field(out, b"Upgrade", upgrade);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{HeadLimits, Parse};

    const LIMITS: HeadLimits =
        HeadLimits { head_bytes_max: 4096, fields_max: 32, target_bytes_max: 1024 };

    /// Writes a request head given with `\n` for CRLF and without the empty line.
    fn request(text: &str, framing: Framing, omit: KindSet, extra: &str) -> String {
        let text = text.replace('\n', "\r\n") + "\r\n";
        let mut head = RequestHead::default();
        assert_eq!(head.parse(text.as_bytes(), &LIMITS), Ok(Parse::Complete), "{text}");
        let mut out = Vec::new();
        let buf = text.as_bytes();
        let host = Some(head.authority.of(buf)).filter(|host| !host.is_empty());
        write_request(&mut out, buf, &head, host, framing, omit, |out| {
            out.extend_from_slice(extra.as_bytes());
        });
        String::from_utf8(out).unwrap().replace("\r\n", "\n")
    }

    fn plain(text: &str) -> String {
        request(text, Framing::None, KindSet::EMPTY, "")
    }

    #[test]
    fn a_plain_request_is_passed_on_with_host_first() {
        assert_eq!(
            plain("GET /a?b HTTP/1.1\nAccept: */*\nHost: h:1\nx:  1 \nY: \nz: 2\n"),
            "GET /a?b HTTP/1.1\nHost: h:1\nAccept: */*\nx: 1\nY: \nz: 2\n\n"
        );
    }

    #[test]
    fn targets_take_the_form_for_an_origin() {
        for (line, expected) in [
            ("GET http://t HTTP/1.1", "GET / HTTP/1.1\nHost: t\n"),
            ("GET http://t?q HTTP/1.1", "GET /?q HTTP/1.1\nHost: t\n"),
            ("GET http://t:1/p?q HTTP/1.1", "GET /p?q HTTP/1.1\nHost: t:1\n"),
            ("OPTIONS * HTTP/1.1", "OPTIONS * HTTP/1.1\nHost: h\n"),
            ("OPTIONS http://t HTTP/1.1", "OPTIONS * HTTP/1.1\nHost: t\n"),
            ("CONNECT t:1 HTTP/1.1", "CONNECT t:1 HTTP/1.1\nHost: t:1\n"),
        ] {
            assert_eq!(plain(&format!("{line}\nHost: h\n")), format!("{expected}\n"), "{line}");
        }
        assert_eq!(plain("GET / HTTP/1.0\n"), "GET / HTTP/1.1\n\n");
    }

    #[test]
    fn fields_of_this_hop_end_here() {
        assert_eq!(
            plain(
                "GET / HTTP/1.1\nHost: h\na: 1\nConnection: x, close, Host, cookie, X-Forwarded-Port\n\
                 Keep-Alive: 1\nProxy-Connection: y\nX: 2\nCookie: c\nProxy-Authorization: p\n\
                 TE: gzip\nTrailer: t\nUpgrade: u\nHTTP2-Settings: s\nX-Forwarded-Port: 1\nb: 3\n"
            ),
            "GET / HTTP/1.1\nHost: h\na: 1\nCookie: c\nX-Forwarded-Port: 1\nb: 3\n\n"
        );
    }

    #[test]
    fn framing_is_written_anew() {
        let text = "POST / HTTP/1.1\nContent-Length: 003\nHost: h\nTrailer: t\n";
        let written = |framing| request(text, framing, KindSet::EMPTY, "E: x\n");
        let start = "POST / HTTP/1.1\nHost: h\n";
        assert_eq!(written(Framing::Length(3)), format!("{start}E: x\nContent-Length: 3\n\n"));
        assert_eq!(
            written(Framing::Chunked),
            format!("{start}Trailer: t\nE: x\nTransfer-Encoding: chunked\n\n")
        );
        assert_eq!(written(Framing::None), format!("{start}E: x\nContent-Length: 0\n\n"));
    }

    #[test]
    fn te_upgrade_and_expect_pass_in_their_only_safe_form() {
        assert_eq!(
            plain("GET / HTTP/1.1\nHost: h\nTE: gzip;q=1, Trailers\nConnection: TE\n"),
            "GET / HTTP/1.1\nHost: h\nTE: trailers\nConnection: TE\n\n"
        );
        assert_eq!(
            plain(
                "GET / HTTP/1.1\nHost: h\nTE: trailers\nConnection: TE, upgrade\nUpgrade: h2c, w\n"
            ),
            "GET / HTTP/1.1\nHost: h\nTE: trailers\nConnection: upgrade, TE\nUpgrade: w\n\n"
        );
        let text = "PUT / HTTP/1.1\nHost: h\nExpect: 100-Continue\nContent-Length: 1\n";
        let omit = KindSet::EMPTY.with(FieldKind::Expect);
        assert_eq!(
            request(text, Framing::Length(1), KindSet::EMPTY, ""),
            "PUT / HTTP/1.1\nHost: h\nExpect: 100-Continue\nContent-Length: 1\n\n"
        );
        assert_eq!(
            request(text, Framing::Length(1), omit, ""),
            "PUT / HTTP/1.1\nHost: h\nContent-Length: 1\n\n"
        );
        assert_eq!(
            plain("GET / HTTP/1.1\nHost: h\nExpect: 100-continue\n"),
            "GET / HTTP/1.1\nHost: h\n\n"
        );
    }

    #[test]
    fn omitted_kinds_are_left_out() {
        let omit = KindSet::EMPTY.with(FieldKind::XForwardedFor).with(FieldKind::Te);
        let text =
            "GET / HTTP/1.1\nHost: h\nX-Forwarded-For: a\nb: c\nx-forwarded-for: d\nTE: trailers\n";
        assert_eq!(
            request(text, Framing::None, omit, "X-Forwarded-For: e\r\n"),
            "GET / HTTP/1.1\nHost: h\nb: c\nX-Forwarded-For: e\n\n"
        );
        let text = "GET / HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade: websocket\n";
        let omit = KindSet::EMPTY.with(FieldKind::Upgrade);
        assert_eq!(request(text, Framing::None, omit, ""), "GET / HTTP/1.1\nHost: h\n\n");
    }

    /// Writes a response head; framing as parsed.
    fn response(method: Method, text: &str, keep_content_length: bool, close: bool) -> String {
        let text = text.replace('\n', "\r\n") + "\r\n";
        let buf = text.as_bytes();
        let mut head = ResponseHead::default();
        assert_eq!(head.parse(buf, method, &LIMITS), Ok(Parse::Complete), "{text}");
        let mut out = Vec::new();
        let omit = KindSet::EMPTY.with(FieldKind::Server);
        write_response(
            &mut out,
            buf,
            &head,
            head.framing,
            keep_content_length,
            close,
            omit,
            |out| out.extend_from_slice(b"E: x\r\n"),
        );
        String::from_utf8(out).unwrap().replace("\r\n", "\n")
    }

    #[test]
    fn a_response_is_passed_on_framed_anew() {
        for (text, expected) in [
            (
                "HTTP/1.0 200 Fine\nServer: s\na: 1\nContent-Length: 03\nKeep-Alive: k\nb: 2\n",
                "HTTP/1.1 200 Fine\na: 1\nb: 2\nE: x\nContent-Length: 3\n\n",
            ),
            (
                "HTTP/1.1 599\nTransfer-Encoding: Chunked\nTrailer: t\nConnection: c\nC: 1\n",
                "HTTP/1.1 599 \nTrailer: t\nE: x\nTransfer-Encoding: chunked\n\n",
            ),
            ("HTTP/1.1 200 OK\na: 1\n", "HTTP/1.1 200 OK\na: 1\nE: x\n\n"),
            (
                "HTTP/1.1 200 OK\nContent-Length: 0\n",
                "HTTP/1.1 200 OK\nE: x\nContent-Length: 0\n\n",
            ),
            ("HTTP/1.1 204 No\nContent-Length: 0\n", "HTTP/1.1 204 No\nE: x\n\n"),
            (
                "HTTP/1.1 101 S\nUpgrade: w\nConnection: Upgrade\n",
                "HTTP/1.1 101 S\nE: x\nConnection: upgrade\nUpgrade: w\n\n",
            ),
            (
                "HTTP/1.1 426 U\nUpgrade: w\nContent-Length: 1\nConnection: Upgrade\n",
                "HTTP/1.1 426 U\nE: x\nContent-Length: 1\n\n",
            ),
        ] {
            assert_eq!(response(Method::Get, text, false, false), expected);
        }
        assert_eq!(
            response(Method::Get, "HTTP/1.1 200 OK\nContent-Length: 1\n", false, true),
            "HTTP/1.1 200 OK\nE: x\nContent-Length: 1\nConnection: close\n\n"
        );
    }

    #[test]
    fn content_length_is_kept_only_where_it_describes_a_body_that_does_not_follow() {
        for (method, text, expected) in [
            (Method::Head, "HTTP/1.1 200 OK\nContent-Length: 7\n", "Content-Length: 7\n"),
            (Method::Head, "HTTP/1.1 200 OK\n", ""),
            (Method::Get, "HTTP/1.1 304 OK\nContent-Length: 7\n", "Content-Length: 7\n"),
            (Method::Connect, "HTTP/1.1 200 OK\nContent-Length: 7\n", ""),
            (Method::Get, "HTTP/1.1 204 No\nContent-Length: 7\n", ""),
        ] {
            let line = text.split_once('\n').unwrap().0;
            assert_eq!(response(method, text, true, false), format!("{line}\nE: x\n{expected}\n"));
            assert_eq!(response(method, text, false, false), format!("{line}\nE: x\n\n"));
        }
    }
}
