//! What operators do through the API: endpoints, overlay, audit; over restarts, reloads and crashes.

use std::fs;
use std::path::Path;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Gate, Origin, RawClient, TempDir, eventually};
use serde_json::{Value, json};

use crate::api::{Answer, Api, answer};
use crate::scene::{CHECK, Scene, Target as _, configuration, one, plain};

const ENDPOINTS: &str = "/api/v1/pools/api/endpoints";

fn api(scene: &Scene) -> Api {
    Api::at(scene.balancer.admin())
}

/// A configuration that keeps its state and its audit log in `folder`.
fn kept(folder: &Path, origins: &[Origin]) -> String {
    let place = |name: &str| folder.join(name).display().to_string();
    let (state, audit) = (place("overlay.toml"), place("audit.log"));
    let admin =
        format!("address = \"127.0.0.1:0\"\nstate_file = \"{state}\"\naudit_log = \"{audit}\"\n");
    configuration(&plain(origins), &[CHECK])
        .replace("address = \"127.0.0.1:0\"\n[[", &format!("{admin}[["))
}

#[test]
fn an_endpoint_is_drained_weighed_and_given_back() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let scene = Scene::start(&plain(&origins), &[CHECK]);
    scene.wait_all_healthy(&origins);
    let api = api(&scene);
    let patch = |body: Value| api.call("PATCH", &format!("{ENDPOINTS}/one"), &body);
    let Answer { status, json } = patch(json!({"admin_state": "draining"}));
    assert_eq!((status, &json["admin_state"]), (200, &json!("draining")));
    assert_eq!(
        (&json["overridden"], &json["is_eligible"]),
        (&json!(["admin_state"]), &json!(false))
    );
    assert_eq!(scene.share("one", 10), 0);
    assert_eq!(api.get("/api/v1/state")["has_overlay"], true);
    let config = api.get("/api/v1/config");
    assert!(config["diff"].as_str().unwrap().contains("+  - one"), "{config}");
    assert!(config["overlay"].as_str().unwrap().contains("draining"), "{config}");
    let Answer { json, .. } = patch(json!({"admin_state": null, "weight": 3}));
    assert_eq!((&json["admin_state"], &json["weight"]), (&json!("enabled"), &json!(3)));
    assert_eq!(json["overridden"], json!(["weight"]));
    scene.wait_health("one", "healthy");
    assert_eq!(scene.share("one", 8), 6);
    assert_eq!(patch(json!({"weight": null})).json["overridden"], json!([]));
    assert_eq!(api.get("/api/v1/state")["has_overlay"], false);
}

#[test]
fn an_added_endpoint_takes_traffic_and_a_removed_one_finishes_first() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let scene = Scene::start(&one(&origins[0]), &[CHECK]);
    let api = api(&scene);
    let new = json!({"address": origins[1].address().to_string(), "name": "two"});
    let Answer { status, json } = api.call("POST", ENDPOINTS, &new);
    assert_eq!((status, &json["source"], &json["name"]), (201, &json!("api"), &json!("two")));
    scene.wait_all_healthy(&origins);
    assert_eq!(scene.share("two", 10), 5);
    let Answer { status, json } = api.call("POST", ENDPOINTS, &new);
    assert_eq!(status, 409, "{json}");

    let gate = Gate::shut();
    origins[1].on("/held", roundel_testkit::Answer::ok().hold(&gate));
    // The first attempt may go to the other one.
    let mut clients = [scene.balancer.client(), scene.balancer.client()];
    for client in &mut clients {
        client.request("GET", "/held", &[], b"").unwrap();
    }
    scene.wait("two", "busy", |state| state.in_flight == 1);
    let two = format!("{ENDPOINTS}/two");
    let Answer { status, json } = api.call("DELETE", &two, &Value::Null);
    assert_eq!((status, json), (204, Value::Null));
    assert_eq!(api.endpoint("api", "two").unwrap()["admin_state"], "draining");
    assert_eq!(scene.share("two", 4), 0);
    assert_eq!(api.call("DELETE", &two, &Value::Null).status, 409, "it leaves already");
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    eventually(PATIENCE, "it is gone", || api.endpoint("api", "two").is_none());
}

