//! Bodies of every framing, both ways: where they end, and that nothing is lost (RFC 9112 §6, §7).

use roundel_core::end::{AttemptFailure, EndReason as E};
use roundel_testkit::client::ReadError;
use roundel_testkit::{Answer, Origin, Point, RawClient, eventually, fingerprint};

use crate::scene::{PATIENCE, Scene, Setup};

/// Sizes around every boundary that matters: copies, blocks, replay, socket buffers.
const SIZES: [usize; 12] =
    [0, 1, 4095, 4097, 16_384, 65_535, 65_536, 65_537, 131_072, 300_000, 1_000_003, 10_000_000];

/// So long that its end, too, is spliced when pieces come as large as can be.
const LONG: usize = 1_020_000;

fn body_of(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn chunked(body: &[u8], part: usize, trailers: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in body.chunks(part) {
        bytes.extend(format!("{:X};ext=\"v\"\r\n", part.len()).bytes());
        bytes.extend(part);
        bytes.extend(b"\r\n");
    }
    bytes.extend(format!("0\r\n{trailers}\r\n").bytes());
    bytes
}

/// Sends while reading, since neither side need take everything before the other has begun.
fn exchange(client: &mut RawClient, bytes: &[u8]) -> roundel_testkit::Response {
    client.send(bytes).unwrap();
    client.read_response().unwrap()
}

#[test]
fn uploads_of_known_length_arrive_whole() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    for size in SIZES {
        let body = body_of(size);
        let head = format!("PUT /{size} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n");
        let answer = exchange(&mut client, &[head.as_bytes(), &body].concat());
        assert_eq!((answer.status, answer.keeps_alive()), (200, true), "{size}");
        let seen = origin.requests().pop().unwrap();
        assert_eq!(seen.fields.first("content-length"), Some(&*size.to_string()));
        assert_eq!((seen.body_bytes, seen.body_fingerprint), (size as u64, fingerprint(&body)));
    }
    let total = SIZES.iter().sum::<usize>() as u64;
    eventually(PATIENCE, "every byte is counted", || {
        scene.pool(|shard| shard.request_bytes.value()) == total
    });
}

#[test]
fn chunked_uploads_are_framed_anew_with_their_trailers() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    let trailers = "X-Sum: 5\r\nHost: evil\r\nContent-Length: 1\r\n";
    for size in SIZES {
        let body = body_of(size);
        let bytes = [head.as_bytes(), &chunked(&body, 1 + size / 17, trailers)].concat();
        let answer = exchange(&mut client, &bytes);
        assert_eq!((answer.status, answer.keeps_alive()), (200, true), "{size}");
        let seen = origin.requests().pop().unwrap();
        assert_eq!((seen.body_bytes, seen.body_fingerprint), (size as u64, fingerprint(&body)));
        assert!(seen.fields.has_token("transfer-encoding", "chunked"));
        assert!(!seen.fields.has("content-length"));
        assert_eq!(seen.fields.first("trailer"), Some("X-Sum"));
        // Those that could change what was decided from the head are dropped (RFC 9110 §6.5.1).
        let trailers: Vec<_> = seen.trailers.iter().collect();
        assert_eq!(trailers, [("X-Sum", "5")]);
    }
    assert_eq!(origin.connection_count(), 1);
}

#[test]
fn downloads_of_every_framing_arrive_whole() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    for size in SIZES {
        let body = body_of(size);
        let plain = Answer::ok().body(body.clone());
        for (answer, is_chunked) in [
            (plain.clone(), false),
            (plain.clone().chunked(), true),
            (plain.clone().trailer("X-Sum", "5").in_parts_of(1 + size as u64 / 17), true),
            (plain.clone().until_close(), true),
            (plain.clone().http_1_0(), false),
            (plain.http_1_0().until_close(), true),
        ] {
            let what = format!("{size} {answer:.60?}");
            origin.answer(answer);
            let got = client.get("/");
            assert_eq!((got.status, &*got.version), (200, "HTTP/1.1"), "{what}");
            assert!(got.body == body, "{what}: {} bytes", got.body.len());
            assert!(got.keeps_alive(), "{what}");
            assert_eq!(got.fields.has("transfer-encoding"), is_chunked, "{what}");
            assert_eq!(got.fields.has("content-length"), !is_chunked, "{what}");
        }
    }
    assert_eq!(scene.listener(|shard| shard.connections.value()), 1);
}

#[test]
fn trailers_of_a_response_pass_without_the_forbidden_ones() {
    let origin = Origin::start("only");
    origin.answer(
        Answer::ok()
            .field("Trailer", "X-Sum")
            .body("body")
            .trailer("X-Sum", "5")
            .trailer("Content-Length", "9")
            .trailer("Set-Cookie", "a=b"),
    );
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    let got = client.get("/");
    assert_eq!(got.field("trailer"), Some("X-Sum"));
    assert_eq!(got.trailers.iter().collect::<Vec<_>>(), [("X-Sum", "5")]);
    // HTTP/1.0 has no place for them.
    client.send("GET / HTTP/1.0\r\n\r\n").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.text(), got.field("trailer")), ("body".to_owned(), None));
}

#[test]
fn a_body_may_come_in_pieces_of_any_size() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let body = body_of(40);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bytes = [head.as_bytes(), &chunked(&body, 7, "T: 1\r\n")].concat();
    let mut client = scene.client();
    for byte in bytes {
        client.send([byte]).unwrap();
    }
    assert_eq!(client.read_response().unwrap().status, 200);
    assert_eq!(origin.requests()[0].body_fingerprint, fingerprint(&body));
}

