//! The laws on inputs nobody thought of: noise, and valid messages with a few bytes changed.

use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use roundel_http::{BodyEncoder, Framing, Method, Parse, RequestHead};

use crate::laws;

/// Bytes that parsers stumble over.
const SHARP: &[u8] = b"\r\n\t\0 :;,=\"\\/%.#?@[]_-+0\x0b\x0c\x7f\x80\xff";

/// Lines that matter to framing and routing, well-formed and not.
const FIELDS: &[&str] = &[
    "Host: a",
    "Host: b:80",
    "Content-Length: 5",
    "content-length: 0",
    "Content-Length: 18446744073709551615",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Connection: close",
    "Connection: keep-alive, X, upgrade",
    "Connection: TE, Host",
    "TE: trailers",
    "Upgrade: h2c, websocket",
    "Expect: 100-continue",
    "Trailer: X",
    "Keep-Alive: timeout=5",
    "X: 1",
    "x:  2\t",
    "Y:",
    "X_Y: 3",
    "Content_Length: 5",
    " folded",
];

const REQUEST_LINES: &[&str] = &[
    "GET / HTTP/1.1",
    "POST /a?b HTTP/1.1",
    "GET http://c:8080/d?e HTTP/1.1",
    "GET http://c?e HTTP/1.0",
    "OPTIONS * HTTP/1.1",
    "OPTIONS http://c HTTP/1.1",
    "CONNECT c:443 HTTP/1.1",
    "PUT /a/%2e%2e HTTP/1.1",
    "HEAD //a HTTP/1.0",
    "M-X /a\\b HTTP/1.1",
];

const STATUS_LINES: &[&str] = &[
    "HTTP/1.1 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304",
    "HTTP/1.1 101 Switching Protocols",
    "HTTP/1.1 100 ",
    "HTTP/1.1 599 \u{e9}",
];

const CHUNK_PIECES: &[&str] = &[
    "5\r\nhello\r\n",
    "1;a=b\r\nx\r\n",
    "3;q=\"\\\"\"\r\n\r\n0\r\n",
    "0a\r\n0123456789\r\n",
    "0\r\n",
    "\r\n",
    "X: y\r\n",
    "Host:z\r\n",
    "ffffffffffffffff\r\n",
];

fn head(lines: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (select(lines), vec(select(FIELDS), 0..6), any::<bool>()).prop_map(
        |(line, fields, has_host)| {
            let host = if has_host { "Host: h\r\n" } else { "" };
            format!("{line}\r\n{host}{}\r\nrest", fields.join("\r\n") + "\r\n").into_bytes()
        },
    )
}

fn chunks() -> impl Strategy<Value = Vec<u8>> {
    vec(select(CHUNK_PIECES), 0..6).prop_map(|pieces| (pieces.concat() + "0\r\n\r\n").into_bytes())
}

/// A few bytes of `valid` replaced, removed, doubled or inserted.
fn mutated(valid: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![select(SHARP), any::<u8>()];
    (valid, vec((any::<Index>(), byte, 0..4_u8), 0..4)).prop_map(|(mut bytes, changes)| {
        for (index, byte, change) in changes {
            let at = index.index(bytes.len());
            match change {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.insert(at, bytes[at]),
                _ if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn requests_keep_the_laws(bytes in mutated(head(REQUEST_LINES))) {
        let _ = laws::request_head(&bytes);
    }

    #[test]
    fn responses_keep_the_laws(
        bytes in mutated(head(STATUS_LINES)),
        method in select(&[Method::Get, Method::Head, Method::Connect][..]),
    ) {
        let _ = laws::response_head(&bytes, method);
    }

    #[test]
    fn bodies_keep_the_laws(bytes in mutated(chunks())) {
        let _ = laws::chunked_body(&bytes);
    }

    #[test]
    fn noise_keeps_the_laws(bytes in vec(prop_oneof![select(SHARP), any::<u8>()], 0..128)) {
        let _ = laws::request_head(&bytes);
        let _ = laws::response_head(&bytes, Method::Get);
        let _ = laws::chunked_body(&bytes);
    }

    /// A head made from parts yields those parts.
    #[test]
    fn a_request_means_what_it_was_made_of(
        method in "[A-Z]{1,32}",
        path in "/[a-zA-Z0-9_~!$&'()*+,;=:@/-]{0,40}",
        query in proptest::option::of("[a-zA-Z0-9%.\\\\{}|/?-]{0,20}"),
        host in "[a-z0-9][a-z0-9.-]{0,20}(:[0-9]{1,4})?",
        fields in vec(("X-[A-Za-z0-9!#$%&'*+.^`|~-]{1,12}", "([!-~]([ -~\t]{0,20}[!-~])?)?"), 0..8),
        length in any::<u64>(),
    ) {
        prop_assume!(method != "CONNECT");
        let target = query.map_or(path.clone(), |query| format!("{path}?{query}"));
        let mut text =
            format!("{method} {target} HTTP/1.1\r\nhost:{host}\r\nContent-Length: {length}\r\n");
        for (name, value) in &fields {
            write!(text, "{name}:\t{value} \r\n").unwrap();
        }
        text += "\r\n";
        let bytes = text.as_bytes();
        prop_assert_eq!(laws::request_head(bytes), Ok(Parse::Complete));

        let mut parsed = RequestHead::default();
        parsed.parse(bytes, &laws::LIMITS).unwrap();
        prop_assert_eq!(parsed.method_text.of(bytes), method.as_bytes());
        prop_assert_eq!(parsed.path.of(bytes), path.as_bytes());
        prop_assert_eq!(parsed.path_and_query.of(bytes), target.as_bytes());
        prop_assert_eq!(parsed.authority.of(bytes), host.as_bytes());
        prop_assert_eq!(parsed.host.of(bytes), host.split(':').next().unwrap().as_bytes());
        prop_assert_eq!(parsed.framing, Framing::of_length(length));
        let found: Vec<_> = parsed.fields[2..]
            .iter()
            .map(|field| (field.name.of(bytes), field.value.of(bytes)))
            .collect();
        let made: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        prop_assert_eq!(found, made);
    }

    /// What the encoder writes, the decoder reads.
    #[test]
    fn encoded_chunks_decode_to_their_data(
        pieces in vec(vec(any::<u8>(), 0..40), 0..8),
        trailers in select(&["", "A: b\r\n", "A: b\r\nC: d\r\n"][..]),
    ) {
        let mut wire = Vec::new();
        for piece in &pieces {
            BodyEncoder::Chunked.encode(&mut wire, piece);
        }
        BodyEncoder::Chunked.finish(&mut wire, trailers.as_bytes());
        let expected = (pieces.concat(), trailers.as_bytes().to_vec(), wire.len());
        wire.extend_from_slice(b"GET");
        prop_assert_eq!(laws::chunked_body(&wire), Ok(Some(expected)));
    }
}
