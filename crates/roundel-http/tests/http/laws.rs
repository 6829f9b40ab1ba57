//! Laws that hold for every input, whoever made it. Each panics when broken; the verdict is returned.
//!
//! Shared with the fuzz targets: no dependency on how the input was found.

#![allow(unreachable_pub, reason = "the fuzz targets compile this into a crate of their own")]

use std::fmt::Debug;

use roundel_http::{
    BodyDecoder, BodyError, Field, FieldKind, Framing, HeadLimits, KindSet, Method, Parse,
    RequestError, RequestHead, ResponseError, ResponseHead, TargetForm, Version, write_request,
    write_response,
};

use crate::reference;

/// Limits small enough for tests to reach.
pub const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 4096, fields_max: 64, target_bytes_max: 1024 };

/// More fields than [`LIMITS`] allow, so that the oracle never refuses for their number.
const ORACLE_FIELDS: usize = 128;

/// A request head gets one verdict however it is cut; when accepted, an independent parser agrees on
/// it, its facts hold together, and writing it on loses and adds nothing.
pub fn request_head(bytes: &[u8]) -> Result<Parse, RequestError> {
    let parse = |part: &[u8]| {
        let mut head = RequestHead::default();
        head.parse(part, &LIMITS).map(|parse| (parse, head))
    };
    let verdict = same_verdict_for_every_prefix(bytes, parse, |head| head.len);
    if let Ok((Parse::Complete, head)) = &verdict {
        agrees_with_oracle_on_request(bytes, head);
        request_facts_hold(bytes, head);
        written_request_says_the_same(bytes, head);
    }
    verdict.map(|(parse, _)| parse)
}

/// As [`request_head`], for a response to a request with `method`.
pub fn response_head(bytes: &[u8], method: Method) -> Result<Parse, ResponseError> {
    let parse = |part: &[u8]| {
        let mut head = ResponseHead::default();
        head.parse(part, method, &LIMITS).map(|parse| (parse, head))
    };
    let verdict = same_verdict_for_every_prefix(bytes, parse, |head| head.len);
    if let Ok((Parse::Complete, head)) = &verdict {
        agrees_with_oracle_on_response(bytes, head);
        written_response_says_the_same(bytes, head, method);
    }
    verdict.map(|(parse, _)| parse)
}

/// What a chunked body held: data, kept trailers, and its length on the wire.
pub type Body = (Vec<u8>, Vec<u8>, usize);

/// A chunked body decodes to the same data however it is cut, and to what a simple decoder finds.
/// Nothing when it does not end.
pub fn chunked_body(bytes: &[u8]) -> Result<Option<Body>, BodyError> {
    let whole = decode(&[bytes]);
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(decode(&single), whole, "byte by byte");
    // Single bytes are every cut at once; of long inputs a sample of cuts is tried alone as well.
    for at in (0..bytes.len()).step_by(1 + bytes.len() / 512) {
        assert_eq!(decode(&[&bytes[..at], &bytes[at..]]), whole, "cut at {at}");
    }
    match (reference::decode(bytes), &whole) {
        (Ok(Some(expected)), Ok(Some((data, trailers, len)))) => {
            assert_eq!((&expected.data, expected.len), (data, *len));
            let mut sent = expected.trailers.iter();
            for kept in trailers.split_inclusive(|&byte| byte == b'\n') {
                assert!(sent.any(|line| line == kept), "an unsent trailer: {kept:?}");
            }
        }
        (Ok(None), Ok(None) | Err(_)) | (Err(()), Err(_)) => {}
        (expected, _) => panic!("{expected:?} by the simple decoder, {whole:?} by ours"),
    }
    whole
}

