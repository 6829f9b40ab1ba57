//! The handle end to end: reload, signals, shutdown, over real sockets.

use std::net::{SocketAddr, TcpListener, TcpStream};

use roundel_core::endpoint::Health;
use roundel_core::policy::PoolPolicy;
use tokio::time::timeout;

use super::*;
use crate::model::fixture::{SECOND, config, listener, policy, pool};

const DEADLINE: Duration = Duration::from_secs(20);

struct Running {
    control: Control,
    signals: mpsc::Sender<Signal>,
    events: broadcast::Receiver<Event>,
    published: Arc<Mutex<Vec<u64>>>,
}

fn start(config: Config) -> Running {
    let options = ControlOptions { workers: 2, registry: Arc::new(Registry::new(2)) };
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
    let accepted = after.listeners[0].sockets.iter().filter(|s| s.accept().is_ok()).count();
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
