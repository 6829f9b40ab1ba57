//! What the request log tells of exchanges that went one way or another.

use roundel_core::end::EndReason as E;
use roundel_telemetry::{RequestFilter, RequestLogOptions};
use roundel_testkit::{Answer, Origin, eventually};

use crate::scene::{PATIENCE, Setup};

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
    assert_eq!(scene.requests.find(&told.id), Some(told));
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
    scene.expect_ends(E::Ok, 51);
    let kept = scene.requests.recent(&RequestFilter::default(), 100);
    assert!(kept.iter().any(|request| request.path == "/broken"), "{kept:?}");
    assert_eq!(kept.len() as u64 + scene.requests.sampled_out(), 51);
}