/// Expects that `answer` reaches neither a new nor an old client as a whole response.
#[track_caller]
fn expect_cut(scene: &Scene, origin: &Origin, answer: &Answer, end: E, failure: AttemptFailure) {
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
        let before = (scene.ends(end), scene.failures(0, failure));
        origin.answer(answer.clone());
        let mut client = scene.client();
        client.send(request).unwrap();
        let got = client.read_response();
        // An orderly close could be the end of a body that ends with the connection.
        assert!(matches!(got, Err(ReadError::Reset)), "{request:?}: {got:?}");
        scene.expect_ends(end, before.0 + 1);
        assert_eq!(scene.failures(0, failure), before.1 + 1);
        scene.settle_with(&[origin]);
        assert_eq!(origin.open_connections(), 0);
    }
}

/// Whatever the framing on both sides, a part never passes for the whole (RFC 9112 §8).
#[test]
fn a_truncated_response_is_never_a_whole_one() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    for size in [2_000, 200_000] {
        let whole = Answer::ok().body(body_of(size));
        for answer in [
            whole.clone().close_at(Point::MidBody),
            whole.clone().reset_at(Point::MidBody),
            whole.clone().chunked().close_at(Point::MidBody),
            whole.clone().chunked().reset_at(Point::MidBody),
            whole.clone().until_close().reset_at(Point::MidBody),
            whole.clone().claims_length(size as u64 + 1).close(),
        ] {
            expect_cut(&scene, &origin, &answer, E::ResponseTruncated, AttemptFailure::Truncated);
        }
    }
}

#[test]
fn a_malformed_chunk_in_a_response_is_never_a_whole_response() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in ["4\r\ngood\r\nworse\r\n0\r\n\r\n", "worse\r\n", "1\r\nab\r\n0\r\n\r\n"] {
        let answer = Answer::raw([head, chunks].concat());
        expect_cut(&scene, &origin, &answer, E::ResponseMalformed, AttemptFailure::Malformed);
    }
}

/// RFC 9110 §9.3.2, §15.3.5, §15.4.5: these have no body, whatever the origin says and sends.
#[test]
fn responses_without_a_body_have_none_and_do_not_desynchronise() {
    let stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
    for (method, answer) in [
        ("HEAD", format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{stray}", stray.len())),
        ("HEAD", format!("HTTP/1.1 200 OK\r\n\r\n{stray}")),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        ("GET", format!("HTTP/1.1 204 No Content\r\n\r\n{stray}")),
        ("GET", format!("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n{stray}")),
        ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
        ("GET", format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 47\r\n\r\n{stray}")),
    ] {
        let origin = Origin::start("only");
        origin.next(Answer::raw(answer.clone()));
        let scene = Setup::new().workers(1).start(&[origin.address()]);
        let mut client = scene.client();
        client.request(method, "/", &[], b"").unwrap();
        let got = client.read_response_to(method).unwrap();
        assert!(got.body.is_empty() && got.keeps_alive(), "{answer}");
        if got.status == 204 {
            assert!(!got.fields.has("content-length"), "{answer}");
        }
        assert!(!got.fields.has("transfer-encoding"), "{answer}");
        assert_eq!(client.get("/").text(), "Hello from only\n", "{answer}");
        assert_eq!(origin.connection_count(), 2, "{answer}");
    }
}

#[test]
fn head_and_304_tell_the_length_that_is_not_sent() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    origin.answer(Answer::ok().body_of(12_345));
    client.request("HEAD", "/", &[], b"").unwrap();
    let got = client.read_response_to("HEAD").unwrap();
    assert_eq!(got.field("content-length"), Some("12345"));
    origin.answer(Answer::status(304).body_of(12_345).field("ETag", "\"a\""));
    let got = client.get("/");
    assert_eq!((got.status, got.field("content-length")), (304, Some("12345")));
    assert_eq!(got.field("etag"), Some("\"a\""));
    origin.answer(Answer::status(204));
    assert_eq!(client.get("/").status, 204);
    assert_eq!(origin.connection_count(), 1);
}

/// Long bodies pass without being looked at, and so their end must be found all the same.
#[test]
fn connections_are_used_again_after_long_bodies() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().body_of(LONG as u64));
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    let mut client = scene.client();
    let upload =
        [&b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1020000\r\n\r\n"[..], &body_of(LONG)];
    for _ in 0..5 {
        assert_eq!(client.get("/").body.len(), LONG);
        // The next request is on its way before the answer to this one is.
        client.send(upload.concat()).unwrap();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        for _ in 0..2 {
            assert_eq!(client.read_response().unwrap().body.len(), LONG);
        }
    }
    assert_eq!(origin.connection_count(), 1);
    assert_eq!(origin.requests().len(), 15);
}

/// What follows a response belongs to nobody.
#[test]
fn bytes_after_a_response_are_not_the_next_response() {
    let stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
    for answer in [
        Answer::ok().body("whole").then_bytes(stray),
        Answer::ok().body("whole").chunked().then_bytes(stray),
        Answer::ok().body_of(LONG as u64).then_bytes(stray),
        Answer::ok().then_bytes(stray),
    ] {
        let origin = Origin::start("only");
        origin.next(answer);
        let scene = Setup::new().workers(1).start(&[origin.address()]);
        let mut client = scene.client();
        assert_eq!(client.get("/").status, 200);
        assert_eq!(client.get("/").text(), "Hello from only\n");
        assert_eq!(origin.connection_count(), 2);
    }
}

#[test]
fn a_response_without_a_date_gets_one() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    let got = client.get("/");
    assert!(got.field("date").is_some_and(|date| date.ends_with(" GMT")), "{got:?}");
    origin.answer(Answer::ok().field("Date", "Mon, 01 Jan 2024 00:00:00 GMT"));
    let got = client.get("/");
    assert_eq!(got.fields.all("date").collect::<Vec<_>>(), ["Mon, 01 Jan 2024 00:00:00 GMT"]);
}
