//! The corpus: every case of the attack table, as bytes (see `corpus/README.md`).

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use roundel_http::{
    BodyError, Field, HeadLimits, Method, Parse, RequestError, RequestHead, ResponseError,
    ResponseHead,
};

use crate::laws;

#[test]
fn rejected_cases_are_refused_for_the_reason_in_their_name() {
    let cases = cases("reject");
    assert!(cases.len() > 200, "the corpus is incomplete: {}", cases.len());
    for (name, bytes) in cases {
        let (kind, rest) = name.split_once('-').expect(&name);
        let (expected, _) = rest.split_once('-').expect(&name);
        let found = match kind {
            "request" => laws::request_head(&bytes).err().map(request_code),
            "response" => laws::response_head(&bytes, method(&name)).err().map(response_code),
            "body" => laws::chunked_body(&bytes).err().map(body_code),
            _ => panic!("unknown kind: {name}"),
        };
        assert_eq!(found, Some(expected), "{name}");
    }
}

#[test]
fn accepted_cases_are_understood_as_recorded() {
    let mut found = String::new();
    for (name, bytes) in cases("accept") {
        let facts = match name.split_once('-').expect(&name).0 {
            "request" => request_facts(&name, &bytes),
            "response" => response_facts(&name, &bytes),
            "body" => body_facts(&name, &bytes),
            _ => panic!("unknown kind: {name}"),
        };
        writeln!(found, "{name}\n{facts}").unwrap();
    }
    let golden = corpus().join("accepted.txt");
    if std::env::var_os("ROUNDEL_BLESS").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap();
    for (found, expected) in found.split("\n\n").zip(expected.split("\n\n")) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// A limit that a head just fits is no reason to refuse it, and one byte or field less is.
#[test]
fn limits_are_exact() {
    let head = b"GET /abc HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\nbody";
    let head_len = head.len() - 4;
    let exact = HeadLimits { head_bytes_max: head_len, fields_max: 2, target_bytes_max: 4 };
    let parse = |limits: HeadLimits| RequestHead::default().parse(head, &limits);
    assert_eq!(parse(exact), Ok(Parse::Complete));
    let error = Err(RequestError::HeadTooLarge);
    assert_eq!(parse(HeadLimits { head_bytes_max: head_len - 1, ..exact }), error);
    assert_eq!(parse(HeadLimits { fields_max: 1, ..exact }), error);
    assert_eq!(parse(HeadLimits { head_bytes_max: 0, ..exact }), error);
    assert_eq!(
        parse(HeadLimits { target_bytes_max: 3, ..exact }),
        Err(RequestError::TargetTooLong)
    );
}

/// Heads are reused from connection to connection; nothing may remain of an earlier one.
#[test]
fn a_reused_head_holds_nothing_of_earlier_messages() {
    let cases: Vec<_> = ["accept", "reject"].into_iter().flat_map(cases).collect();
    let (mut request, mut response) = (RequestHead::default(), ResponseHead::default());
    for (name, bytes) in cases {
        let mut fresh = RequestHead::default();
        let parse = request.parse(&bytes, &laws::LIMITS);
        assert_eq!(parse, fresh.parse(&bytes, &laws::LIMITS), "{name}");
        assert_eq!((request.method, request.target), (fresh.method, fresh.target), "{name}");
        assert_eq!(request.method_text, fresh.method_text, "{name}");
        if parse == Ok(Parse::Complete) {
            assert_eq!(format!("{request:?}"), format!("{fresh:?}"), "{name}");
        }
        let mut fresh = ResponseHead::default();
        let parse = response.parse(&bytes, method(&name), &laws::LIMITS);
        assert_eq!(parse, fresh.parse(&bytes, method(&name), &laws::LIMITS), "{name}");
        if parse == Ok(Parse::Complete) {
            assert_eq!(format!("{response:?}"), format!("{fresh:?}"), "{name}");
        }
    }
}

/// A refusal is logged with what was read, never with a method or target of the message before.
#[test]
fn after_an_error_method_and_target_are_what_was_read() {
    let mut head = RequestHead::default();
    for (bytes, method, text, target) in [
        (&b"PUT /a HTTP/1.1\r\nX : a"[..], Method::Put, &b"PUT"[..], &b"/a"[..]),
        (b"DELETE /b HTTP/3.0\r\n", Method::Delete, b"DELETE", b"/b"),
        (b"HEAD /c#d HTTP/1.1\r\n", Method::Head, b"HEAD", b""),
        (b"\x16\x03\x01", Method::Other, b"", b""),
        (b"\r\n\r\n", Method::Other, b"", b""),
    ] {
        assert!(head.parse(bytes, &laws::LIMITS).is_err(), "{bytes:?}");
        assert_eq!(head.method, method);
        assert_eq!((head.method_text.of(bytes), head.target.of(bytes)), (text, target));
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Name and bytes of the cases in a folder, by name.
fn cases(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut cases: Vec<_> = fs::read_dir(corpus().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            assert_eq!(path.extension().unwrap(), "http", "{}", path.display());
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

/// Method of the request that a response case answers.
fn method(name: &str) -> Method {
    if name.contains("to-head") {
        Method::Head
    } else if name.contains("to-connect") {
        Method::Connect
    } else {
        Method::Get
    }
}

fn request_facts(name: &str, bytes: &[u8]) -> String {
    assert_eq!(laws::request_head(bytes), Ok(Parse::Complete), "{name}");
    let mut head = RequestHead::default();
    head.parse(bytes, &laws::LIMITS).unwrap();
    let text = |span: roundel_http::Span| span.of(bytes).escape_ascii().to_string();
    format!(
        "  {:?} {:?} {:?} authority={} host={} path={} path_and_query={}\n  framing={:?} \
         keep_alive={} expects_continue={} upgrade={} body={}\n{}",
        head.method,
        head.form,
        head.version,
        text(head.authority),
        text(head.host),
        text(head.path),
        text(head.path_and_query),
        head.framing,
        head.keep_alive,
        head.expects_continue,
        text(head.upgrade),
        bytes[head.len..].escape_ascii(),
        field_facts(bytes, &head.fields),
    )
}

fn response_facts(name: &str, bytes: &[u8]) -> String {
    assert_eq!(laws::response_head(bytes, method(name)), Ok(Parse::Complete), "{name}");
    let mut head = ResponseHead::default();
    head.parse(bytes, method(name), &laws::LIMITS).unwrap();
    format!(
        "  {} {:?} reason={}\n  framing={:?} content_length={:?} keep_alive={} upgrade={} \
         body={}\n{}",
        head.status,
        head.version,
        head.reason.of(bytes).escape_ascii(),
        head.framing,
        head.content_length,
        head.keep_alive,
        head.upgrade.of(bytes).escape_ascii(),
        bytes[head.len..].escape_ascii(),
        field_facts(bytes, &head.fields),
    )
}

fn field_facts(bytes: &[u8], fields: &[Field]) -> String {
    fields.iter().fold(String::new(), |mut facts, field| {
        let (name, value) = (field.name.of(bytes), field.value.of(bytes));
        let nominated = if field.is_nominated { " nominated" } else { "" };
        let (name, value) = (name.escape_ascii(), value.escape_ascii());
        writeln!(facts, "  - {:?}{nominated} {name}={value}", field.kind).unwrap();
        facts
    })
}

fn body_facts(name: &str, bytes: &[u8]) -> String {
    let body = laws::chunked_body(bytes).expect(name);
    let (data, trailers, len) = body.unwrap_or_else(|| panic!("unfinished: {name}"));
    format!(
        "  data={}\n  trailers={}\n  rest={}\n",
        data.escape_ascii(),
        trailers.escape_ascii(),
        bytes[len..].escape_ascii()
    )
}

fn request_code(error: RequestError) -> &'static str {
    match error {
        RequestError::Line => "line",
        RequestError::Field => "field",
        RequestError::Framing => "framing",
        RequestError::Host => "host",
        RequestError::Path => "path",
        RequestError::TargetTooLong => "target",
        RequestError::HeadTooLarge => "head",
        RequestError::TransferCoding => "coding",
        RequestError::Expectation => "expectation",
        RequestError::Version => "version",
    }
}

fn response_code(error: ResponseError) -> &'static str {
    match error {
        ResponseError::Line => "line",
        ResponseError::Field => "field",
        ResponseError::Framing => "framing",
        ResponseError::HeadTooLarge => "head",
    }
}

fn body_code(error: BodyError) -> &'static str {
    match error {
        BodyError::Chunk => "chunk",
        BodyError::Trailer => "trailer",
        BodyError::TooLarge => "large",
    }
}
