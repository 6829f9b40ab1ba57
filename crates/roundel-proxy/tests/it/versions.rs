//! HTTP/1.0 on either side (RFC 9110 §2.5, RFC 9112 §9.3).

use roundel_core::end::EndReason as E;
use roundel_testkit::{Answer, Origin};

use crate::scene::Setup;

#[test]
fn an_old_client_is_answered_and_closed_on() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    for answer in [
        Answer::ok().body_of(100_000),
        Answer::ok().body_of(100_000).chunked(),
        Answer::ok().body_of(100_000).until_close(),
        Answer::ok().body_of(100_000).http_1_0(),
        Answer::ok().body_of(100_000).http_1_0().until_close(),
    ] {
        origin.answer(answer);
        let mut client = scene.client();
        client.send("GET / HTTP/1.0\r\n\r\n").unwrap();
        let got = client.read_response().unwrap();
        assert_eq!((got.status, got.body.len(), got.keeps_alive()), (200, 100_000, false));
        assert!(!got.fields.has("transfer-encoding"));
        assert!(client.read_to_close().unwrap().is_empty());
    }
    scene.expect_ends(E::Ok, 5);
    for request in origin.requests() {
        assert_eq!(request.version, "HTTP/1.1");
        // HTTP/1.1 needs a Host though the client gave none.
        assert_eq!(request.fields.first("host"), Some(&*origin.address().to_string()));
    }
}

#[test]
fn an_old_client_may_ask_to_keep_the_connection() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    let request = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    for _ in 0..3 {
        client.send(request).unwrap();
        let got = client.read_response().unwrap();
        assert_eq!(got.text(), "Hello from only\n");
        assert!(got.fields.has_token("connection", "keep-alive"));
    }
    // What has no length ends with the connection, whatever was asked.
    origin.answer(Answer::ok().body("chunks").chunked());
    client.send(request).unwrap();
    let got = client.read_response().unwrap();
    assert_eq!(got.text(), "chunks");
    assert!(got.is_until_close && got.fields.has_token("connection", "close"));
    assert!(!got.fields.has_token("connection", "keep-alive"));
}

#[test]
fn an_old_client_gets_neither_interim_responses_nor_upgrades() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().interim(103, &[("Link", "</a>")]).interim(100, &[]));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client
        .send(
            "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nConnection: upgrade\r\n\
             Upgrade: websocket\r\nContent-Length: 4\r\n\r\nbody",
        )
        .unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.interim.len()), (200, 0));
    let seen = origin.requests().remove(0);
    assert!(!seen.fields.has("expect") && !seen.fields.has("upgrade"));
    assert_eq!(seen.body_bytes, 4);
}

#[test]
fn an_old_origin_is_not_kept_unless_it_says_so() {
    let origin = Origin::start("only");
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    let mut client = scene.client();
    let old = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n";
    for (fields, connections) in [("", 1), ("Connection: keep-alive\r\n", 2), ("", 2)] {
        origin.next(Answer::raw(format!("{old}{fields}\r\nok")));
        let got = client.get("/");
        assert_eq!((&*got.version, got.text(), got.keeps_alive()), ("HTTP/1.1", "ok".into(), true));
        assert!(!got.fields.has("connection"), "{got:?}");
        assert_eq!(origin.connection_count(), connections);
    }
}
