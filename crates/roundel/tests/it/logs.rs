//! The access log: each exchange leaves one line that says how it ended, and no reader of the log
//! can hold up traffic.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use roundel_telemetry::access_log::FIELDS;
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::ports::Refusing;
use roundel_testkit::{Answer, Balancer, Load, Origin, Point, RawClient, TempDir, eventually};
use rustix::process::Signal;
use serde_json::Value;

use crate::site::{ADMIN, NO_CHECK, metric, mixed_load, pool, pool_of, web};

const JSON: &str = "[access_log]\nformat = \"json\"\n";

fn log_to(path: &Path, format: &str) -> String {
    format!("[access_log]\nformat = \"{format}\"\npath = \"{}\"\n", path.display())
}

/// The JSON line on standard output for `target`.
#[track_caller]
fn entry(balancer: &Balancer, target: &str) -> Value {
    let line = balancer.wait_for_line(&format!("\"target\":\"{target}\""));
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_json_line_has_every_documented_field_in_order() {
    let origin = Origin::start("Server 1");
    origin.answer(Answer::ok().body("hello"));
    let balancer = Balancer::start(&format!("{ADMIN}{JSON}{}{}", web(), pool_of([&origin], "")));
    let mut client = balancer.client();
    let fields = [("User-Agent", "test/1"), ("Referer", "/from"), ("X-Request-Id", "id-1")];
    client.request("POST", "/a?b=c", &fields, b"four").unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
    let line = balancer.wait_for_line("/a?b=c");
    let mut rest = line.as_str();
    for (name, _) in FIELDS {
        let key = format!("\"{name}\":");
        let at =
            rest.find(&key).unwrap_or_else(|| panic!("{name} is missing or too early: {line}"));
        rest = &rest[at..];
    }
    let json: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json.as_object().unwrap().len(), FIELDS.len());
    for (name, value) in [
        ("listener", Value::from("web")),
        ("client", client.local_address().unwrap().to_string().into()),
        ("method", "POST".into()),
        ("host", balancer.address().to_string().into()),
        ("version", "HTTP/1.1".into()),
        ("pool", "api".into()),
        ("endpoint", "Server 1".into()),
        ("endpoint_address", origin.address().to_string().into()),
        ("endpoint_requests", 1.into()),
        ("connection_reused", false.into()),
        ("attempts", 1.into()),
        ("status", 200.into()),
        ("request_bytes", 4.into()),
        ("response_bytes", 5.into()),
        ("queue_us", Value::Null),
        ("end", "ok".into()),
        ("request_id", "id-1".into()),
        ("user_agent", "test/1".into()),
        ("referer", "/from".into()),
    ] {
        assert_eq!(json[name], value, "{name}: {line}");
    }
    assert!(json["first_byte_us"].as_u64() <= json["total_us"].as_u64(), "{line}");
    assert!(json["time"].as_str().unwrap().ends_with('Z'), "{line}");
}

#[test]
fn every_format_goes_to_a_file_as_well() {
    let origin = Origin::start("Server 1");
    let routing =
        format!("Routing request to http://{} (Server 1), Request count: 1, 200", origin.address());
    for (format, part) in [
        ("text", routing.as_str()),
        ("combined", "\"GET /page HTTP/1.1\" 200 "),
        ("json", "\"endpoint_requests\":1,"),
    ] {
        let directory = TempDir::new();
        let path = directory.path().join("access.log");
        let log = log_to(&path, format);
        let balancer = Balancer::start(&format!("{ADMIN}{log}{}{}", web(), pool_of([&origin], "")));
        balancer.client().get("/page");
        eventually(PATIENCE, "the line is written", || {
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains(part))
        });
        assert!(balancer.stdout().is_empty());
    }
}

#[test]
fn no_line_is_lost_when_the_log_is_rotated_under_load() {
    let origin = Origin::start("a");
    let directory = TempDir::new();
    let path = directory.path().join("access.log");
    let log = log_to(&path, "combined");
    let balancer = Balancer::start(&format!("{ADMIN}{log}{}{}", web(), pool_of([&origin], "")));
    let load = mixed_load(&balancer, &roundel_testkit::Ledger::new()).start();
    let mut files = vec![path.clone()];
    for number in 1..=5 {
        load.wait_for(50);
        let rotated = directory.path().join(format!("access.log.{number}"));
        std::fs::rename(&path, &rotated).unwrap();
        balancer.signal(Signal::USR1);
        eventually(PATIENCE, "the log is opened anew", || path.exists());
        files.push(rotated);
    }
    let tally = load.finish();
    tally.assert_all_ok();
    assert_eq!(balancer.terminate().code(), Some(0));
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert_eq!(text.lines().count() as u64, tally.total());
    assert!(text.lines().all(|line| line.contains(" HTTP/1.1\" 200 ")), "no line is torn");
}