#[test]
fn decisions_survive_restarts_crashes_and_reloads() {
    let origins = [Origin::start("one"), Origin::start("two"), Origin::start("three")];
    let folder = TempDir::new();
    let file = kept(folder.path(), &origins[..2]);
    let balancer = Balancer::start(&file);
    let api = Api::at(balancer.admin());
    let drained =
        api.call("PATCH", &format!("{ENDPOINTS}/one"), &json!({"admin_state": "draining"}));
    assert_eq!(drained.status, 200, "{drained:?}");
    let new = json!({"address": origins[2].address().to_string(), "name": "three", "weight": 7});
    assert_eq!(api.call("POST", ENDPOINTS, &new).status, 201);
    assert_eq!(api.call("DELETE", &format!("{ENDPOINTS}/two"), &Value::Null).status, 204);
    let is_kept = |api: &Api| {
        eventually(PATIENCE, "two is gone", || api.endpoint("api", "two").is_none());
        assert_eq!(api.endpoint("api", "one").unwrap()["admin_state"], "draining");
        let three = api.endpoint("api", "three").unwrap();
        assert_eq!((&three["weight"], &three["source"]), (&json!(7), &json!("api")));
    };
    is_kept(&api);
    balancer.kill();
    let balancer = Balancer::start(&file);
    let api = Api::at(balancer.admin());
    is_kept(&api);
    balancer.reload(&(file.clone() + "balance = \"random\"\n")).unwrap();
    is_kept(&api);
    let shrunk = kept(folder.path(), &origins[..0]);
    balancer
        .reload(&shrunk.replace("[]", &format!("[{}]", origins[1].with("weight = 2"))))
        .unwrap();
    let left = api.get("/api/v1/config")["without_effect"].to_string();
    assert!(left.contains("endpoint one is not there"), "{left}");
    assert_eq!(api.call("DELETE", "/api/v1/config/overlay", &Value::Null).status, 204);
    let before = api.get("/api/v1/audit")["entries"][0]["before"]["overlay"].clone();
    assert!(before.as_str().is_some_and(|text| text.contains("draining")), "{before}");
    eventually(PATIENCE, "the file alone decides", || {
        let pool = api.get("/api/v1/pools/api");
        let endpoints = pool["endpoints"].as_array().unwrap();
        endpoints.len() == 1 && endpoints[0]["name"] == "two"
    });
    assert!(balancer.terminate().success());
    let lines = fs::read_to_string(folder.path().join("audit.log")).unwrap();
    let actions: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["action"].as_str().unwrap().into())
        .collect();
    let expected = ["endpoint.update", "endpoint.add", "endpoint.remove", "overlay.clear"];
    assert_eq!(actions, expected, "one file over both lives");
}

