//! Apps whose instances follow the load, with real processes.

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Call, Load, RawClient, TempDir, eventually};

use crate::site::count_of;

/// A server that waits a tenth of a second before it answers, or computes for a while.
const SERVER: &str = r#"
import hashlib, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            time.sleep(0.1)
        if self.path == "/heavy":
            hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 50_000)
        body = b"hello\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 128

Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

/// A balancer before an app `api` that has from `min` to 3 instances, and further keys.
fn start(directory: &TempDir, min: u32, command: &str, app: &str, autoscale: &str) -> Balancer {
    start_with(directory, "", min, command, app, autoscale)
}

/// The same with further lines before the app.
fn start_with(
    directory: &TempDir,
    lines: &str,
    min: u32,
    command: &str,
    app: &str,
    autoscale: &str,
) -> Balancer {
    directory.write("server.py", SERVER);
    Balancer::start(&format!(
        r#"
        workers = 2
        [admin]
        address = "127.0.0.1:0"
        [[listener]]
        name = "web"
        address = "127.0.0.1:0"
        [pool.api.health_check]
        interval = "2s"
        unhealthy_interval = "50ms"
        {lines}
        [app.api]
        command = {command}
        directory = "{}"
        instances = {{ min = {min}, max = 3 }}
        {app}
        [app.api.autoscale]
        {autoscale}
        "#,
        directory.path().display()
    ))
}

const PYTHON: &str = r#"["python3", "server.py", "{port}"]"#;
/// Windows so short that a test can watch them pass.
const QUICK: &str = r#"
    target_in_flight = 2
    scale_down_after = "2s"
    scale_to_zero_after = "3s"
    step_period = "1s"
"#;

/// The same, but asleep only after everything else of a test is over.
const DROWSY: &str = r#"
    target_in_flight = 2
    scale_to_zero_after = "1h"
"#;

