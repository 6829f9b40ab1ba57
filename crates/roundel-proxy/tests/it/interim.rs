//! Interim responses and expectations (RFC 9110 §10.1.1, §15.2).

use roundel_core::end::{AttemptFailure, EndReason as E};
use roundel_testkit::{Answer, Gate, Origin, RawClient, Step, eventually};

use crate::scene::{PATIENCE, Setup};

const EXPECTING: &str =
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

fn expecting(client: &mut RawClient) {
    client.send(EXPECTING).unwrap();
}

#[test]
fn early_hints_pass_on_without_the_fields_of_this_hop() {
    let origin = Origin::start("only");
    let hop = [("Link", "</a>"), ("Connection", "x-hop"), ("X-Hop", "1")];
    origin.answer(Answer::ok().interim(103, &hop).interim(102, &[]).body("whole"));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    for _ in 0..2 {
        let got = client.get("/");
        assert_eq!((got.status, got.text()), (200, "whole".into()));
        let interim: Vec<_> = got.interim.iter().map(|interim| interim.status).collect();
        assert_eq!(interim, [103, 102]);
        let fields: Vec<_> = got.interim[0].fields.iter().collect();
        assert_eq!(fields, [("Link", "</a>")]);
    }
    assert_eq!(origin.connection_count(), 1);
}

#[test]
fn an_interim_response_does_not_wait_for_the_final_one() {
    let origin = Origin::start("only");
    let gate = Gate::shut();
    origin.answer(Answer::ok().interim(103, &[]).hold(&gate));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    assert_eq!(client.read_one("GET").unwrap().status, 103);
    gate.open();
    assert_eq!(client.read_one("GET").unwrap().status, 200);
}

#[test]
fn a_flood_of_interim_responses_is_malformed() {
    let origin = Origin::start("only");
    let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    origin.next(Answer::raw(flood + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    let scene = Setup::new().retry(|retry| retry.attempts = 0).start(&[origin.address()]);
    let mut client = scene.client();
    assert_eq!(client.get("/").status, 502);
    scene.expect_ends(E::ResponseMalformed, 1);
    assert_eq!(scene.failures(0, AttemptFailure::Malformed), 1);
    assert_eq!(client.get("/").text(), "Hello from only\n");
    assert_eq!(origin.connection_count(), 2);
}

#[test]
fn a_continue_that_nobody_waits_for_is_swallowed() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().interim(100, &[]));
    let scene = Setup::new().start(&[origin.address()]);
    let got = scene.client().get("/");
    assert_eq!((got.status, got.interim.len()), (200, 0));
}

#[test]
fn the_origin_decides_whether_the_body_is_wanted() {
    let origin = Origin::start("only");
    let gate = Gate::shut();
    let steps = vec![
        Step::WaitFor(gate.clone()),
        Step::Write(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Step::ReadBody,
        Step::Write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_vec()),
    ];
    origin.next(Answer::sequence(steps));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    expecting(&mut client);
    origin.wait_for_requests(1);
    assert_eq!(origin.requests()[0].fields.first("expect"), Some("100-continue"));
    gate.open();
    assert_eq!(client.read_one("PUT").unwrap().status, 100);
    client.send("body").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.interim.len(), got.keeps_alive()), (201, 0, true));
    assert_eq!(origin.requests()[0].body_bytes, 4);
    assert_eq!(client.get("/").status, 200);
    assert_eq!(origin.connection_count(), 1);
}

#[test]
fn a_silent_origin_does_not_keep_the_client_waiting_for_ever() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().without_continue());
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    expecting(&mut client);
    assert_eq!(client.read_one("PUT").unwrap().status, 100);
    client.send("body").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.interim.len(), got.keeps_alive()), (200, 0, true));
}

#[test]
fn a_client_that_does_not_wait_is_not_told_to_go_on() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.send(EXPECTING.to_owned() + "body").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.interim.len(), got.keeps_alive()), (200, 0, true));
}

#[test]
fn an_origin_may_refuse_the_body_it_was_asked_about() {
    for status in [417, 413, 401] {
        let origin = Origin::start("only");
        origin.answer(Answer::status(status).body("no").early());
        let scene = Setup::new().start(&[origin.address()]);
        let mut client = scene.client();
        expecting(&mut client);
        let got = client.read_response().unwrap();
        assert_eq!((got.status, got.interim.len(), got.text()), (status, 0, "no".into()));
        // Whether the body follows after all cannot be known, so nothing else may.
        assert!(!got.keeps_alive());
        assert!(client.read_to_close().unwrap().is_empty());
        scene.expect_ends(E::Ok, 1);
        eventually(PATIENCE, "the origin's connection is given up", || {
            origin.open_connections() == 0
        });
    }
}

#[test]
fn other_expectations_are_refused() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.request("PUT", "/", &[("Expect", "200-ok")], b"body").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.keeps_alive()), (417, false));
    scene.expect_ends(E::Expectation, 1);
    assert_eq!(origin.connection_count(), 0);
}
