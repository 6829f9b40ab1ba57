//! The container image, and the Compose example that uses it.
//!
//! No registry need be reachable, so the stages that compile are not built here: the last stage of
//! the Dockerfile is, cut out as it is written, around a static binary that `cargo xtask` has made.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{DockerEngine, Python, TempDir, eventually};
use serde_json::json;

use super::{PYTHON, example};
use crate::api::Api;

const IMAGE: &str = "roundel-of-this-checkout";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An engine with the image, and with the base image of servers.
fn engine() -> DockerEngine {
    let binary = root().join("target/static/roundel");
    assert!(
        binary.exists(),
        "no static binary: `cargo xtask static-binary` makes it, and `cargo xtask test` does so by itself"
    );
    let engine = DockerEngine::start();
    engine.import_python(PYTHON);
    let files = TempDir::new();
    let out = |name: &str| files.path().join("out").join(name);
    std::fs::create_dir_all(out("usr/bin")).unwrap();
    std::fs::create_dir_all(out("etc/roundel")).unwrap();
    std::fs::create_dir_all(files.path().join("state/roundel")).unwrap();
    std::fs::copy(binary, out("usr/bin/roundel")).unwrap();
    std::fs::write(out("etc/passwd"), "roundel:x:65532:65532::/:\n").unwrap();
    engine.import_folder(files.path(), "built");
    let dockerfile = std::fs::read_to_string(root().join("deploy/container/Dockerfile")).unwrap();
    let last = dockerfile.rfind("\nFROM ").expect("a last stage");
    let context = TempDir::new();
    context.write("Dockerfile", &format!("FROM built AS build\n{}", &dockerfile[last..]));
    let folder = context.path().display().to_string();
    engine.docker(&["build", "--quiet", "--tag", IMAGE, &folder]);
    engine
}

/// Waits until the engine finds a container healthy, by the image's own check.
fn wait_until_healthy(engine: &DockerEngine, container: &str) {
    let asked = ["inspect", "--format", "{{.State.Status}} {{.State.Health.Status}}", container];
    eventually(PATIENCE * 2, &format!("{container} is healthy"), || {
        let said = engine.docker(&asked);
        assert!(said.starts_with("running"), "{said}\n{}", engine.docker(&["logs", container]));
        said.ends_with("healthy") && !said.ends_with("unhealthy")
    });
}

/// A balancer that operators may change, in front of a server that is found by name.
const CONFIG: &str = r#"
[admin]
address = "0.0.0.0:8090"
token_file = "/etc/roundel/token"
state_file = "/var/lib/roundel/overlay.toml"

[[listener]]
address = "0.0.0.0:8080"

[pool.web]
endpoints = [{ address = "server:5000", name = "one" }]
"#;

