//! The kit against itself: each way an origin can misbehave, as a client sees it.

use std::time::Duration;

use super::*;
use crate::client::{RawClient, ReadError};
use crate::deadline::Gate;
use crate::load::{Call, Kind, Load};

/// What a client gets for a GET of `/` answered by `answer`, in a word.
fn outcome(answer: Answer) -> String {
    let origin = Origin::start("Server 1");
    origin.answer(answer);
    let mut client = RawClient::connect(origin.address());
    client.request("GET", "/", &[], b"").unwrap();
    match client.read_response() {
        Ok(response) => format!("{} {}", response.status, response.body.len()),
        Err(ReadError::Closed) => "closed".to_owned(),
        Err(ReadError::Truncated(_)) => "truncated".to_owned(),
        Err(ReadError::Reset) => "reset".to_owned(),
        Err(ReadError::Malformed(_)) => "malformed".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_behaviour_is_what_a_client_sees() {
    let thousand = || Answer::ok().body_of(1000);
    let cases = [
        (thousand(), "200 1000"),
        (thousand().chunked().in_parts_of(300), "200 1000"),
        (thousand().until_close(), "200 1000"),
        (thousand().http_1_0(), "200 1000"),
        (thousand().claims_length(900), "200 900"),
        (Answer::status(204), "204 0"),
        (Answer::status(304).body("x"), "304 0"),
        (Answer::status(503).body("no"), "503 2"),
        (thousand().close_at(Point::BeforeHead), "closed"),
        (thousand().close_at(Point::MidHead), "truncated"),
        (thousand().close_at(Point::AfterHead), "truncated"),
        (thousand().close_at(Point::MidBody), "truncated"),
        (thousand().chunked().close_at(Point::MidBody), "truncated"),
        (thousand().claims_length(1001).close_unannounced(), "truncated"),
        (thousand().reset_at(Point::BeforeHead), "reset"),
        (Answer::raw("nonsense here\r\n\r\n"), "malformed"),
        (Answer::from_directive("status=500, bytes=7, chunked"), "500 7"),
        (Answer::from_directive("close=before-head"), "closed"),
    ];
    for (answer, expected) in cases {
        assert_eq!(outcome(answer.clone()), expected, "{answer:?}");
    }
}

#[test]
fn a_reset_reaches_the_client_after_what_was_sent_before_it() {
    for point in [Point::MidHead, Point::AfterHead, Point::MidBody] {
        let origin = Origin::start("Server 1");
        origin.answer(Answer::ok().body_of(10).hang_at(point));
        let mut client = RawClient::connect(origin.address());
        client.request("GET", "/", &[], b"").unwrap();
        assert_eq!(client.read_exact(4).unwrap(), b"HTTP", "{point:?}");
        origin.reset_connections();
        assert!(matches!(client.read_to_close(), Err(ReadError::Reset)), "{point:?}");
    }
}

#[test]
fn requests_are_written_down_in_order_with_their_bodies() {
    let origin = Origin::start("Server 1");
    let mut client = RawClient::connect(origin.address());
    client.get("/a?b=1");
    client.request("POST", "/c", &[("X-One", "1")], b"hello").unwrap();
    client.read_response().unwrap();
    client
        .send("PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: 1\r\n\r\n")
        .unwrap();
    client.read_response().unwrap();
    let requests = origin.requests();
    let targets: Vec<_> = requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/a?b=1", "/c", "/d"]);
    assert_eq!(requests[0].path(), "/a");
    assert_eq!(requests[1].fields.first("x-one"), Some("1"));
    assert_eq!(requests[1].body_fingerprint, crate::fingerprint(b"hello"));
    assert_eq!((requests[2].body_bytes, requests[2].trailers.first("T")), (2, Some("1")));
    assert!(requests.iter().all(|request| request.is_complete && request.connection == 1));
    assert!(requests.is_sorted_by_key(|request| request.order));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::start("Server 1");
    origin.respond(|request| Some(Answer::ok().body(request.target.clone())));
    let mut client = RawClient::connect(origin.address());
    client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nHEAD /3 HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(client.read_response().unwrap().text(), "/1");
    assert_eq!(client.read_response().unwrap().text(), "/2");
    let head = client.read_response_to("HEAD").unwrap();
    assert_eq!((head.field("content-length"), head.body.len()), (Some("2"), 0));
}

#[test]
fn interim_responses_come_before_the_final_one() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::ok().interim(103, &[("Link", "</a>")]).body("done").trailer("T", "1"));
    let mut client = RawClient::connect(origin.address());
    client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
    assert_eq!(client.read_one("POST").unwrap().status, 100);
    client.send("hi").unwrap();
    let response = client.read_response_to("POST").unwrap();
    assert_eq!(response.interim[0].field("link"), Some("</a>"));
    assert_eq!((response.text().as_str(), response.trailers.first("t")), ("done", Some("1")));
    assert!(response.raw.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn bytes_after_an_answer_follow_it() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::ok().body("a").then_bytes("HTTP/1.1 200 OK\r\nX-Poison: 1\r\n\r\n"));
    let mut client = RawClient::connect(origin.address());
    assert_eq!(client.get("/").text(), "a");
    assert_eq!(client.read_head().unwrap().1.first("x-poison"), Some("1"));
}

