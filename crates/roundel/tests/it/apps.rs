//! Apps: programs that Roundel runs, under the failures that real programs have.
//!
//! Instances are `roundel demo-server`, or shell scripts that misbehave before they become one.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use roundel_testkit::balancer::binary;
use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Load, TempDir, eventually};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::site::{ADMIN, CHECK, NO_CHECK, count_of, metric, web};

/// A balancer before an app whose instances run `command`, with further `keys`.
fn config(command: &str, keys: &str) -> String {
    format!("{ADMIN}{}[pool.web]\n{CHECK}[app.web]\ncommand = {command}\n{keys}\n", web())
}

/// The command of a server that does what it should.
fn server() -> String {
    format!("[{:?}, \"demo-server\", \"{{name}}\", \"{{port}}\"]", binary().display().to_string())
}

/// The command of a shell script, in which `$SERVER` is such a server.
fn script(text: &str) -> String {
    let server = format!("{} demo-server", binary().display());
    let text = text.replace("$SERVER", &format!("{server} \"$ROUNDEL_INSTANCE\" \"$PORT\""));
    let text = text.replace('{', "{{").replace('}', "}}").replace('$', "$$");
    format!("[\"/bin/sh\", \"-c\", {text:?}]")
}

fn ready(balancer: &Balancer, count: usize) {
    let what = format!("{count} times an instance got ready");
    eventually(PATIENCE, &what, || count_of(balancer, "instance ready") >= count);
}

/// What the name in a process's command line tells: the processes of this balancer's servers.
fn servers(balancer: &Balancer) -> Vec<Pid> {
    descendants(balancer.pid(), "demo-server")
}

/// Processes below `parent` with `text` in their command line.
fn descendants(parent: u32, text: &str) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut parents = vec![parent];
    while let Some(parent) = parents.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten();
        for task in tasks.flatten() {
            let children = std::fs::read_to_string(task.path().join("children"));
            for child in children.unwrap_or_default().split_whitespace() {
                let id: u32 = child.parse().unwrap();
                parents.push(id);
                let line = std::fs::read_to_string(format!("/proc/{id}/cmdline"));
                if line.unwrap_or_default().contains(text) {
                    found.extend(Pid::from_raw(id.cast_signed()));
                }
            }
        }
    }
    found
}

fn is_gone(pid: Pid) -> bool {
    let stat = format!("/proc/{}/stat", pid.as_raw_nonzero());
    // A zombie that its new parent has not reaped yet has ended, too.
    test_kill_process(pid).is_err()
        || std::fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") Z "))
}

/// The process id that a script wrote into a file.
fn pid_in(path: &Path) -> Pid {
    let mut pid = None;
    eventually(PATIENCE, &format!("a process id in {}", path.display()), || {
        pid = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
        pid.is_some()
    });
    Pid::from_raw(pid.unwrap()).unwrap()
}

#[test]
fn instances_are_endpoints_that_answer_in_turn() {
    let balancer = Balancer::start(&config(&server(), "instances = 3\nname = \"Server {index}\""));
    ready(&balancer, 3);
    let mut client = balancer.client();
    let mut names: Vec<String> = (0..3).map(|_| client.get("/").text()).collect();
    names.sort();
    assert_eq!(names, [1, 2, 3].map(|n| format!("Hello from Server {n}\n")));
}

#[test]
fn an_instance_knows_who_it_is() {
    let keys = "environment = { GREETING = \"{app} {index} at {port}\" }";
    let text = "env | grep -E '^(ROUNDEL_|PORT|GREETING|NOTIFY)' | grep -v ^ROUNDEL_RUN= | sort > facts; exec $SERVER";
    let balancer = Balancer::start(&config(&script(text), keys));
    ready(&balancer, 1);
    let facts = std::fs::read_to_string(balancer.directory().path().join("facts")).unwrap();
    let port = facts.lines().find_map(|line| line.strip_prefix("PORT=")).unwrap();
    let mut expected = String::new();
    let _ = write!(expected, "GREETING=web 1 at {port}\nPORT={port}\nROUNDEL_APP=web\n");
    let _ = write!(expected, "ROUNDEL_INDEX=1\nROUNDEL_INSTANCE=web-1\n");
    assert_eq!(facts, expected);
}

