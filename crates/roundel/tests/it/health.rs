//! Health checks, as operators and clients meet them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use roundel_testkit::ports::Refusing;
use roundel_testkit::{Answer, Gate, Origin, RawClient, eventually};

use crate::origin_process::OriginProcess;
use crate::scene::{CHECK, NO_OUTLIERS, SOON, Scene, Target as _, one, plain};

#[test]
fn traffic_is_right_from_the_first_moment() {
    let (dead, well) = (Refusing::bind(), ["a", "b"].map(Origin::start));
    let mut endpoints = plain(&well);
    endpoints.insert(0, format!("{{ address = \"{}\", name = \"dead\" }}", dead.address()));
    let scene = Scene::start(&endpoints, &[CHECK]);
    scene.load().requests(200).run().assert_all_ok();
    scene.wait_health("dead", "unhealthy");
    scene.wait_all_healthy(&well);
    let line = scene.balancer.wait_for_line("endpoint unhealthy");
    assert!(line.contains("nothing listens there"), "{line}");
    assert_eq!(scene.share("a", 10), 5);
}

#[test]
fn an_endpoint_nobody_knows_yet_serves_only_while_nobody_is_known_to_be_well() {
    let gate = Gate::shut();
    let slow = Origin::start("slow");
    slow.set_health_path("/none");
    slow.on("/health", Answer::ok().hold(&gate));
    let check = r#"health_check = { path = "/health", interval = "1h", timeout = "1m" }"#;
    let scene = Scene::start(&one(&slow), &[check]);
    slow.wait_for_requests(1);
    assert_eq!(scene.state("slow").health, "unknown");
    assert_eq!(scene.turns(2), ["slow", "slow"]);

    let well = Origin::start("well");
    let both = [slow.with(""), well.with("")];
    scene.reload(&both, &[check]);
    scene.wait_health("well", "healthy");
    assert_eq!(scene.turns(4), ["well"; 4]);
    gate.open();
    scene.wait_health("slow", "healthy");
    assert_eq!(scene.share("slow", 4), 2);
}

#[test]
fn a_verdict_takes_as_many_probes_in_a_row_as_configured() {
    // After the first probe, which decides alone: two failures, a success, then three failures.
    let script = [200, 503, 503, 200, 503, 503, 503, 200, 503, 200, 200];
    let (origin, count) = (Origin::start("a"), Arc::new(AtomicUsize::new(0)));
    origin.set_health_path("/none");
    let asked = Arc::clone(&count);
    origin.respond(move |request| {
        let is_probe = request.path() == "/health";
        let step = || script.get(asked.fetch_add(1, Relaxed)).copied().unwrap_or(200);
        is_probe.then(|| Answer::status(step()))
    });
    let check = r#"health_check = { path = "/health", interval = "3s", unhealthy_interval = "20ms", timeout = "3s", unhealthy_after = 3, healthy_after = 2 }"#;
    let scene = Scene::start(&one(&origin), &[check]);
    eventually(SOON, "the script is over", || scene.lines("endpoint healthy").len() == 2);
    assert_eq!(count.load(Relaxed), script.len());
    let verdicts = scene.lines("endpoint ");
    let [first, down, up] = &verdicts[..] else { panic!("{}", verdicts.join("\n")) };
    assert!(first.contains("endpoint healthy") && !first.contains("in a row"), "{first}");
    assert!(down.contains("endpoint unhealthy") && down.contains("(3 in a row)"), "{down}");
    assert!(down.contains("probe got status 503 (expected 200-399)"), "{down}");
    assert!(up.contains("endpoint healthy") && up.contains("(2 in a row)"), "{up}");
}

