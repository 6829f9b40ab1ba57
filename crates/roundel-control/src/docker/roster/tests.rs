//! Who drains when, told as short stories of lists and events.

use std::cell::Cell;
use std::path::PathBuf;

use roundel_config::model::{ContainerAddress, ContainerPool, DockerConfig};
use roundel_core::endpoint::{AdminState, Health};

use super::super::container::{Condition, signal};
use super::member::ENDPOINTS_MAX;
use super::*;

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

fn rules_for(pools: &[&str]) -> Rules {
    let pool = |name: &&str| ContainerPool {
        name: Name::parse(name).unwrap(),
        service: Some((*name).to_owned()),
        port: 80.try_into().ok(),
        network: None,
    };
    let config = DockerConfig {
        socket: PathBuf::from("/var/run/docker.sock"),
        project: None,
        network: None,
        address: ContainerAddress::Network,
        pools: pools.iter().map(pool).collect(),
    };
    Rules { config, host_name: None }
}

/// Containers of service "web", written `id name last-number-of-the-address`.
fn listing(containers: &[&str]) -> Listing {
    let container = |text: &&str| {
        let words: Vec<&str> = text.split(' ').collect();
        let condition = match words.get(3) {
            Some(&"starting") => Condition::Starting,
            Some(&"paused") => Condition::Paused,
            _ => Condition::Running,
        };
        let label = ("com.docker.compose.service".to_owned(), "web".to_owned());
        let ip = format!("172.18.0.{}", words[2]).parse().unwrap();
        Container {
            id: words[0].to_owned(),
            name: words[1].to_owned(),
            labels: BTreeMap::from([label]),
            condition,
            is_on_host: false,
            networks: BTreeMap::from([("net".to_owned(), ip)]),
            ports: Vec::new(),
        }
    };
    let containers: Vec<Container> = containers.iter().map(container).collect();
    let stop_facts = containers.iter().map(|it| (it.id.clone(), StopFacts::default())).collect();
    Listing { containers, stop_facts }
}

/// A roster and what is seen of its endpoints, of all alike.
struct Scene {
    roster: Roster,
    rules: Rules,
    is_busy: Cell<bool>,
    health: Cell<Option<Health>>,
}

impl Scene {
    fn new(containers: &[&str]) -> Self {
        let mut roster = Roster::default();
        roster.listed(listing(containers), at(0));
        let (is_busy, health) = (Cell::new(true), Cell::new(None));
        Self { roster, rules: rules_for(&["web"]), is_busy, health }.settled()
    }

    /// Containers that have served for a while, in a pool with a health check.
    fn probed(containers: &[&str]) -> Self {
        let mut scene = Self::new(&[]);
        scene.sees(Health::Unknown);
        scene.list_at(containers, 0);
        scene.sees(Health::Healthy);
        scene.settled()
    }

    fn sees(&self, health: Health) {
        self.health.set(Some(health));
    }

    fn settled(mut self) -> Self {
        self.show();
        self
    }

    fn list(&mut self, containers: &[&str]) -> String {
        self.list_at(containers, 3)
    }

    fn list_at(&mut self, containers: &[&str], now: u64) -> String {
        self.roster.listed(listing(containers), at(now));
        self.show_at(now)
    }

    /// The endpoints, each as `name last-number`, with `-` for draining, `~` for starting and `!`
    /// for absent.
    fn show(&mut self) -> String {
        self.show_at(3)
    }

    fn show_at(&mut self, now: u64) -> String {
        let outcome = self.settle(now);
        let endpoint = |it: &EndpointConfig| {
            let address = it.address.to_string();
            let number = address.trim_start_matches("172.18.0.").trim_end_matches(":80");
            let admin = if it.admin_state == AdminState::Draining { "-" } else { "" };
            let presence = match it.presence {
                Presence::Present => "",
                Presence::Starting => "~",
                Presence::Absent => "!",
            };
            format!("{} {number}{admin}{presence}", it.name)
        };
        let all = outcome.provided.iter().flat_map(|it| &it.endpoints);
        all.map(endpoint).collect::<Vec<_>>().join(", ")
    }

