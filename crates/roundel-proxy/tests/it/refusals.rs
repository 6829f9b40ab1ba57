//! What is refused at the door: nothing of it reaches an endpoint, the client is told why, the
//! reason is counted, and the connection ends, since nobody knows where the next request begins.

use std::fs;
use std::path::Path;

use roundel_core::end::EndReason as E;
use roundel_testkit::{Origin, RawClient, eventually};

use crate::scene::{PATIENCE, Setup};

/// Name and bytes of the corpus cases of `kind` that every party must refuse.
pub(crate) fn rejected(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../roundel-http/corpus/reject");
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| name.starts_with(kind))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    cases.sort();
    assert!(cases.len() > 30, "the corpus is incomplete: {}", cases.len());
    cases
}

/// The corpus is made for these limits.
fn strict() -> Setup {
    Setup::new().workers(1).bounds(|bounds| {
        bounds.head_bytes_max = 4096;
        bounds.fields_max = 64;
        bounds.target_bytes_max = 1024;
    })
}

fn expected(name: &str) -> (u16, E) {
    match name.split('-').nth(1).unwrap() {
        "line" => (400, E::RequestLine),
        "field" => (400, E::RequestField),
        "framing" => (400, E::RequestFraming),
        "host" => (400, E::RequestHost),
        "path" => (400, E::RequestPath),
        "target" => (414, E::TargetTooLong),
        "head" => (431, E::HeadTooLarge),
        "coding" => (501, E::TransferCoding),
        "expectation" => (417, E::Expectation),
        "version" => (505, E::Version),
        other => panic!("unknown reason: {other}"),
    }
}

#[track_caller]
fn expect_refusal(client: &mut RawClient, status: u16, what: &str) {
    let got = client.read_response().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!((got.status, got.keeps_alive()), (status, false), "{what}");
    assert!(got.field("content-length").is_some() && !got.body.is_empty(), "{what}");
    assert!(client.read_to_close().unwrap_or_else(|error| panic!("{what}: {error}")).is_empty());
}

#[test]
fn every_malformed_request_head_is_refused_and_nothing_of_it_passes() {
    let origin = Origin::start("only");
    let scene = strict().start(&[origin.address()]);
    let hidden = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (name, bytes) in rejected("request-") {
        let (status, end) = expected(&name);
        let before = scene.ends(end);
        let mut client = scene.client();
        client.send([&bytes[..], hidden].concat()).unwrap();
        expect_refusal(&mut client, status, &name);
        scene.expect_ends(end, before + 1);
    }
    assert_eq!((origin.connection_count(), scene.attempts(0)), (0, 0));
}

/// The same behind a request that is in order: that one is answered.
#[test]
fn a_malformed_request_in_a_pipeline_ends_it() {
    let origin = Origin::start("only");
    let scene = strict().start(&[origin.address()]);
    let cases = rejected("request-");
    for (name, bytes) in cases.iter().step_by(7) {
        let mut client = scene.client();
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
        // After an empty line one more is too many.
        client.send([head, &bytes[..]].concat()).unwrap();
        assert_eq!(client.read_response().unwrap().status, 200, "{name}");
        expect_refusal(&mut client, expected(name).0, name);
    }
    assert_eq!(origin.request_count(), cases.iter().step_by(7).count());
}

#[test]
fn a_malformed_chunk_ends_the_exchange_before_an_endpoint_is_chosen() {
    let origin = Origin::start("only");
    let scene = strict().start(&[origin.address()]);
    let cases = rejected("body-");
    for (name, bytes) in &cases {
        // Those that need more bytes than are read at once are for the next test.
        if name.contains("large") {
            continue;
        }
        let before = scene.ends(E::RequestChunk);
        let mut client = scene.client();
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send([head, &bytes[..]].concat()).unwrap();
        expect_refusal(&mut client, 400, name);
        scene.expect_ends(E::RequestChunk, before + 1);
    }
    assert_eq!((origin.connection_count(), scene.attempts(0)), (0, 0));
}

/// An endpoint that has part of such a body never has its end.
#[test]
fn a_chunk_that_turns_out_malformed_later_leaves_the_endpoint_without_an_end() {
    let origin = Origin::start("only");
    let scene = strict().start(&[origin.address()]);
    for (name, bytes) in rejected("body-") {
        let count = origin.request_count();
        let mut client = scene.client();
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .unwrap();
        origin.wait_for_requests(count + 1);
        client.send(bytes).unwrap();
        expect_refusal(&mut client, 400, &name);
        eventually(PATIENCE, "the endpoint is left", || origin.open_connections() == 0);
        let seen = origin.requests().pop().unwrap();
        assert!(!seen.is_complete, "{name}");
    }
    assert_eq!(scene.errors(0), 0);
}

#[test]
fn malformed_requests_are_answered_as_json_where_that_was_read() {
    let scene = strict().start(&[]);
    let mut client = scene.client();
    client
        .send("GET / HTTP/1.1\r\nAccept: application/json\r\nHost: a\r\nHost: b\r\n\r\n")
        .unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.field("content-type")), (400, Some("application/json")));
    assert!(got.text().contains("\"end\":\"request_host\""), "{}", got.text());
    assert!(got.text().contains(got.field("x-request-id").unwrap()));
    // What one client accepts is nothing to the next.
    let mut client = scene.client();
    client.send("nonsense\r\n\r\n").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!(got.field("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn a_body_beyond_the_limit_is_refused_however_it_is_framed() {
    let origin = Origin::start("only");
    let limited = || Setup::new().workers(1).bounds(|bounds| bounds.body_bytes_max = Some(100_000));
    let scene = limited().start(&[origin.address()]);
    let allowed = vec![b'x'; 100_000];
    let chunk = |len: usize| format!("{len:x}\r\n{}\r\n", "x".repeat(len));
    let mut client = scene.client();
    client.request("POST", "/", &[], &allowed).unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
    // Refused by its head alone: the client is not even told to go on.
    client
        .send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n")
        .unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.interim.len(), got.keeps_alive()), (413, 0, false));
    scene.expect_ends(E::BodyTooLarge, 1);
    assert_eq!(origin.request_count(), 1);
    let mut client = scene.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    client.send(chunk(60_000) + &chunk(40_001)).unwrap();
    expect_refusal(&mut client, 413, "chunked");
    scene.expect_ends(E::BodyTooLarge, 2);
    assert!(origin.requests().iter().skip(1).all(|request| !request.is_complete));
    assert_eq!(scene.errors(0), 0);
}

#[test]
fn a_refusal_reaches_a_client_that_goes_on_sending() {
    let scene = Setup::new().bounds(|bounds| bounds.body_bytes_max = Some(10)).start(&[]);
    let mut client = scene.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n").unwrap();
    client.send(vec![b'x'; 4_000_000]).unwrap();
    expect_refusal(&mut client, 413, "a large body");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_head_gets_no_answer() {
    let scene = Setup::new().start(&[]);
    let mut client = scene.client();
    client.send("GET / HTTP/1.1\r\nHo").unwrap();
    client.half_close().unwrap();
    assert!(client.read_to_close().unwrap().is_empty());
    scene.expect_ends(E::ClientClosed, 1);
}
