//! What parsing and writing heads and chunks cost: `cargo bench -p roundel-http`.
//!
//! For comparing two versions on one machine, one right after the other; what it all comes to is
//! measured by `cargo xtask bench`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that cannot go on says where")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use roundel_http::{
    BodyDecoder, BodyEncoder, Framing, HeadLimits, KindSet, Method, Parse, RequestHead,
    ResponseHead, write_request,
};

const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 32 * 1024, fields_max: 100, target_bytes_max: 8 * 1024 };

/// A request head.
#[derive(Debug, Clone, Copy)]
enum Request {
    /// The least.
    Least,
    /// As a browser sends it.
    Usual,
}

impl Request {
    const BOTH: [Self; 2] = [Self::Least, Self::Usual];

    const fn text(self) -> &'static str {
        match self {
            Self::Least => LEAST,
            Self::Usual => USUAL,
        }
    }
}

const LEAST: &str = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";

const USUAL: &str = "GET /assets/app.js?v=17 HTTP/1.1\r\nHost: www.example.com\r\n\
    Connection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.com/\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n";

const RESPONSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n\
    Date: Fri, 27 Nov 2026 02:00:00 GMT\r\nConnection: keep-alive\r\n\r\n";

fn main() {
    divan::main();
}

#[divan::bench(args = Request::BOTH)]
fn parse_request(bencher: Bencher<'_, '_>, request: Request) {
    let text = request.text();
    let mut head = RequestHead::default();
    bencher.counter(BytesCount::of_str(text)).bench_local(|| {
        assert_eq!(head.parse(black_box(text.as_bytes()), &LIMITS).unwrap(), Parse::Complete);
    });
}

/// An independent parser that checks less, as a yardstick.
#[divan::bench(args = Request::BOTH)]
fn parse_request_by_httparse(bencher: Bencher<'_, '_>, request: Request) {
    let text = request.text();
    bencher.counter(BytesCount::of_str(text)).bench_local(|| {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(black_box(text.as_bytes())).unwrap().is_complete());
    });
}

#[divan::bench]
fn parse_response(bencher: Bencher<'_, '_>) {
    let mut head = ResponseHead::default();
    bencher.counter(BytesCount::of_str(RESPONSE)).bench_local(|| {
        let parsed = head.parse(black_box(RESPONSE.as_bytes()), Method::Get, &LIMITS);
        assert_eq!(parsed.unwrap(), Parse::Complete);
    });
}

#[divan::bench(args = Request::BOTH)]
fn write_a_request(bencher: Bencher<'_, '_>, request: Request) {
    let text = request.text();
    let mut head = RequestHead::default();
    head.parse(text.as_bytes(), &LIMITS).unwrap();
    let mut out = Vec::with_capacity(2 * text.len());
    bencher.counter(BytesCount::of_str(text)).bench_local(|| {
        out.clear();
        let bytes = black_box(text.as_bytes());
        write_request(&mut out, bytes, &head, None, Framing::None, KindSet::EMPTY, |_| {});
    });
}

#[divan::bench(args = [64, 1024, 16 * 1024])]
fn decode_chunks(bencher: Bencher<'_, '_>, chunk_bytes: usize) {
    let mut body = Vec::new();
    let encoder = BodyEncoder::Chunked;
    (0..64).for_each(|_| encoder.encode(&mut body, &vec![b'x'; chunk_bytes]));
    encoder.finish(&mut body, b"");
    bencher.counter(BytesCount::of_slice(&body)).bench_local(|| {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let mut rest = black_box(body.as_slice());
        while !decoder.is_end() {
            let run = decoder.decode(rest).unwrap();
            rest = rest.get(run.consumed..).unwrap();
        }
    });
}