    fn settle(&mut self, now: u64) -> Outcome {
        let sight = Sight { is_busy: self.is_busy.get(), health: self.health.get() };
        self.roster.settle(&self.rules, at(now), |_, _| sight)
    }

    /// Whether requests are held at this time while nobody takes them.
    fn holds(&mut self, now: u64) -> bool {
        self.settle(now).provided[0].expects_endpoint
    }

    fn happened(&mut self, event: &EngineEvent, now: u64) -> Reaction {
        self.roster.happened(event, at(now))
    }
}

fn kill(id: &str, signal: u8) -> EngineEvent {
    EngineEvent::Kill { id: id.to_owned(), signal }
}

fn die(id: &str) -> EngineEvent {
    EngineEvent::Die { id: id.to_owned() }
}

fn start(id: &str) -> EngineEvent {
    EngineEvent::Start { id: id.to_owned() }
}

#[test]
fn a_stop_signal_drains_before_the_end() {
    let mut scene = Scene::new(&["a web_1 2", "b web_2 3"]);
    assert_eq!(scene.show(), "web_1 2, web_2 3");
    assert_eq!(scene.happened(&kill("a", signal::TERM), 1), Reaction::Provide);
    assert_eq!(scene.show(), "web_1 2-!, web_2 3");
    // It still runs, so a list shows it; it drains all the same.
    assert_eq!(scene.list(&["a web_1 2", "b web_2 3"]), "web_1 2-!, web_2 3");
    assert_eq!(scene.happened(&die("a"), 3), Reaction::Provide);
    // Gone, but its last exchange is not recorded yet.
    assert_eq!(scene.show(), "web_2 3, web_1 2-!");
    assert_eq!(scene.list(&["b web_2 3"]), "web_2 3, web_1 2-!");
    scene.is_busy.set(false);
    assert_eq!(scene.show(), "web_2 3");
    assert!(!scene.roster.has_leaving());
}

#[test]
fn a_death_without_a_warning_drains_at_once() {
    let mut scene = Scene::new(&["a web_1 2"]);
    assert_eq!(scene.happened(&die("a"), 1), Reaction::Provide);
    assert_eq!(scene.show(), "web_1 2-!");
}

#[test]
fn a_list_that_does_not_know_of_a_death_yet_is_not_believed() {
    let mut scene = Scene::new(&["a web_1 2"]);
    scene.is_busy.set(false);
    scene.happened(&die("a"), 1);
    assert_eq!(scene.list_at(&["a web_1 2"], 2), "");
    assert_eq!(scene.list_at(&["a web_1 2"], 30), "");
    // It must have been started again, unheard.
    assert_eq!(scene.list_at(&["a web_1 2"], 31), "web_1 2");
    scene.happened(&die("a"), 40);
    scene.roster.listen_anew();
    assert_eq!(scene.list_at(&["a web_1 2"], 41), "web_1 2");
}

#[test]
fn signals_that_do_not_end_a_container_change_nothing() {
    let mut scene = Scene::new(&["a web_1 2"]);
    let (hup, usr1, winch) = (1, 10, 28);
    for signal in [hup, usr1, winch] {
        assert_eq!(scene.happened(&kill("a", signal), 1), Reaction::Ignore);
    }
    assert_eq!(scene.happened(&kill("stranger", signal::TERM), 1), Reaction::Ignore);
    assert_eq!(scene.show(), "web_1 2");
    // Unless it is the one that the image says it is stopped by, as with Apache's.
    scene
        .roster
        .stop_facts
        .insert("a".to_owned(), StopFacts { signal: winch, ..StopFacts::default() });
    assert_eq!(scene.happened(&kill("a", winch), 1), Reaction::Provide);
}