#[test]
fn the_image_runs_without_rights_on_a_read_only_system_and_stops_with_grace() {
    let engine = engine();
    let files = TempDir::new();
    files.write("token", "for-tests-alone\n");
    files.write("roundel.toml", CONFIG);
    let mount = format!("{}:/etc/roundel:ro", files.path().display());
    let script = format!("{}:/server.py:ro", example().join("server.py").display());
    engine.docker(&["network", "create", "net"]);
    let server = ["python3", "/server.py", "Server 1", "5000"];
    let on_net = ["run", "--detach", "--network", "net", "--name"];
    engine.docker(&[&on_net[..], &["server", "--volume", &script, PYTHON], &server].concat());
    let limits = ["--read-only", "--cap-drop", "ALL", "--memory", "64m", "--cpus", "0.5"];
    let state = ["--volume", "state:/var/lib/roundel"];
    let secure = ["--security-opt", "no-new-privileges", "--volume", &mount, IMAGE];
    engine.docker(&[&on_net[..], &["balancer"], &limits, &state, &secure].concat());
    wait_until_healthy(&engine, "balancer");
    let of = |format: &str| engine.docker(&["inspect", "--format", format, "balancer"]);
    assert_eq!(of("{{.Config.User}}"), "65532:65532");
    let ip = || of("{{.NetworkSettings.Networks.net.IPAddress}}");
    // The server's name is resolved by the engine's DNS, without a library to do it.
    let address = format!("{}:8080", ip()).parse().unwrap();
    assert_eq!(roundel_testkit::RawClient::connect(address).get("/").text(), "Server 1\n");
    let api = || {
        let admin = format!("{}:8090", ip()).parse().unwrap();
        Api::at(admin).with("Authorization", "Bearer for-tests-alone")
    };
    let endpoint = "/api/v1/pools/web/endpoints/one";
    assert_eq!(api().call("PATCH", endpoint, &json!({"weight": 7})).status, 200);
    // The volume is as writable as the system is not, and outlives the process.
    engine.docker(&["restart", "--time", "30", "balancer"]);
    wait_until_healthy(&engine, "balancer");
    assert_eq!(api().get("/api/v1/pools/web")["endpoints"][0]["weight"], 7);
    engine.docker(&["stop", "--time", "30", "balancer"]);
    assert_eq!(of("{{.State.ExitCode}} {{.State.OOMKilled}}"), "0 false");
    let mut logs = engine.command("docker");
    let logs = logs.args(["logs", "balancer"]).output().unwrap();
    let logs = String::from_utf8_lossy(&logs.stderr).into_owned();
    // Half a CPU is one worker.
    assert!(logs.contains("ready workers=1"), "{logs}");
    assert!(logs.contains("limit_bytes=67108864 connections=307"), "{logs}");
    assert!(logs.contains("stopping signal=\"SIGTERM\""), "{logs}");
}

#[test]
fn the_compose_example_shares_requests_and_scales() {
    let engine = engine();
    let folder = TempDir::new();
    for entry in std::fs::read_dir(example()).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        folder.write(entry.file_name().to_str().unwrap(), &text);
    }
    // Nothing is written into the files: what they leave open is said here.
    let environment = [
        format!("ROUNDEL_IMAGE={IMAGE}"),
        format!("PYTHON_IMAGE={PYTHON}"),
        "BALANCER_PORT=127.0.0.1:0".to_owned(),
        format!("DOCKER_SOCKET={}", engine.socket().display()),
        format!("DOCKER_GID={}", std::fs::metadata(engine.socket()).unwrap().gid()),
        "COMPOSE_PROJECT_NAME=example".to_owned(),
    ];
    folder.write(".env", &environment.join("\n"));
    let compose = |arguments: &[&str]| engine.compose(folder.path(), arguments);

    compose(&["build", "server1", "server2"]);
    compose(&["up", "--detach", "--no-build"]);
    wait_until_healthy(&engine, "example_balancer_1");
    let url = |files: &[&str]| {
        format!("http://{}/", compose(&[files, &["port", "balancer", "8080"]].concat()))
    };
    let said = client(&folder, &url(&[]));
    assert!(said.ends_with("\nServer 1: 5 answers\nServer 2: 5 answers\n"), "{said}");
    assert!(said.starts_with(" 1: Server "), "{said}");
    compose(&["down"]);

    let scaled = ["--file", "scaled.yml"];
    let compose_scaled = |arguments: &[&str]| compose(&[&scaled[..], arguments].concat());
    compose_scaled(&["build", "web"]);
    for scale in [2, 5] {
        let wanted = format!("web={scale}");
        compose_scaled(&["up", "--detach", "--no-build", "--scale", &wanted]);
        wait_until_healthy(&engine, "example_balancer_1");
        let url = url(&scaled);
        eventually(PATIENCE * 2, &format!("{scale} servers answer"), || {
            client(&folder, &url).matches(" answers").count() == scale
        });
        let said = client(&folder, &url);
        let each = format!(": {} answers", 10 / scale);
        assert_eq!(said.matches(&each).count(), scale, "{said}");
    }
    compose_scaled(&["down"]);
}

/// What the example's client prints. Nothing while there is no answer.
fn client(folder: &TempDir, url: &str) -> String {
    let source = std::fs::read_to_string(folder.path().join("client.py")).unwrap();
    let output = Python::prepare().run(&source, &[url]);
    String::from_utf8(output.stdout).unwrap()
}
