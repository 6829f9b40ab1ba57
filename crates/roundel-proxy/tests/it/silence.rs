//! Fault 2: endpoints that take requests and answer none, as a stopped process does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use roundel_core::policy::{Balance, HashKey};
use roundel_core::signal::Signal;
use roundel_testkit::{Answer, Gate, Origin, RawClient, eventually};

use crate::scene::{PATIENCE, Scene, Setup, ms};

/// An origin that holds every answer back while its gate is shut.
pub(crate) struct Stoppable {
    pub(crate) origin: Origin,
    gate: Gate,
    is_stopped: Arc<AtomicBool>,
}

impl Stoppable {
    pub(crate) fn start(name: &str) -> Self {
        let (origin, gate) = (Origin::start(name), Gate::default());
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (shut, held) = (is_stopped.clone(), gate.clone());
        origin
            .respond(move |_| shut.load(Relaxed).then(|| Answer::ok().body("delayed").hold(&held)));
        Self { origin, gate, is_stopped }
    }

    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Relaxed);
    }

    pub(crate) fn resume(&self) {
        self.is_stopped.store(false, Relaxed);
        self.gate.open();
    }
}

/// One worker in front of `addresses`, whose endpoints all have answered. Nobody is helped who waits.
fn scene(addresses: &[SocketAddr], silent_after: Duration, balance: Balance) -> Scene {
    let setup = Setup::new().retry(|retry| retry.hedge = false).policy(|policy| {
        policy.silent_after = silent_after;
        policy.balance = balance;
    });
    start(setup, addresses)
}

/// One worker in front of `addresses`, whose endpoints all have answered.
pub(crate) fn start(setup: Setup, addresses: &[SocketAddr]) -> Scene {
    let scene = setup.workers(1).start(addresses);
    let mut client = scene.client();
    (0..8).for_each(|_| assert_eq!(client.get("/").status, 200));
    scene
}

/// Sends a request on a connection of its own. Returns the connection if it waits at `stopped`;
/// `well` answers at once.
fn send(scene: &Scene, stopped: &Origin, well: Option<&Origin>) -> Option<RawClient> {
    let arrived = || stopped.request_count() + well.map_or(0, Origin::request_count);
    let (before, at_stopped) = (arrived(), stopped.request_count());
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    eventually(PATIENCE, "the request arrives", || arrived() > before);
    if stopped.request_count() > at_stopped {
        return Some(client);
    }
    assert_eq!(client.read_response().unwrap().status, 200);
    None
}

/// Sends requests until `count` wait at `stopped`.
pub(crate) fn hang(
    scene: &Scene,
    stopped: &Origin,
    well: Option<&Origin>,
    count: usize,
) -> Vec<RawClient> {
    std::iter::repeat_with(|| send(scene, stopped, well)).flatten().take(count).collect()
}

#[test]
fn a_silent_endpoint_gets_nothing_more_and_is_found_when_it_answers_again() {
    let (stoppable, well) = (Stoppable::start("stopped"), Origin::start("well"));
    let mut scene =
        scene(&[stoppable.origin.address(), well.address()], ms(1), Balance::RoundRobin);
    stoppable.stop();
    let mut waiting = Vec::new();
    eventually(PATIENCE, "it is found to be silent", || {
        waiting.extend(send(&scene, &stoppable.origin, Some(&well)));
        scene.endpoint(0, |shard| shard.silences.value()) == 1
    });
    assert!(waiting.len() >= 2);
    let reached = stoppable.origin.request_count();
    for _ in 0..50 {
        assert_eq!(scene.client().get("/").text(), "Hello from well\n");
    }
    assert_eq!(stoppable.origin.request_count(), reached);
    let told = scene.take_signals();
    assert!(matches!(told.as_slice(), [Signal::Silent(_, silent)] if *silent > ms(1)), "{told:?}");

    stoppable.resume();
    for client in &mut waiting {
        assert_eq!(client.read_response().unwrap().status, 200, "delayed, not lost");
    }
    (0..4).for_each(|_| assert_eq!(scene.client().get("/").status, 200));
    assert_eq!(stoppable.origin.request_count(), reached + 2, "its turns are its own again");
}

#[test]
fn it_is_found_when_all_clients_wait_there_and_nobody_chooses() {
    let (stoppable, well) = (Stoppable::start("stopped"), Origin::start("well"));
    let mut scene =
        scene(&[stoppable.origin.address(), well.address()], ms(50), Balance::RoundRobin);
    stoppable.stop();
    let mut waiting = hang(&scene, &stoppable.origin, Some(&well), 2);
    eventually(PATIENCE, "those who wait look", || {
        scene.endpoint(0, |shard| shard.silences.value()) == 1
    });
    let mut told = Vec::new();
    eventually(PATIENCE, "the control plane is told", || {
        told.extend(scene.take_signals());
        !told.is_empty()
    });
    assert!(matches!(told.as_slice(), [Signal::Silent(_, silent)] if *silent > ms(50)), "{told:?}");
    stoppable.resume();
    for client in &mut waiting {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
}

#[test]
fn where_all_are_silent_nobody_is_refused() {
    let stoppable = Stoppable::start("stopped");
    let scene = scene(&[stoppable.origin.address()], ms(1), Balance::RoundRobin);
    stoppable.stop();
    let mut waiting = hang(&scene, &stoppable.origin, None, 5);
    stoppable.resume();
    for client in &mut waiting {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
}

#[test]
fn one_slow_answer_is_no_silence() {
    let (stoppable, well) = (Stoppable::start("slow"), Origin::start("well"));
    let limit = ms(1000);
    let scene = scene(&[stoppable.origin.address(), well.address()], limit, Balance::RoundRobin);
    stoppable.stop();
    let mut waiting = hang(&scene, &stoppable.origin, Some(&well), 1);
    stoppable.is_stopped.store(false, Relaxed);
    let reached = stoppable.origin.request_count();
    // It waits for longer than the limit; the others are answered sooner on any machine.
    let (started, mut rounds) = (Instant::now(), 0);
    while started.elapsed() < limit * 2 {
        (0..2).for_each(|_| assert_eq!(scene.client().get("/").status, 200));
        rounds += 1;
    }
    assert_eq!(stoppable.origin.request_count(), reached + rounds);
    stoppable.resume();
    assert_eq!(waiting[0].read_response().unwrap().status, 200);
    assert_eq!(scene.endpoint(0, |shard| shard.silences.value()), 0);
}

#[test]
fn a_key_stays_with_its_endpoint_and_zero_switches_it_off() {
    let key = Balance::Hash(HashKey::ClientAddress);
    for (silent_after, balance) in [(ms(1), key), (Duration::ZERO, Balance::RoundRobin)] {
        let stoppable = Stoppable::start("stopped");
        let scene = scene(&[stoppable.origin.address()], silent_after, balance);
        stoppable.stop();
        let mut waiting = hang(&scene, &stoppable.origin, None, 4);
        assert_eq!(scene.endpoint(0, |shard| shard.silences.value()), 0);
        stoppable.resume();
        for client in &mut waiting {
            assert_eq!(client.read_response().unwrap().status, 200);
        }
    }
}
