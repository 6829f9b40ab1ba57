//! The handle end to end: reload, signals, shutdown, over real sockets.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;

use roundel_core::endpoint::Health;
use roundel_core::policy::PoolPolicy;
use tokio::time::timeout;

use super::*;
use crate::model::fixture::{SECOND, config, listener, name, policy, pool};

const DEADLINE: Duration = Duration::from_secs(20);

struct Running {
    control: Control,
    signals: mpsc::Sender<Signal>,
    events: broadcast::Receiver<Event>,
    published: Arc<Mutex<Vec<u64>>>,
}

fn options() -> ControlOptions {
    let registry = Arc::new(Registry::new(2));
    ControlOptions { workers: 2, registry, overlay: Overlay::default() }
}

fn start(config: Config) -> Running {
    let options = options();
    let prepared = prepare(config, options).unwrap();
    assert_eq!(prepared.snapshot().generation, 1);
    let (signals, receiver) = mpsc::channel(16);
    let published = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&published);
    let control = prepared
        .run(Box::new(move |snapshot| sink.lock().unwrap().push(snapshot.generation)), receiver);
    Running { events: control.subscribe(), control, signals, published }
}

impl Running {
    /// The next event, as text.
    async fn event(&mut self) -> Change {
        timeout(DEADLINE, self.events.recv()).await.expect("an event").unwrap().change
    }

    /// Names of the first pool's endpoints.
    fn endpoints(&self) -> Vec<String> {
        let snapshot = self.control.snapshot();
        snapshot.pools[0].endpoints.iter().map(|endpoint| endpoint.name.to_string()).collect()
    }

    fn address(&self, listener: usize) -> SocketAddr {
        self.control.snapshot().listeners[listener].address
    }
}

fn quick() -> PoolPolicy {
    let mut policy = policy();
    let check = policy.health_check.as_mut().unwrap();
    check.interval = Duration::from_millis(50);
    check.unhealthy_interval = Duration::from_millis(20);
    policy
}

#[tokio::test]
async fn an_endpoint_that_dies_and_returns_is_noticed() {
    let endpoint = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = endpoint.local_addr().unwrap();
    let pools = vec![pool("web", quick(), &[&address.to_string()])];
    let mut running = start(config(vec![], pools));
    let expect = |change: Change, expected: Health| match change {
        Change::Health { to, .. } => assert_eq!(to, expected),
        other => panic!("{other}"),
    };
    expect(running.event().await, Health::Healthy);
    let [probe] = running.control.probes().try_into().unwrap();
    assert_eq!((probe.endpoint.as_str(), probe.failure), (address.to_string().as_str(), None));
    drop(endpoint);
    expect(running.event().await, Health::Unhealthy);
    let endpoint = running.control.snapshot().pools[0].endpoints[0].clone();
    assert_eq!(endpoint.facts.health, Health::Unhealthy, "published before it is told");
    let failure = running.control.probes()[0].failure.clone();
    assert_eq!(failure.as_deref(), Some("probe connection refused: nothing listens there"));
    let _endpoint = TcpListener::bind(address).unwrap();
    expect(running.event().await, Health::Healthy);
    let published = running.published.lock().unwrap().clone();
    assert_eq!(published, [2, 3, 4], "one snapshot for each change, none for mere probes");
}

#[tokio::test]
async fn a_journal_that_begins_late_has_what_came_before() {
    let endpoint = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = endpoint.local_addr().unwrap().to_string();
    let mut running = start(config(vec![], vec![pool("web", quick(), &[&address])]));
    running.event().await;
    let mut journal = running.control.subscribe_from_start();
    let Change::Health { to, .. } = journal.try_recv().unwrap().change else { panic!("health") };
    assert_eq!(to, Health::Healthy);
    let mut second = running.control.subscribe_from_start();
    assert!(second.try_recv().is_err(), "only one gets them");
}