#[test]
fn the_overlay_is_replaced_as_a_whole_and_taking_it_back_is_taken_back() {
    let origins = [Origin::start("one"), Origin::start("two"), Origin::start("three")];
    let scene = Scene::start(&plain(&origins[..2]), &[CHECK]);
    let api = api(&scene);
    let one = format!("{ENDPOINTS}/one");
    assert_eq!(api.call("PATCH", &one, &json!({"weight": 5})).status, 200);
    let new = json!({"address": origins[2].address().to_string(), "name": "three"});
    assert_eq!(api.call("POST", ENDPOINTS, &new).status, 201);
    assert_eq!(api.call("DELETE", &format!("{ENDPOINTS}/two"), &Value::Null).status, 204);
    let path = "/api/v1/config/overlay";
    let kept = api.raw("GET", path, "", b"").text();
    let is_as_kept = || {
        eventually(PATIENCE, "it is as decided", || {
            let endpoint = |name| api.endpoint("api", name);
            endpoint("one").is_some_and(|one| one["weight"] == 5)
                && endpoint("two").is_none()
                && endpoint("three").is_some_and(|three| three["admin_state"] == "enabled")
        });
        assert_eq!(api.raw("GET", path, "", b"").text(), kept);
    };
    let is_as_in_the_file = || {
        eventually(PATIENCE, "the file alone decides", || {
            let endpoint = |name| api.endpoint("api", name);
            endpoint("one").is_some_and(|one| one["weight"] == 1)
                && endpoint("two").is_some_and(|two| two["admin_state"] == "enabled")
                && endpoint("three").is_none()
        });
        assert_eq!(api.get("/api/v1/state")["has_overlay"], false);
    };
    let undo = || {
        let undo = api.get("/api/v1/audit")["entries"][0]["undo"].clone();
        let undo_path = undo["path"].as_str().unwrap();
        let undone = api.call(undo["method"].as_str().unwrap(), undo_path, &undo["body"]);
        assert_eq!(undone.status, 204, "{undone:?}");
    };
    is_as_kept();
    assert_eq!(api.call("DELETE", path, &Value::Null).status, 204);
    is_as_in_the_file();
    undo();
    is_as_kept();
    undo();
    is_as_in_the_file();
    assert_eq!(api.raw("PUT", path, "application/toml", kept.as_bytes()).status, 204);
    is_as_kept();

    for (wrong, part) in [
        ("[pool.api]\nadd = []", "unknown field"),
        ("[pool.api.endpoint.one]\nweight = 0", "out of range"),
        (
            "[[pool.api.added]]\naddress = \"a:1\"\nname = \"x\"\nweight = 1\nbackup = false\n\
          [[pool.api.added]]\naddress = \"a:1\"\nname = \"y\"\nweight = 1\nbackup = false\n",
            "added twice",
        ),
    ] {
        let Answer { status, json } = answer(&api.raw("PUT", path, "text/plain", wrong.as_bytes()));
        assert_eq!(status, 422, "{wrong}: {json}");
        assert!(json["detail"].as_str().unwrap().contains(part), "{json}");
        let entry = api.get("/api/v1/audit")["entries"][0].clone();
        assert_eq!((&entry["action"], &entry["ok"]), (&json!("overlay.replace"), &json!(false)));
    }
    is_as_kept();
}

#[test]
fn killed_in_the_middle_of_changes_it_starts_with_what_was_answered() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let folder = TempDir::new();
    let file = kept(folder.path(), &origins);
    let mut answered = 1;
    for round in 0..5u64 {
        let balancer = Balancer::start(&file);
        let api = Api::at(balancer.admin());
        let weight = api.endpoint("api", "one").unwrap()["weight"].as_u64().unwrap();
        assert!(weight == answered || weight == answered + 1, "{weight} after {answered}");
        answered = weight;
        for _ in 0..=round {
            let body = json!({"weight": answered + 1});
            assert_eq!(api.call("PATCH", &format!("{ENDPOINTS}/one"), &body).status, 200);
            answered += 1;
        }
        let body = json!({"weight": answered + 1}).to_string();
        let mut client = RawClient::connect(balancer.admin());
        let kind = [("Content-Type", "application/json")];
        client.request("PATCH", &format!("{ENDPOINTS}/one"), &kind, body.as_bytes()).unwrap();
        balancer.kill();
    }
}

#[test]
fn a_damaged_state_file_is_kept_aside_and_one_that_cannot_be_written_changes_nothing() {
    let origins = [Origin::start("one")];
    let folder = TempDir::new();
    folder.write("overlay.toml", "[pool.api\n");
    let balancer = Balancer::start(&kept(folder.path(), &origins));
    balancer.wait_for_line("state file is damaged");
    assert_eq!(
        fs::read_to_string(folder.path().join("overlay.toml.damaged")).unwrap(),
        "[pool.api\n"
    );
    // A folder in the place of the file that is written beside.
    fs::create_dir(folder.path().join("overlay.toml.new")).unwrap();
    let api = Api::at(balancer.admin());
    let one = format!("{ENDPOINTS}/one");
    let Answer { status, json } = api.call("PATCH", &one, &json!({"weight": 2}));
    assert_eq!(status, 503, "{json}");
    assert!(json["detail"].as_str().unwrap().contains("nothing was changed"), "{json}");
    assert_eq!(api.endpoint("api", "one").unwrap()["weight"], 1);
}