#[test]
fn a_unix_socket_is_listened_on_and_an_old_one_is_no_obstacle() {
    let python = "import os, socketserver, http.server as h\n\
                  class S(socketserver.ThreadingMixIn, socketserver.UnixStreamServer): pass\n\
                  class H(h.BaseHTTPRequestHandler):\n\
                  \x20   def do_GET(self):\n\
                  \x20       self.send_response(200); self.end_headers(); self.wfile.write(b'by socket')\n\
                  \x20   def log_message(self, *a): pass\n\
                  \x20   def address_string(self): return 'unix'\n\
                  S(os.environ['ROUNDEL_SOCKET'], H).serve_forever()\n";
    let python = python.replace('{', "{{").replace('}', "}}");
    let command = format!("[\"python3\", \"-c\", {python:?}]");
    let directory = TempDir::new();
    let keys = format!(
        "socket = \"{}/{{name}}.sock\"\nrestart = {{ base_pause = \"10ms\" }}",
        directory.path().display()
    );
    let balancer = Balancer::start(&config(&command, &keys));
    ready(&balancer, 1);
    assert_eq!(balancer.client().get("/").text(), "by socket");
    let [pid] = descendants(balancer.pid(), "python3").try_into().unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    ready(&balancer, 2);
    assert_eq!(balancer.client().get("/").text(), "by socket");
}

#[test]
fn without_a_health_check_an_instance_is_ready_when_it_accepts() {
    let text = config(&server(), "instances = 2").replace(CHECK, NO_CHECK);
    let balancer = Balancer::start(&text);
    ready(&balancer, 2);
    let mut client = balancer.client();
    assert_eq!([(); 4].map(|()| client.get("/").status), [200; 4]);
}

#[test]
fn all_output_is_in_a_file_when_the_app_says_so() {
    let text = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exec $SERVER";
    let keys = "output = { file = \"{name}.log\", max_bytes = \"4096\", keep = 1000 }";
    let balancer = Balancer::start(&config(&script(text), keys));
    ready(&balancer, 1);
    let directory = balancer.directory().path();
    let read = |name: String| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    let all = || {
        let aside = (1..1000).rev().map(|n| read(format!("web-1.log.{n}"))).collect::<String>();
        aside + &read("web-1.log".to_owned())
    };
    eventually(PATIENCE, "the last line is written", || all().ends_with("line 2999\n"));
    let all = all();
    let number = |line: &str| line.strip_prefix("line ")?.parse::<u32>().ok();
    assert!(all.lines().map(number).eq((0..3000).map(Some)), "{all}");
}

#[test]
fn a_crash_under_load_costs_no_request_and_is_mended() {
    let keys = "instances = 3\nrestart = { base_pause = \"50ms\" }";
    let balancer = Balancer::start(&config(&server(), keys));
    ready(&balancer, 3);
    let load = Load::new(balancer.address()).clients(4).endless().start();
    for round in 1..=3 {
        load.wait_for(50);
        kill_process(servers(&balancer)[0], Signal::KILL).unwrap();
        ready(&balancer, 3 + round);
        let restarts = "roundel_app_restarts_total{app=\"web\"}";
        assert_eq!(metric(&balancer, restarts), round as u64);
    }
    load.wait_for(50);
    load.finish().assert_all_ok();
}

#[test]
fn a_crash_loop_is_given_up_with_its_reason() {
    let keys = "restart = { base_pause = \"10ms\", max_quick_exits = 3 }";
    let balancer = Balancer::start(&config(&script("echo no database >&2; exit 3"), keys));
    let line = balancer.wait_for_line("instance given up");
    assert!(line.contains("exit status: 3; given up after 3 quick exits in a row"), "{line}");
    assert_eq!(balancer.client().get("/").status, 503);
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let keys = "restart = { base_pause = \"10ms\", max_quick_exits = 2 }";
    let balancer = Balancer::start(&config("[\"/nonexistent/server\"]", keys));
    let line = balancer.wait_for_line("instance given up");
    assert!(line.contains("/nonexistent/server") && line.contains("No such file"), "{line}");
}

#[test]
fn one_that_never_answers_is_ended_though_it_ignores_the_request() {
    let keys = "start_timeout = \"200ms\"\nstop_grace = \"50ms\"\n\
                restart = { base_pause = \"10ms\", max_quick_exits = 1 }";
    let balancer =
        Balancer::start(&config(&script("trap '' TERM; while :; do sleep 1; done"), keys));
    let line = balancer.wait_for_line("instance given up");
    assert!(line.contains("was not ready within 0.2 s"), "{line}");
}

