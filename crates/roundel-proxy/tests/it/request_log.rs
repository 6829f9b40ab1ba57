//! What the request log tells of exchanges that went one way or another.

use roundel_core::end::EndReason as E;
use roundel_core::endpoint::AdminState;
use roundel_telemetry::request_log::PickDetail;
use roundel_telemetry::{RequestDetail, RequestFilter, RequestLogOptions};
use roundel_testkit::{Answer, Gate, Origin, Point, eventually};

use crate::scene::{PATIENCE, Scene, Setup, ms};

#[test]
fn an_exchange_is_told_from_client_to_endpoint_without_its_query() {
    let origin = Origin::start("only");
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    let mut client = scene.client();
    for _ in 0..2 {
        let fields = [("X-Request-Id", "abc"), ("Authorization", "Bearer secret")];
        client.request("POST", "/a/b?token=secret", &fields, b"hello").unwrap();
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    eventually(PATIENCE, "both are logged", || {
        scene.requests.recent(&RequestFilter::default(), 10).len() == 2
    });
    let told = scene.logged(E::Ok);
    assert!(!format!("{told:?}").contains("secret"), "{told:?}");
    assert_eq!((&*told.method, &*told.path, told.version), ("POST", "/a/b?…", "HTTP/1.1"));
    assert_eq!((&*told.listener, told.client), ("web", client.local_address().unwrap()));
    let names = [&told.route, &told.pool, &told.endpoint].map(|name| name.as_deref().unwrap());
    assert_eq!(names, ["default", "pool", "Server 1"]);
    assert_eq!((told.status, told.attempts, told.is_reused), (Some(200), 1, Some(true)));
    assert_eq!((told.request_bytes, told.request_id.as_deref()), (5, Some("abc")));
    assert_eq!(scene.requests.find(&told.id).unwrap().summary, told);
}

#[test]
fn what_reached_no_endpoint_is_told_too() {
    let origin = Origin::start("only");
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    let mut client = scene.client();
    client.send("GET http://user:secret@h/\x01 HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert_eq!(client.read_response().unwrap().status, 400);
    let told = scene.logged(E::RequestLine);
    assert_eq!((told.status, told.attempts, told.is_reused), (Some(400), 0, None));
    assert_eq!((told.route, told.pool, told.endpoint), (None, None, None));
    assert!(!told.path.contains("secret"), "{}", told.path);
}

#[test]
fn under_load_ordinary_exchanges_are_sampled_and_errors_are_kept() {
    let origin = Origin::start("only");
    origin.on("/broken", Answer::status(500));
    let mut setup = Setup::new().workers(1);
    setup.requests = RequestLogOptions { capacity: 1000, per_second: 1, keeps_queries: false };
    let scene = setup.start(&[origin.address()]);
    let mut client = scene.client();
    for _ in 0..50 {
        client.request("GET", "/", &[], b"").unwrap();
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    client.request("GET", "/broken", &[], b"").unwrap();
    assert_eq!(client.read_response().unwrap().status, 500);
    // What has ended is in the log.
    scene.expect_ends(E::Ok, 51);
    let kept = scene.requests.recent(&RequestFilter::default(), 100);
    assert!(kept.iter().any(|request| request.path == "/broken"), "{kept:?}");
    assert_eq!(kept.len() as u64 + scene.requests.sampled_out(), 51);
}

/// The explanation of the latest exchange that ended so.
fn explained(scene: &Scene, end: E) -> RequestDetail {
    let id = scene.logged(end).id;
    scene.requests.find(&id).unwrap()
}

fn verdicts(pick: &PickDetail) -> Vec<&str> {
    pick.candidates.iter().map(|candidate| candidate.verdict.code()).collect()
}

#[test]
fn a_failover_is_explained_attempt_by_attempt() {
    let (dead, slow, well) = (Origin::start("a"), Origin::start("b"), Origin::start("c"));
    let scene = Setup::new().workers(1).start(&[dead.address(), slow.address(), well.address()]);
    dead.kill();
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    assert_eq!(client.read_response().unwrap().text(), "Hello from b\n");
    let told = explained(&scene, E::Ok);
    assert_eq!(told.route_reason, "route \"default\" matches every request");
    let [first, second] = told.attempts.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (first.endpoint.as_str(), first.outcome.code(), first.status),
        ("Server 1", "connect", None)
    );
    assert_eq!(verdicts(&first.pick), ["chosen", "not_chosen", "not_chosen"]);
    assert_eq!((second.endpoint.as_str(), second.outcome.code()), ("Server 2", "ok"));
    assert_eq!((second.status, second.is_reused), (Some(200), false));
    assert!(second.connect_us.is_some() && second.first_byte_us.is_some(), "{second:?}");
    assert!(second.started_us >= first.started_us, "{told:?}");
    assert_eq!(verdicts(&second.pick), ["tried", "chosen", "not_chosen"]);
    assert_eq!(second.pick.candidates[1].reason, "round_robin: its turn");
    assert_eq!(second.pick.candidates[1].in_flight, Some(0));
}

#[test]
fn times_of_a_failed_attempt_are_not_those_of_the_one_before() {
    let (broken, closing) = (Origin::start("a"), Origin::start("b"));
    broken.answer(Answer::status(503));
    closing.answer(Answer::ok().close_at(Point::BeforeHead));
    let scene = Setup::new()
        .workers(1)
        .retry(|retry| (retry.attempts, retry.statuses) = (1, vec![503]))
        .start(&[broken.address(), closing.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    assert_eq!(client.read_response().unwrap().status, 502);
    let told = explained(&scene, E::EndpointClosed);
    assert_eq!(told.summary.timing.first_byte_us, None);
    let outcomes: Vec<_> = told.attempts.iter().map(|a| (a.outcome.code(), a.status)).collect();
    assert_eq!(outcomes, [("status", Some(503)), ("closed", None)]);
}

#[test]
fn an_exchange_that_found_no_place_tells_what_became_of_every_endpoint() {
    let (busy, idle, gate) = (Origin::start("a"), Origin::start("b"), Gate::shut());
    busy.answer(Answer::ok().hold(&gate));
    let mut scene =
        Setup::new().workers(1).limits(1, 10, ms(1)).start(&[busy.address(), idle.address()]);
    scene.publish(|stage| stage.endpoints[1].facts.admin_state = AdminState::Draining);
    let mut clients = [scene.client(), scene.client()];
    clients[0].request("GET", "/", &[], b"").unwrap();
    busy.wait_for_requests(1);
    clients[1].request("GET", "/", &[], b"").unwrap();
    assert_eq!(clients[1].read_response().unwrap().status, 503);
    let told = explained(&scene, E::QueueTimeout);
    let refusal = told.refusal.as_ref().unwrap();
    assert_eq!((told.attempts.len(), verdicts(refusal)), (0, vec!["at_limit", "draining"]));
    assert_eq!(refusal.candidates[0].reason, "1 in flight (limit 1)");
    gate.open();
    assert_eq!(clients[0].read_response().unwrap().status, 200);
}
