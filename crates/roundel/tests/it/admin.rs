//! The admin surface of the running program.

use std::process::Command;

use roundel_testkit::{Balancer, Origin, RawClient, Response, TempDir};

fn configuration(origin: &Origin, admin: &str) -> String {
    format!(
        "[admin]\n{admin}\n[[listener]]\nname = \"web\"\naddress = \"127.0.0.1:0\"\n\
         [pool.api]\nendpoints = [{{ address = \"{}\", name = \"Server 1\" }}]\n",
        origin.address()
    )
}

fn start(origin: &Origin) -> Balancer {
    Balancer::start(&configuration(origin, "address = \"127.0.0.1:0\""))
}

#[track_caller]
fn ask(balancer: &Balancer, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
    let mut client = RawClient::connect(balancer.admin());
    client.request(method, target, fields, b"").unwrap();
    client.read_response_to(method).unwrap()
}

fn body(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

#[test]
fn stats_count_requests_by_endpoint() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    assert_eq!(body(&ask(&balancer, "GET", "/stats", &[])), "Server 1: 0 requests\n");
    let mut client = balancer.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(body(&ask(&balancer, "GET", "/stats", &[])), "Server 1: 3 requests\n");
    let json = ask(&balancer, "GET", "/stats", &[("Accept", "application/json")]);
    assert_eq!(json.fields.first("content-type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    let endpoint = &json["pools"][0]["endpoints"][0];
    assert_eq!((&endpoint["name"], &endpoint["requests"]), (&"Server 1".into(), &3.into()));
}

#[test]
fn metrics_are_served_as_prometheus_wants_them() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    let response = ask(&balancer, "GET", "/metrics", &[]);
    assert_eq!(response.status, 200);
    let kind = response.fields.first("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = body(&response);
    assert!(text.contains("# TYPE ") && text.contains("endpoint=\"Server 1\""), "{text}");
}

#[test]
fn the_status_page_needs_nothing_from_elsewhere() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    let page = ask(&balancer, "GET", "/status", &[]);
    assert_eq!(page.status, 200);
    let text = body(&page);
    assert!(text.starts_with("<!doctype html>") && text.ends_with("</html>\n"), "{text}");
    for part in ["Server 1", "healthy", "/stats", "/metrics"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(!text.contains("http:") && !text.contains("<script"), "{text}");
    for (asset, kind) in [("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")] {
        assert!(text.contains(asset));
        let response = ask(&balancer, "GET", asset, &[]);
        assert_eq!(response.status, 200, "{asset}");
        assert!(response.fields.first("content-type").unwrap().starts_with(kind), "{asset}");
    }
}

/// Either the dashboard or, in a binary built without Node, the page that says so.
#[test]
fn the_first_page_loads_nothing_from_elsewhere() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    let page = ask(&balancer, "GET", "/", &[]);
    assert_eq!(page.status, 200);
    let text = body(&page);
    assert!(text.starts_with("<!doctype html>") && text.contains("/status"), "{text}");
    assert!(!text.contains("http:") && !text.contains("https:"), "{text}");
    let policy = page.fields.first("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for asset in text.split('"').filter(|it| it.starts_with("/assets/")) {
        let response = ask(&balancer, "GET", asset, &[("Accept-Encoding", "br")]);
        assert_eq!(response.status, 200, "{asset}");
        let kept = response.fields.first("cache-control").unwrap();
        assert!(kept.contains("immutable"), "{asset}: {kept}");
    }
    assert_eq!(ask(&balancer, "GET", "/assets/none.js", &[]).status, 404);
}

#[test]
fn every_answer_carries_the_protecting_fields() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    for (method, target, status) in [
        ("GET", "/status", 200),
        ("HEAD", "/stats", 200),
        ("GET", "/healthz", 200),
        ("GET", "/nothing", 404),
        ("POST", "/stats", 405),
        ("DELETE", "/", 405),
        ("OPTIONS", "/stats", 405),
    ] {
        let response = ask(&balancer, method, target, &[]);
        assert_eq!(response.status, status, "{method} {target}");
        assert_eq!(response.fields.first("cache-control"), Some("no-store"), "{method} {target}");
        assert_eq!(response.fields.first("x-content-type-options"), Some("nosniff"));
        let policy = response.fields.first("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(response.fields.iter().all(|(name, _)| !name.starts_with("access-control")));
    }
}

#[test]
fn a_foreign_host_gets_nothing_but_the_probes() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    for (target, host, status) in [
        ("/stats", "evil.example", 421),
        ("/", "evil.example", 421),
        ("/metrics", "localhost.evil.example:8090", 421),
        ("/stats", "localhost:1", 200),
        ("/stats", "[::1]:8090", 200),
        ("/readyz", "roundel.internal", 200),
        ("/healthz", "roundel.internal", 200),
    ] {
        let mut client = RawClient::connect(balancer.admin());
        client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
        let response = client.read_response().unwrap();
        assert_eq!(response.status, status, "{target} {host}");
        assert!(status == 200 || !body(&response).contains("Server 1"));
    }
}