#[test]
fn what_a_client_sends_cannot_forge_a_line() {
    let origin = Origin::start("a");
    let balancer = Balancer::start(&format!(
        "{ADMIN}[access_log]\nformat = \"text\"\n{}{}",
        web(),
        pool_of([&origin], "")
    ));
    let mut client = balancer.client();
    client.send("GET /a\u{1b}[31m HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(client.read_response().unwrap().status, 400);
    balancer.client().get("/b\"%0a2026\"");
    balancer.wait_for_line("/b");
    for line in balancer.stdout() {
        assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line:?}");
        let own = line.replace("\\\"", "");
        assert_eq!(own.matches('"').count(), 2, "a client's own quotes are escaped: {line}");
    }

    let json = Balancer::start(&format!("{ADMIN}{JSON}{}{}", web(), pool_of([&origin], "")));
    let mut client = json.client();
    client
        .send("GET /c HTTP/1.1\r\nHost: x\r\nUser-Agent: a\tb\"\\\u{e9}\r\nReferer: \"},{\r\n\r\n")
        .unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
    let entry = entry(&json, "/c");
    // Bytes beyond ASCII stand as the characters of the same number.
    assert_eq!(entry["user_agent"], "a\tb\"\\\u{c3}\u{a9}");
    assert_eq!(entry["referer"], "\"},{");
}

/// How the exchange for one target ended, in the client's eyes and in the log's.
fn expect(balancer: &Balancer, target: &str, status: u16, end: &str) {
    assert_eq!(balancer.client().get(target).status, status, "{target}");
    let entry = entry(balancer, target);
    assert_eq!((&entry["status"], &entry["end"]), (&status.into(), &end.into()), "{entry}");
}

/// A pool, and a path that leads to it, for each way to fail.
fn failing(origin: &Origin, refusing: &Refusing) -> String {
    let short = "timeouts = { response_head = \"100ms\" }\n";
    let one = "limits = { max_in_flight = 1, queue = 1, queue_timeout = \"100ms\" }\n";
    let none = "limits = { max_in_flight = 1, queue = 0 }\n";
    let retry = "retry = { attempts = 0 }\n";
    let name = |toml: String, name: &str| toml.replace("pool.api", &format!("pool.{name}"));
    let of = |lines: &str| pool_of([origin], &format!("{NO_CHECK}{retry}{lines}"));
    let refused = format!("{{ name = \"gone\", address = \"{}\" }}", refusing.address());
    let disabled = crate::site::endpoint(origin, "admin_state = \"disabled\"");
    let route = |path| format!("[[route]]\npath_prefix = \"/{path}\"\npool = \"{path}\"\n");
    let paths = ["plain", "refused", "disabled", "short", "queue", "full"];
    let mut routes: String = paths.map(route).concat();
    routes += "[[route]]\npath = \"/fixed\"\nrespond = { status = 200, body = \"x\" }\n\
               [[route]]\npath = \"/read-only\"\nmethods = [\"POST\"]\npool = \"plain\"\n";
    [
        ADMIN.to_owned(),
        JSON.to_owned(),
        web()
            + "[listener.timeouts]\nrequest_head = \"300ms\"\nbody_idle = \"300ms\"\n"
            + "[listener.limits]\nbody_bytes_max = \"1KiB\"\ntarget_bytes_max = \"1KiB\"\n",
        routes,
        name(of(""), "plain"),
        name(pool(&[refused], &format!("{NO_CHECK}{retry}")), "refused"),
        name(pool(&[disabled], NO_CHECK), "disabled"),
        name(of(short), "short"),
        name(of(one), "queue"),
        name(of(none), "full"),
    ]
    .concat()
}

#[test]
fn each_end_of_an_answered_exchange_has_its_reason() {
    let (origin, refusing) = (Origin::start("a"), Refusing::bind());
    origin.on("/plain/closed", Answer::ok().close_at(Point::BeforeHead));
    origin.on("/plain/malformed", Answer::raw("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n"));
    origin.on("/short/never", Answer::never());
    origin.on("/queue/held", Answer::never());
    origin.on("/full/held", Answer::never());
    let balancer = Balancer::start(&failing(&origin, &refusing));
    expect(&balancer, "/plain/ok", 200, "ok");
    expect(&balancer, "/fixed", 200, "local");
    expect(&balancer, "/plain/closed", 502, "endpoint_closed");
    expect(&balancer, "/plain/malformed", 502, "response_malformed");
    expect(&balancer, "/refused/x", 502, "connect_failed");
    expect(&balancer, "/short/never", 504, "response_timeout");
    expect(&balancer, "/disabled/x", 503, "no_endpoint");
    expect(&balancer, "/nowhere", 404, "no_route");
    expect(&balancer, "/read-only", 405, "method_not_allowed");
    for (held, next, end) in [
        ("/queue/held", "/queue/next", "queue_timeout"),
        ("/full/held", "/full/next", "queue_full"),
    ] {
        let mut first = balancer.client();
        first.request("GET", held, &[], b"").unwrap();
        eventually(PATIENCE, "the endpoint is busy", || {
            origin.requests().iter().any(|request| request.target == held)
        });
        expect(&balancer, next, 503, end);
        // An orderly close may be half of one, by a client that still waits for its answer.
        first.reset();
        assert_eq!(entry(&balancer, held)["end"], "client_closed");
    }
}

