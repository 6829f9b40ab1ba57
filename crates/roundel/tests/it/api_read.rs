//! What the API shows: state, history, pools, configuration, events, and how it refuses.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Origin, RawClient, eventually};
use serde_json::{Value, json};

use crate::api::{Answer, Api, answer};
use crate::origin_process::OriginProcess;
use crate::scene::{CHECK, NO_CHECK, NO_OUTLIERS, Scene, configuration, one, plain};

/// What Kubernetes is told to wait for an answer about readiness.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

fn api(scene: &Scene) -> Api {
    Api::at(scene.balancer.admin())
}

#[test]
fn the_state_shows_traffic_and_each_fact_of_an_endpoint() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let scene = Scene::start(&plain(&origins), &[CHECK]);
    scene.wait_all_healthy(&origins);
    scene.turns(10);
    let api = api(&scene);
    eventually(PATIENCE, "the exchanges are in the figures", || {
        let state = api.get("/api/v1/state");
        state["totals"]["requests_total"] == 10 && state["pools"][0]["ends"] == json!({"ok": 10})
    });
    let state = api.get("/api/v1/state");
    assert_eq!((&state["phase"], &state["workers"]), (&json!("ready"), &json!(2)));
    assert_eq!((&state["last_reload"], &state["apps"]), (&Value::Null, &json!([])));
    assert_eq!(state["listeners"][0]["requests_total"], 10);
    assert_eq!(state["routes"][0]["pool"], "api");
    let pool = &state["pools"][0];
    assert_eq!((&pool["tier"], &pool["ends"]), (&json!("primary"), &json!({"ok": 10})));
    assert_eq!(pool["health_check"], "GET /health every 2 s");
    for endpoint in pool["endpoints"].as_array().unwrap() {
        assert_eq!(endpoint["requests_total"], 5);
        assert_eq!(endpoint["responses"], json!({"2xx": 5}));
        for (key, expected) in [
            ("source", json!("file")),
            ("admin_state", json!("enabled")),
            ("presence", json!("present")),
            ("health", json!("healthy")),
            ("ejected_until", Value::Null),
            ("is_eligible", json!(true)),
            ("is_silent", json!(false)),
            ("overridden", json!([])),
            ("effective_weight", json!(1.0)),
        ] {
            assert_eq!(endpoint[key], expected, "{key}");
        }
        assert_eq!(endpoint["last_probe"]["ok"], true);
    }
    let history = api.get("/api/v1/history");
    assert_eq!(history["interval_ms"], 1000);
    let points = |of: &Value| of["requests_per_second"].as_array().unwrap().len();
    let (all, pool) = (points(&history["totals"]), points(&history["pools"]["api"]));
    assert!((1..=300).contains(&all) && all == pool, "{history}");
}

/// Nobody probes here: that it is silent is all there is to see of a process that hangs.
#[test]
fn a_process_that_hangs_is_shown_as_silent_until_it_is_heard() {
    let origins = ["a", "b"].map(OriginProcess::start);
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, NO_OUTLIERS]);
    let api = api(&scene);
    let load = scene.load().clients(40).per_second(200).endless().start();
    load.wait_for(100);
    origins[0].pause();
    let silent = || api.endpoint("api", "a").unwrap()["is_silent"].clone();
    eventually(PATIENCE, "it is silent", || silent() == true);
    let metric = || scene.metric(r#"roundel_endpoint_silent{pool="api",endpoint="a"}"#);
    assert_eq!(metric(), 1);
    assert_eq!(api.endpoint("api", "a").unwrap()["admin_state"], "enabled");
    let page = scene.admin("/status", "text/html").text();
    assert!(page.contains("<td>a <span class=\"fair\">silent</span></td>"), "{page}");
    origins[0].resume();
    eventually(PATIENCE, "it is heard", || silent() == false && metric() == 0);
    load.finish().assert_all_ok();
}

#[test]
fn a_pool_is_found_by_name_and_a_mistyped_name_gets_a_hint() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let api = api(&scene);
    assert_eq!(api.get("/api/v1/pools")["pools"][0], api.get("/api/v1/pools/api"));
    let Answer { status, json } = api.call("GET", "/api/v1/pools/apii", &Value::Null);
    assert_eq!(status, 404);
    assert_eq!(json["type"], "urn:roundel:problem:not_found");
    assert_eq!(json["detail"], "there is no pool called \"apii\"; did you mean \"api\"?");
}