#[test]
fn a_restarted_container_is_back() {
    let mut scene = Scene::new(&["a web_1 2"]);
    scene.happened(&kill("a", signal::TERM), 1);
    scene.happened(&die("a"), 2);
    assert_eq!(scene.happened(&start("a"), 3), Reaction::List);
    assert_eq!(scene.list(&["a web_1 2"]), "web_1 2");
}

#[test]
fn a_signal_that_is_ignored_is_forgiven_after_the_grace_period_and_a_minute() {
    let mut scene = Scene::new(&["a web_1 2"]);
    let facts = StopFacts { grace: Duration::from_secs(30), ..StopFacts::default() };
    scene.roster.stop_facts.insert("a".to_owned(), facts);
    scene.happened(&kill("a", signal::TERM), 5);
    assert_eq!(scene.roster.forgive(at(94)), Vec::<String>::new());
    assert_eq!(scene.show(), "web_1 2-!");
    assert_eq!(scene.roster.forgive(at(95)), ["web_1"]);
    assert_eq!(scene.show(), "web_1 2");
}

#[test]
fn a_successor_takes_the_name_or_the_address_at_once() {
    // The engine gives the address of one that died to the next one.
    let mut scene = Scene::new(&["a web_1 2", "b web_2 3"]);
    assert_eq!(scene.list(&["b web_2 3", "c web_3 2"]), "web_2 3, web_3 2");
    // Compose gives a recreated container the name of its predecessor.
    let mut scene = Scene::new(&["a web_1 2"]);
    assert_eq!(scene.list(&["b web_1 7"]), "web_1 7");
}

#[test]
fn conditions_are_told_apart() {
    let mut scene = Scene::new(&[]);
    assert_eq!(
        scene.list(&["a web_1 2 starting", "b web_2 3 paused", "c web_3 4"]),
        "web_1 2~, web_2 3!, web_3 4"
    );
    assert_eq!(scene.list(&["a web_1 2", "b web_2 3", "c web_3 4"]), "web_1 2, web_2 3, web_3 4");
}

#[test]
fn the_order_is_that_of_names_and_numbers_whatever_the_engine_s() {
    let mut scene = Scene::new(&["x web_10 4", "y web_2 3", "z app 9"]);
    assert_eq!(scene.show(), "app 9, web_2 3, web_10 4");
}

#[test]
fn a_pool_that_takes_no_more_containers_has_no_more_of_them() {
    let mut scene = Scene::new(&["a web_1 2"]);
    scene.rules = rules_for(&["other"]);
    let outcome = scene.settle(3);
    let other = Provided {
        pool: Name::parse("other").unwrap(),
        endpoints: Vec::new(),
        expects_endpoint: false,
    };
    assert_eq!(outcome.provided, [other]);
    assert!(!scene.roster.has_leaving());
}

