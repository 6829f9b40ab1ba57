//! Responses that could be read in two ways: the client gets a 502, nobody gets what follows.

use roundel_core::end::{AttemptFailure, EndReason as E};
use roundel_testkit::{Answer, Origin};

use crate::refusals::rejected;
use crate::scene::Setup;

/// Has an origin answer with each of these, and with something behind it that looks like a response.
fn expect_502(cases: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let origin = Origin::start("only");
    let scene =
        Setup::new().workers(1).retry(|retry| retry.attempts = 0).start(&[origin.address()]);
    let mut client = scene.client();
    let stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
    for ((name, bytes), count) in cases.into_iter().zip(1..) {
        origin.next(Answer::raw([&bytes[..], stray].concat()));
        let got = client.get("/");
        assert_eq!((got.status, got.keeps_alive()), (502, true), "{name}");
        assert_eq!(got.text(), "Backend server sent a malformed response\n", "{name}");
        scene.expect_ends(E::ResponseMalformed, count);
        assert_eq!(scene.failures(0, AttemptFailure::Malformed), count, "{name}");
        // The client's connection is in order, the endpoint's is not.
        assert_eq!(client.get("/").text(), "Hello from only\n", "{name}");
        assert_eq!(origin.connection_count(), count + 1, "{name}");
    }
    scene.settle_with(&[&origin]);
}

#[test]
fn every_malformed_response_head_is_a_502_and_its_connection_is_given_up() {
    // Sizes are bounded more generously here than in the corpus.
    let is_small = |(name, _): &(String, _)| !name.starts_with("response-head-");
    expect_502(rejected("response-").into_iter().filter(is_small));
}

#[test]
fn a_response_head_without_bounds_is_a_502() {
    let fields = "X: y\r\n".repeat(257);
    let value = "y".repeat(70_000);
    expect_502([
        ("too many fields".to_owned(), format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into()),
        ("too large".to_owned(), format!("HTTP/1.1 200 OK\r\nX: {value}\r\n\r\n").into()),
        ("unfinished".to_owned(), format!("HTTP/1.1 200 OK\r\nX: {value}").into()),
    ]);
}

#[test]
fn a_post_whose_answer_is_malformed_is_not_sent_again() {
    let origin = Origin::start("only");
    origin
        .answer(Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.request("POST", "/", &[], b"once").unwrap();
    assert_eq!(client.read_response().unwrap().status, 502);
    assert_eq!(origin.request_count(), 1);
}