#[test]
fn wrong_requests_are_answered_with_problems() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let api = api(&scene);
    let toml = "text/plain";
    let long = vec![b'#'; 1024 * 1024 + 1];
    for (method, path, kind, body, status) in [
        ("GET", "/api/v1/nothing", "", &b""[..], 404),
        ("GET", "/api/v2/state", "", b"", 404),
        ("POST", "/api/v1/state", "", b"", 405),
        ("DELETE", "/api/v1/config/check", "", b"", 405),
        ("GET", "/api/v1/pools/%ff", "", b"", 400),
        ("GET", "/api/v1/events?topics=weather", "", b"", 400),
        ("GET", "/api/v1/events?topic=state", "", b"", 400),
        ("POST", "/api/v1/config/check", "", b"x", 415),
        ("POST", "/api/v1/config/check", "application/json", b"{}", 415),
        ("POST", "/api/v1/config/check", toml, b"\xff", 400),
        ("PATCH", "/api/v1/pools/api/endpoints/one", "application/json", b" [\"draining\",3]", 422),
        ("POST", "/api/v1/pools/api/endpoints", "application/json", b"[]", 422),
        ("POST", "/api/v1/config/check", toml, &long, 413),
    ] {
        let response = api.raw(method, path, kind, body);
        assert_eq!(answer(&response).status, status, "{method} {path}: {}", response.text());
        let allow = response.fields.first("allow");
        assert_eq!(allow.is_some(), status == 405, "{method} {path}: {allow:?}");
    }
    assert_eq!(api.raw("HEAD", "/api/v1/state", "", b"").body, b"");
}

#[test]
fn pages_of_other_sites_get_nothing() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let api = api(&scene);
    let own = format!("http://{}", scene.balancer.admin());
    let reload = |api: &Api| api.call("POST", "/api/v1/config/reload", &Value::Null).status;
    let read = |api: &Api| api.call("GET", "/api/v1/state", &Value::Null).status;
    for (name, value, may_read, may_change) in [
        ("Origin", own.as_str(), 200, 200),
        ("Origin", "https://evil.example", 403, 403),
        ("Origin", "null", 403, 403),
        ("Sec-Fetch-Site", "same-origin", 200, 200),
        ("Sec-Fetch-Site", "cross-site", 200, 403),
    ] {
        let api = api.with(name, value);
        assert_eq!((read(&api), reload(&api)), (may_read, may_change), "{name}: {value}");
    }
    let mut client = RawClient::connect(scene.balancer.admin());
    client.send("GET /api/v1/state HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    assert_eq!(client.read_response().unwrap().status, 421);
}

#[test]
fn the_configuration_is_shown_checked_and_reloaded() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let text = configuration(&one(&origins[0]), &[CHECK]);
    let balancer = Balancer::start(&text);
    let api = Api::at(balancer.admin());
    let config = api.get("/api/v1/config");
    assert_eq!(config["source"], text);
    assert!(config["running"].as_str().unwrap().contains("pool api:"), "{config}");
    assert_eq!((&config["overlay"], &config["diff"]), (&Value::Null, &Value::Null));

    let check = |text: &str| {
        answer(&api.raw("POST", "/api/v1/config/check", "text/plain", text.as_bytes())).json
    };
    assert_eq!(check(&text)["ok"], true);
    let verdict = check(&text.replace("weight", "wieght"));
    assert_eq!(verdict["ok"], false);
    let fault = &verdict["errors"][0];
    assert!(fault["message"].as_str().unwrap().contains("wieght"), "{fault}");
    assert!(fault["line"].is_u64() && fault["rendered"].as_str().unwrap().contains("^^^"));

    let reload = || api.call("POST", "/api/v1/config/reload", &Value::Null);
    let wrong = balancer.reload(&text.replace("weight", "wieght"));
    assert!(wrong.is_err());
    let Answer { status, json } = reload();
    assert_eq!(status, 422, "{json}");
    assert!(json["errors"][0]["message"].as_str().unwrap().contains("wieght"), "{json}");
    assert_eq!(api.get("/api/v1/config")["source"], text, "what is in force, not what was tried");
    // What was said of this reload must not be taken for a word about the next.
    balancer.wait_for_line("config.reload");
    balancer.reload(&configuration(&plain(&origins), &[CHECK])).unwrap();
    let Answer { status, json } = reload();
    assert_eq!((status, &json["message"]), (200, &json!("nothing changed")));
    assert!(api.endpoint("api", "two").is_some());
    assert_eq!(api.get("/api/v1/state")["last_reload"]["ok"], true);
}

