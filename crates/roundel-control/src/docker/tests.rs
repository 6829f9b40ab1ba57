//! The provider against an engine that misbehaves on demand, over a real socket.

mod fake;

use std::sync::Arc;
use std::time::Duration;

use fake::{FakeEngine, Manner, container};
use roundel_config::model::{
    Config, ContainerAddress, ContainerPool, DockerConfig, EndpointSource, PoolConfig,
};
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::policy::{HealthCheck, HttpProbe, PoolPolicy, Probe};
use roundel_telemetry::Registry;
use roundel_testkit::{Origin, TempDir};
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

use crate::compose::Overlay;
use crate::control::{Control, ControlOptions, prepare};
use crate::event::{Change, Event};
use crate::model::fixture::{config, name, policy, pool};

/// Above the engine's own limits, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A control plane that follows a fake engine.
struct Scene {
    directory: TempDir,
    control: Control,
    events: broadcast::Receiver<Event>,
    _signals: mpsc::Sender<roundel_core::signal::Signal>,
}

impl Scene {
    fn start() -> Self {
        Self::start_with(None)
    }

    fn start_with(health_check: Option<HealthCheck>) -> Self {
        let directory = TempDir::new();
        let prepared = prepare(with_docker(&directory, health_check), options()).unwrap();
        let (signals, receiver) = mpsc::channel(16);
        let control = prepared.run(Box::new(|_| {}), receiver);
        let events = control.subscribe();
        tokio::spawn(super::provide_containers(control.clone()));
        Self { directory, control, events, _signals: signals }
    }

    fn engine(&self) -> FakeEngine {
        FakeEngine::start(&self.directory.path().join("docker.sock"))
    }

    /// The endpoints that are there, each as `name address`, with `-` for draining, `~` for
    /// starting and `!` for absent.
    fn endpoints(&self) -> String {
        let config = self.control.config();
        let endpoints = config.pools.iter().flat_map(|pool| &pool.endpoints).map(|it| {
            assert_eq!(it.source, EndpointSource::Docker);
            let admin = if it.admin_state == AdminState::Draining { "-" } else { "" };
            let presence = match it.presence {
                Presence::Present => "",
                Presence::Starting => "~",
                Presence::Absent => "!",
            };
            format!("{} {}{admin}{presence}", it.name, it.address)
        });
        endpoints.collect::<Vec<_>>().join(", ")
    }

    async fn shows(&self, expected: &str) {
        // From before the first look on, so that no change is missed.
        let mut changes = self.control.subscribe();
        let shown = async {
            while self.endpoints() != expected {
                changes.recv().await.expect("no change is missed");
            }
        };
        let is_shown = timeout(PATIENCE, shown).await.is_ok();
        assert!(is_shown, "waited in vain for {expected:?}, there is {:?}", self.endpoints());
    }

