//! Five named servers that are pinged, and one that stops answering.

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Program, eventually};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{Example, wait_for_eligible};

const SERVERS: std::ops::RangeInclusive<u16> = 5001..=5005;
const WEB: u16 = 8080;
const NAMES: [&str; 5] = ["alpha", "bravo", "charlie", "delta", "echo"];

/// The process of a server, which the script prints.
fn process(script: &Program, name: &str) -> Pid {
    let line = script.wait_for_line(&format!("{name} on http"));
    let id = line.rsplit_once("process ").unwrap().1.trim_end_matches(')');
    Pid::from_raw(id.parse().unwrap()).unwrap()
}

/// The servers that answer a turn of five requests, by name.
fn turn(example: &Example) -> Vec<String> {
    let mut names = example.greetings(WEB, 5);
    names.sort();
    names
}

fn hello(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("Hello from {name}")).collect()
}

#[test]
fn a_server_that_hangs_is_skipped_until_it_answers_again() {
    let example = Example::copy("five-named-servers", SERVERS.chain([WEB, 8090]));
    let mut script = example.start("./start.sh", &[]);
    example.wait_for_servers(SERVERS);
    let balancer = example.balance("roundel.toml");
    wait_for_eligible(&balancer, 5);
    assert_eq!(turn(&example), hello(&NAMES));

    let charlie = process(&script, "charlie");
    kill_process(charlie, Signal::STOP).unwrap();
    // Until its pings fail, requests are sent to it, too; they are answered by another in the end.
    assert!(!turn(&example).contains(&hello(&["charlie"])[0]));
    balancer.wait_for_line(r#"endpoint unhealthy pool="named" endpoint="charlie""#);
    assert!(!turn(&example).contains(&hello(&["charlie"])[0]));

    kill_process(charlie, Signal::CONT).unwrap();
    eventually(PATIENCE, "all five have their turns", || turn(&example) == hello(&NAMES));

    let servers = NAMES.map(|name| process(&script, name));
    script.signal_all(Signal::INT);
    assert_eq!(script.wait().code(), Some(0), "{}", script.output());
    for server in servers {
        assert!(test_kill_process(server).is_err(), "{server:?} is still there");
    }
}

#[test]
fn roundel_starts_the_five_by_itself() {
    let example = Example::copy("five-named-servers", [WEB, 8090]);
    let balancer = example.balance("apps.toml");
    wait_for_eligible(&balancer, 5);
    let names: Vec<String> = (1..=5).map(|n| format!("server-{n}")).collect();
    assert_eq!(turn(&example), hello(&names.iter().map(String::as_str).collect::<Vec<_>>()));
}