fn decode(pieces: &[&[u8]]) -> Result<Option<Body>, BodyError> {
    let mut body = BodyDecoder::new(Framing::Chunked);
    let (mut data, mut len) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && !body.is_end() {
            let decoded = body.decode(rest).inspect_err(|error| {
                assert_eq!(body.decode(b"0\r\n\r\n"), Err(*error), "an error is final");
            })?;
            let (start, end) = decoded.data;
            assert!(start <= end && end <= decoded.consumed && decoded.consumed <= rest.len());
            assert!(decoded.consumed > 0, "no progress");
            assert_eq!(decoded.is_end, body.is_end());
            data.extend_from_slice(&rest[start..end]);
            len += decoded.consumed;
            rest = &rest[decoded.consumed..];
        }
    }
    assert_eq!(body.close(), body.is_end(), "closing never ends a chunked body");
    Ok(body.is_end().then(|| (data, body.trailers().to_vec(), len)))
}

fn same_verdict_for_every_prefix<H: Debug, E: Debug + PartialEq>(
    bytes: &[u8],
    parse: impl Fn(&[u8]) -> Result<(Parse, H), E>,
    len: impl Fn(&H) -> usize,
) -> Result<(Parse, H), E> {
    let whole = parse(bytes);
    for end in 0..bytes.len() {
        match (parse(&bytes[..end]), &whole) {
            (Ok((Parse::Partial, _)), Ok((Parse::Complete, head))) => assert!(end < len(head)),
            (Ok((Parse::Partial, _)), _) => {}
            (Ok((Parse::Complete, early)), Ok((Parse::Complete, head))) => {
                assert!(end >= len(head));
                assert_eq!(format!("{early:?}"), format!("{head:?}"), "cut at {end}");
            }
            (Err(early), Err(error)) => assert_eq!(early, *error, "cut at {end}"),
            (early, _) => panic!("{early:?} when cut at {end}, but {whole:?} whole"),
        }
    }
    whole
}

fn agrees_with_oracle_on_request(bytes: &[u8], head: &RequestHead) {
    let mut fields = [httparse::EMPTY_HEADER; ORACLE_FIELDS];
    let mut oracle = httparse::Request::new(&mut fields);
    assert_eq!(oracle.parse(bytes), Ok(httparse::Status::Complete(head.len)));
    assert_eq!(oracle.method.map(str::as_bytes), Some(head.method_text.of(bytes)));
    assert_eq!(oracle.path.map(str::as_bytes), Some(head.target.of(bytes)));
    assert_eq!(oracle.version, Some(u8::from(head.version == Version::H11)));
    agrees_with_oracle_on_fields(bytes, &head.fields, oracle.headers);
}

fn agrees_with_oracle_on_response(bytes: &[u8], head: &ResponseHead) {
    let mut fields = [httparse::EMPTY_HEADER; ORACLE_FIELDS];
    let mut oracle = httparse::Response::new(&mut fields);
    assert_eq!(oracle.parse(bytes), Ok(httparse::Status::Complete(head.len)));
    assert_eq!(oracle.code, Some(head.status));
    assert_eq!(oracle.version, Some(u8::from(head.version == Version::H11)));
    // The oracle blanks reason phrases with bytes above ASCII.
    let reason = head.reason.of(bytes);
    let expected = if reason.is_ascii() { reason } else { b"" };
    assert_eq!(oracle.reason.map(str::as_bytes), Some(expected));
    agrees_with_oracle_on_fields(bytes, &head.fields, oracle.headers);
}

fn agrees_with_oracle_on_fields(bytes: &[u8], fields: &[Field], oracle: &[httparse::Header]) {
    let ours: Vec<_> =
        fields.iter().map(|field| (field.name.of(bytes), field.value.of(bytes))).collect();
    let theirs: Vec<_> =
        oracle.iter().map(|header| (header.name.as_bytes(), header.value)).collect();
    assert_eq!(ours, theirs);
}

fn request_facts_hold(bytes: &[u8], head: &RequestHead) {
    assert!(head.authority.of(bytes).starts_with(head.host.of(bytes)));
    assert!(head.path_and_query.of(bytes).starts_with(head.path.of(bytes)));
    assert!(head.version == Version::H10 || !head.host.is_empty());
    assert_ne!(head.framing, Framing::UntilClose);
    assert_ne!(head.framing, Framing::Length(0));
    assert!(!head.expects_continue || head.framing != Framing::None);
    assert_eq!(head.form == TargetForm::Authority, head.method == Method::Connect);
    assert!(!head.path.of(bytes).windows(2).any(|pair| pair == b"/\\"));
}