#[test]
fn probes_come_faster_while_an_endpoint_is_not_well() {
    let origin = Origin::start("a");
    origin.set_healthy(false);
    let check = r#"health_check = { path = "/health", interval = "1h", unhealthy_interval = "20ms", timeout = "1m" }"#;
    let scene = Scene::start(&one(&origin), &[check]);
    scene.wait_health("a", "unhealthy");
    eventually(SOON, "probes have gone on", || origin.probes().len() >= 5);
    origin.set_healthy(true);
    scene.wait_health("a", "healthy");
    let probes = origin.probes().len();
    assert_eq!(scene.turns(50).len(), 50);
    assert_eq!(origin.probes().len(), probes, "the next one is due in an hour");

    // A refused connection is reason enough to look at once.
    origin.kill();
    assert_eq!(scene.balancer.client().get("/").status, 502);
    scene.wait_health("a", "unhealthy");
    origin.restart();
    scene.wait_health("a", "healthy");
    assert_eq!(scene.turns(1), ["a"]);
}

#[test]
fn an_answer_is_judged_by_status_and_body() {
    let page = || Answer::ok().body("all is well\n");
    for (keys, answer, health) in [
        ("", Answer::status(204), "healthy"),
        ("", Answer::status(302), "healthy"),
        ("", Answer::status(404), "unhealthy"),
        ("expected_statuses = [\"401\", \"500-502\"]", Answer::status(501), "healthy"),
        ("expected_statuses = [\"401\"]", Answer::ok(), "unhealthy"),
        ("expected_body = \"is well\"", page(), "healthy"),
        ("expected_body = \"is well\"", page().chunked(), "healthy"),
        ("expected_body = \"is well\"", page().until_close(), "healthy"),
        ("expected_body = \"is ill\"", page(), "unhealthy"),
        ("", Answer::raw("SSH-2.0-OpenSSH\r\n\r\n"), "unhealthy"),
        ("", Answer::ok().close_at(roundel_testkit::Point::BeforeHead), "unhealthy"),
    ] {
        let origin = Origin::start("a");
        origin.set_health_path("/none");
        origin.on("/ready", answer);
        let check = format!("health_check = {{ path = \"/ready\", timeout = \"5s\", {keys} }}");
        let scene = Scene::start(&one(&origin), &[&check]);
        scene.wait("a", health, |state| state.health != "unknown");
        let lines = scene.lines("endpoint ").join("\n");
        assert_eq!(scene.state("a").health, health, "{keys}: {lines}");
    }
}

#[test]
fn a_probe_asks_as_configured_and_says_who_it_is() {
    let origin = Origin::start("a");
    origin.set_health_path("/ready");
    let check = r#"health_check = { path = "/ready?deep=1", method = "HEAD", host = "example.com", headers = { X-Probe = "yes" } }"#;
    let scene = Scene::start(&one(&origin), &[check]);
    scene.wait_health("a", "healthy");
    let probe = &origin.probes()[0];
    assert_eq!((probe.method.as_str(), probe.target.as_str()), ("HEAD", "/ready?deep=1"));
    assert_eq!(probe.fields.first("host"), Some("example.com"));
    assert_eq!(probe.fields.first("x-probe"), Some("yes"));
    let agent = probe.fields.first("user-agent").unwrap();
    assert!(agent.starts_with("roundel-probe/"), "{agent}");
}

#[test]
fn a_connection_is_enough_for_a_tcp_check() {
    let (origin, dead) = (Origin::start("a"), Refusing::bind());
    let check = r#"health_check = { tcp = true, interval = "1s", unhealthy_interval = "50ms", timeout = "1s" }"#;
    let endpoints =
        [origin.with(""), format!("{{ name = \"dead\", address = \"{}\" }}", dead.address())];
    let scene = Scene::start(&endpoints, &[check]);
    scene.wait_health("a", "healthy");
    scene.wait_health("dead", "unhealthy");
    eventually(SOON, "probes have gone on", || origin.connection_count() >= 3);
    assert_eq!((origin.request_count(), origin.probes().len()), (0, 0));
    origin.kill();
    scene.wait_health("a", "unhealthy");
    origin.restart();
    scene.wait_health("a", "healthy");
}

