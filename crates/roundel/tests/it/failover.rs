//! Endpoints that die, hang and break off while clients send: what clients notice of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::load::{Call, Kind};
use roundel_testkit::ports::Refusing;
use roundel_testkit::{Answer, Ledger, Origin, Point, client::ReadError, eventually};

use crate::origin_process::OriginProcess;
use crate::scene::{CHECK, NO_CHECK, NO_OUTLIERS, SOON, Scene, Target as _, one, plain};

/// Two reads and one write, over and over.
fn mixed(number: u64) -> Call {
    if number % 3 == 2 { Call::post("/orders", "one more") } else { Call::get("/") }
}

/// A GET may go to two endpoints, an order only to one; what had been sent to the endpoint that
/// died is the only thing that may fail, and it is told to the client and counted.
#[test]
fn a_killed_process_costs_no_get_and_doubles_no_post() {
    let ledger = Ledger::new();
    let origins = ["a", "b", "c"].map(OriginProcess::start);
    let scene = Scene::start(&plain(&origins), &[CHECK]);
    scene.wait_all_healthy(&origins);
    let load = scene.load().clients(8).endless().call(mixed).recorded_in(&ledger).start();
    for _ in 0..3 {
        load.wait_for(500);
        origins[1].kill();
        load.wait_for(500);
        scene.wait_health("b", "unhealthy");
        origins[1].restart();
        scene.wait("b", "back in traffic", |state| state.is_eligible);
    }
    load.wait_for(300);
    let tally = load.finish();
    for origin in &origins {
        origin.report_to(&ledger);
    }
    let report = || format!("{}\n{}", tally.report(), ledger.report());
    assert!(ledger.duplicated_unsafely().is_empty(), "{}", report());
    let failed: Vec<_> = ledger
        .entries()
        .into_iter()
        .filter(|e| e.outcome != Some(ledger_ok()) && !e.method.is_empty())
        .collect();
    // Eight clients send at once, so no more can be under way when a process dies.
    assert!(failed.len() <= 3 * 8, "{}", report());
    assert!(failed.iter().all(|entry| entry.method == "POST"), "{}", report());
    assert_eq!(tally.count(Kind::Status(502)), failed.len() as u64, "{}", report());
    let metric = r#"roundel_pool_exchanges_total{pool="api",reason="endpoint_closed"}"#;
    let closed = || scene.metric(metric);
    // A client has its answer a little before it is counted.
    eventually(SOON, "each is counted", || closed() >= failed.len() as u64);
    assert_eq!(closed(), failed.len() as u64, "{}", report());
    assert_eq!(scene.share("b", 30), 10, "it has its full share again");
}

fn ledger_ok() -> roundel_testkit::ledger::Outcome {
    roundel_testkit::ledger::Outcome::Answered(200)
}

#[test]
fn backends_restarted_one_after_another_cost_no_get() {
    let origins = ["a", "b", "c"].map(OriginProcess::start);
    let scene = Scene::start(&plain(&origins), &[CHECK]);
    scene.wait_all_healthy(&origins);
    let load = scene.load().clients(8).endless().start();
    for origin in &origins {
        load.wait_for(200);
        origin.kill();
        load.wait_for(200);
        scene.wait_health(origin.name(), "unhealthy");
        origin.restart();
        scene.wait(origin.name(), "back in traffic", |state| state.is_eligible);
    }
    load.wait_for(200);
    load.finish().assert_all_ok();
    assert_eq!(scene.share("c", 30), 10);
}

