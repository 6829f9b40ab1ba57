//! The client: what its commands show of a real Roundel, do to it, and say when that goes wrong.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use roundel_testkit::balancer::binary;
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::ports::Refusing;
use roundel_testkit::{Balancer, Origin, TempDir, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::scene::{CHECK, Scene, one, plain};
use crate::site::{self, ADMIN, web};

/// The commands for one Roundel.
struct Client {
    admin: String,
    more: Vec<String>,
}

/// What a command printed and how it exited.
#[derive(Debug)]
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Client {
    fn at(admin: SocketAddr) -> Self {
        Self { admin: admin.to_string(), more: Vec::new() }
    }

    /// The same with further options in every command.
    fn with(mut self, options: &[&str]) -> Self {
        self.more.extend(options.iter().map(ToString::to_string));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).args(&self.more).stdin(Stdio::null());
        command.env("ROUNDEL_ADMIN", &self.admin).env_remove("ROUNDEL_TOKEN_FILE");
        command
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Answer { code: output.status.code(), stdout, stderr }
    }

    /// What a command that goes well says.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let Answer { code, stdout, stderr } = self.run(arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}: {stdout}");
        assert!(stdout.is_empty() || stdout.ends_with('\n'), "{arguments:?}: {stdout}");
        stdout
    }

    /// The JSON that it prints instead.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What a command that is refused says.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let Answer { code, stdout, stderr } = self.run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("roundel: error: "), "{arguments:?}: {stderr}");
        stderr
    }

    /// Starts a command that goes on.
    fn follow(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Running { child, lines }
    }
}

/// A command that goes on until it is told to end.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// The next line that has this in it.
    #[track_caller]
    fn line(&self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line with {part}"));
            if line.contains(part) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client(scene: &Scene) -> Client {
    Client::at(scene.balancer.admin())
}

/// The line of a table that tells of `name`.
#[track_caller]
fn row(text: &str, name: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.split_whitespace().any(|word| word == name));
    let line = line.unwrap_or_else(|| panic!("no {name} in:\n{text}"));
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn status_shows_each_fact_of_an_endpoint() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let scene = Scene::start(&plain(&origins), &[CHECK]);
    scene.wait_all_healthy(&origins);
    scene.turns(4);
    let client = client(&scene);
    let version = env!("CARGO_PKG_VERSION");
    let status = client.done(&["status"]);
    assert!(status.starts_with(&format!("Roundel {version}  ready, up ")), "{status}");
    assert!(status.contains("pool api  round_robin, GET /health every 2 s\n"), "{status}");
    let shown = row(&status, "one");
    assert_eq!(shown[..7], ["+", "one", "enabled", "healthy", "no", "file", "1"], "{status}");
    assert_eq!(client.json(&["status"])["pools"][0]["endpoints"][1]["name"], "two");
    assert!(!status.contains('\x1b'), "a file gets no colours: {status:?}");
}

#[test]
fn a_watched_status_goes_on_and_waits_for_a_roundel_that_is_gone() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let client = client(&scene);
    let states = client.follow(&["status", "--watch", "--json"]);
    let [first, second] = [(); 2].map(|()| states.line("\"now\""));
    let now = |line: &str| serde_json::from_str::<Value>(line).unwrap()["now"].clone();
    assert_ne!(now(&first), now(&second));
    let watched = client.follow(&["status", "--watch"]);
    watched.line("pool api");
    watched.line("pool api");
    scene.balancer.kill();
    watched.line("No Roundel answers at");
}

#[test]
fn an_interrupt_ends_a_watch() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let mut watched = client(&scene).follow(&["status", "--watch"]);
    watched.line("pool api");
    kill_process(Pid::from_child(&watched.child), Signal::INT).unwrap();
    eventually(PATIENCE, "it ends", || watched.child.try_wait().unwrap().is_some());
}