/// The kernel goes on accepting for a process that hangs: only an answer proves life.
#[test]
fn an_endpoint_that_hangs_is_noticed_and_taken_back() {
    let origins = ["a", "b"].map(OriginProcess::start);
    let scene = Scene::start(&plain(&origins), &[CHECK]);
    scene.wait_all_healthy(&origins);
    origins[0].pause();
    scene.wait_health("a", "unhealthy");
    let line = scene.balancer.wait_for_line("endpoint unhealthy");
    assert!(line.contains("timed out") && line.contains("(3 in a row)"), "{line}");
    assert_eq!(scene.turns(6), ["b"; 6]);
    origins[0].resume();
    scene.wait_health("a", "healthy");
    assert_eq!(scene.share("a", 6), 3);
}

#[test]
fn an_endpoint_whose_probes_fail_now_and_then_stays() {
    let (origin, count) = (Origin::start("a"), Arc::new(AtomicUsize::new(0)));
    let check = r#"health_check = { path = "/health", interval = "100ms", unhealthy_interval = "100ms", timeout = "100ms", unhealthy_after = 100 }"#;
    let scene = Scene::start(&one(&origin), &[check]);
    // On a busy machine the first probe, which decides alone, may fail by itself.
    scene.wait_health("a", "healthy");
    let before = scene.lines("endpoint unhealthy").len();
    origin.set_health_path("/none");
    let asked = Arc::clone(&count);
    origin.respond(move |request| {
        let is_probe = request.path() == "/health";
        let status = || if asked.fetch_add(1, Relaxed) % 3 == 0 { 200 } else { 503 };
        is_probe.then(|| Answer::status(status()))
    });
    eventually(SOON, "many probes have failed", || count.load(Relaxed) >= 60);
    assert_eq!(scene.turns(10), ["a"; 10]);
    assert_eq!(scene.lines("endpoint unhealthy").len(), before);
}

#[test]
fn probes_are_no_requests() {
    let origin = Origin::start("a");
    let check = r#"health_check = { path = "/health", interval = "10ms", timeout = "10ms", unhealthy_after = 1000 }"#;
    let scene = Scene::start(&one(&origin), &[check]);
    eventually(SOON, "there were probes", || origin.probes().len() >= 10);
    scene.wait_health("a", "healthy");
    assert_eq!(scene.admin("/stats", "text/plain").text(), "a: 0 requests\n");
    scene.turns(3);
    assert_eq!(scene.admin("/stats", "text/plain").text(), "a: 3 requests\n");
}

#[test]
fn when_all_are_down_the_answer_comes_at_once_and_service_soon_after_the_first_is_back() {
    let origins = ["a", "b"].map(Origin::start);
    let scene = Scene::start(&plain(&origins), &[CHECK]);
    scene.wait_all_healthy(&origins);
    for origin in &origins {
        origin.kill();
    }
    for origin in &origins {
        scene.wait_health(origin.name(), "unhealthy");
    }
    let mut client = scene.balancer.client();
    client.set_patience(Duration::from_secs(2)).unwrap();
    for _ in 0..10 {
        let answer = client.get("/");
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
        assert!(answer.text().starts_with("No backend server is available"), "{}", answer.text());
    }
    assert_eq!(RawClient::connect(scene.balancer.admin()).get("/healthz").status, 200);
    origins[1].restart();
    eventually(SOON, "it serves again", || client.get("/").status == 200);
    assert_eq!(scene.turns(4), ["b"; 4]);
}

#[test]
fn below_the_panic_threshold_health_is_ignored() {
    let origins = ["a", "b", "c", "d"].map(Origin::start);
    let panic = "panic_threshold = \"50%\"";
    let scene = Scene::start(&plain(&origins), &[CHECK, panic]);
    scene.wait_all_healthy(&origins);
    for origin in &origins[..2] {
        origin.set_healthy(false);
        scene.wait_health(origin.name(), "unhealthy");
    }
    assert_eq!(scene.share("c", 8), 4, "half of them is no panic");
    origins[2].set_healthy(false);
    scene.wait_health("c", "unhealthy");
    assert_eq!(scene.share("a", 8), 2, "all take part");
    let tier = |tier| scene.metric(&format!("roundel_pool_tier{{pool=\"api\",tier=\"{tier}\"}}"));
    assert_eq!((tier("panic"), tier("primary")), (1, 0));
    origins[2].set_healthy(true);
    scene.wait_health("c", "healthy");
    assert_eq!(scene.share("a", 8), 0);
}