#[test]
fn a_slow_reader_holds_back_the_sender() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::never_reading());
    let mut client = RawClient::try_connect(origin.address(), Duration::from_millis(200)).unwrap();
    let head = "POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n";
    let sent = client.send(head).and_then(|()| client.send(vec![b'x'; 100_000_000]));
    assert!(sent.is_err());
    origin.wait_for_requests(1);
    assert_eq!(origin.requests()[0].body_bytes, 0);
}

#[test]
fn a_large_chunked_body_arrives_whole() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::ok().body_of(50_000_000).chunked());
    let response = RawClient::connect(origin.address()).get("/");
    assert_eq!(response.body.len(), 50_000_000);
}

#[test]
fn an_early_answer_does_not_wait_for_the_body() {
    let origin = Origin::start("Server 1");
    origin.next(Answer::status(417).early());
    let mut client = RawClient::connect(origin.address());
    client.send("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab").unwrap();
    assert_eq!(client.read_response().unwrap().status, 417);
    assert!(!origin.requests()[0].is_complete);
    client.send("cdGET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
    assert!(origin.requests()[0].is_complete);
}

#[test]
fn a_body_is_read_only_as_far_as_asked() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::close_after_body_bytes(3));
    let mut client = RawClient::connect(origin.address());
    client.send("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    assert!(matches!(client.read_response(), Err(ReadError::Closed)));
    let request = &origin.requests()[0];
    assert_eq!((request.body_bytes, request.is_complete), (3, false));
}

#[test]
fn a_gate_holds_an_answer_until_it_is_opened() {
    let origin = Origin::start("Server 1");
    let gate = Gate::shut();
    origin.answer(Answer::ok().body("late").hold_body(&gate));
    let mut client = RawClient::connect(origin.address());
    client.request("GET", "/", &[], b"").unwrap();
    assert_eq!(client.read_head().unwrap().0, 200);
    client.set_patience(Duration::from_millis(50)).unwrap();
    assert!(matches!(client.read_exact(1), Err(ReadError::Timeout)));
    gate.open();
    client.set_patience(PATIENCE).unwrap();
    assert_eq!(client.read_exact(4).unwrap(), b"late");
}

#[test]
fn a_tunnel_echoes_until_the_client_half_closes() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::upgrade("chat"));
    let mut client = RawClient::connect(origin.address());
    client.request("GET", "/", &[("Connection", "upgrade"), ("Upgrade", "chat")], b"").unwrap();
    assert_eq!(client.read_response().unwrap().status, 101);
    client.send("one").unwrap();
    assert_eq!(client.read_exact(3).unwrap(), b"one");
    client.send("two").unwrap();
    client.half_close().unwrap();
    assert_eq!(client.read_to_close().unwrap(), b"two");
}

#[test]
fn a_websocket_message_is_echoed() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::sequence(vec![Step::EchoWebSocket]));
    let mut client = RawClient::connect(origin.address());
    let fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")];
    client.request("GET", "/", &fields, b"").unwrap();
    let response = client.read_response().unwrap();
    assert_eq!(response.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    client.send([0x81, 0x82, 1, 1, 1, 1, b'h' ^ 1, b'i' ^ 1]).unwrap();
    assert_eq!(client.read_exact(4).unwrap(), [0x81, 2, b'h', b'i']);
}

#[test]
fn connections_end_when_the_origin_was_told_to_end_them() {
    let origin = Origin::start("Server 1");
    origin.close_after_requests(2);
    let mut client = RawClient::connect(origin.address());
    assert!(client.get("/").keeps_alive() && client.get("/").keeps_alive());
    assert_eq!(client.read_to_close().unwrap(), b"");

    let origin = Origin::start("Server 2");
    origin.close_when_idle(Duration::from_millis(10));
    let mut client = RawClient::connect(origin.address());
    assert!(client.get("/").keeps_alive());
    assert_eq!(client.read_to_close().unwrap(), b"");

    let origin = Origin::start("Server 3");
    let plans = [Accept::Reset, Accept::Close, Accept::CloseAfterBytes(2)];
    for (plan, is_reset) in plans.into_iter().zip([true, false, false]) {
        origin.set_accept(plan);
        // The reset may come before whoever connects has noticed that it is connected.
        let connected = RawClient::try_connect(origin.address(), PATIENCE);
        let end = connected.map_err(ReadError::from).and_then(|mut client| {
            if plan != Accept::Reset {
                client.send("GE").unwrap();
            }
            client.read_to_close()
        });
        let was_reset = matches!(end, Err(ReadError::Reset));
        assert!(plan == Accept::Close || was_reset == is_reset, "{plan:?}: {end:?}");
    }
    assert_eq!((origin.request_count(), origin.connection_count()), (0, 3));
}

