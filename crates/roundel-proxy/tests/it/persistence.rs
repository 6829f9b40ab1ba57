//! Which requests share a connection, and in which order they are answered (RFC 9112 §9).

use roundel_core::end::EndReason as E;
use roundel_core::route::{Action, FixedResponse, PathMatcher};
use roundel_testkit::{Answer, Gate, Origin, eventually, fingerprint};

use crate::scene::{PATIENCE, Setup, ms, route};

#[test]
fn every_method_passes_as_it_is() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    let methods =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "get", "M-SEARCH"];
    for method in methods {
        client.request(method, "/a?b=c", &[], b"").unwrap();
        let answer = client.read_response_to(method).unwrap();
        assert_eq!((answer.status, answer.keeps_alive()), (200, true), "{method}");
    }
    let seen = origin.requests();
    let seen_methods: Vec<_> = seen.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(seen_methods, methods);
    assert!(seen.iter().all(|request| request.target == "/a?b=c"));
    let connections = scene.listener(|shard| shard.connections.value());
    assert_eq!((connections, origin.connection_count()), (1, 1));
    scene.expect_ends(E::Ok, methods.len() as u64);
}

#[test]
fn pipelined_requests_are_answered_in_order_though_later_ones_are_faster() {
    let (slow, fast) = (Origin::start("slow"), Origin::start("fast"));
    let gate = Gate::shut();
    slow.answer(Answer::ok().body("slow").hold(&gate));
    fast.answer(Answer::ok().body("fast"));
    let scene = Setup::new().workers(1).start(&[slow.address(), fast.address()]);
    let mut client = scene.client();
    client.send("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(6)).unwrap();
    slow.wait_for_requests(1);
    // One request of a connection is under way at a time.
    assert_eq!(fast.request_count(), 0);
    gate.open();
    for expected in ["slow", "fast", "slow", "fast", "slow", "fast"] {
        assert_eq!(client.read_response().unwrap().text(), expected);
    }
}

#[test]
fn pipelined_bodies_are_told_from_the_requests_around_them() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let scene = Setup::new().workers(1).start(&origins.each_ref().map(Origin::address));
    let mut client = scene.client();
    let disguise = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let len = disguise.len();
    let requests = [
        format!("POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n{disguise}"),
        format!(
            "PUT /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             {len:x}\r\n{disguise}\r\n0\r\n\r\n"
        ),
        format!("GET /2 HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n{disguise}"),
        "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
    ];
    // Cut anywhere, also in the middle of heads and bodies.
    let bytes = requests.concat().repeat(3).into_bytes();
    for part in bytes.chunks(97) {
        client.send(part).unwrap();
    }
    for _ in 0..12 {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    let mut seen: Vec<_> = origins.iter().flat_map(Origin::requests).collect();
    seen.sort_by_key(|request| request.order);
    let targets: Vec<_> = seen.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/0", "/1", "/2", "/3"].repeat(3));
    for request in seen.iter().filter(|request| request.target != "/3") {
        assert_eq!(request.body_fingerprint, fingerprint(disguise.as_bytes()));
    }
}

#[test]
fn pipelined_answers_of_roundel_itself_keep_their_order_too() {
    let origin = Origin::start("only");
    let fixed = FixedResponse { status: 200, headers: Vec::new(), body: "fixed".to_owned() };
    let mut fixed = route("fixed", "", Action::Respond(fixed.into()));
    fixed.matcher.path = PathMatcher::exact("/fixed").unwrap();
    let scene =
        Setup::new().routes([fixed, route("rest", "", Action::Pool(0))]).start(&[origin.address()]);
    let mut client = scene.client();
    let pair = "GET /fixed HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(pair.repeat(40)).unwrap();
    for _ in 0..40 {
        assert_eq!(client.read_response().unwrap().text(), "fixed");
        assert_eq!(client.read_response().unwrap().text(), "Hello from only\n");
    }
}

#[test]
fn a_client_that_pipelines_without_end_takes_turns_with_others() {
    let fixed = FixedResponse { status: 200, headers: Vec::new(), body: String::new() };
    let fixed = route("fixed", "", Action::Respond(fixed.into()));
    let scene = Setup::new().workers(1).routes([fixed]).start(&[]);
    let mut client = scene.client();
    for _ in 0..20 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500)).unwrap();
        for _ in 0..500 {
            assert_eq!(client.read_response().unwrap().status, 200);
        }
    }
    // Were they served as long as there are bytes, they would take a turn for each read.
    assert!(scene.turns() > 10_000 / 16, "{}", scene.turns());
}

#[test]
fn a_client_that_half_closes_after_its_request_still_gets_the_answer() {
    let origin = Origin::start("only");
    let gate = Gate::shut();
    origin.answer(Answer::ok().body_of(300_000).hold(&gate));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.request("POST", "/", &[], &vec![b'x'; 100_000]).unwrap();
    client.half_close().unwrap();
    origin.wait_for_requests(1);
    gate.open();
    assert_eq!(client.read_response().unwrap().body.len(), 300_000);
    assert!(client.read_to_close().unwrap().is_empty());
    scene.expect_ends(E::Ok, 1);
}

#[test]
fn a_connection_is_closed_when_the_client_asks_or_has_asked_often_enough() {
    let origin = Origin::start("only");
    let scene = Setup::new()
        .workers(1)
        .bounds(|bounds| bounds.requests_per_connection_max = 2)
        .start(&[origin.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[("Connection", "close")], b"").unwrap();
    assert!(!client.read_response().unwrap().keeps_alive());
    assert!(client.read_to_close().unwrap().is_empty());
    let mut client = scene.client();
    // The third is under way when the second is answered: it is dropped, and the answers are not.
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3)).unwrap();
    assert!(client.read_response().unwrap().keeps_alive());
    assert!(!client.read_response().unwrap().keeps_alive());
    assert!(client.read_to_close().unwrap().is_empty());
    assert_eq!(origin.request_count(), 3);
    // That the client closes does not close the connection to the endpoint.
    assert_eq!(origin.connection_count(), 1);
}

#[test]
fn an_empty_line_before_a_request_is_forgiven() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.send("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
    client.send("\r").unwrap();
    client.send("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
}

#[test]
fn no_more_connections_are_kept_than_allowed() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    let scene = Setup::new()
        .workers(1)
        .policy(|policy| policy.limits.max_idle_connections = 2)
        .start(&[origin.address()]);
    let mut clients: Vec<_> = (0..5).map(|_| scene.client()).collect();
    for client in &mut clients {
        client.request("GET", "/", &[], b"").unwrap();
    }
    origin.wait_for_requests(5);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    scene.settle_with(&[&origin]);
    assert_eq!(origin.open_connections(), 2);
}

#[test]
fn a_connection_that_nobody_needs_is_closed_in_time() {
    let origin = Origin::start("only");
    let scene = Setup::new().timeouts(|timeouts| timeouts.idle = ms(50)).start(&[origin.address()]);
    assert_eq!(scene.client().get("/").status, 200);
    eventually(PATIENCE, "the connection is closed", || origin.open_connections() == 0);
    scene.settle_with(&[&origin]);
    assert_eq!((origin.connection_count(), scene.errors(0)), (1, 0));
}
