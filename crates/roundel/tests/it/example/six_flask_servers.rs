//! Six Flask servers from one list, with failover and without.

use std::process::Command;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Program, eventually};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{Example, wait_for_eligible};

const SERVERS: std::ops::RangeInclusive<u16> = 5001..=5006;
const WEB: u16 = 8080;

/// The folder with its six servers running.
fn start(launcher: &[&str]) -> (Example, Program) {
    let example = Example::copy("six-flask-servers", SERVERS.chain([5007, WEB, 8090]));
    let launcher = example.start("python", &[&["launcher.py"], launcher].concat());
    example.wait_for_servers(SERVERS);
    (example, launcher)
}

/// The process that the launcher said it started last for a server.
fn process(launcher: &Program, name: &str) -> Pid {
    let started = format!("{name} started");
    launcher.wait_for_line(&started);
    let line = launcher.lines().into_iter().rev().find(|line| line.contains(&started)).unwrap();
    let id = line.rsplit_once("process ").unwrap().1.trim_end_matches(')');
    Pid::from_raw(id.parse().unwrap()).unwrap()
}

fn hello(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("Hello from Server {n}")).collect()
}

fn curl(example: &Example) -> String {
    let url = format!("http://{}/", example.address(WEB));
    let output = Command::new("curl").args(["-sS", &url]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn answers_cycle_and_are_counted_and_logged() {
    let (example, launcher) = start(&[]);
    let balancer = example.balance("roundel.toml");
    wait_for_eligible(&balancer, 6);
    // A browser asks for the icon, too; it must not take a server's turn.
    let turns: Vec<String> = (0..24)
        .map(|_| {
            assert_eq!(example.get(WEB, "/favicon.ico").status, 204);
            curl(&example)
        })
        .collect();
    assert_eq!(turns, hello((0..4).flat_map(|_| 1..=6)));
    let stats = example.get(WEB, "/stats").text();
    let expected: Vec<String> = (1..=6).map(|n| format!("Server {n}: 4 requests")).collect();
    assert_eq!(stats.lines().collect::<Vec<_>>(), expected);

    let first =
        format!("Routing request to http://{} (Server 1), Request count: 1", example.address(5001));
    let line = balancer.wait_for_line(&first);
    let words: Vec<&str> = line.split(' ').collect();
    assert!(words[0].ends_with('Z') && words[0].contains('T'), "the time comes first: {line}");
    assert_eq!(words[1], "INFO", "then the level: {line}");
    // Ctrl-C reaches the servers as well as their launcher.
    ends_with_all_servers(launcher, 1..=6, |launcher| launcher.signal_all(Signal::INT));
}

#[test]
fn without_failover_a_stopped_server_is_seen_and_comes_back() {
    let (example, launcher) = start(&["--restart-after", "3"]);
    let _balancer = example.balance("no-failover.toml");
    kill_process(process(&launcher, "Server 3"), Signal::TERM).unwrap();
    launcher.wait_for_line("Server 3 ended; starts again in 3 s");
    let mut unreachable = None;
    eventually(PATIENCE, "its turn fails", || {
        let response = example.get(WEB, "/");
        (response.status != 200).then(|| unreachable = Some(response)).is_some()
    });
    let unreachable = unreachable.unwrap();
    assert_eq!(unreachable.status, 502);
    assert!(unreachable.text().starts_with("Backend server unreachable"));
    eventually(PATIENCE, "the launcher has brought it back", || {
        (0..6).map(|_| curl(&example)).collect::<Vec<_>>().contains(&hello([3])[0])
    });
    assert_eq!(
        launcher.lines().iter().filter(|line| line.contains("Server 3 started")).count(),
        2,
        "{}",
        launcher.output()
    );
}

#[test]
fn with_failover_nobody_notices_and_one_line_adds_a_server() {
    let (example, launcher) = start(&[]);
    let balancer = example.balance("roundel.toml");
    wait_for_eligible(&balancer, 6);
    kill_process(process(&launcher, "Server 3"), Signal::KILL).unwrap();
    launcher.wait_for_line("Server 3 ended");
    // Other servers answer in its place, so that no request of a turn fails.
    assert!(!example.greetings(WEB, 6).contains(&hello([3])[0]));

    let address = example.address(5007);
    let line = format!("  {{ name = \"Server 7\", address = \"{address}\" }},\n]\n\n[pool");
    example.edit("roundel.toml", "]\n\n[pool", &line);
    launcher.wait_for_line("Server 7 started");
    // The new one may take traffic before the dead one is found to be so and is started again.
    eventually(PATIENCE * 2, "all seven have their turns", || {
        let mut greetings = example.greetings(WEB, 7);
        greetings.sort();
        greetings == hello(1..=7)
    });
    ends_with_all_servers(launcher, 1..=7, |launcher| launcher.signal(Signal::TERM));
}

/// Ends the launcher and looks for what it leaves behind.
fn ends_with_all_servers(
    mut launcher: Program,
    servers: std::ops::RangeInclusive<usize>,
    end: impl FnOnce(&Program),
) {
    let servers: Vec<Pid> = servers.map(|n| process(&launcher, &format!("Server {n}"))).collect();
    end(&launcher);
    assert_eq!(launcher.wait().code(), Some(0), "{}", launcher.output());
    for server in servers {
        assert!(test_kill_process(server).is_err(), "{server:?} is still there");
    }
}
