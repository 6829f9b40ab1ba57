//! Stopping: nothing new, everything begun is finished, and an end to it (fault 10).

use std::time::Duration;

use roundel_core::end::EndReason as E;
use roundel_telemetry::RequestFilter;
use roundel_testkit::load::Kind;
use roundel_testkit::{Answer, Gate, Origin, Point, RawClient, eventually};

use crate::scene::{PATIENCE, Setup, ms};

#[test]
fn a_stop_under_full_load_fails_no_request() {
    let origins = ["a", "b"].map(Origin::start);
    let mut scene = Setup::new().start(&origins.each_ref().map(Origin::address));
    let load = scene.load().clients(16).endless().start();
    load.wait_for(500);
    scene.begin_drain(PATIENCE);
    let drained = scene.join();
    let tally = load.finish();
    assert_eq!(drained.cut, 0);
    // What is not answered was refused before it was sent.
    let refused = tally.count(Kind::Connect);
    assert_eq!(tally.failed(), refused, "{}", tally.report());
    assert!(tally.ok() > 500);
}

#[test]
fn a_stop_closes_idle_connections_and_refuses_new_ones() {
    let origin = Origin::start("only");
    let mut scene = Setup::new().start(&[origin.address()]);
    let mut idle: Vec<_> = (0..20).map(|_| scene.client()).collect();
    idle.iter_mut().take(10).for_each(|client| drop(client.get("/")));
    let address = scene.address();
    scene.begin_drain(PATIENCE);
    eventually(PATIENCE, "connections are refused", || {
        RawClient::try_connect(address, PATIENCE).is_err()
    });
    assert_eq!(scene.join().cut, 0);
    for client in &mut idle {
        assert!(client.read_to_close().unwrap().is_empty());
    }
}

#[test]
fn an_exchange_under_way_is_finished_and_its_connection_closed() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.answer(Answer::ok().body("done").hold(&gate));
    let mut scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    origin.wait_for_requests(1);
    let address = scene.address();
    scene.begin_drain(PATIENCE);
    eventually(PATIENCE, "connections are refused", || {
        RawClient::try_connect(address, PATIENCE).is_err()
    });
    gate.open();
    let answer = client.read_response().unwrap();
    assert_eq!((answer.text().as_str(), answer.keeps_alive()), ("done", false));
    assert_eq!(scene.join().cut, 0);
}

#[test]
fn what_outlives_the_grace_is_cut_and_counted() {
    let origin = Origin::start("only");
    origin.on("/waits", Answer::never());
    origin.on("/flows", Answer::ok().until_close().body_of(100_000).hang_at(Point::MidBody));
    let mut scene = Setup::new().start(&[origin.address()]);
    let mut waiting = scene.client();
    waiting.request("GET", "/waits", &[], b"").unwrap();
    let mut flowing = scene.client();
    // Framed by the end of the connection, so that only a reset tells it from a whole one.
    flowing.send("GET /flows HTTP/1.0\r\n\r\n").unwrap();
    flowing.read_head().unwrap();
    origin.wait_for_requests(2);
    assert_eq!(scene.drain(ms(200)).cut, 2);
    assert_eq!(scene.ends(E::Shutdown), 2);
    // For these lines the log is read.
    let told = scene.requests.recent(&RequestFilter::default(), 10);
    let mut lines: Vec<_> = told.iter().map(|it| (it.end, &*it.method, &*it.path)).collect();
    lines.sort_by_key(|line| line.2);
    assert_eq!(lines, [(E::Shutdown, "GET", "/flows"), (E::Shutdown, "GET", "/waits")]);
    assert!(waiting.read_response().is_err());
    assert!(flowing.read_to_close().is_err());
    eventually(PATIENCE, "the endpoint is left", || origin.open_connections() == 0);
}

#[test]
fn a_snapshot_during_a_stop_opens_nothing() {
    let origin = Origin::start("only");
    origin.answer(Answer::never());
    let mut scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    origin.wait_for_requests(1);
    scene.begin_drain(Duration::from_millis(300));
    for _ in 0..5 {
        scene.publish(|stage| stage.endpoints[0].effective_weight += 1);
    }
    assert_eq!(scene.join().cut, 1);
    assert_eq!(scene.accept_failures(), 0);
    assert!(RawClient::try_connect(scene.address(), PATIENCE).is_err());
}