#[test]
fn every_action_is_audited_and_its_undo_takes_it_back() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let scene = Scene::start(&one(&origins[0]), &[CHECK]);
    let api = api(&scene).with("User-Agent", "tester/1.0 (x)");
    let mut stream = api.listen("/api/v1/events?topics=audit");
    let two = json!({"address": origins[1].address().to_string(), "name": "Server 2"});
    let one_path = format!("{ENDPOINTS}/one");
    for (method, path, body, action, target, status) in [
        ("PATCH", one_path.as_str(), json!({"weight": 5}), "endpoint.update", "api/one", 200),
        ("POST", ENDPOINTS, two, "endpoint.add", "api/Server 2", 201),
        ("DELETE", one_path.as_str(), Value::Null, "endpoint.remove", "api/one", 204),
    ] {
        let before = api.endpoint("api", "one").map(|one| one["weight"].clone());
        assert_eq!(api.call(method, path, &body).status, status);
        let told = stream.next().data;
        assert_eq!((&told["action"], &told["target"]), (&json!(action), &json!(target)));
        assert_eq!((&told["ok"], &told["who"]), (&json!(true), &json!("127.0.0.1 (tester/1.0)")));
        assert_eq!(api.get("/api/v1/audit")["entries"][0], told);
        let undo = &told["undo"];
        let undo_path = undo["path"].as_str().unwrap();
        let undone = api.call(undo["method"].as_str().unwrap(), undo_path, &undo["body"]);
        assert!(undone.status < 300, "{action}: {undone:?}");
        let by = stream.next().data["id"].clone();
        let obstacle = &api.get("/api/v1/audit")["entries"][1]["obstacle"];
        assert_eq!((&obstacle["reason"], &obstacle["by"]), (&json!("taken_back"), &by));
        eventually(PATIENCE, "it is as before", || {
            let now = api.endpoint("api", "one").map(|one| one["weight"].clone());
            now == before && api.endpoint("api", "Server 2").is_none()
        });
    }
    assert_eq!(api.get("/api/v1/state")["has_overlay"], false);
    let Answer { status, json } = api.call("DELETE", &format!("{ENDPOINTS}/onee"), &Value::Null);
    assert_eq!(status, 404);
    assert_eq!(json["detail"], "there is no endpoint called \"onee\"; did you mean \"one\"?");
    let told = stream.next().data;
    assert_eq!(
        (&told["ok"], &told["detail"], &told["undo"]),
        (&json!(false), &json["detail"], &Value::Null)
    );
    assert_eq!(told["obstacle"]["reason"], "not_done");
}

#[test]
fn bodies_that_make_no_sense_are_refused() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let api = api(&scene);
    let one = format!("{ENDPOINTS}/one");
    let json = "application/json";
    let long = vec![b' '; 64 * 1024 + 1];
    for (method, path, kind, body, status) in [
        ("PATCH", one.as_str(), json, &b"{"[..], 400),
        ("PATCH", &one, json, b"{\"wieght\": 1}", 422),
        ("PATCH", &one, json, b"{\"weight\": 0}", 422),
        ("PATCH", &one, json, b"{\"weight\": 1001}", 422),
        ("PATCH", &one, json, b"{\"weight\": 1.5}", 422),
        ("PATCH", &one, json, b"{\"admin_state\": \"off\"}", 422),
        ("PATCH", &one, "text/plain", b"{}", 415),
        ("PATCH", &one, "", b"{}", 415),
        ("PATCH", &one, json, &long, 413),
        ("POST", ENDPOINTS, json, b"{}", 422),
        ("POST", ENDPOINTS, json, b"{\"address\": \"nowhere\"}", 422),
        ("POST", ENDPOINTS, json, b"{\"address\": \"a:1\", \"name\": \"\"}", 422),
        ("POST", "/api/v1/pools/none/endpoints", json, b"{\"address\": \"a:1\"}", 404),
    ] {
        let response = api.raw(method, path, kind, body);
        let shown = String::from_utf8_lossy(body.get(..40).unwrap_or(body)).into_owned();
        assert_eq!(
            answer(&response).status,
            status,
            "{method} {path} {shown}: {}",
            response.text()
        );
    }
    assert_eq!(api.get("/api/v1/state")["has_overlay"], false);
}

