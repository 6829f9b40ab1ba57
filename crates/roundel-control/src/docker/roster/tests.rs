//! Who drains when, told as short stories of lists and events.

use std::cell::Cell;
use std::path::PathBuf;

use roundel_config::model::{ContainerAddress, ContainerPool, DockerConfig};

use super::super::container::signal;
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

/// A roster and whether its endpoints are busy.
struct Scene {
    roster: Roster,
    rules: Rules,
    is_busy: Cell<bool>,
}

impl Scene {
    fn new(containers: &[&str]) -> Self {
        let mut roster = Roster::default();
        roster.listed(listing(containers), at(0));
        let scene = Self { roster, rules: rules_for(&["web"]), is_busy: Cell::new(true) };
        scene.settled()
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
        self.show()
    }

    /// The endpoints, each as `name last-number`, with `-` for draining, `~` for starting and `!`
    /// for absent.
    fn show(&mut self) -> String {
        let is_busy = self.is_busy.get();
        let outcome = self.roster.settle(&self.rules, at(3), |_, _| is_busy);
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
    let outcome = scene.roster.settle(&scene.rules, at(3), |_, _| true);
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
    let outcome = scene.roster.settle(&scene.rules, at(3), |_, _| false);
    assert_eq!(outcome.provided[0].endpoints.len(), ENDPOINTS_MAX);
    assert_eq!(outcome.misfits.len(), 2);
}

#[test]
fn requests_may_wait_for_a_while_after_a_container_came_or_went() {
    let mut scene = Scene::new(&["a web_1 2"]);
    let expects = |scene: &mut Scene, now| {
        scene.roster.settle(&scene.rules, at(now), |_, _| false).provided[0].expects_endpoint
    };
    // It has just come, at second 3.
    assert!(expects(&mut scene, 22));
    assert_eq!(scene.roster.next_deadline(), Some(at(23)));
    assert!(!expects(&mut scene, 23));
    assert_eq!(scene.roster.next_deadline(), None);
    // Told to stop: the one that takes its place is awaited from now on.
    scene.happened(&kill("a", signal::TERM), 100);
    assert!(expects(&mut scene, 100));
    scene.happened(&die("a"), 110);
    assert!(expects(&mut scene, 110), "its death is no news");
    assert!(!expects(&mut scene, 120));
}

#[test]
fn what_is_remembered_of_containers_goes_with_them() {
    let mut scene = Scene::new(&["a web_1 2", "b web_2 3"]);
    scene.happened(&kill("a", signal::TERM), 1);
    scene.list(&["b web_2 3"]);
    assert!(scene.roster.stopping.is_empty());
    assert_eq!(scene.roster.known(), BTreeSet::from(["b".to_owned()]));
}
