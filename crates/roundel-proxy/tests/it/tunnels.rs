//! Upgrade and CONNECT: what becomes a tunnel, and above all what does not (RFC 9110 §7.8, §9.3.6).

use roundel_core::end::{AttemptFailure, EndReason as E};
use roundel_testkit::{Answer, Gate, Origin, RawClient, Step, eventually};

use crate::scene::{PATIENCE, Scene, Setup};

const UPGRADE: &str =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
/// What an attacker would have an origin take for a request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[track_caller]
fn switched(client: &mut RawClient) {
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.field("upgrade")), (101, Some("websocket")));
    assert!(got.fields.has_token("connection", "upgrade"));
}

#[track_caller]
fn tunnels_open(scene: &Scene, count: i64) {
    eventually(PATIENCE, &format!("{count} tunnels are open"), || {
        scene.listener(|shard| shard.tunnels_open.value()) == count
    });
}

#[test]
fn after_101_bytes_pass_both_ways_until_both_sides_have_ended() {
    let origin = Origin::start("only");
    origin.answer(Answer::upgrade("websocket"));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.send(UPGRADE).unwrap();
    switched(&mut client);
    tunnels_open(&scene, 1);
    let seen = origin.requests().remove(0);
    assert_eq!(seen.fields.first("upgrade"), Some("websocket"));
    assert!(seen.fields.has_token("connection", "upgrade"));
    // Whatever looks like HTTP in there is not.
    let block = [SMUGGLED.as_bytes(), &[0, 255], &vec![b'x'; 50_000]].concat();
    for _ in 0..20 {
        client.send(&block).unwrap();
        assert_eq!(client.read_exact(block.len()).unwrap(), block);
    }
    client.send("last").unwrap();
    client.half_close().unwrap();
    assert_eq!(client.read_to_close().unwrap(), b"last");
    tunnels_open(&scene, 0);
    scene.expect_ends(E::Tunnel, 1);
    scene.settle_with(&[&origin]);
    assert_eq!((origin.request_count(), origin.open_connections()), (1, 0));
}

#[test]
fn the_origin_may_end_first_and_still_hears_the_rest() {
    let origin = Origin::start("only");
    let gate = Gate::shut();
    origin.answer(Answer::sequence(vec![
        Step::Write([SWITCHING, "bye"].concat().into_bytes()),
        Step::WaitFor(gate.clone()),
        Step::Echo,
    ]));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.send(UPGRADE).unwrap();
    switched(&mut client);
    // Bytes behind the 101 belong to the tunnel, also when they come in one piece with it.
    assert_eq!(client.read_exact(3).unwrap(), b"bye");
    client.send("more").unwrap();
    client.half_close().unwrap();
    gate.open();
    assert_eq!(client.read_to_close().unwrap(), b"more");
    scene.expect_ends(E::Tunnel, 1);
}

#[test]
fn bytes_behind_the_request_wait_for_the_101() {
    let origin = Origin::start("only");
    let gate = Gate::shut();
    origin.answer(Answer::sequence(vec![
        Step::WaitFor(gate.clone()),
        Step::Write(SWITCHING.into()),
        Step::Echo,
    ]));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.send(UPGRADE.to_owned() + "early").unwrap();
    origin.wait_for_requests(1);
    gate.open();
    switched(&mut client);
    assert_eq!(client.read_exact(5).unwrap(), b"early");
    drop(client);
    scene.wait_for_end(E::Tunnel);
}

/// An endpoint that does not switch takes what follows for a request; it must be one of the client's
/// own, routed and checked as such, and not bytes that passed unseen.
#[test]
fn without_a_101_what_follows_is_the_next_request() {
    let origin = Origin::start("only");
    let gate = Gate::shut();
    origin.next(Answer::status(426).field("Upgrade", "h9").body("no").hold(&gate));
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    let mut client = scene.client();
    client.send([UPGRADE, SMUGGLED, "GET /b HTTP/1.1\r\nHo st: a\r\n\r\n"].concat()).unwrap();
    origin.wait_for_requests(1);
    gate.open();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.text(), got.keeps_alive()), (426, "no".into(), true));
    assert_eq!(client.read_response().unwrap().status, 200);
    // The proof that they are read as requests: a malformed one is refused here.
    assert_eq!(client.read_response().unwrap().status, 400);
    assert_eq!(origin.request_count(), 2);
    let second = origin.requests().remove(1);
    assert_eq!(second.fields.first("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(scene.listener(|shard| shard.tunnels_open.value()), 0);
}

#[test]
fn a_101_that_nobody_asked_for_is_malformed() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        // Not named by Connection, or not of this version: no offer.
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ] {
        let origin = Origin::start("only");
        origin.answer(Answer::raw([SWITCHING, SMUGGLED].concat()));
        let scene = Setup::new().start(&[origin.address()]);
        let mut client = scene.client();
        client.send(request).unwrap();
        assert_eq!(client.read_response().unwrap().status, 502, "{request}");
        scene.expect_ends(E::ResponseMalformed, 1);
        assert!(scene.failures(0, AttemptFailure::Malformed) >= 1);
        scene.settle_with(&[&origin]);
        assert_eq!(origin.open_connections(), 0);
    }
}