#[test]
fn each_fault_of_a_client_has_its_reason() {
    let (origin, refusing) = (Origin::start("a"), Refusing::bind());
    let balancer = Balancer::start(&failing(&origin, &refusing));
    let long = "x".repeat(2_000);
    for (bytes, status, end) in [
        ("GET\r\n\r\n".to_owned(), 400, "request_line"),
        ("GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n".to_owned(), 400, "request_field"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "request_host"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(),
            400,
            "request_framing",
        ),
        (
            "POST /plain/c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(),
            400,
            "request_chunk",
        ),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), 414, "target_too_long"),
        (
            "POST /plain/b HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n".to_owned(),
            413,
            "body_too_large",
        ),
        ("GET / HTTP/3.0\r\nHost: x\r\n\r\n".to_owned(), 505, "version"),
        ("GET /plain/x HTTP/1.1\r\nHost".to_owned(), 408, "client_head_timeout"),
        (
            "POST /plain/t HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf".to_owned(),
            408,
            "client_body_timeout",
        ),
    ] {
        let seen = balancer.stdout().len();
        let mut client = balancer.client();
        client.send(&bytes).unwrap();
        assert_eq!(client.read_response().unwrap().status, status, "{end}");
        let mut lines = Vec::new();
        eventually(PATIENCE, end, || {
            lines = balancer.stdout().split_off(seen);
            !lines.is_empty()
        });
        let entry: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((&entry["end"], &entry["status"]), (&end.into(), &status.into()), "{entry}");
    }
}

/// A balancer whose standard output is a pipe in the test's hand.
struct Piped {
    child: Child,
    listener: SocketAddr,
    admin: SocketAddr,
}

impl Piped {
    fn start(config: &str) -> (Self, std::process::ChildStdout) {
        let directory = TempDir::new();
        let path = directory.write("roundel.toml", config);
        let mut child = Command::new(env!("CARGO_BIN_EXE_roundel"))
            .args(["run", "--config", path.to_str().unwrap()])
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut address = |event: &str| {
            let line = lines.find(|line| line.contains(event)).expect(event);
            line.rsplit_once("address=").unwrap().1.parse().unwrap()
        };
        let (admin, listener) = (address("admin bound"), address("listener bound"));
        // What is said later must find a reader.
        std::thread::spawn(move || lines.for_each(drop));
        (Self { child, listener, admin }, stdout)
    }

    fn metric(&self, name: &str) -> u64 {
        let text = RawClient::connect(self.admin).get("/metrics").text();
        let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        text.lines().find_map(value).unwrap_or_else(|| panic!("no {name}:\n{text}"))
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const DROPPED: &str = "roundel_access_log_lines_dropped_total";
const WRITTEN: &str = "roundel_access_log_lines_written_total";

fn long_load(address: SocketAddr, requests: u64) {
    let target = format!("/{}", "x".repeat(4_000));
    let call = move |_| roundel_testkit::Call::get(&target);
    Load::new(address).clients(8).requests(requests).call(call).run().assert_all_ok();
}

#[test]
fn a_log_that_nobody_reads_holds_up_nobody() {
    let origin = Origin::start("a");
    let config = format!("{ADMIN}{JSON}{}{}", web(), pool_of([&origin], ""));
    let (mut balancer, stdout) = Piped::start(&config);
    // More than the pipe and all buffers between hold.
    long_load(balancer.listener, 600);
    assert!(balancer.metric(DROPPED) > 0);
    let pid = rustix::process::Pid::from_child(&balancer.child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(balancer.child.wait().unwrap().code(), Some(0), "nor the end");
    drop(stdout);
}

#[test]
fn a_log_whose_reader_has_gone_holds_up_nobody() {
    let origin = Origin::start("a");
    let config = format!("{ADMIN}{JSON}{}{}", web(), pool_of([&origin], ""));
    let (balancer, stdout) = Piped::start(&config);
    drop(stdout);
    long_load(balancer.listener, 100);
    eventually(PATIENCE, "every line is counted as dropped", || balancer.metric(DROPPED) == 100);
    assert_eq!(balancer.metric(WRITTEN), 0);
}

#[test]
fn written_lines_are_counted() {
    let origin = Origin::start("a");
    let balancer = Balancer::start(&format!("{ADMIN}{JSON}{}{}", web(), pool_of([&origin], "")));
    Load::new(balancer.address()).requests(100).run().assert_all_ok();
    eventually(PATIENCE, "all are written", || metric(&balancer, WRITTEN) == 100);
    assert_eq!(metric(&balancer, DROPPED), 0);
}