#[test]
fn too_many_changes_are_told_to_wait_and_checks_go_on() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let api = api(&scene);
    for _ in 0..100 {
        let response = api.raw("POST", "/api/v1/nothing/at/all", "", b"");
        assert_eq!(response.status, 404, "paths that nothing is at cost nothing");
    }
    // All at once, since by and by more are allowed than a busy machine may be able to send.
    let mut client = RawClient::connect(scene.balancer.admin());
    let post = format!("POST {ENDPOINTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    client.send(post.repeat(500)).unwrap();
    let refused = (0..500).find_map(|_| {
        let response = client.read_response().unwrap();
        (response.status == 429).then_some(response)
    });
    let refused = refused.expect("the limit is reached");
    assert_eq!(refused.fields.first("retry-after"), Some("1"));
    assert_eq!(api.raw("POST", "/api/v1/config/check", "text/plain", b"").status, 200);
    assert_eq!(api.get("/api/v1/state")["phase"], "ready", "reads go on");
}

#[test]
fn what_is_refused_before_it_is_understood_is_audited_once_for_each_reason() {
    let origin = Origin::start("one");
    let folder = TempDir::new();
    let balancer = Balancer::start(&kept(folder.path(), &[origin]));
    let api = Api::at(balancer.admin());
    let one = format!("{ENDPOINTS}/one");
    let foreign = api.with("Origin", "https://evil.example");
    for _ in 0..3 {
        assert_eq!(foreign.call("DELETE", &one, &Value::Null).status, 403);
        assert_eq!(api.raw("PATCH", &one, "text/plain", b"{}").status, 415);
        assert_eq!(api.raw("POST", ENDPOINTS, "application/json", b"{").status, 400);
    }
    // Neither changes anything.
    assert_eq!(foreign.call("GET", &one, &Value::Null).status, 405);
    assert_eq!(api.raw("POST", "/api/v1/config/check", "image/png", b"").status, 415);
    let entries = api.get("/api/v1/audit")["entries"].clone();
    let lines = fs::read_to_string(folder.path().join("audit.log")).unwrap();
    let written: Vec<Value> =
        lines.lines().rev().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries, json!(written), "the file has the same");
    let told: Vec<_> =
        written.iter().map(|entry| json!([entry["action"], entry["target"]])).collect();
    let expected = [
        json!(["endpoint.add", "api"]),
        json!(["endpoint.update", "api/one"]),
        json!(["endpoint.remove", "api/one"]),
    ];
    assert_eq!(told, expected);
    for (entry, part) in written.iter().zip(["the body: EOF", "must be application/json", "Origin"])
    {
        assert_eq!((&entry["ok"], &entry["count"]), (&json!(false), &json!(1)));
        assert!(entry["detail"].as_str().unwrap().contains(part), "{entry}");
    }
}

#[test]
fn wrong_tokens_are_audited_together_and_do_not_lock_the_right_one_out() {
    let origin = Origin::start("one");
    let folder = TempDir::new();
    let token = folder.write("token", "s3cret\n").display().to_string();
    let file = kept(folder.path(), &[origin]);
    let file = file.replace("state_file", &format!("token_file = \"{token}\"\nstate_file"));
    let balancer = Balancer::start(&file);
    let api = Api::at(balancer.admin());
    let one = format!("{ENDPOINTS}/one");
    let (guess, right) = ("Bearer s3creT", "Bearer s3cret");
    let guesser = api.with("Authorization", guess);
    let statuses: Vec<u16> =
        (0..20).map(|_| guesser.call("PATCH", &one, &json!({"weight": 2})).status).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[19], 429);
    let known = api.with("Authorization", right);
    assert_eq!(known.call("PATCH", &one, &json!({"weight": 2})).status, 200);
    let entries = known.get("/api/v1/audit")["entries"].clone();
    let details: Vec<_> = entries.as_array().unwrap().iter().map(|e| e["detail"].clone()).collect();
    assert_eq!(details.len(), 3, "{entries}");
    assert_eq!(entries[0]["ok"], true);
    assert!(details[1].as_str().unwrap().starts_with("too many wrong tokens"), "{entries}");
    assert!(details[2].as_str().unwrap().starts_with("the token that was sent"), "{entries}");
    assert!(!entries.to_string().contains("s3cre"), "no token is written down");
}