fn written_request_says_the_same(bytes: &[u8], head: &RequestHead) {
    let mut written = Vec::new();
    let host = Some(head.authority.of(bytes)).filter(|host| !host.is_empty());
    let host = host.or(Some(b"none"));
    write_request(&mut written, bytes, head, host, head.framing, KindSet::EMPTY, |_| {});

    // Framing and Connection, written anew, may be longer than what the client wrote.
    let limits = HeadLimits {
        head_bytes_max: 2 * LIMITS.head_bytes_max,
        fields_max: LIMITS.fields_max + 4,
        ..LIMITS
    };
    let mut again = RequestHead::default();
    let parse = again.parse(&written, &limits);
    assert_eq!(parse, Ok(Parse::Complete), "{:?}", String::from_utf8_lossy(&written));
    assert_eq!(again.len, written.len());
    assert_eq!(again.method_text.of(&written), head.method_text.of(bytes));
    assert_eq!(Some(again.authority.of(&written)), host);
    assert_eq!((again.framing, again.version), (head.framing, Version::H11));
    assert!(again.keep_alive);
    assert_eq!(again.expects_continue, head.expects_continue);
    assert_eq!(again.upgrade.of(&written), head.upgrade.of(bytes));
    let path = again.path_and_query.of(&written);
    assert_eq!(path.strip_suffix(head.path_and_query.of(bytes)).map(<[u8]>::len), {
        Some(usize::from(head.path.is_empty() && !path.is_empty()))
    });
    let is_upgrade = !head.upgrade.is_empty();
    passed_on_fields_are_the_same((bytes, &head.fields), (&written, &again.fields), is_upgrade);

    let mut twice = Vec::new();
    write_request(&mut twice, &written, &again, host, again.framing, KindSet::EMPTY, |_| {});
    assert_eq!(
        String::from_utf8_lossy(&twice),
        String::from_utf8_lossy(&written),
        "writing is canonical"
    );
}

fn written_response_says_the_same(bytes: &[u8], head: &ResponseHead, method: Method) {
    let mut written = Vec::new();
    write_response(&mut written, bytes, head, head.framing, true, false, KindSet::EMPTY, |_| {});
    let limits = HeadLimits {
        head_bytes_max: 2 * LIMITS.head_bytes_max,
        fields_max: LIMITS.fields_max + 4,
        ..LIMITS
    };
    let mut again = ResponseHead::default();
    let parse = again.parse(&written, method, &limits);
    assert_eq!(parse, Ok(Parse::Complete), "{:?}", String::from_utf8_lossy(&written));
    assert_eq!(again.len, written.len());
    assert_eq!((again.status, again.framing), (head.status, head.framing));
    let may_have_length = !matches!(head.status, 100..=199 | 204);
    assert_eq!(again.content_length, head.content_length.filter(|_| may_have_length));
    assert_eq!(again.reason.of(&written), head.reason.of(bytes));
    assert_eq!(again.upgrade.of(&written), head.upgrade.of(bytes));
    let is_upgrade = !head.upgrade.is_empty();
    passed_on_fields_are_the_same((bytes, &head.fields), (&written, &again.fields), is_upgrade);
}

/// Fields that are neither special to a hop nor nominated arrive, in order, byte for byte.
fn passed_on_fields_are_the_same(
    (before, sent): (&[u8], &[Field]),
    (after, arrived): (&[u8], &[Field]),
    is_upgrade: bool,
) {
    let ordinary = |buf, fields: &[Field]| -> Vec<(Vec<u8>, Vec<u8>)> {
        fields
            .iter()
            .filter(|field| field.kind == FieldKind::Other && !field.is_nominated)
            .map(|field| (field.name.of(buf).to_vec(), field.value.of(buf).to_vec()))
            .collect()
    };
    assert_eq!(ordinary(after, arrived), ordinary(before, sent));
    let upgrades = arrived.iter().filter(|field| field.kind == FieldKind::Upgrade).count();
    assert_eq!(upgrades, usize::from(is_upgrade));
    assert!(arrived.iter().all(|field| !field.is_nominated));
}
