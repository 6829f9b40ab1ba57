//! Counters of the running program: well-formed, and true.

use std::collections::BTreeMap;

use roundel_telemetry::family;
use roundel_testkit::deadline::{Gate, PATIENCE};
use roundel_testkit::exposition::check_format;
use roundel_testkit::ports::Refusing;
use roundel_testkit::{Answer, Balancer, Call, Load, Origin, Point, RawClient, eventually};
use rustix::process::Signal;

use crate::site::{ADMIN, CHECK, NO_CHECK, endpoint, metric, metrics, pool, pool_of, web};

/// Waits until a series has this value: counters follow the answer that a client sees.
#[track_caller]
fn expect(balancer: &Balancer, series: &str, value: u64) {
    let mut now = 0;
    let is_reached = roundel_testkit::deadline::comes_true(PATIENCE, || {
        now = metric(balancer, series);
        now >= value
    });
    assert!(is_reached && now == value, "{series}: {now}, expected {value}\n{}", metrics(balancer));
}

#[test]
fn the_exposition_is_valid_before_during_and_after_traffic() {
    let origins = [Origin::start("a"), Origin::start("b: c")];
    let balancer = Balancer::start(&format!("{ADMIN}{}{}", web(), pool_of(&origins, CHECK)));
    let expected: BTreeMap<_, _> =
        family::ALL.iter().map(|f| (f.name.to_owned(), f.kind.word().to_owned())).collect();
    let check = || {
        let text = metrics(&balancer);
        let families = check_format(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(families, expected);
    };
    check();
    let load = Load::new(balancer.address()).clients(8).endless().start();
    for _ in 0..5 {
        load.wait_for(50);
        check();
    }
    load.finish().assert_all_ok();
    check();
}

#[test]
fn requests_are_counted_by_class_and_end_and_timed_once_each() {
    let origin = Origin::start("a");
    let retry = "retry = { attempts = 0 }\noutlier_detection = { enabled = false }\n";
    let lines = format!("{NO_CHECK}{retry}");
    let balancer = Balancer::start(&format!("{ADMIN}{}{}", web(), pool_of([&origin], &lines)));
    origin.respond(|request| {
        let status = request.target.trim_start_matches('/').parse().ok()?;
        Some(Answer::status(status).body("four"))
    });
    origin.on("/closed", Answer::ok().close_at(Point::BeforeHead));
    // First, on a new connection: an idle one that turns out closed is replaced without counting.
    assert_eq!(balancer.client().get("/closed").status, 502);
    let mut client = balancer.client();
    for (target, count) in [("/200", 5), ("/302", 3), ("/404", 2), ("/500", 1)] {
        for _ in 0..count {
            client.get(target);
        }
    }
    client.request("POST", "/201", &[], b"seven b").unwrap();
    assert_eq!(client.read_response().unwrap().status, 201);
    let mut bad = balancer.client();
    bad.send("nonsense\r\n\r\n").unwrap();
    assert_eq!(bad.read_response().unwrap().status, 400);

    for (series, value) in [
        (r#"roundel_listener_requests_total{listener="web"}"#, 14),
        (r#"roundel_listener_exchanges_total{listener="web",reason="request_line"}"#, 1),
        (r#"roundel_listener_connections_total{listener="web"}"#, 3),
        (r#"roundel_pool_requests_total{pool="api",class="2xx"}"#, 6),
        (r#"roundel_pool_requests_total{pool="api",class="3xx"}"#, 3),
        (r#"roundel_pool_requests_total{pool="api",class="4xx"}"#, 2),
        (r#"roundel_pool_requests_total{pool="api",class="5xx"}"#, 2),
        (r#"roundel_pool_exchanges_total{pool="api",reason="ok"}"#, 12),
        (r#"roundel_pool_exchanges_total{pool="api",reason="endpoint_closed"}"#, 1),
        (r#"roundel_pool_duration_seconds_count{pool="api"}"#, 13),
        (r#"roundel_pool_request_bytes_total{pool="api"}"#, 7),
        (r#"roundel_endpoint_attempts_total{pool="api",endpoint="a"}"#, 13),
        (r#"roundel_endpoint_responses_total{pool="api",endpoint="a",class="2xx"}"#, 6),
        (r#"roundel_endpoint_failures_total{pool="api",endpoint="a",reason="closed"}"#, 1),
        (r#"roundel_endpoint_first_byte_seconds_count{pool="api",endpoint="a"}"#, 12),
    ] {
        expect(&balancer, series, value);
    }
    let [made, reused] = ["made", "reused"].map(|word| {
        let labels = r#"{pool="api",endpoint="a"}"#;
        metric(&balancer, &format!("roundel_endpoint_connections_{word}_total{labels}"))
    });
    assert_eq!(made + reused, 13, "each attempt takes one or the other");
    assert!(made >= 1 && reused >= 10, "{made} made, {reused} reused");
}

#[test]
fn retries_and_failures_are_counted_where_they_happen() {
    let (a, gone) = (Origin::start("a"), Refusing::bind());
    let refused = format!("{{ name = \"gone\", address = \"{}\" }}", gone.address());
    let lines = format!(
        "{NO_CHECK}outlier_detection = {{ enabled = false }}\nretry = {{ budget = \"100%\" }}\n"
    );
    let entries = [endpoint(&a, ""), refused];
    let balancer = Balancer::start(&format!("{ADMIN}{}{}", web(), pool(&entries, &lines)));
    Load::new(balancer.address()).clients(1).requests(40).run().assert_all_ok();
    let failures =
        r#"roundel_endpoint_failures_total{pool="api",endpoint="gone",reason="connect"}"#;
    expect(&balancer, r#"roundel_pool_requests_total{pool="api",class="2xx"}"#, 40);
    let retries = metric(&balancer, r#"roundel_pool_retries_total{pool="api"}"#);
    assert!(retries >= 10, "{retries}");
    expect(&balancer, failures, retries);
    expect(&balancer, r#"roundel_endpoint_attempts_total{pool="api",endpoint="gone"}"#, retries);
    expect(&balancer, r#"roundel_endpoint_attempts_total{pool="api",endpoint="a"}"#, 40);
}

#[test]
fn gauges_follow_what_is_open_and_return_to_zero() {
    let origin = Origin::start("a");
    let gate = Gate::shut();
    origin.answer(Answer::ok().hold(&gate));
    let lines = format!("{NO_CHECK}limits = {{ max_in_flight = 2, queue = 8 }}\n");
    let balancer = Balancer::start(&format!("{ADMIN}{}{}", web(), pool_of([&origin], &lines)));
    let mut clients: Vec<RawClient> = (0..3).map(|_| balancer.client()).collect();
    for client in &mut clients {
        client.request("GET", "/", &[], b"").unwrap();
    }
    let open = r#"roundel_listener_connections_open{listener="web"}"#;
    let in_flight = r#"roundel_endpoint_in_flight{pool="api",endpoint="a"}"#;
    let queued = r#"roundel_pool_queued{pool="api"}"#;
    for (series, value) in [(open, 3), (in_flight, 2), (queued, 1)] {
        expect(&balancer, series, value);
    }
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    drop(clients);
    for series in [open, in_flight, queued] {
        eventually(PATIENCE, series, || metric(&balancer, series) == 0);
    }
    expect(&balancer, r#"roundel_pool_queue_seconds_count{pool="api"}"#, 1);
}

#[test]
fn stats_are_the_same_on_the_admin_surface_and_by_a_route() {
    let (a, b) = (Origin::start("Server 1"), Origin::start("Server 2"));
    let route = "[[route]]\npath = \"/stats\"\naction = \"stats\"\n[[route]]\npool = \"api\"\n";
    // On a busy machine anybody may seem silent for a while, which would change its share.
    let lines = format!("{NO_CHECK}silent_after = \"0s\"\n");
    let balancer =
        Balancer::start(&format!("{ADMIN}{}{route}{}", web(), pool_of([&a, &b], &lines)));
    Load::new(balancer.address()).requests(8).run().assert_all_ok();
    let expected = "Server 1: 4 requests\nServer 2: 4 requests\n";
    for address in [balancer.admin(), balancer.address()] {
        let mut client = RawClient::connect(address);
        assert_eq!(client.get("/stats").text(), expected);
        client.request("GET", "/stats", &[("Accept", "application/json")], b"").unwrap();
        let response = client.read_response().unwrap();
        assert_eq!(response.field("content-type"), Some("application/json"), "{address}");
        let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let requests = |n: usize| json["pools"][0]["endpoints"][n]["requests"].as_u64();
        assert_eq!((requests(0), requests(1)), (Some(4), Some(4)), "{address}");
        client.request("HEAD", "/stats", &[], b"").unwrap();
        let head = client.read_response_to("HEAD").unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0), "{address}");
        assert_eq!(client.get("/stats").status, 200, "and the connection goes on");
    }
}

#[test]
fn the_admin_surface_answers_under_load_and_while_draining() {
    let origin = Origin::start("a");
    let balancer = Balancer::start(&format!("{ADMIN}{}{}", web(), pool_of([&origin], NO_CHECK)));
    let call = |_| Call::get("/").field("X-Test", "bytes=20000");
    let load = Load::new(balancer.address()).clients(16).endless().call(call).start();
    load.wait_for(50);
    let mut admin = RawClient::connect(balancer.admin());
    for target in ["/healthz", "/readyz", "/stats", "/metrics", "/"] {
        assert_eq!(admin.get(target).status, 200, "{target}");
    }
    load.finish().assert_all_ok();
    origin.answer(Answer::never());
    let mut held = balancer.client();
    held.request("GET", "/held", &[], b"").unwrap();
    eventually(PATIENCE, "an exchange runs", || {
        origin.requests().iter().any(|request| request.target == "/held")
    });
    balancer.signal(Signal::TERM);
    balancer.wait_for_line("stopping");
    for (target, status) in [("/readyz", 503), ("/healthz", 200), ("/metrics", 200)] {
        assert_eq!(admin.get(target).status, status, "{target}");
    }
}
