//! What operators do to apps through the API, and what the stream tells of it.

use roundel_testkit::balancer::binary;
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Call, Load, TempDir, eventually};
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::site::{ADMIN, CHECK, web};

/// A balancer before the app `web` of two instances, from 1 to 3, that say their names.
fn start(keys: &str) -> (Balancer, Api) {
    let balancer = Balancer::start(&configuration(ADMIN, keys));
    let api = Api::at(balancer.admin());
    (balancer, api)
}

fn configuration(admin: &str, keys: &str) -> String {
    let program = binary().display().to_string();
    let command = format!(
        "[\"/bin/sh\", \"-c\", \"echo I am {{name}}; exec {program} demo-server {{name}} {{port}}\"]"
    );
    format!("{admin}{}[pool.web]\n{CHECK}[app.web]\ncommand = {command}\n{keys}\n", web())
}

fn instances(api: &Api) -> Vec<Value> {
    api.get("/api/v1/apps/web")["instances"].as_array().unwrap().clone()
}

fn instance(api: &Api, name: &str) -> Value {
    let found = instances(api).into_iter().find(|instance| instance["name"] == name);
    found.unwrap_or_else(|| panic!("no instance {name}"))
}

fn wait_ready(api: &Api, count: usize) {
    eventually(PATIENCE, &format!("{count} instances are ready"), || {
        instances(api).iter().filter(|instance| instance["state"] == "ready").count() == count
    });
}

fn wait_state(api: &Api, name: &str, state: &str) {
    eventually(PATIENCE, &format!("{name} is {state}"), || instance(api, name)["state"] == state);
}

#[track_caller]
fn operate(api: &Api, name: &str, action: &str) {
    let path = format!("/api/v1/apps/web/instances/{name}/{action}");
    let Answer { status, json } = api.call("POST", &path, &Value::Null);
    assert_eq!((status, &json["name"]), (200, &json!("web")), "{json}");
}

#[test]
fn an_instance_is_stopped_started_killed_and_restarted() {
    let (balancer, api) = start("instances = 2\nrestart = { base_pause = \"10ms\" }");
    wait_ready(&api, 2);
    let mut audit = api.listen("/api/v1/events?topics=audit");
    let pid = |name: &str| instance(&api, name)["pid"].as_u64();
    let [first, second] = ["web-1", "web-2"].map(pid);
    operate(&api, "web-1", "stop");
    wait_state(&api, "web-1", "stopped");
    assert_eq!(pid("web-1"), None);
    assert_eq!([(); 4].map(|()| balancer.client().get("/").text()), ["Hello from web-2\n"; 4]);
    operate(&api, "web-1", "start");
    wait_ready(&api, 2);
    let started = pid("web-1");
    assert!(started.is_some() && started != first, "{first:?} {started:?}");

    operate(&api, "web-1", "kill");
    eventually(PATIENCE, "another process is ready", || {
        let now = instance(&api, "web-1");
        now["state"] == "ready" && now["pid"].as_u64() != started
    });
    let exit = &instance(&api, "web-1")["last_exit"]["status"];
    assert!(exit.as_str().unwrap().contains("KILL"), "{exit}");

    operate(&api, "web-2", "restart");
    eventually(PATIENCE, "it is replaced", || {
        let now = instance(&api, "web-2");
        now["state"] == "ready" && now["pid"].as_u64() != second
    });
    for action in ["stop", "start", "kill", "restart"] {
        let told = audit.next().data;
        assert_eq!(
            (&told["action"], &told["ok"]),
            (&json!(format!("instance.{action}")), &json!(true))
        );
    }
}

#[test]
fn a_rolling_restart_replaces_all_and_no_request_fails() {
    let (balancer, api) = start("instances = 2");
    wait_ready(&api, 2);
    let pids = || -> Vec<Value> { instances(&api).iter().map(|it| it["pid"].clone()).collect() };
    let before = pids();
    let load = Load::new(balancer.address()).clients(4).endless().call(|_| Call::get("/"));
    let load = load.start();
    assert_eq!(api.call("POST", "/api/v1/apps/web/restart", &Value::Null).status, 200);
    eventually(PATIENCE, "each has a new process", || {
        let app = api.get("/api/v1/apps/web");
        let is_over = app["rollout"].is_null() || app["rollout"]["state"] == "done";
        let now = pids();
        is_over && now.len() == 2 && now.iter().all(|pid| pid.is_u64() && !before.contains(pid))
    });
    wait_ready(&api, 2);
    load.finish().assert_all_ok();
    assert_eq!(api.get("/api/v1/audit")["entries"][0]["action"], "app.restart");
}

#[test]
fn actions_on_apps_are_taken_back_by_their_undo() {
    let (_balancer, api) = start("instances = { min = 1, max = 3 }");
    wait_ready(&api, 1);
    let undo = || {
        let undo = api.get("/api/v1/audit")["entries"][0]["undo"].clone();
        let (method, path) = (undo["method"].as_str().unwrap(), undo["path"].as_str().unwrap());
        let undone = api.call(method, path, &undo["body"]);
        assert_eq!(undone.status, 200, "{undone:?}");
    };
    let scaled = api.call("POST", "/api/v1/apps/web/scale", &json!({"instances": 3}));
    assert_eq!((scaled.status, &scaled.json["instances_wanted"]), (200, &json!(3)));
    wait_ready(&api, 3);
    undo();
    eventually(PATIENCE, "one is left", || instances(&api).len() == 1);

    let name = instances(&api)[0]["name"].as_str().unwrap().to_owned();
    operate(&api, &name, "stop");
    wait_state(&api, &name, "stopped");
    undo();
    wait_state(&api, &name, "ready");
    undo();
    wait_state(&api, &name, "stopped");
}