    /// Waits for an event with this code and returns its text.
    async fn told(&mut self, code: &str) -> String {
        let told = async {
            loop {
                match self.events.recv().await.expect("no event is missed").change {
                    change if change.code() == code => break change.to_string(),
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("nobody tells {code:?}"))
    }
}

fn options() -> ControlOptions {
    let registry = Arc::new(Registry::new(1));
    ControlOptions { workers: 1, registry, overlay: Overlay::default() }
}

fn with_docker(directory: &TempDir, health_check: Option<HealthCheck>) -> Config {
    let endpoint_wait = Some(super::roster::EXPECTED_FOR);
    let policy = PoolPolicy { health_check, endpoint_wait, ..policy() };
    let web = PoolConfig { endpoints: Vec::new(), ..pool("web", policy, &["127.0.0.1:1"]) };
    let taker = ContainerPool {
        name: name("web"),
        service: Some("web".to_owned()),
        port: 80.try_into().ok(),
        network: None,
    };
    let docker = DockerConfig {
        socket: directory.path().join("docker.sock"),
        project: None,
        network: None,
        address: ContainerAddress::Network,
        pools: vec![taker],
    };
    Config { docker: Some(docker), ..config(vec![], vec![web]) }
}

const BOTH: &str = "web_1 172.18.0.2:80, web_2 172.18.0.3:80";

#[tokio::test]
async fn containers_come_and_go() {
    let scene = Scene::start();
    let engine = scene.engine();
    engine.set(&[container("a", "web_1", 2)]);
    scene.shows("web_1 172.18.0.2:80").await;
    engine.set(&[container("a", "web_1", 2), container("b", "web_2", 3)]);
    engine.event("start", "b", &[]);
    scene.shows(BOTH).await;
    engine.event("kill", "a", &[("signal", "15")]);
    // Before it has died, and while the list still shows it.
    scene.shows("web_1 172.18.0.2:80-!, web_2 172.18.0.3:80").await;
    engine.set(&[container("b", "web_2", 3)]);
    engine.event("die", "a", &[]);
    scene.shows("web_2 172.18.0.3:80").await;
}

#[tokio::test]
async fn endpoints_stay_while_the_engine_is_lost_and_are_listed_anew_when_it_is_back() {
    let mut scene = Scene::start();
    let engine = scene.engine();
    engine.set(&[container("a", "web_1", 2), container("b", "web_2", 3)]);
    scene.shows(BOTH).await;
    engine.stop();
    let lost = scene.told("provider_lost").await;
    assert!(lost.contains("docker: lost, its endpoints stay as last known"), "{lost}");
    assert_eq!(scene.endpoints(), BOTH);
    let seen = scene.control.lost_providers();
    assert!(seen.len() == 1 && lost.contains(&seen[0].reason), "{seen:?}");
    let engine = scene.engine();
    engine.set(&[container("c", "web_3", 4)]);
    assert_eq!(scene.told("provider_back").await, "docker: answers");
    assert_eq!(scene.control.lost_providers(), []);
    scene.shows("web_3 172.18.0.4:80").await;
}

#[tokio::test]
async fn an_engine_that_is_not_there_yet_is_waited_for() {
    let mut scene = Scene::start();
    let lost = scene.told("provider_lost").await;
    assert!(lost.contains("docker.sock: cannot connect"), "{lost}");
    let engine = scene.engine();
    engine.set(&[container("a", "web_1", 2)]);
    scene.shows("web_1 172.18.0.2:80").await;
}

#[tokio::test]
async fn nonsense_changes_nothing_and_is_told() {
    for (manner, expected) in [
        (Manner::Garbage, "makes no sense"),
        (Manner::Refuse, "answers list with status 500: {\"message\":\"no\"}"),
        (Manner::Cut, "closed the connection"),
        (Manner::Endless, "is longer than 16777216 bytes (limit)"),
    ] {
        let mut scene = Scene::start();
        let engine = scene.engine();
        engine.set(&[container("a", "web_1", 2), container("b", "web_2", 3)]);
        scene.shows(BOTH).await;
        engine.behave(manner);
        engine.event("start", "c", &[]);
        let lost = scene.told("provider_lost").await;
        assert!(lost.contains(expected), "{manner:?}: {lost}");
        assert_eq!(scene.endpoints(), BOTH, "{manner:?}");
        engine.behave(Manner::Well);
        engine.set(&[container("a", "web_1", 2)]);
        scene.told("provider_back").await;
        scene.shows("web_1 172.18.0.2:80").await;
    }
}

#[tokio::test]
async fn a_line_that_is_no_event_begins_anew() {
    let mut scene = Scene::start();
    let engine = scene.engine();
    engine.set(&[container("a", "web_1", 2)]);
    scene.shows("web_1 172.18.0.2:80").await;
    engine.line("what?");
    let lost = scene.told("provider_lost").await;
    assert!(lost.contains("the answer to events makes no sense"), "{lost}");
    scene.told("provider_back").await;
    assert_eq!(scene.endpoints(), "web_1 172.18.0.2:80");
}

#[tokio::test]
async fn a_signal_drains_while_the_engine_takes_its_time_over_a_list() {
    let mut scene = Scene::start();
    let engine = scene.engine();
    engine.set(&[container("a", "web_1", 2), container("b", "web_2", 3)]);
    scene.shows(BOTH).await;
    engine.behave(Manner::Silent);
    engine.event("start", "c", &[]);
    engine.asked(2).await;
    engine.event("kill", "b", &[("signal", "15")]);
    scene.shows("web_1 172.18.0.2:80, web_2 172.18.0.3:80-!").await;
    let lost = scene.told("provider_lost").await;
    assert!(lost.contains("no answer to list within 10 s (limit)"), "{lost}");
}

#[tokio::test]
async fn what_does_not_fit_is_told_once() {
    let mut scene = Scene::start();
    let engine = scene.engine();
    let odd = container("a", "web_1", 2).replace("\"roundel.x\"", "\"roundel.weight\"");
    engine.set(&[odd.clone(), container("b", "web_2", 3)]);
    let told = scene.told("misfit").await;
    assert_eq!(
        told,
        "docker: container \"web_1\": label `roundel.weight` is \"x\", not a number from 1 to 1000"
    );
    scene.shows("web_2 172.18.0.3:80").await;
    engine.set(&[odd, container("b", "web_2", 3), container("c", "web_3", 4)]);
    engine.event("start", "c", &[]);
    scene.shows("web_2 172.18.0.3:80, web_3 172.18.0.4:80").await;
    let changes = std::iter::from_fn(|| scene.events.try_recv().ok());
    let misfits = changes.filter(|event| matches!(event.change, Change::Misfit { .. })).count();
    assert_eq!(misfits, 0);
}

#[tokio::test]
async fn a_reload_follows_another_engine_or_none() {
    let scene = Scene::start();
    let engine = scene.engine();
    engine.set(&[container("a", "web_1", 2)]);
    scene.shows("web_1 172.18.0.2:80").await;
    let other = TempDir::new();
    let second = FakeEngine::start(&other.path().join("docker.sock"));
    second.set(&[container("z", "web_9", 9)]);
    scene.control.reload(with_docker(&other, None)).await.unwrap();
    scene.shows("web_9 172.18.0.9:80").await;
    let without = Config { docker: None, ..with_docker(&other, None) };
    scene.control.reload(without).await.unwrap();
    scene.shows("").await;
    scene.control.reload(with_docker(&scene.directory, None)).await.unwrap();
    scene.shows("web_1 172.18.0.2:80").await;
}

/// Whether `/health` answers with 200.
fn http_check() -> HealthCheck {
    let probe = HttpProbe {
        method: "GET".to_owned(),
        path: "/health".to_owned(),
        host: None,
        headers: Vec::new(),
        expected_statuses: vec![(200, 200)],
        expected_body: None,
    };
    HealthCheck { probe: Probe::Http(probe), ..policy().health_check.unwrap() }
}

#[tokio::test]
async fn a_container_takes_requests_after_its_first_good_probe_with_or_without_an_engine() {
    for is_engine_lost in [false, true] {
        let mut scene = Scene::start_with(Some(http_check()));
        let engine = scene.engine();
        let origin = Origin::start("web_1");
        origin.set_health_path("/health");
        origin.set_healthy(false);
        let port = format!("\"roundel.port\":\"{}\"", origin.address().port());
        let here = container("a", "web_1", 2).replace("172.18.0.2", "127.0.0.1");
        engine.set(&[here.replace("\"roundel.x\":\"x\"", &port)]);
        let endpoint = format!("web_1 {}", origin.address());
        scene.shows(&format!("{endpoint}~")).await;
        let engine = (!is_engine_lost).then_some(engine);
        if engine.is_none() {
            scene.told("provider_lost").await;
        }
        let policy = Arc::clone(&scene.control.snapshot().pools[0].policy);
        assert!(policy.endpoint_wait.is_some(), "requests are held");
        origin.set_healthy(true);
        scene.shows(&endpoint).await;
    }
}

#[tokio::test]
async fn an_endpoint_with_exchanges_under_way_leaves_when_they_end() {
    let scene = Scene::start();
    let engine = scene.engine();
    engine.set(&[container("a", "web_1", 2)]);
    scene.shows("web_1 172.18.0.2:80").await;
    let endpoint = scene.control.snapshot().pools[0].endpoints[0].clone();
    endpoint.shared.try_start(None).unwrap();
    engine.set(&[]);
    engine.event("die", "a", &[]);
    scene.shows("web_1 172.18.0.2:80-!").await;
    let asked = engine.lists_asked();
    engine.event("rename", "nobody", &[]);
    engine.asked(asked + 1).await;
    assert_eq!(scene.endpoints(), "web_1 172.18.0.2:80-!");
    endpoint.shared.end();
    scene.shows("").await;
}
