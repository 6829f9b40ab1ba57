//! Instances that follow the load: to zero, up, down, and to zero again.

use std::time::Duration;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Program, RawClient, eventually};
use rustix::process::Signal;
use serde_json::Value;

use super::Example;

/// Times of the example are seconds and tens of seconds; a busy machine makes more of them.
const LONG: Duration = PATIENCE.saturating_mul(4);

/// How many instances take requests.
fn instances(example: &Example) -> usize {
    let mut client = RawClient::connect(example.address(8090));
    client.request("GET", "/stats", &[("Accept", "application/json")], b"").unwrap();
    let stats: Value = serde_json::from_str(&client.read_response().unwrap().text()).unwrap();
    let endpoints = stats["pools"][0]["endpoints"].as_array().unwrap();
    endpoints.iter().filter(|endpoint| endpoint["eligible"] == true).count()
}

fn load(example: &Example, phases: &str) -> Program {
    example.start("python", &["load.py", "--phases", phases])
}

#[test]
fn instances_follow_the_load_from_zero_and_back() {
    let example = Example::copy("autoscaling", [8080, 8090]);
    let _balancer = example.balance("roundel.toml");
    assert_eq!(instances(&example), 0);
    // The first request is held until somebody is there to answer it.
    assert_eq!(example.greetings(8080, 1).len(), 1);

    let mut many = load(&example, "16x600");
    eventually(LONG, "sixteen clients have at least three instances", || instances(&example) >= 3);
    many.signal(Signal::INT);
    assert_eq!(many.wait().code(), Some(0), "{}", many.output());

    eventually(LONG, "nobody asks, and there is nobody to answer", || instances(&example) == 0);
    assert_eq!(example.greetings(8080, 1).len(), 1);
}