#[test]
fn backups_take_over_and_give_back() {
    let (primary, backup) = (Origin::start("primary"), Origin::start("backup"));
    let endpoints = [primary.with(""), backup.with("backup = true")];
    let scene = Scene::start(&endpoints, &[CHECK]);
    scene.wait_health("primary", "healthy");
    scene.wait_health("backup", "healthy");
    assert_eq!(scene.turns(4), ["primary"; 4]);
    primary.set_healthy(false);
    scene.wait_health("primary", "unhealthy");
    assert_eq!(scene.turns(4), ["backup"; 4]);
    primary.set_healthy(true);
    scene.wait_health("primary", "healthy");
    assert_eq!(scene.turns(4), ["primary"; 4]);
}

#[test]
fn who_comes_back_begins_with_a_tenth_of_its_share() {
    let origins = ["a", "b"].map(Origin::start);
    let scene = Scene::start(&plain(&origins), &[CHECK, "slow_start = \"1h\""]);
    scene.wait_all_healthy(&origins);
    assert_eq!(scene.share("a", 20), 10, "a start is no recovery");
    origins[0].set_healthy(false);
    scene.wait_health("a", "unhealthy");
    origins[0].set_healthy(true);
    scene.wait_health("a", "healthy");
    // Weights 1 and 10 while the ramp is at its first step.
    assert_eq!(scene.share("a", 110), 10);
    scene.reload(&plain(&origins), &[CHECK, "slow_start = \"1s\""]);
    eventually(SOON, "it has its full share", || scene.share("a", 20) == 10);
}

#[test]
fn a_disabled_endpoint_is_left_alone_and_a_draining_one_watched() {
    let (off, draining, on) =
        (Origin::start("off"), Origin::start("draining"), Origin::start("on"));
    let check = r#"health_check = { path = "/health", interval = "500ms", timeout = "500ms", unhealthy_after = 10 }"#;
    let keys = "admin_state = \"disabled\"";
    let endpoints = [off.with(keys), draining.with("admin_state = \"draining\""), on.with("")];
    let scene = Scene::start(&endpoints, &[check]);
    scene.wait_health("on", "healthy");
    scene.wait_health("draining", "healthy");
    eventually(SOON, "others were probed often", || {
        on.probes().len() >= 5 && draining.probes().len() > 1
    });
    assert_eq!(scene.turns(6), ["on"; 6]);
    assert_eq!((off.connection_count(), scene.state("off").health.as_str()), (0, "unknown"));
    assert!(!scene.state("draining").is_eligible);
    scene.reload(&[off.with(""), draining.with(""), on.with("")], &[check]);
    scene.wait_health("off", "healthy");
    assert_eq!(scene.share("off", 6), 2);
}

#[test]
fn an_endpoint_may_have_a_host_name() {
    let origin = Origin::start("a");
    let port = origin.address().port();
    let endpoints = [format!("\"localhost:{port}\""), format!("\"no-such-host.invalid:{port}\"")];
    let scene = Scene::start(&endpoints, &[CHECK, NO_OUTLIERS]);
    scene.wait_health(&format!("localhost:{port}"), "healthy");
    let missing = scene.state(&format!("no-such-host.invalid:{port}"));
    assert_eq!((missing.health.as_str(), missing.is_eligible), ("unhealthy", false));
    assert_eq!(scene.turns(4), ["a"; 4]);
    let host = origin.probes()[0].fields.first("host").unwrap().to_owned();
    assert_eq!(host, format!("localhost:{port}"));
    scene.balancer.wait_for_line("host name does not resolve");
    let api = crate::api::Api::at(scene.balancer.admin());
    let state = api.get("/api/v1/state");
    let probe = &state["pools"][0]["endpoints"][1]["last_probe"];
    let reason = probe["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("host name does not resolve: ") && probe["ok"] == false, "{probe}");
}