#[test]
fn with_a_token_it_is_asked_for_wherever_something_is_shown() {
    let origin = Origin::start("one");
    let directory = TempDir::new();
    let token = directory.write("token", "s3cret\n");
    let admin = format!("address = \"127.0.0.1:0\"\ntoken_file = \"{}\"", token.display());
    let balancer = Balancer::start(&configuration(&origin, &admin));
    for target in ["/status", "/stats", "/metrics", "/api/v1/state", "/api/v1/events"] {
        let refused = ask(&balancer, "GET", target, &[]);
        assert_eq!(refused.status, 401, "{target}");
        assert_eq!(refused.fields.first("www-authenticate"), Some("Bearer realm=\"roundel\""));
        let wrong = ask(&balancer, "GET", target, &[("Authorization", "Bearer s3creT")]);
        assert_eq!(wrong.status, 401, "{target}");
    }
    for target in ["/status", "/stats", "/metrics", "/api/v1/state"] {
        let right = ask(&balancer, "GET", target, &[("Authorization", "Bearer s3cret")]);
        assert_eq!(right.status, 200, "{target}");
    }
    for target in ["/healthz", "/readyz", "/", "/style.css", "/icon.svg", "/openapi.json"] {
        assert_eq!(ask(&balancer, "GET", target, &[]).status, 200, "{target}");
    }
}

#[test]
fn a_head_without_end_is_refused_and_others_are_served() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    let mut client = RawClient::connect(balancer.admin());
    // The server may close while this is still being sent.
    let _ = client.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n", "x".repeat(64 * 1024)));
    if let Ok(response) = client.read_response() {
        assert_eq!(response.status, 431);
    }
    assert_eq!(ask(&balancer, "GET", "/healthz", &[]).status, 200);
}

#[test]
fn health_asks_the_running_process() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundel"));
    let status = command.args(["health", "--admin", &balancer.admin().to_string()]).status();
    assert!(status.unwrap().success());
}

#[test]
fn the_last_reload_is_shown_with_all_that_was_wrong() {
    let origin = Origin::start("one");
    let balancer = start(&origin);
    assert!(!body(&ask(&balancer, "GET", "/status", &[])).contains("Last reload"));
    let right = configuration(&origin, "address = \"127.0.0.1:0\"");
    let why = balancer.reload(&right.replace("endpoints", "endpoint")).unwrap_err();
    assert!(why.contains("endpoint"), "{why}");
    roundel_testkit::eventually(roundel_testkit::deadline::PATIENCE, "it is shown", || {
        let text = body(&ask(&balancer, "GET", "/status", &[]));
        text.contains("rejected") && text.contains("has no key &quot;endpoint&quot;")
    });
    assert_eq!(balancer.client().get("/").status, 200);
}