#[test]
fn a_number_and_a_stop_survive_a_restart_and_a_reload_until_they_are_taken_back() {
    let folder = TempDir::new();
    let state = folder.path().join("overlay.toml").display().to_string();
    let file = configuration(
        &format!("{ADMIN}state_file = \"{state}\"\n"),
        "instances = { min = 1, max = 4 }",
    );
    let balancer = Balancer::start(&file);
    let api = Api::at(balancer.admin());
    wait_ready(&api, 1);
    let scale = |api: &Api, count: u32| {
        let body = json!({ "instances": count });
        assert_eq!(api.call("POST", "/api/v1/apps/web/scale", &body).status, 200);
    };
    scale(&api, 3);
    wait_ready(&api, 3);
    operate(&api, "web-2", "stop");
    wait_state(&api, "web-2", "stopped");
    let is_kept = |api: &Api| {
        wait_ready(api, 2);
        let states: Vec<Value> = instances(api).iter().map(|it| it["state"].clone()).collect();
        assert_eq!(states, ["ready", "stopped", "ready"]);
    };
    is_kept(&api);
    balancer.kill();
    let balancer = Balancer::start(&file);
    let api = Api::at(balancer.admin());
    is_kept(&api);
    assert_eq!(instance(&api, "web-2")["restarts"], 0, "it was not started in between");
    balancer.reload(&file.replace("[pool.web]", "[pool.web]\nbalance = \"random\"")).unwrap();
    is_kept(&api);
    let path = "/api/v1/config/overlay";
    assert_eq!(api.call("DELETE", path, &Value::Null).status, 204);
    eventually(PATIENCE, "the file alone decides", || instances(&api).len() == 1);
    wait_ready(&api, 1);
    let undo = api.get("/api/v1/audit")["entries"][0]["undo"]["body"].clone();
    assert_eq!(api.call("PUT", path, &undo).status, 204);
    is_kept(&api);
    operate(&api, "web-2", "start");
    wait_ready(&api, 3);
    // The stopped one goes first, and with it that it was stopped.
    operate(&api, "web-2", "stop");
    scale(&api, 2);
    eventually(PATIENCE, "the stopped one is gone", || instances(&api).len() == 2);
    scale(&api, 3);
    wait_ready(&api, 3);
    scale(&api, 1);
    assert_eq!(api.get("/api/v1/state")["has_overlay"], false, "as in the file");
    scale(&api, 2);
    assert_eq!(api.call("DELETE", path, &Value::Null).status, 204);
    eventually(PATIENCE, "the file alone decides again", || instances(&api).len() == 1);
}

#[test]
fn output_is_shown_and_names_that_are_not_there_get_a_hint() {
    let (_balancer, api) = start("instances = 1");
    wait_ready(&api, 1);
    let path = "/api/v1/apps/web/instances/web-1";
    eventually(PATIENCE, "what it said is there", || {
        let output = api.get(&format!("{path}/output"));
        let lines = output["lines"].as_array().unwrap();
        lines.contains(&json!("I am web-1")) && output["lines_written"].as_u64() >= Some(1)
    });
    for (method, path, detail) in [
        ("GET", "/api/v1/apps/wep", "there is no app called \"wep\"; did you mean \"web\"?"),
        (
            "POST",
            "/api/v1/apps/wep/restart",
            "there is no app called \"wep\"; did you mean \"web\"?",
        ),
        (
            "GET",
            "/api/v1/apps/web/instances/web-11/output",
            "there is no instance called \"web-11\"; did you mean \"web-1\"?",
        ),
        (
            "POST",
            "/api/v1/apps/web/instances/web-11/kill",
            "there is no instance called \"web-11\"; did you mean \"web-1\"?",
        ),
        (
            "POST",
            "/api/v1/apps/web/instances/web-1/kil",
            "there is no action called \"kil\"; did you mean \"kill\"?",
        ),
    ] {
        let Answer { status, json } = api.call(method, path, &Value::Null);
        assert_eq!((status, &json["detail"]), (404, &json!(detail)), "{method} {path}");
    }
}

#[test]
fn decisions_are_told_as_they_are_made_and_to_those_who_come_back() {
    let keys =
        "instances = { min = 0, max = 2 }\n[app.web.autoscale]\nscale_to_zero_after = \"1h\"";
    let (balancer, api) = start(keys);
    let mut stream = api.listen("/api/v1/events?topics=decision");
    assert_eq!(balancer.client().get("/").status, 200);
    let told = stream.find(|event| event.topic == "decision" && event.data["to"] == 1);
    assert_eq!((&told.data["app"], &told.data["from"]), (&json!("web"), &json!(0)));
    assert!(told.data["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    let id = told.id.unwrap();
    let before = (id - 1).to_string();
    let mut back = api.with("Last-Event-ID", &before).listen("/api/v1/events?topics=decision");
    let again = back.next();
    assert_eq!((again.id, &again.data), (told.id, &told.data));
}
