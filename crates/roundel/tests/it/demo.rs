//! `roundel demo`: what a newcomer sees first.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Load, eventually};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use crate::site::{count_of, stats};

const ANY: &str = "127.0.0.1:0";

fn start_with(more: &[&str]) -> Balancer {
    Balancer::start_with(&[&["demo", "--listen", ANY, "--admin", ANY], more].concat())
}

/// A demo with three servers.
fn start() -> Balancer {
    start_with(&["--servers", "3", "--first-port", "0"])
}

/// The processes that the guide names, once it names all.
fn servers(balancer: &Balancer) -> Vec<Pid> {
    balancer.wait_for_line("Ctrl-C ends it all");
    let lines = balancer.stderr();
    let pid = |line: &String| Pid::from_raw(line.split_once("   process ")?.1.parse().ok()?);
    let pids: Vec<Pid> = lines.iter().filter_map(pid).collect();
    pids
}

fn is_gone(pid: Pid) -> bool {
    let stat = format!("/proc/{}/stat", pid.as_raw_nonzero());
    // A zombie that its new parent has not reaped yet has ended, too.
    test_kill_process(pid).is_err()
        || std::fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn requests_go_round_and_the_log_says_where() {
    let balancer = start();
    servers(&balancer);
    eventually(PATIENCE, "all three take traffic", || count_of(&balancer, "instance ready") == 3);
    let mut client = balancer.client();
    let mut names: Vec<String> =
        (0..3).map(|_| String::from_utf8(client.get("/").body).unwrap()).collect();
    names.sort();
    assert_eq!(names, [1, 2, 3].map(|n| format!("Hello from Server {n}\n")));
    assert_eq!(String::from_utf8(client.get("/stats").body).unwrap().lines().count(), 3);
    balancer.wait_for_line("(Server 2), Request count: 1");
}

#[test]
fn a_killed_server_is_not_noticed_by_clients() {
    let balancer = start();
    let servers = servers(&balancer);
    let mut client = balancer.client();
    assert_eq!(client.get("/").status, 200);
    kill_process(servers[1], Signal::KILL).unwrap();
    balancer.wait_for_line("instance waits for its next start");
    for _ in 0..9 {
        assert_eq!(client.get("/").status, 200);
    }
}

#[test]
fn no_server_outlives_the_demo_however_it_ends() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let mut balancer = start();
        let servers = servers(&balancer);
        balancer.signal(signal);
        let status = balancer.wait();
        assert_eq!(status.code(), (signal != Signal::KILL).then_some(0), "{signal:?}");
        eventually(PATIENCE, "all servers are gone", || servers.iter().all(|pid| is_gone(*pid)));
    }
}

#[test]
fn the_servers_answer_in_turn_from_the_first_request_on() {
    let balancer = start_with(&["--first-port", "0"]);
    assert_eq!(servers(&balancer).len(), 6);
    eventually(PATIENCE, "all six take traffic", || count_of(&balancer, "instance ready") == 6);
    let mut client = balancer.client();
    for n in [1, 2, 3, 4, 5, 6, 1, 2] {
        assert_eq!(client.get("/").text(), format!("Hello from Server {n}\n"));
    }
}

#[test]
fn a_server_killed_under_load_costs_nothing_and_comes_back() {
    let balancer = start();
    let servers = servers(&balancer);
    eventually(PATIENCE, "all take traffic", || count_of(&balancer, "instance ready") == 3);
    let load = Load::new(balancer.address()).clients(8).endless().start();
    load.wait_for(50);
    kill_process(servers[0], Signal::KILL).unwrap();
    balancer.wait_for_line("instance waits for its next start");
    eventually(PATIENCE, "it is ready again", || count_of(&balancer, "instance ready") == 4);
    let requests = || stats(&balancer)["Server 1"]["requests"].as_u64().unwrap();
    let before = requests();
    eventually(PATIENCE, "it is back in the round", || requests() > before);
    load.finish().assert_all_ok();
}

#[test]
fn ctrl_c_leaves_no_process_not_even_a_dead_one() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundel"));
    command
        .args(["demo", "--servers", "3", "--listen", ANY, "--admin", ANY, "--first-port", "0"])
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A terminal sends the signal to the whole group.
        .process_group(0);
    let mut child = command.spawn().unwrap();
    let group = Pid::from_child(&child);
    let mut servers = Vec::new();
    let stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(stderr).map_while(Result::ok);
    for line in lines.by_ref().take_while(|line| !line.contains("Ctrl-C ends it all")) {
        if let Some((_, pid)) = line.split_once("   process ") {
            servers.push(Pid::from_raw(pid.parse().unwrap()).unwrap());
        }
    }
    std::thread::spawn(move || lines.for_each(drop));
    assert_eq!(servers.len(), 3);
    kill_process_group(group, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    for pid in servers {
        assert!(test_kill_process(pid).is_err(), "{pid:?} is still there");
    }
}

#[test]
fn a_taken_port_is_passed_over_and_said_to_be() {
    let taken = TcpListener::bind(ANY).unwrap();
    let port = taken.local_addr().unwrap().port();
    let balancer = start_with(&["--servers", "2", "--first-port", &port.to_string()]);
    let line = balancer.wait_for_line("port passed over: it is in use");
    assert!(line.contains(&format!("port={port}")), "{line}");
    assert_eq!(servers(&balancer).len(), 2);
    assert_eq!(balancer.client().get("/").status, 200);
}
