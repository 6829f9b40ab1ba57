//! `roundel demo`: what a newcomer sees first.

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, eventually};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

fn start() -> Balancer {
    let any = "127.0.0.1:0";
    Balancer::start_with(&[
        "demo",
        "--servers",
        "3",
        "--listen",
        any,
        "--admin",
        any,
        "--first-port",
        "0",
    ])
}

/// The processes that the guide names, once it names all three.
fn servers(balancer: &Balancer) -> Vec<Pid> {
    balancer.wait_for_line("Ctrl-C ends it all");
    let lines = balancer.stderr();
    let pid = |line: &String| Pid::from_raw(line.split_once("   process ")?.1.parse().ok()?);
    let pids: Vec<Pid> = lines.iter().filter_map(pid).collect();
    assert_eq!(pids.len(), 3, "{}", lines.join("\n"));
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
    for _ in 0..3 {
        balancer.wait_for_line("endpoint healthy");
    }
    eventually(PATIENCE, "all three are healthy", || {
        balancer.stderr().iter().filter(|line| line.contains("endpoint healthy")).count() == 3
    });
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
    balancer.wait_for_line("demo server ended");
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
