//! What the tests of traffic share: a balancer before named endpoints, and what it says of them.

use std::net::SocketAddr;
use std::time::Duration;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Load, Origin, RawClient, Response, eventually};

use crate::origin_process::OriginProcess;

/// Probes so often that a test need not wait long, and so patient that a busy machine fails none.
pub(crate) const CHECK: &str = r#"health_check = { path = "/health", interval = "2s", timeout = "2s", unhealthy_interval = "50ms" }"#;
pub(crate) const NO_CHECK: &str = "health_check = { enabled = false }";
pub(crate) const NO_OUTLIERS: &str = "outlier_detection = { enabled = false }";
/// Where shares are counted to the request: on a busy machine anybody may seem silent for a while.
pub(crate) const NO_SILENCE: &str = "silent_after = \"0s\"";

/// A balancer with two workers, the listener `web` and the pool `api`.
pub(crate) struct Scene {
    pub(crate) balancer: Balancer,
}

/// What the balancer says of an endpoint.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) health: String,
    pub(crate) is_eligible: bool,
    pub(crate) is_ejected: bool,
    pub(crate) requests: u64,
    pub(crate) in_flight: u64,
}

/// Something that an endpoint can be made of.
pub(crate) trait Target {
    fn name(&self) -> &str;
    fn address(&self) -> SocketAddr;

    /// Its entry in the configuration, with further keys.
    fn with(&self, keys: &str) -> String {
        format!("{{ name = \"{}\", address = \"{}\", {keys} }}", self.name(), self.address())
    }
}

impl Target for Origin {
    fn name(&self) -> &str {
        self.name()
    }

    fn address(&self) -> SocketAddr {
        self.address()
    }
}

impl Target for OriginProcess {
    fn name(&self) -> &str {
        self.name()
    }

    fn address(&self) -> SocketAddr {
        self.address()
    }
}

/// The configuration's entries of `targets`.
pub(crate) fn plain(targets: &[impl Target]) -> Vec<String> {
    targets.iter().map(|target| target.with("weight = 1")).collect()
}

/// The configuration's entry of `target` alone.
pub(crate) fn one(target: &impl Target) -> Vec<String> {
    vec![target.with("weight = 1")]
}

/// A configuration with these endpoints and further lines in the pool's table.
pub(crate) fn configuration(endpoints: &[String], pool: &[&str]) -> String {
    format!(
        "workers = 2\n[admin]\naddress = \"127.0.0.1:0\"\n\
         [[listener]]\nname = \"web\"\naddress = \"127.0.0.1:0\"\n\
         [pool.api]\nendpoints = [{}]\n{}\n",
        endpoints.join(", "),
        pool.join("\n")
    )
}

impl Scene {
    pub(crate) fn start(endpoints: &[String], pool: &[&str]) -> Self {
        Self { balancer: Balancer::start(&configuration(endpoints, pool)) }
    }

    #[track_caller]
    pub(crate) fn reload(&self, endpoints: &[String], pool: &[&str]) {
        self.balancer.reload(&configuration(endpoints, pool)).unwrap();
    }

    pub(crate) fn load(&self) -> Load {
        Load::new(self.balancer.address())
    }

    pub(crate) fn admin(&self, target: &str, accept: &str) -> Response {
        let mut client = RawClient::connect(self.balancer.admin());
        client.request("GET", target, &[("Accept", accept)], b"").unwrap();
        client.read_response().unwrap()
    }

    /// What is known of the endpoint called `name`.
    #[track_caller]
    pub(crate) fn state(&self, name: &str) -> State {
        let stats = self.admin("/stats", "application/json");
        let stats: serde_json::Value = serde_json::from_slice(&stats.body).unwrap();
        let endpoints = stats["pools"][0]["endpoints"].as_array().unwrap();
        let endpoint = endpoints.iter().find(|endpoint| endpoint["name"] == name);
        let endpoint = endpoint.unwrap_or_else(|| panic!("no endpoint {name} in {stats}"));
        State {
            health: endpoint["health"].as_str().unwrap().to_owned(),
            is_eligible: endpoint["eligible"].as_bool().unwrap(),
            is_ejected: endpoint["ejected"].as_bool().unwrap(),
            requests: endpoint["requests"].as_u64().unwrap(),
            in_flight: endpoint["in_flight"].as_u64().unwrap(),
        }
    }

    /// Waits until what is known of `name` is as wanted.
    #[track_caller]
    pub(crate) fn wait(&self, name: &str, what: &str, is_so: impl Fn(&State) -> bool) {
        eventually(PATIENCE, &format!("{name} is {what}"), || is_so(&self.state(name)));
    }

    #[track_caller]
    pub(crate) fn wait_health(&self, name: &str, health: &str) {
        self.wait(name, health, |state| state.health == health);
    }

    /// Waits until every one of `targets` takes traffic.
    #[track_caller]
    pub(crate) fn wait_all_healthy(&self, targets: &[impl Target]) {
        for target in targets {
            self.wait_health(target.name(), "healthy");
        }
    }

    /// The names of the origins that answer so many requests, in order.
    #[track_caller]
    pub(crate) fn turns(&self, count: usize) -> Vec<String> {
        let mut client = self.balancer.client();
        let turn = |_| {
            let response = client.get("/");
            assert_eq!(response.status, 200, "{}", response.text());
            response.field("x-origin").unwrap().to_owned()
        };
        (0..count).map(turn).collect()
    }

    /// How many of so many requests the origin called `name` answers.
    #[track_caller]
    pub(crate) fn share(&self, name: &str, count: usize) -> usize {
        self.turns(count).iter().filter(|turn| *turn == name).count()
    }

    /// The value of a counter or gauge, by its name and labels as they are written.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.admin("/metrics", "text/plain").text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
    }

    /// The lines printed that have `text` in them.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        self.balancer.stderr().into_iter().filter(|line| line.contains(text)).collect()
    }
}

/// Half a minute at most: what bounds a wait that a correct balancer ends at once.
pub(crate) const SOON: Duration = PATIENCE;