/// Nobody probes here, and the response timeout is a minute: what traffic shows is all there is.
#[test]
fn a_stopped_process_holds_up_what_it_has_and_gets_nothing_more() {
    let origins = ["a", "b", "c"].map(OriginProcess::start);
    let no_hedges = "retry = { hedge = false }";
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, NO_OUTLIERS, no_hedges]);
    // Paced, so that as many wait as a real site would have waiting, and the rest goes on.
    let load = scene.load().clients(40).per_second(200).endless().start();
    load.wait_for(100);
    origins[0].pause();
    let silent = || scene.metric(r#"roundel_endpoint_silent{pool="api",endpoint="a"}"#);
    eventually(PATIENCE, "it is found to be silent", || silent() == 1);
    let attempts = || scene.metric(r#"roundel_endpoint_attempts_total{pool="api",endpoint="a"}"#);
    let at_silence = attempts();
    // Of others, since by then all of the load may wait there.
    let others = scene.load().clients(8).endless().start();
    others.wait_for(400);
    let workers = scene.metric("roundel_workers");
    assert!(attempts() <= at_silence + workers, "it gets no more than a try of each worker");
    origins[0].resume();
    eventually(PATIENCE, "it is heard again", || silent() == 0);
    eventually(PATIENCE, "it takes its turns again", || attempts() > at_silence + workers);
    load.finish().assert_all_ok();
    others.finish().assert_all_ok();
}

/// The process never goes on, and only reads come, so nobody may have to wait for it.
#[test]
fn a_process_that_stops_for_good_delays_reads_and_fails_none() {
    for check in [CHECK, NO_CHECK] {
        let origins = ["a", "b", "c"].map(OriginProcess::start);
        let scene = Scene::start(&plain(&origins), &[check, NO_OUTLIERS]);
        let patience = Duration::from_secs(10);
        let load = scene.load().clients(40).per_second(200).patience(patience).endless().start();
        load.wait_for(100);
        origins[0].pause();
        load.wait_for(800);
        load.finish().assert_all_ok();
        let hedges = scene.metric(r#"roundel_pool_hedges_total{pool="api"}"#);
        let overtaken =
            r#"roundel_endpoint_failures_total{pool="api",endpoint="a",reason="overtaken"}"#;
        // On a busy machine a well server may seem silent as well, and not be overtaken in the end.
        eventually(SOON, "it was overtaken", || (2..=hedges).contains(&scene.metric(overtaken)));
    }
}

#[test]
fn a_process_that_hangs_delays_its_requests_by_the_timeout_and_fails_none() {
    let origins = ["a", "b", "c"].map(OriginProcess::start);
    let timeouts =
        "timeouts = { response_head = \"2s\" }\nretry = { budget = \"100%\", hedge = false }";
    let scene = Scene::start(&plain(&origins), &[CHECK, timeouts]);
    scene.wait_all_healthy(&origins);
    // A request that is not served within a few timeouts counts as failed.
    let patience = Duration::from_secs(10);
    let load = scene.load().clients(8).patience(patience).endless().start();
    load.wait_for(300);
    origins[0].pause();
    load.wait_for(300);
    let timeouts =
        r#"roundel_endpoint_failures_total{pool="api",endpoint="a",reason="response_timeout"}"#;
    eventually(SOON, "some requests did wait for it", || scene.metric(timeouts) >= 1);
    scene.wait_health("a", "unhealthy");
    load.wait_for(300);
    origins[0].resume();
    scene.wait("a", "back in traffic", |state| state.is_eligible);
    load.wait_for(300);
    load.finish().assert_all_ok();
    assert_eq!(scene.share("a", 30), 10);
}

#[test]
fn without_a_second_try_a_hanging_endpoint_is_told_in_time() {
    let origin = Origin::start("a");
    origin.answer(Answer::never());
    let keys = "timeouts = { response_head = \"200ms\" }\nretry = { attempts = 0 }";
    let scene = Scene::start(&one(&origin), &[NO_CHECK, keys]);
    let started = Instant::now();
    let answer = scene.balancer.client().get("/");
    assert_eq!(answer.status, 504);
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert!(answer.text().starts_with("Backend server"), "{}", answer.text());
}

#[test]
fn a_client_can_tell_a_broken_answer_from_a_whole_one() {
    let origin = Origin::start("a");
    let scene = Scene::start(&one(&origin), &[NO_CHECK]);
    let sized = || Answer::ok().body_of(200_000);
    for (what, answer) in [
        ("reset, sized", sized().reset_at(Point::MidBody)),
        ("close, sized", sized().close_at(Point::MidBody)),
        ("reset, chunked", sized().chunked().in_parts_of(9000).reset_at(Point::MidBody)),
        ("close, chunked", sized().chunked().in_parts_of(9000).close_at(Point::MidBody)),
        ("reset, until close", sized().until_close().reset_at(Point::MidBody)),
    ] {
        origin.answer(answer);
        let mut client = scene.balancer.client();
        client.request("GET", "/", &[], b"").unwrap();
        let error = client.read_response().map(|response| response.body.len()).unwrap_err();
        assert!(matches!(error, ReadError::Truncated(_) | ReadError::Reset), "{what}: {error}");
    }
    assert_eq!(origin.request_count(), 5, "part of an answer is never followed by another");
}

#[test]
fn idle_connections_that_endpoints_close_are_nobodys_concern() {
    let ledger = Ledger::new();
    let origins = ["a", "b"].map(|name| Origin::start(name).recorded_in(&ledger));
    for (origin, count) in origins.iter().zip([3, 5]) {
        origin.close_after_requests(count);
        origin.close_when_idle(Duration::from_millis(1));
    }
    let scene = Scene::start(&plain(&origins), &[NO_CHECK]);
    let load = scene.load().clients(6).requests(3000).call(mixed).recorded_in(&ledger);
    load.run().assert_all_ok();
    assert!(ledger.duplicated_unsafely().is_empty(), "{}", ledger.report());
}

#[test]
fn with_everything_off_a_dead_endpoint_is_told_and_others_are_fine() {
    let (dead, well) = (Refusing::bind(), Origin::start("well"));
    let endpoints =
        [format!("{{ name = \"dead\", address = \"{}\" }}", dead.address()), well.with("")];
    let off = "retry = { attempts = 0 }";
    let scene = Scene::start(&endpoints, &[NO_CHECK, NO_OUTLIERS, off]);
    let mut client = scene.balancer.client();
    for _ in 0..20 {
        let answer = client.get("/");
        assert_eq!(answer.status, 502);
        assert!(answer.text().starts_with("Backend server unreachable"), "{}", answer.text());
        assert_eq!(client.get("/").status, 200);
    }
    client.request("GET", "/", &[("Accept", "application/json")], b"").unwrap();
    let answer = client.read_response().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, json["status"].as_u64()), (502, Some(502)), "{json}");
}