#[tokio::test]
async fn a_reload_keeps_the_sockets_of_a_listener_that_stays() {
    let web = listener("web", "127.0.0.1:0");
    let unchecked = || PoolPolicy { health_check: None, ..policy() };
    let running = start(config(
        vec![web.clone(), listener("old", "127.0.0.1:0")],
        vec![pool("web", unchecked(), &["127.0.0.1:1"])],
    ));
    let address = running.address(0);
    // Waits in the backlog over the reload.
    let _early = TcpStream::connect(address).unwrap();
    let before = running.control.snapshot();
    before.pools[0].endpoints[0].shared.try_start(None).unwrap();

    let next = config(
        vec![web, listener("new", "127.0.0.1:0")],
        vec![pool("web", unchecked(), &["127.0.0.1:1", "127.0.0.1:2"])],
    );
    let report = running.control.reload(next.clone()).await.unwrap();
    assert_eq!(
        report.to_string(),
        "listener added: new; listener removed: old; pool changed: web; \
         endpoint added: web/127.0.0.1:2 (127.0.0.1:2)"
    );
    let after = running.control.snapshot();
    assert!(Arc::ptr_eq(&before.listeners[0], &after.listeners[0]));
    assert_eq!(after.pools[0].endpoints[0].shared.in_flight(), 1);
    assert_eq!(*running.control.config(), next);
    let accepted = after.listeners[0].sockets.each().iter().filter(|s| s.accept().is_ok()).count();
    assert_eq!(accepted, 1, "the connection that waited is accepted from the same sockets");

    let report = running.control.reload(next).await.unwrap();
    assert_eq!((report.is_empty(), report.to_string().as_str()), (true, "nothing changed"));
    assert_eq!(*running.published.lock().unwrap(), [2]);
}

#[tokio::test]
async fn a_reload_that_cannot_bind_changes_nothing() {
    let pools = vec![pool("web", quick(), &["127.0.0.1:1"])];
    let first = config(vec![listener("web", "127.0.0.1:0")], pools);
    let mut running = start(first.clone());
    running.event().await;
    let before = running.control.snapshot();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let clash = listener("more", &taken.local_addr().unwrap().to_string());
    let error = running.control.reload(config(vec![clash], vec![])).await.unwrap_err();
    assert!(error.to_string().contains("already in use by another process"), "{error}");
    assert!(matches!(running.event().await, Change::ReloadFailed { .. }));
    assert!(Arc::ptr_eq(&before, &running.control.snapshot()));
    assert_eq!(*running.control.config(), first);
    TcpStream::connect(running.address(0)).unwrap();
}

