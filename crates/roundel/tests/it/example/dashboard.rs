//! Three backend servers that Roundel runs, steered through the API that the dashboard uses.

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, RawClient, eventually};
use rustix::process::{Pid, Signal, kill_process};

use super::{Example, wait_for_eligible};

const WEB: u16 = 8000;

/// The process of a server: the child of the balancer that was given this name.
fn process(balancer: &Balancer, name: &str) -> Option<Pid> {
    let id = balancer.pid();
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let children = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children"));
    let ids: Vec<String> =
        tasks.flatten().filter_map(|task| children(task).ok()).collect::<Vec<_>>();
    let ids = ids.iter().flat_map(|ids| ids.split_whitespace());
    let has_name = |id: &&str| {
        let words = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == name.as_bytes())
    };
    let mut found = ids.filter(has_name);
    Pid::from_raw(found.next()?.parse().ok()?)
}

/// Presses a control of the dashboard: asks for another admin state of a server.
#[track_caller]
fn press(balancer: &Balancer, name: &str, admin_state: &str) {
    let target = format!("/api/v1/pools/backend/endpoints/{}", name.replace(' ', "%20"));
    let body = format!("{{\"admin_state\":\"{admin_state}\"}}");
    let mut client = RawClient::connect(balancer.admin());
    let json = [("Content-Type", "application/json")];
    client.request("PATCH", &target, &json, body.as_bytes()).unwrap();
    let response = client.read_response().unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
}

fn hello(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("Hello from Server {n}")).collect()
}

/// Who answers six requests.
fn turns(example: &Example) -> Vec<String> {
    let mut turns = example.greetings(WEB, 6);
    turns.sort();
    turns.dedup();
    turns
}

#[test]
fn one_command_starts_all_and_the_controls_take_servers_out_and_back() {
    let example = Example::copy("dashboard", [WEB, 8090]);
    let balancer = example.balance("roundel.toml");
    wait_for_eligible(&balancer, 3);
    assert_eq!(turns(&example), hello(1..=3));
    let page = example.get(8090, "/");
    assert_eq!(page.status, 200);
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    let state = example.get(8090, "/api/v1/state").text();
    assert!(state.contains(r#""health_check":"GET /health every 5 s""#), "{state}");

    press(&balancer, "Server 3", "disabled");
    eventually(PATIENCE, "it has no turn", || turns(&example) == hello([1, 2]));
    press(&balancer, "Server 3", "enabled");
    eventually(PATIENCE, "it has its turn again", || turns(&example) == hello(1..=3));

    let before = process(&balancer, "Server 2").expect("the balancer runs it");
    kill_process(before, Signal::KILL).unwrap();
    // Nobody notices, and it is started again.
    example.greetings(WEB, 6);
    eventually(PATIENCE * 2, "another process has its turn", || {
        process(&balancer, "Server 2").is_some_and(|now| now != before)
            && turns(&example) == hello(1..=3)
    });
    assert_eq!(example.get(WEB, "/fail").status, 500);
}