/// What nobody has sent on may go anywhere, whatever its method.
#[test]
fn a_refused_connection_costs_no_post() {
    let (dead, well) = (Refusing::bind(), Origin::start("well"));
    let endpoints =
        [format!("{{ name = \"dead\", address = \"{}\" }}", dead.address()), well.with("")];
    let scene = Scene::start(&endpoints, &[NO_CHECK, NO_OUTLIERS]);
    let load = scene.load().requests(400).call(|_| Call::post("/orders", "one more"));
    load.run().assert_all_ok();
    assert_eq!(well.request_count(), 400);
}

/// A body in flight, larger than what is kept for another try, from a process that dies.
#[test]
fn a_process_killed_in_the_middle_of_an_answer_is_told_to_the_client() {
    let origin = OriginProcess::start("a");
    let scene = Scene::start(&one(&origin), &[NO_CHECK]);
    let mut client = scene.balancer.client();
    client.request("GET", "/", &[("X-Test", "bytes=500000000")], b"").unwrap();
    let (status, fields) = client.read_head().unwrap();
    assert_eq!((status, fields.first("content-length")), (200, Some("500000000")));
    client.read_exact(1_000_000).unwrap();
    origin.kill();
    let end = client.read_exact(499_000_000).unwrap_err();
    assert!(matches!(end, ReadError::Truncated(_) | ReadError::Reset), "{end}");
    origin.restart();
    let served = AtomicU64::new(0);
    eventually(SOON, "it serves again", || {
        served.fetch_add(1, Relaxed);
        scene.balancer.client().get("/").status == 200
    });
    assert_eq!(served.load(Relaxed), 1, "the first request finds it");
}