#[test]
fn whoever_stops_reading_ends_what_goes_on() {
    let origin = Origin::start("one");
    let scene = Scene::start(&one(&origin), &[CHECK]);
    let client = client(&scene);
    for arguments in [&["status", "--watch"][..], &["requests", "-f"], &["events", "-f"]] {
        let mut command = client.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        eventually(PATIENCE, "it ends", || child.try_wait().unwrap().is_some());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn endpoints_are_drained_weighed_added_and_removed_by_name() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let scene = Scene::start(&one(&origins[0]), &[CHECK]);
    scene.wait_health("one", "healthy");
    let client = client(&scene);
    let address = origins[1].address().to_string();
    let added = client.done(&["endpoint", "add", "api", "Server 2", &address, "--weight", "3"]);
    assert_eq!(added, format!("api/Server 2: added, at {address}, weight 3\n"));
    scene.wait_health("Server 2", "healthy");
    assert_eq!(scene.share("two", 8), 6);
    for (arguments, said, state) in [
        (&["drain", "one"][..], "api/one: draining, nothing in flight\n", "draining"),
        (&["enable", "api/one"], "api/one: enabled\n", "enabled"),
        (&["disable", &origins[0].address().to_string()], "api/one: disabled\n", "disabled"),
        (&["reset", "one"], "api/one: as before any change, enabled, weight 1\n", "enabled"),
        (&["weight", "one", "7"], "api/one: weight 7\n", "enabled"),
        (&["disable", "one"], "api/one: disabled\n", "disabled"),
    ] {
        assert_eq!(client.done(&[&["endpoint"], arguments].concat()), said);
        let list = client.done(&["endpoint", "list", "api"]);
        assert_eq!(row(&list, "api/one")[2], state, "{list}");
    }
    assert_eq!(client.json(&["endpoint", "list"])["pools"][0]["endpoints"][0]["weight"], 7);
    let removed = client.done(&["endpoint", "remove", "api/Server 2"]);
    assert_eq!(removed, "api/Server 2: removed, after what it has in flight\n");
    eventually(PATIENCE, "it is gone", || !client.done(&["endpoint", "list"]).contains("Server 2"));
    let audit = client.done(&["audit"]);
    let actions: Vec<&str> = audit.lines().filter(|line| line.contains("  done  ")).collect();
    assert_eq!(actions.len(), 8, "{audit}");
    assert!(audit.contains("weight 1 -> 7") && audit.contains("api/Server 2"), "{audit}");
    let events = client.done(&["events"]);
    assert!(events.contains("did endpoint.remove api/Server 2"), "{events}");
    assert!(client.done(&["overlay"]).contains("disabled"));
    assert_eq!(client.done(&["overlay", "show"]), client.done(&["overlay"]));
    assert_eq!(client.done(&["overlay", "clear"]), "taken back: the file alone decides again\n");
    let list = client.done(&["endpoint", "list"]);
    assert_eq!(row(&list, "api/one")[2], "enabled", "{list}");
    let Answer { code, stderr, .. } = client.run(&["overlay", "show"]);
    assert_eq!(code, Some(0));
    assert_eq!(stderr, "roundel: operators changed nothing: the file alone decides\n");
}

#[test]
fn what_was_done_is_taken_back_by_its_number() {
    let origins = [Origin::start("one"), Origin::start("two")];
    let scene = Scene::start(&one(&origins[0]), &[CHECK]);
    let client = client(&scene);
    let newest = || client.json(&["audit"])["entries"][0]["id"].to_string();
    let entry = |arguments: &[&str]| {
        client.done(arguments);
        newest()
    };
    let undo = |id: &str| client.done(&["audit", "undo", id]);
    let obstacle = |id: &str| client.refused(&["audit", "undo", id]);
    let weight =
        || client.json(&["endpoint", "list"])["pools"][0]["endpoints"][0]["weight"].clone();

    let drained = entry(&["endpoint", "drain", "one"]);
    let weighed = entry(&["endpoint", "weight", "one", "3"]);
    let hint = format!("    take it back: roundel audit undo {drained}\n");
    assert!(client.done(&["audit"]).contains(&hint));
    let done = "taken back: endpoint.update api/one, admin state draining -> enabled\n";
    assert_eq!(undo(&drained), done);
    assert_eq!(weight(), 3, "what else was changed is left alone");
    let by = newest();
    assert!(obstacle(&drained).contains(&format!("taken back already, by entry {by}")));
    assert!(!client.done(&["audit"]).contains(&hint));

    let again = entry(&["endpoint", "weight", "one", "7"]);
    let stderr = obstacle(&weighed);
    let reason = format!("entry {again}, endpoint.update api/one, changed the same since");
    assert!(stderr.contains(&reason) && stderr.contains("--force"), "{stderr}");
    assert_eq!(weight(), 7);
    let forced = client.done(&["audit", "undo", &weighed, "--force"]);
    assert_eq!((forced.as_str(), weight()), ("taken back: endpoint.update api/one\n", 1.into()));

    let address = origins[1].address().to_string();
    let added = entry(&["endpoint", "add", "api", "two", &address]);
    assert!(undo(&added).starts_with("taken back: endpoint.add api/two, address "));
    eventually(PATIENCE, "it is gone", || !client.done(&["endpoint", "list"]).contains("api/two"));
    let removed = newest();
    assert_eq!(client.json(&["audit", "undo", &removed])["name"], "two");

    let drained = entry(&["endpoint", "drain", "one"]);
    client.refused(&["endpoint", "add", "api", "three", "nowhere"]);
    assert!(obstacle(&newest()).contains("it was refused, so there is nothing to take back"));
    scene.reload(&one(&origins[1]), &[CHECK]);
    assert!(obstacle(&drained).contains("no endpoint called \"one\""), "Roundel's own refusal");
    let reloaded = entry(&["reload"]);
    assert!(obstacle(&reloaded).contains("there is no way back from that"));
    assert!(obstacle("1").contains("there is no entry 1 in the audit log"));
}

#[test]
fn names_that_mean_nothing_or_too_much_are_refused() {
    let origin = Origin::start("one");
    let more = "[pool.web]\nendpoints = [{ name = \"one\", address = \"127.0.0.1:9\" }]\n";
    let route = "[[route]]\npool = \"api\"\n";
    let balancer = Balancer::start(&format!(
        "{ADMIN}{}{}{more}{}{route}",
        web(),
        site::pool_of([&origin], site::NO_CHECK),
        site::NO_CHECK
    ));
    let client = Client::at(balancer.admin());
    for (arguments, said) in [
        (&["endpoint", "drain", "one"][..], "several endpoints: api/one, web/one"),
        (&["endpoint", "drain", "onee"], "no endpoint called \"onee\"; did you mean \"one\"?"),
        (&["endpoint", "drain", "web/onee"], "pool \"web\" has no endpoint called \"onee\""),
        (&["endpoint", "list", "wep"], "no pool called \"wep\"; did you mean \"web\"?"),
        (&["endpoint", "add", "web", "x", "nowhere"], "nowhere"),
        (&["app", "kill", "x"], "there is no instance called \"x\"; there is no instance at all"),
        (&["app", "scale", "x", "1"], "there is no app called \"x\""),
        (&["explain", "none"], "request \"none\" is not kept"),
        (&["requests", "--status", "9xx"], "9xx"),
        (&["requests", "--pool", "wep"], "no pool called \"wep\"; did you mean \"web\"?"),
        (&["requests", "--pool", "wep", "--follow"], "no pool called \"wep\""),
        (&["requests", "--endpoint", "onee"], "no endpoint called \"onee\"; did you mean \"one\"?"),
        (&["requests", "--endpoint", "web/onee", "-f"], "pool \"web\" has no endpoint called"),
    ] {
        let stderr = client.refused(arguments);
        assert!(stderr.contains(said) && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
    }
    assert_eq!(
        client.done(&["endpoint", "drain", "web/one"]),
        "web/one: draining, nothing in flight\n"
    );
    for arguments in [
        &["endpoint", "weight", "web/one", "0"][..],
        &["endpoint", "frobnicate"],
        &["requests", "--limit", "5", "--follow"],
        &["status", "--admin", "nowhere"],
        &["app"],
    ] {
        let Answer { code, stdout, .. } = client.run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn apps_are_scaled_killed_restarted_and_read() {
    let program = binary().display().to_string();
    let command = format!(
        "[\"/bin/sh\", \"-c\", \"echo I am {{name}}; exec {program} demo-server {{name}} {{port}}\"]"
    );
    let balancer = Balancer::start(&format!(
        "{ADMIN}{}[pool.web]\n{}[app.web]\ncommand = {command}\n\
         instances = {{ min = 1, max = 3 }}\nrestart = {{ base_pause = \"10ms\" }}\n",
        web(),
        site::CHECK
    ));
    let client = Client::at(balancer.admin());
    let instance = |name: &str| {
        let list = client.done(&["app", "list"]);
        list.lines().any(|line| line.contains(name)).then(|| row(&list, name))
    };
    let wait = |name: &str, state: &str| {
        eventually(PATIENCE, &format!("{name} is {state}"), || {
            instance(name).is_some_and(|shown| shown[1] == state)
        });
    };
    wait("web-1", "ready");
    let scaled = client.done(&["app", "scale", "web", "2"]);
    assert!(scaled.starts_with("web: 2 instances wanted, "), "{scaled}");
    wait("web-2", "ready");
    let before = instance("web-2").unwrap()[2].clone();
    assert_eq!(client.done(&["app", "kill", "web-2"]), "web/web-2: killed\n");
    eventually(PATIENCE, "another process is ready", || {
        let now = instance("web-2").unwrap();
        now[1] == "ready" && now[2] != before
    });
    assert_eq!(
        client.done(&["app", "stop", "web", "web-2"]),
        "web/web-2: draining, then stopping\n"
    );
    wait("web-2", "stopped");
    assert_eq!(client.done(&["app", "start", "web/web-2"]), "web/web-2: starting\n");
    wait("web-2", "ready");
    let restarted = client.done(&["app", "restart", "web"]);
    assert_eq!(restarted, "web: restarting, one instance after the other\n");
    let output = client.done(&["app", "output", "web-1"]);
    assert!(output.contains("I am web-1\n"), "{output}");
    let stderr = client.refused(&["app", "scale", "web", "9"]);
    assert!(stderr.contains('9') && stderr.contains('3'), "it names value and limit: {stderr}");
    let status = client.done(&["status"]);
    assert_eq!(row(&status, "by")[..2], ["web", "web"], "{status}");
}

#[test]
fn requests_are_filtered_followed_and_explained() {
    let origin = Origin::start("one");
    origin.on("/broken", roundel_testkit::Answer::status(500));
    let scene = Scene::start(&one(&origin), &[CHECK]);
    scene.wait_health("one", "healthy");
    let client = client(&scene);
    let live = client.follow(&["requests", "--follow", "--status", "5xx"]);
    live.line("ID");
    let mut browser = scene.balancer.client();
    assert_eq!(browser.get("/fine?secret=1").status, 200);
    assert_eq!(browser.get("/broken").status, 500);
    let told = live.line("/broken");
    assert!(told.contains("  500  ") || told.contains("  500 "), "{told}");
    let id = told.split_whitespace().next().unwrap();
    let list = client.done(&["requests", "--path", "fine", "--method", "get", "--limit", "5"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains("/fine?…") && !list.contains("secret"), "{list}");
    for endpoint in ["one", "api/one"] {
        let list = client.done(&["requests", "--endpoint", endpoint, "--path", "fine"]);
        assert_eq!(list.lines().count(), 2, "{endpoint}: {list}");
    }
    let none =
        client.done(&["requests", "--pool", "api", "--endpoint", "one", "--min-ms", "3600000"]);
    assert!(none.ends_with("no such request among those that are kept\n"), "{none}");
    assert_eq!(client.json(&["requests", "--status", "500"])["requests"][0]["id"], id);
    let explained = client.done(&["explain", id]);
    assert!(explained.starts_with("GET /broken for "), "{explained}");
    for part in ["answered with 500 in ", "attempt 1: one at ", "chosen", "matches every request"] {
        assert!(explained.contains(part), "{part}: {explained}");
    }
}

#[test]
fn a_reload_of_a_wrong_file_shows_all_that_is_wrong_and_changes_nothing() {
    let origin = Origin::start("one");
    let configuration = format!("{ADMIN}{}{}", web(), site::pool_of([&origin], site::CHECK));
    let balancer = Balancer::start(&configuration);
    let client = Client::at(balancer.admin());
    balancer
        .write_config(&configuration.replace("health_check", "helth_check").replace("name", "nam"));
    let stderr = client.refused(&["reload"]);
    for part in ["helth_check", "nam", "^^^", "did you mean"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    assert_eq!(stderr.matches("helth_check").count(), 2, "the mistake and its place: {stderr}");
    balancer.write_config(&configuration);
    let done = client.done(&["reload"]);
    assert!(done.starts_with("reloaded, generation "), "{done}");
}

#[test]
fn where_a_token_is_needed_the_right_one_opens() {
    let origin = Origin::start("one");
    let folder = TempDir::new();
    let right = folder.write("right", "sesame\n").display().to_string();
    let wrong = folder.write("wrong", "simsim\n").display().to_string();
    let balancer = Balancer::start(&format!(
        "[admin]\naddress = \"127.0.0.1:0\"\ntoken_file = {right:?}\n{}{}",
        web(),
        site::pool_of([&origin], site::CHECK)
    ));
    let client = |options: &[&str]| Client::at(balancer.admin()).with(options);
    client(&["--token-file", &right]).done(&["status"]);
    for (options, said) in [
        (&[][..], "--token-file"),
        (&["--token-file", &wrong], "the token that was sent is not the one"),
    ] {
        let stderr = client(options).refused(&["status"]);
        assert!(stderr.contains(said), "{stderr}");
        assert!(!stderr.contains("simsim"), "{stderr}");
    }
    let stderr = client(&["--token-file", "/nonexistent"]).refused(&["status"]);
    assert!(stderr.contains("cannot read the token file /nonexistent"), "{stderr}");
}

#[test]
fn nobody_and_somebody_else_are_told_from_roundel() {
    let nobody = Refusing::bind();
    let free = nobody.address();
    let stderr = Client::at(free).refused(&["status"]);
    assert_eq!(
        stderr,
        format!(
            "roundel: error: no Roundel answers at {free} (connection refused): is it running, \
             and is its admin address another? give --admin\n"
        )
    );
    let origin = Origin::start("one");
    let stderr = Client::at(origin.address()).refused(&["endpoint", "list"]);
    assert!(stderr.contains("is it Roundel"), "{stderr}");
}
