//! Three Flask servers of different capacity that die and return under load.

use std::collections::BTreeMap;

use roundel_testkit::Program;
use rustix::process::Signal;

use super::{Example, wait_for_eligible};

const SERVERS: std::ops::RangeInclusive<u16> = 5001..=5003;
const NAMES: [&str; 3] = ["Server 1", "Server 2", "Server 3"];
const ADMIN: u16 = 8090;

/// The folder with its three servers running.
fn start(servers: &[&str]) -> (Example, Program) {
    let example = Example::copy("three-servers-failover", SERVERS.chain([8080, ADMIN]));
    let servers = example.start("python", &[&["servers.py"], servers].concat());
    for name in NAMES {
        servers.wait_for_line(&format!("{name} serves"));
    }
    (example, servers)
}

/// The answers of each server as the client printed them.
fn answers(client: &Program) -> BTreeMap<String, u64> {
    let answers = |line: String| {
        let (name, count) = line.split_once(": ")?;
        Some((name.to_owned(), count.split_once(" answers")?.0.parse().ok()?))
    };
    client.lines().into_iter().filter_map(answers).collect()
}

/// The attempts at a server as the metrics count them.
fn attempts(example: &Example, name: &str) -> u64 {
    let metrics = example.get(ADMIN, "/metrics").text();
    let series = format!("roundel_endpoint_attempts_total{{pool=\"flask\",endpoint=\"{name}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&series));
    value.unwrap_or_else(|| panic!("no {series} in:\n{metrics}")).parse().unwrap()
}

#[test]
fn requests_are_shared_by_capacity_and_counted() {
    let (example, _servers) = start(&[]);
    let balancer = example.balance("roundel.toml");
    wait_for_eligible(&balancer, 3);
    let mut client = example.start("python", &["client.py", "--requests", "600"]);
    assert_eq!(client.wait().code(), Some(0), "{}", client.output());
    let expected = NAMES.map(str::to_owned).into_iter().zip([300, 200, 100]).collect();
    assert_eq!(answers(&client), expected);
    assert_eq!(NAMES.map(|name| attempts(&example, name)), [300, 200, 100]);
    let stats = example.get(8080, "/stats").text();
    assert!(stats.starts_with("Server 1: 300 requests\n"), "{stats}");
}

#[test]
fn no_request_fails_while_servers_die_and_return() {
    let (example, servers) = start(&["--disturb", "2"]);
    let balancer = example.balance("roundel.toml");
    // Far longer than it takes; it is ended when every server has died and returned.
    let mut client = example.start("python", &["client.py", "--seconds", "600"]);
    for name in NAMES {
        servers.wait_for_line(&format!("{name} killed"));
    }
    balancer.wait_for_line("endpoint unhealthy");
    servers.wait_for_lines("Server 3 serves", 2);
    client.signal(Signal::INT);
    assert_eq!(client.wait().code(), Some(0), "{}", client.output());
    let last = client.lines().pop().unwrap();
    assert!(last.contains(" answered, 0 failed"), "{last}");
    assert_eq!(answers(&client).len(), 3, "each server answered: {}", client.output());
}