#[test]
fn a_101_in_the_middle_of_an_upload_is_malformed() {
    let origin = Origin::start("only");
    origin.answer(Answer::sequence(vec![Step::Write(SWITCHING.into()), Step::Echo]));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    let head = UPGRADE.replace("GET", "POST").replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked");
    client.send(head + "\r\n\r\n1\r\nx\r\n").unwrap();
    let got = client.read_response().unwrap();
    assert_eq!((got.status, got.keeps_alive()), (502, false));
    scene.expect_ends(E::ResponseMalformed, 1);
}

#[test]
fn an_upgrade_may_have_a_body() {
    let origin = Origin::start("only");
    let steps = vec![Step::ReadBody, Step::Write(SWITCHING.into()), Step::Echo];
    origin.answer(Answer::sequence(steps));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    let head = UPGRADE.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\n");
    client.send(head + "bodyecho").unwrap();
    switched(&mut client);
    assert_eq!(client.read_exact(4).unwrap(), b"echo");
    client.half_close().unwrap();
    assert!(client.read_to_close().unwrap().is_empty());
    assert_eq!(origin.requests()[0].body_bytes, 4);
}

#[test]
fn http_2_is_never_offered_on() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    for (offer, expected) in [("h2c", None), ("h2c, websocket", Some("websocket"))] {
        client
            .request(
                "GET",
                "/",
                &[
                    ("Connection", "Upgrade, HTTP2-Settings"),
                    ("Upgrade", offer),
                    ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
                ],
                b"",
            )
            .unwrap();
        let got = client.read_response().unwrap();
        assert_eq!((got.status, got.keeps_alive()), (200, true));
        let seen = origin.requests().pop().unwrap();
        assert_eq!(seen.fields.first("upgrade"), expected);
        assert!(!seen.fields.has("http2-settings"));
    }
}

#[test]
fn a_route_may_ignore_upgrades() {
    let origin = Origin::start("only");
    let scene = Setup::new().route(|route| route.allow_upgrade = false).start(&[origin.address()]);
    let mut client = scene.client();
    client.send(UPGRADE).unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
    assert!(!origin.requests()[0].fields.has("upgrade"));
    // Not even an origin that insists gets a tunnel.
    origin.answer(Answer::upgrade("websocket"));
    client.send(UPGRADE).unwrap();
    assert_eq!(client.read_response().unwrap().status, 502);
}

#[test]
fn connect_and_trace_are_refused_with_what_is_allowed_instead() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    for request in [
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nCookie: secret\r\n\r\n",
    ] {
        let mut client = scene.client();
        client.send(request).unwrap();
        let got = client.read_response().unwrap();
        assert_eq!(got.status, 405);
        assert_eq!(got.field("allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        assert!(!got.text().contains("secret"));
    }
    scene.expect_ends(E::MethodNotAllowed, 2);
    assert_eq!(origin.connection_count(), 0);
}

/// A client that sends into a tunnel before it has one sends no requests.
#[test]
fn what_follows_a_refused_connect_is_never_read_as_a_request() {
    for allow_connect in [false, true] {
        let origin = Origin::start("only");
        origin.answer(Answer::status(403).body("no"));
        let scene = Setup::new()
            .route(|route| route.allow_connect = allow_connect)
            .start(&[origin.address()]);
        let mut client = scene.client();
        client.send("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned() + SMUGGLED).unwrap();
        let got = client.read_response_to("CONNECT").unwrap();
        assert_eq!((got.status, got.keeps_alive()), (if allow_connect { 403 } else { 405 }, false));
        assert!(client.read_to_close().unwrap().is_empty());
        assert_eq!(origin.request_count(), usize::from(allow_connect));
    }
}

#[test]
fn connect_is_a_tunnel_where_a_route_allows_it() {
    let origin = Origin::start("only");
    origin.answer(Answer::sequence(vec![
        // Framing has no meaning in a 2xx to CONNECT (RFC 9110 §9.3.6).
        Step::Write(b"HTTP/1.1 200 Fine\r\nContent-Length: 3\r\n\r\nhi!".to_vec()),
        Step::Echo,
    ]));
    let scene = Setup::new().route(|route| route.allow_connect = true).start(&[origin.address()]);
    let mut client = scene.client();
    client.send("CONNECT b.example:443 HTTP/1.1\r\nHost: other\r\n\r\nearly").unwrap();
    let (status, fields) = client.read_head().unwrap();
    assert_eq!(status, 200);
    assert!(!fields.has("content-length") && !fields.has("transfer-encoding"), "{fields:?}");
    assert_eq!(client.read_exact(8).unwrap(), b"hi!early");
    client.half_close().unwrap();
    assert!(client.read_to_close().unwrap().is_empty());
    let seen = origin.requests().remove(0);
    assert_eq!((&*seen.method, &*seen.target), ("CONNECT", "b.example:443"));
    assert_eq!(seen.fields.all("host").collect::<Vec<_>>(), ["b.example:443"]);
    scene.expect_ends(E::Tunnel, 1);
}