#[test]
fn one_that_hangs_gets_no_traffic_and_is_started_anew() {
    let check = "health_check = { path = \"/health\", interval = \"2s\", timeout = \"2s\" }\n";
    let keys = "instances = 2\nstop_grace = \"1s\"\n\
                restart = { unhealthy_for = \"1s\", base_pause = \"10ms\" }";
    let balancer = Balancer::start(&config(&server(), keys).replace(CHECK, check));
    ready(&balancer, 2);
    let hung = servers(&balancer)[0];
    kill_process(hung, Signal::STOP).unwrap();
    let line = balancer.wait_for_line("was unhealthy for 1 s");
    assert!(line.contains("instance waits for its next start"), "{line}");
    ready(&balancer, 3);
    assert!(is_gone(hung));
    eventually(PATIENCE, "both serve", || {
        let names: Vec<String> = (0..4).map(|_| balancer.client().get("/").text()).collect();
        ["web-1", "web-2"].iter().all(|name| names.iter().any(|text| text.contains(name)))
    });
}

#[test]
fn what_instances_leave_behind_is_adopted_and_reaped() {
    // A daemon that forked twice and left the group, and ends when it is told to.
    let text = "(setsid sh -c 'echo $$ > daemon; while [ ! -e end ]; do sleep 0.05; done' &); \
                exec $SERVER";
    let balancer = Balancer::start(&config(&script(text), ""));
    ready(&balancer, 1);
    let directory = balancer.directory().path().to_owned();
    let daemon = pid_in(&directory.join("daemon"));
    let stat = || {
        let path = format!("/proc/{}/stat", daemon.as_raw_nonzero());
        std::fs::read_to_string(path).ok()
    };
    let parent = format!(" {} ", balancer.pid());
    eventually(PATIENCE, "it is adopted", || {
        stat().is_some_and(|stat| stat.split_once(") ").unwrap().1[1..].starts_with(&parent))
    });
    std::fs::write(directory.join("end"), "").unwrap();
    eventually(PATIENCE, "it is reaped", || stat().is_none());
    assert_eq!(balancer.client().get("/").status, 200);
    assert_eq!(servers(&balancer).len(), 1, "its own are left alone");
}

/// Children of a process that are what its app left behind, running or zombies.
fn left_behind(parent: &str) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap().flatten();
    let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children"));
    let children: Vec<String> = tasks.filter_map(|task| of(task).ok()).collect();
    let is_left = |child: &&str| {
        let read = |what| std::fs::read_to_string(format!("/proc/{child}/{what}"));
        // A zombie has no command line.
        let command = read("cmdline").unwrap_or_default();
        command.contains("not-yet-the-end") || read("stat").is_ok_and(|it| it.contains(") Z "))
    };
    children.iter().flat_map(|pids| pids.split_whitespace()).filter(is_left).count()
}

#[test]
fn as_process_1_it_gathers_no_zombies() {
    let text = "for i in 1 2 3 4; do \
                (setsid sh -c 'while [ ! -e end ]; do sleep 0.05; done # not-yet-the-end' &); \
                done; exec $SERVER";
    let directory = TempDir::new();
    let path = directory.write("roundel.toml", &config(&script(text), ""));
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
    command.arg(binary()).args(["run", "--config"]).arg(path);
    command.current_dir(directory.path());
    let unshare = Balancer::start_as(command);
    ready(&unshare, 1);
    let pid = unshare.pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let first = children.trim();
    eventually(PATIENCE, "all are adopted", || left_behind(first) == 4);
    directory.write("end", "");
    eventually(PATIENCE, "all are reaped", || left_behind(first) == 0);
    assert_eq!(unshare.client().get("/").status, 200);
}

#[test]
fn a_flood_of_output_does_not_hold_the_server_up() {
    let text = "(i=0; while [ $i -lt 50000 ]; do echo line $i; i=$((i+1)); done); exec $SERVER";
    let balancer = Balancer::start(&config(&script(text), ""));
    ready(&balancer, 1);
    assert_eq!(balancer.client().get("/").status, 200);
}

#[test]
fn ports_of_strangers_are_passed_over() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let first = stranger.local_addr().unwrap().port();
    let last = first.saturating_add(20);
    let keys = format!("ports = \"{first}-{last}\"\ninstances = 2");
    let balancer = Balancer::start(&config(&server(), &keys));
    ready(&balancer, 2);
    let line = balancer.wait_for_line("port passed over: it is in use");
    assert!(line.contains(&format!("port={first}")), "{line}");
    assert_eq!(balancer.client().get("/").status, 200);
}