#[test]
fn probes_follow_the_health_switch_and_are_counted_apart() {
    let origin = Origin::start("Server 1");
    let mut client = RawClient::connect(origin.address());
    assert_eq!(client.get("/health").status, 200);
    origin.set_healthy(false);
    assert_eq!(client.get("/health").status, 503);
    assert_eq!((origin.request_count(), origin.probes().len()), (0, 2));
}

#[test]
fn a_killed_origin_refuses_until_it_is_restarted_on_the_same_port() {
    let origin = Origin::start("Server 1");
    let mut kept = RawClient::connect(origin.address());
    kept.get("/");
    origin.kill();
    assert!(matches!(kept.read_response(), Err(ReadError::Reset)));
    let refused = RawClient::try_connect(origin.address(), PATIENCE).err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    origin.restart();
    assert_eq!(RawClient::connect(origin.address()).get("/").status, 200);

    let mut kept = RawClient::connect(origin.address());
    kept.get("/");
    origin.stop_accepting();
    assert!(RawClient::try_connect(origin.address(), PATIENCE).is_err());
    assert_eq!(kept.get("/").status, 200);
    eventually(PATIENCE, "only the kept one is left", || origin.open_connections() == 1);
}

#[test]
fn load_reports_what_clients_got_and_the_ledger_balances() {
    let ledger = Ledger::new();
    let origin = Origin::start("Server 1").recorded_in(&ledger);
    let calls = |n| if n % 3 == 0 { Call::post("/", "x") } else { Call::get("/") };
    let load = Load::new(origin.address()).clients(3).requests(100).recorded_in(&ledger);
    let tally = load.call(calls).run();
    tally.assert_all_ok();
    assert_eq!(tally.by_origin().get("Server 1"), Some(&100));
    assert_eq!((origin.request_count(), tally.connections()), (100, 3), "{}", tally.report());
    assert!(ledger.lost().is_empty() && ledger.duplicated().is_empty(), "{}", ledger.report());
}

#[test]
fn a_connection_closed_before_a_request_was_begun_is_replaced_without_a_failure() {
    let origin = Arc::new(Origin::start("Server 1"));
    origin.close_after_requests(1);
    let seen = Arc::clone(&origin);
    let load = Load::new(origin.address()).clients(1).requests(5).call(move |_| {
        eventually(PATIENCE, "the last connection is closed", || seen.open_connections() == 0);
        Call::get("/")
    });
    let tally = load.run();
    tally.assert_all_ok();
    assert_eq!(tally.connections(), 5, "{}", tally.report());
}

#[test]
fn load_notices_every_failure() {
    let ledger = Ledger::new();
    let origin = Origin::start("Server 1").recorded_in(&ledger);
    origin.respond(|request| match request.path() {
        "/reset" => Some(Answer::ok().reset_at(Point::BeforeHead)),
        "/cut" => Some(Answer::ok().body_of(10).close_at(Point::MidBody)),
        "/late" => Some(Answer::never()),
        "/mixed" => {
            Some(Answer::raw("HTTP/1.1 200 OK\r\nX-Ledger-Id: other\r\nContent-Length: 0\r\n\r\n"))
        }
        _ => Some(Answer::status(500)),
    });
    let paths = ["/reset", "/cut", "/late", "/mixed", "/500"];
    let load = Load::new(origin.address()).clients(1).requests(5).recorded_in(&ledger);
    let tally =
        load.patience(Duration::from_secs(2)).call(move |n| Call::get(paths[n as usize])).run();
    let kinds = [Kind::Reset, Kind::Closed, Kind::Timeout, Kind::Mixed, Kind::Status(500)];
    for kind in kinds {
        assert_eq!(tally.count(kind), 1, "{kind:?} in {}", tally.report());
    }
    assert_eq!((ledger.lost().len(), tally.failed()), (4, 5), "{}", ledger.report());
}

#[test]
fn a_load_under_way_notices_a_killed_origin_and_its_restart() {
    let origin = Origin::start("Server 1");
    let running = Load::new(origin.address()).clients(2).endless().per_second(1000).start();
    running.wait_for(20);
    origin.kill();
    running.wait_for(20);
    origin.restart();
    running.wait_for(20);
    let tally = running.finish();
    assert!(tally.count(Kind::Connect) > 0 && tally.ok() > 0, "{}", tally.report());
    assert_eq!(tally.total(), tally.ok() + tally.failed());
}