#[test]
fn more_endpoints_than_are_meant_are_told_and_left_out() {
    let many: Vec<String> = (0..ENDPOINTS_MAX + 2).map(|i| format!("id{i} web_{i} 2")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut scene = Scene::new(&many);
    let outcome = scene.settle(3);
    assert_eq!(outcome.provided[0].endpoints.len(), ENDPOINTS_MAX);
    assert_eq!(outcome.misfits.len(), 2);
}

#[test]
fn requests_may_wait_for_a_while_after_a_container_came_or_went() {
    let mut scene = Scene::new(&["a web_1 2"]);
    scene.is_busy.set(false);
    // It has just come, at second 3.
    assert!(scene.holds(22));
    assert_eq!(scene.roster.next_deadline(), Some(at(23)));
    assert!(!scene.holds(23));
    assert_eq!(scene.roster.next_deadline(), None);
    // Told to stop: the one that takes its place is awaited until its end, however long that takes,
    // and for a while from then on.
    scene.happened(&kill("a", signal::TERM), 100);
    for (now, expected) in [(100, true), (125, true)] {
        assert_eq!(scene.holds(now), expected, "{now}");
    }
    scene.happened(&die("a"), 130);
    for (now, expected) in [(130, true), (149, true), (150, false)] {
        assert_eq!(scene.holds(now), expected, "{now}");
    }
}

#[test]
fn a_container_is_starting_until_its_first_good_probe() {
    let mut scene = Scene::probed(&["a web_1 2"]);
    scene.is_busy.set(false);
    assert_eq!(scene.show(), "web_1 2");
    assert!(!scene.roster.has_starting());
    scene.sees(Health::Unknown);
    assert_eq!(scene.list_at(&["a web_1 2", "b web_2 3"], 10), "web_1 2, web_2 3~");
    assert!(scene.roster.has_starting());
    // No longer than a minute: then health decides alone.
    scene.sees(Health::Unhealthy);
    assert_eq!(scene.show_at(69), "web_1 2, web_2 3~");
    assert_eq!(scene.show_at(70), "web_1 2, web_2 3");
    // The engine's own check comes first, however long it takes.
    assert_eq!(scene.list_at(&["c web_3 4 starting"], 80), "web_3 4~");
    assert_eq!(scene.list_at(&["c web_3 4 starting"], 180), "web_3 4~");
    assert_eq!(scene.list_at(&["c web_3 4"], 200), "web_3 4~");
    scene.sees(Health::Healthy);
    assert_eq!(scene.show_at(201), "web_3 4");
}

#[test]
fn all_containers_replaced_at_once_are_waited_for() {
    let mut scene = Scene::probed(&["a web_1 2", "b web_2 3"]);
    scene.is_busy.set(false);
    assert!(!scene.holds(99));
    scene.happened(&kill("a", signal::TERM), 100);
    scene.happened(&kill("b", signal::TERM), 100);
    assert_eq!(scene.show_at(100), "web_1 2-!, web_2 3-!");
    scene.happened(&die("a"), 105);
    scene.happened(&die("b"), 110);
    assert_eq!(scene.show_at(110), "");
    assert!(scene.holds(129), "nobody is there, and somebody may come");
    // The new ones have the names and addresses of the old, whose health is none of their merit.
    for event in [start("c"), start("d")] {
        scene.happened(&event, 129);
    }
    assert_eq!(scene.list_at(&["c web_1 2", "d web_2 3"], 129), "web_1 2~, web_2 3~");
    scene.sees(Health::Unhealthy);
    assert_eq!(scene.show_at(160), "web_1 2~, web_2 3~");
    assert!(scene.holds(160), "they are there, and do not serve yet");
    scene.sees(Health::Healthy);
    assert_eq!(scene.show_at(161), "web_1 2, web_2 3");
    assert!(!scene.holds(161));
}

#[test]
fn a_container_that_was_restarted_starts_anew() {
    let mut scene = Scene::probed(&["a web_1 2"]);
    scene.is_busy.set(false);
    scene.happened(&die("a"), 10);
    assert_eq!(scene.show_at(10), "");
    scene.happened(&start("a"), 11);
    assert_eq!(scene.list_at(&["a web_1 2"], 11), "web_1 2~");
    assert_eq!(scene.show_at(12), "web_1 2");
    // Also when its end was not heard.
    scene.happened(&start("a"), 13);
    assert_eq!(scene.list_at(&["a web_1 2"], 13), "web_1 2~");
}

#[test]
fn what_is_remembered_of_containers_goes_with_them() {
    let mut scene = Scene::new(&["a web_1 2", "b web_2 3"]);
    scene.happened(&kill("a", signal::TERM), 1);
    scene.list(&["b web_2 3"]);
    assert!(scene.roster.stopping.is_empty());
    assert_eq!(scene.roster.known(), BTreeSet::from(["b".to_owned()]));
}