fn metric(balancer: &Balancer, name: &str) -> Option<u64> {
    let text = RawClient::connect(balancer.admin()).get("/metrics").text();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn wanted(balancer: &Balancer) -> Option<u64> {
    metric(balancer, "roundel_app_wanted{app=\"api\"}")
}

fn in_state(balancer: &Balancer, state: &str) -> Option<u64> {
    metric(balancer, &format!("roundel_app_instances{{app=\"api\",state=\"{state}\"}}"))
}

fn decisions(balancer: &Balancer, direction: &str) -> u64 {
    let labels = format!("{{app=\"api\",direction=\"{direction}\"}}");
    metric(balancer, &format!("roundel_app_decisions_total{labels}")).unwrap_or(0)
}

fn wait_until_asleep(balancer: &Balancer) {
    eventually(PATIENCE, "no instance is left", || {
        ["starting", "ready", "draining", "stopping"]
            .iter()
            .all(|state| in_state(balancer, state) == Some(0))
            && wanted(balancer) == Some(0)
    });
}

#[test]
fn instances_follow_the_load_down_to_none_and_no_request_fails() {
    let directory = TempDir::new();
    let balancer = start(&directory, 0, PYTHON, "", QUICK);
    assert_eq!(wanted(&balancer), Some(0));
    let (_, pools) = api(&balancer, "GET", "/api/v1/pools", "");
    assert_eq!(
        (&pools["pools"][0]["tier"], &pools["pools"][0]["hold"]),
        (&"empty".into(), &"asleep".into())
    );
    let page = RawClient::connect(balancer.admin()).get("/status").text();
    assert!(page.contains("asleep: the next request starts an instance"), "{page}");
    // Held while the first instance starts.
    assert_eq!(balancer.client().get("/").status, 200);
    assert_eq!(wanted(&balancer), Some(1));

    let load = Load::new(balancer.address()).clients(8).call(|_| Call::get("/slow")).endless();
    let load = load.start();
    eventually(PATIENCE, "three instances serve", || in_state(&balancer, "ready") == Some(3));
    let before = load.ended();
    load.wait_for(before + 20);
    load.finish().assert_all_ok();

    wait_until_asleep(&balancer);
    assert_eq!(balancer.client().get("/").status, 200);
    let line = balancer.wait_for_line("no request for 3 s → 0");
    assert!(line.contains("autoscaler decided") && line.contains("in_flight=0"), "{line}");
    // Each decision is one line, and nothing else says the same.
    let (up, down) = (decisions(&balancer, "up"), decisions(&balancer, "down"));
    assert!(up > 1 && down > 0, "{up} {down}");
    let count = |text: &str| count_of(&balancer, text) as u64;
    eventually(PATIENCE, "each decision is told", || count("autoscaler decided") == up + down);
    assert_eq!(count("app scaled"), 0);
}

/// Grows to three instances under load and is back at one after it, each for the reason `because`.
fn grows_and_shrinks(balancer: &Balancer, path: &'static str, because: &str) {
    eventually(PATIENCE, "one instance serves", || in_state(balancer, "ready") == Some(1));
    let load = Load::new(balancer.address()).clients(6).call(move |_| Call::get(path)).endless();
    let load = load.start();
    eventually(PATIENCE, "three instances serve", || in_state(balancer, "ready") == Some(3));
    load.finish().assert_all_ok();
    eventually(PATIENCE, "one instance is left", || {
        (wanted(balancer), in_state(balancer, "ready")) == (Some(1), Some(1))
    });
    let (_, app) = api(balancer, "GET", "/api/v1/apps/api", "");
    let reasons: Vec<&str> = app["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["reason"].as_str())
        .collect();
    assert!(reasons.len() >= 2, "{reasons:?}");
    assert!(reasons.iter().all(|reason| reason.starts_with(because)), "{reasons:?}");
}

/// So low a target that a machine with much else to do meets it all the same.
#[test]
fn instances_follow_what_they_compute() {
    let directory = TempDir::new();
    let policy = "target_cpu = \"5%\"\nscale_down_after = \"2s\"\nstep_period = \"1s\"";
    let balancer = start(&directory, 1, PYTHON, "", policy);
    grows_and_shrinks(&balancer, "/heavy", "CPU");
}

#[test]
fn instances_follow_how_long_exchanges_wait_for_a_place() {
    let directory = TempDir::new();
    let policy = "target_queue_time = \"20ms\"\nscale_down_after = \"2s\"\nstep_period = \"1s\"";
    let limits = "[pool.api.limits]\nmax_in_flight = 1\n";
    let balancer = start_with(&directory, limits, 1, PYTHON, "", policy);
    grows_and_shrinks(&balancer, "/slow", "waited");
}

#[test]
fn a_crowd_that_wakes_an_app_is_served_whole() {
    let directory = TempDir::new();
    let balancer = start(&directory, 0, PYTHON, "", QUICK);
    let load = Load::new(balancer.address()).clients(30).requests(60).run();
    load.assert_all_ok();
}

#[test]
fn who_waits_for_an_app_that_cannot_start_is_told_so() {
    let directory = TempDir::new();
    let restart = r#"restart = { base_pause = "10ms", max_pause = "20ms", max_quick_exits = 3 }"#;
    let balancer = start(&directory, 0, r#"["false"]"#, restart, DROWSY);
    let refused = balancer.client().get("/");
    assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")));
    balancer.wait_for_line("instance given up");
    // Nothing is started anew for each request, and nobody waits.
    assert_eq!(balancer.client().get("/").status, 503);
    assert_eq!(wanted(&balancer), Some(1));
}

#[test]
fn an_app_that_is_not_scaled_by_load_keeps_its_instances() {
    let directory = TempDir::new();
    let balancer = start(&directory, 1, PYTHON, "", "target_in_flight = 1000");
    eventually(PATIENCE, "it serves", || in_state(&balancer, "ready") == Some(1));
    let load = Load::new(balancer.address()).clients(8).call(|_| Call::get("/slow")).requests(80);
    load.run().assert_all_ok();
    assert_eq!(wanted(&balancer), Some(1));
}

fn api(balancer: &Balancer, method: &str, target: &str, body: &str) -> (u16, serde_json::Value) {
    let mut client = RawClient::connect(balancer.admin());
    let fields = [("Content-Type", "application/json")];
    client.request(method, target, &fields, body.as_bytes()).unwrap();
    let response = client.read_response().unwrap();
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

#[test]
fn operators_see_what_was_decided_and_choose_within_the_bounds() {
    let directory = TempDir::new();
    let balancer = start(&directory, 0, PYTHON, "", DROWSY);
    assert_eq!(balancer.client().get("/").status, 200);

    let (_, app) = api(&balancer, "GET", "/api/v1/apps/api", "");
    assert_eq!(app["autoscale"], serde_json::json!({ "metric": "in_flight", "target": 2.0 }));
    let decision = &app["decisions"][0];
    assert_eq!((&decision["from"], &decision["to"]), (&0.into(), &1.into()));
    assert_eq!(decision["reason"], "1 request waits and no instance runs → 1");
    assert_eq!(decision["inputs"]["queued"], 1.0);

    let scale = |instances: u32| {
        let body = format!("{{\"instances\": {instances}}}");
        api(&balancer, "POST", "/api/v1/apps/api/scale", &body)
    };
    let (status, problem) = scale(4);
    let detail = "app \"api\": 4 instances are outside 0 to 3";
    assert_eq!((status, &problem["detail"]), (422, &detail.into()));
    let (status, _) = scale(2);
    assert_eq!(status, 200);
    // The autoscaler goes on from there and keeps them for its window.
    eventually(PATIENCE, "two instances serve", || in_state(&balancer, "ready") == Some(2));
    assert_eq!(wanted(&balancer), Some(2));

    let (_, state) = api(&balancer, "GET", "/api/v1/state", "");
    let pool = &state["pools"][0];
    assert_eq!((&pool["app"], &pool["hold"]), (&"api".into(), &serde_json::Value::Null));
    let name = state["apps"][0]["instances"][0]["name"].as_str().unwrap();
    let stop = format!("/api/v1/apps/api/instances/{name}/stop");
    assert_eq!(api(&balancer, "POST", &stop, "").0, 200);
    eventually(PATIENCE, "it is stopped", || in_state(&balancer, "stopped") == Some(1));
}