/// Whoever sees a change may rely on it for the next request.
#[tokio::test]
async fn workers_have_a_snapshot_before_it_is_shown() {
    let unchecked = || PoolPolicy { health_check: None, ..policy() };
    let web = |addresses: &[&str]| config(vec![], vec![pool("web", unchecked(), addresses)]);
    let prepared = prepare(web(&["127.0.0.1:1"]), options()).unwrap();
    let handle = Arc::new(OnceLock::<Control>::new());
    let published = Arc::new(Mutex::new(Vec::new()));
    let (look, sink) = (Arc::clone(&handle), Arc::clone(&published));
    let publish = move |snapshot: Arc<Snapshot>| {
        let shown = look.get().unwrap().snapshot().generation;
        sink.lock().unwrap().push((snapshot.generation, shown));
    };
    let (_signals, receiver) = mpsc::channel(16);
    let control = prepared.run(Box::new(publish), receiver);
    handle.set(control.clone()).unwrap();
    control.reload(web(&["127.0.0.1:2"])).await.unwrap();
    assert_eq!(*published.lock().unwrap(), [(2, 1)]);
    assert_eq!(control.snapshot().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_signal_ejects_and_time_takes_back() {
    let unchecked = PoolPolicy { health_check: None, ..policy() };
    let pools = vec![pool("web", unchecked, &["127.0.0.1:1", "127.0.0.1:2"])];
    let mut running = start(config(vec![], pools));
    let endpoint = running.control.snapshot().pools[0].endpoints[0].clone();
    for _ in 0..5 {
        endpoint.shared.note_error();
    }
    let begin = tokio::time::Instant::now();
    running.signals.send(Signal::ConsecutiveErrors(endpoint.id)).await.unwrap();
    assert!(matches!(running.events.recv().await.unwrap().change, Change::Ejected { .. }));
    assert!(running.control.snapshot().pools[0].endpoints[0].facts.is_ejected);
    assert!(matches!(running.events.recv().await.unwrap().change, Change::EjectionEnded { .. }));
    assert!(!running.control.snapshot().pools[0].endpoints[0].facts.is_ejected);
    let took = begin.elapsed();
    assert!(took >= 10 * SECOND && took < 11 * SECOND, "{took:?}");
}

#[tokio::test]
async fn after_shutdown_a_reload_is_refused_and_the_snapshot_stays() {
    let first = config(vec![listener("web", "127.0.0.1:0")], vec![]);
    let running = start(first);
    running.control.shutdown().await;
    running.control.shutdown().await;
    running.control.ended().await;
    let error = running.control.reload(config(vec![], vec![])).await.unwrap_err();
    assert_eq!(error.to_string(), "Roundel is stopping");
    assert_eq!(running.control.snapshot().listeners.len(), 1);
}

#[tokio::test]
async fn names_are_looked_up_before_the_first_snapshot() {
    let unchecked = PoolPolicy { health_check: None, ..policy() };
    let pools = vec![pool("web", unchecked, &["localhost:7"])];
    let running = start(config(vec![], pools));
    let endpoint = running.control.snapshot().pools[0].endpoints[0].clone();
    assert_eq!((endpoint.facts.health, &*endpoint.authority), (Health::Healthy, "localhost:7"));
}

#[tokio::test]
async fn what_a_provider_has_replaces_what_it_had_and_survives_a_reload() {
    let unchecked = || PoolPolicy { health_check: None, ..policy() };
    let web = |addresses: &[&str]| config(vec![], vec![pool("web", unchecked(), addresses)]);
    let provided = |addresses: &[&str]| {
        let endpoints = pool("web", unchecked(), addresses).endpoints;
        vec![Provided { pool: name("web"), endpoints, expects_endpoint: false }]
    };
    let mut running = start(web(&["127.0.0.1:1"]));
    running.control.provide(EndpointSource::App, provided(&["127.0.0.1:2"])).await.unwrap();
    assert_eq!(running.endpoints(), ["127.0.0.1:1", "127.0.0.1:2"]);
    assert_eq!(
        running.event().await.to_string(),
        "app: endpoint added: web/127.0.0.1:2 (127.0.0.1:2)"
    );
    let counts = Arc::clone(&running.control.snapshot().pools[0].endpoints[1].shared);

    running.control.reload(web(&["127.0.0.1:4"])).await.unwrap();
    assert_eq!(running.endpoints(), ["127.0.0.1:4", "127.0.0.1:2"]);
    let same = Arc::clone(&running.control.snapshot().pools[0].endpoints[1].shared);
    assert!(Arc::ptr_eq(&counts, &same), "an endpoint that stays keeps its counts");
    assert_eq!(running.control.file().pools[0].endpoints.len(), 1);

    running.control.provide(EndpointSource::App, provided(&["127.0.0.1:4"])).await.unwrap();
    assert_eq!(running.endpoints(), ["127.0.0.1:4"]);
    let generation = running.control.snapshot().generation;
    running.control.provide(EndpointSource::App, provided(&["127.0.0.1:4"])).await.unwrap();
    assert_eq!(running.control.snapshot().generation, generation, "nothing new, nothing done");
    let told: Vec<_> = std::iter::from_fn(|| running.events.try_recv().ok())
        .filter(|event| matches!(event.change, Change::PassedOver(_)))
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn changes_of_the_overlay_take_their_turn_and_are_in_force_on_return() {
    let unchecked = PoolPolicy { health_check: None, ..policy() };
    let pools = vec![pool("web", unchecked, &["127.0.0.1:1", "127.0.0.1:2"])];
    let running = start(config(vec![], pools));
    let raise = || {
        running.control.change_overlay(|overlay, config| {
            let pool = &config.pools[0];
            let endpoint = &pool.endpoints[0];
            let weight = endpoint.weight + 1;
            let overlay = overlay.pools.entry(pool.name.clone()).or_default();
            let decision = overlay.endpoints.entry(endpoint.name.clone()).or_default();
            decision.weight = Some(weight);
            weight
        })
    };
    let (one, two, three) = tokio::join!(raise(), raise(), raise());
    let mut weights = [one.unwrap(), two.unwrap(), three.unwrap()];
    weights.sort_unstable();
    assert_eq!(weights, [2, 3, 4], "none is lost");
    assert_eq!(running.control.snapshot().pools[0].endpoints[0].weight, 4);
    assert!(!running.control.overlay().is_empty());
    running.control.shutdown().await;
    assert_eq!(raise().await, Err(Stopped));
}

#[tokio::test]
async fn what_the_operator_decided_before_the_start_is_in_the_first_snapshot() {
    let mut decided = Overlay::default();
    let web = decided.pools.entry(name("web")).or_default();
    web.removed.insert(name("127.0.0.1:1"));
    let unchecked = PoolPolicy { health_check: None, ..policy() };
    let pools = vec![pool("web", unchecked, &["127.0.0.1:1", "127.0.0.1:2"])];
    let options = ControlOptions { overlay: decided, ..options() };
    let prepared = prepare(config(vec![], pools), options).unwrap();
    let endpoints = &prepared.snapshot().pools[0].endpoints;
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0].name.as_str(), "127.0.0.1:2");
}