#[test]
fn events_tell_changes_and_states_and_go_on_where_a_reader_left() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    scene.wait_health("one", "healthy");
    let api = api(&scene);
    let mut states = api.listen("/api/v1/events?topics=state");
    let (first, second) = (states.next(), states.next());
    assert_eq!((first.topic.as_str(), first.id), ("state", None));
    assert!(first.data["now"].as_str() < second.data["now"].as_str(), "a new one each second");
    let mut old = api.with("Last-Event-ID", "0").listen("/api/v1/events?topics=change");
    let healthy = old.find(|event| event.data["kind"] == "health");
    assert_eq!(healthy.id, healthy.data["id"].as_u64());
    for (key, expected) in [("pool", "api"), ("endpoint", "one"), ("severity", "info")] {
        assert_eq!(healthy.data[key], expected);
    }
    scene.reload(&one(&origin), &[CHECK, "balance = \"random\""]);
    let seen = healthy.id.unwrap().to_string();
    let mut back = api.with("Last-Event-ID", &seen).listen("/api/v1/events?topics=change");
    let reloaded = back.find(|event| event.data["kind"] == "reloaded");
    assert!(reloaded.id > healthy.id);
}

#[test]
fn readers_of_streams_are_counted_and_one_who_leaves_makes_room() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let api = api(&scene);
    let (events, requests) = ("/api/v1/events?topics=state", "/api/v1/requests");
    let mut readers: Vec<_> =
        (0..64).map(|n| api.listen(if n % 2 == 0 { events } else { requests })).collect();
    let live = api.with("Accept", "text/event-stream");
    for path in [events, requests] {
        let refused = live.raw("GET", path, "", b"");
        assert_eq!(answer(&refused).status, 503, "{path}: {}", refused.text());
        assert_eq!(refused.fields.first("retry-after"), Some("10"), "{path}");
    }
    assert_eq!(api.get("/api/v1/state")["phase"], "ready", "others are answered");
    // The oldest reads states, so that its leaving shows within a second.
    drop(readers.remove(0));
    eventually(PATIENCE, "there is a place again", || {
        let mut client = RawClient::connect(scene.balancer.admin());
        client.request("GET", events, &[], b"").unwrap();
        client.read_head().unwrap().0 == 200
    });
}

/// More of them than there are places, who come back when they are made to leave.
#[test]
fn strangers_who_say_nothing_keep_nobody_from_an_answer() {
    const BEGIN: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: local\r\n";
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let api = api(&scene);
    let mut states = api.listen("/api/v1/events?topics=state");
    let admin = scene.balancer.admin();
    let stranger = || {
        let mut client = RawClient::try_connect(admin, PATIENCE).ok()?;
        client.send(BEGIN).ok().map(|()| client)
    };
    let (is_over, made_to_leave) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut strangers: Vec<_> = (0..300).map(|_| stranger()).collect();
            let end = Instant::now() + PATIENCE;
            while !is_over.load(Ordering::Relaxed) && Instant::now() < end {
                for client in &mut strangers {
                    if client.as_ref().is_none_or(RawClient::is_closed) {
                        *client = stranger();
                        made_to_leave.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        eventually(PATIENCE, "there are too many", || made_to_leave.load(Ordering::Relaxed) > 300);
        for path in ["/readyz", "/healthz"].repeat(5) {
            let mut probe = RawClient::try_connect(admin, PROBE_TIMEOUT).unwrap();
            probe.set_patience(PROBE_TIMEOUT).unwrap();
            assert_eq!(probe.get(path).status, 200);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    for _ in 0..2 {
        assert_eq!(states.next().topic, "state", "who listens goes on doing so");
    }
}

#[test]
fn the_served_openapi_document_is_the_golden_one() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let golden = include_str!("../../../../docs/reference/openapi.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    assert!(api(&scene).get("/openapi.json") == golden);
}