#[test]
fn a_new_environment_goes_round_under_load_without_a_failure() {
    let next = |greeting: &str| {
        config(&server(), &format!("instances = 3\nenvironment = {{ GREETING = \"{greeting}\" }}"))
    };
    let balancer = Balancer::start(&next("a"));
    ready(&balancer, 3);
    let before = servers(&balancer);
    let load = Load::new(balancer.address()).clients(4).endless().start();
    load.wait_for(50);
    balancer.reload(&next("b")).unwrap();
    balancer.wait_for_line("app changed: web");
    balancer.wait_for_line("state=\"done\"");
    load.wait_for(50);
    load.finish().assert_all_ok();
    eventually(PATIENCE, "the old ones are gone", || before.iter().all(|pid| is_gone(*pid)));
    eventually(PATIENCE, "the additional one is gone", || servers(&balancer).len() == 3);
}

#[test]
fn a_deploy_that_does_not_start_stops_and_the_old_ones_serve_on() {
    let good = config(&server(), "instances = 2");
    let balancer = Balancer::start(&good);
    ready(&balancer, 2);
    let before = servers(&balancer);
    let load = Load::new(balancer.address()).clients(4).endless().start();
    load.wait_for(50);
    balancer.reload(&config(&script("exit 1"), "instances = 2")).unwrap();
    let line = balancer.wait_for_line("state=\"stopped\" reason=\"new instance");
    assert!(line.contains("exit status: 1"), "{line}");
    load.wait_for(50);
    load.finish().assert_all_ok();
    assert!(before.iter().all(|pid| !is_gone(*pid)), "the old ones were not touched");
}

#[test]
fn a_reload_without_the_app_drains_and_ends_it() {
    let balancer = Balancer::start(&config(&server(), "instances = 2"));
    ready(&balancer, 2);
    let servers = servers(&balancer);
    let load = Load::new(balancer.address()).clients(2).endless().start();
    load.wait_for(20);
    let other = format!(
        "{ADMIN}{}[[route]]\npath_prefix = \"/\"\nrespond = {{ status = 200, body = \"bye\" }}\n",
        web()
    );
    balancer.reload(&other).unwrap();
    eventually(PATIENCE, "its processes are gone", || servers.iter().all(|pid| is_gone(*pid)));
    load.wait_for(20);
    load.finish().assert_all_ok();
    assert_eq!(balancer.client().get("/").text(), "bye");
}

#[test]
fn a_stop_finishes_exchanges_before_instances_end() {
    let balancer = Balancer::start(&config(&server(), ""));
    ready(&balancer, 1);
    let servers = servers(&balancer);
    let mut client = balancer.client();
    client.send("GET /slow?ms=2000 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let series = "roundel_endpoint_in_flight{pool=\"web\",endpoint=\"web-1\"}";
    eventually(PATIENCE, "the request has arrived", || metric(&balancer, series) == 1);
    assert_eq!(balancer.terminate().code(), Some(0));
    assert_eq!(client.read_response().unwrap().text(), "web-1 took 2000 ms\n");
    assert!(servers.iter().all(|pid| test_kill_process(*pid).is_err()), "reaped, too");
}

#[test]
fn nothing_is_left_however_roundel_ends() {
    // A daemon that forked twice and left the group, and a child that ignores the request to end.
    let text = "(setsid sh -c 'echo $$ > daemon; exec sleep 1000' &); \
                sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 1; done' & \
                exec $SERVER";
    for signal in [Signal::TERM, Signal::KILL] {
        let mut balancer = Balancer::start(&config(&script(text), "stop_grace = \"1s\""));
        ready(&balancer, 1);
        let directory = balancer.directory().path().to_owned();
        let mut all = servers(&balancer);
        all.extend([pid_in(&directory.join("daemon")), pid_in(&directory.join("child"))]);
        assert_eq!(all.len(), 3);
        balancer.signal(signal);
        balancer.wait();
        eventually(PATIENCE, "everything is gone", || all.iter().all(|pid| is_gone(*pid)));
    }
}

#[test]
fn a_user_who_is_not_there_is_refused_at_start_and_at_reload() {
    let wrong = config(&server(), "user = \"nobody-of-that-name\"");
    let balancer = Balancer::start(&config(&server(), ""));
    let line = balancer.reload(&wrong).unwrap_err();
    assert!(line.contains("there is no user") && line.contains("nobody-of-that-name"), "{line}");
}
