//! How many client connections at once, and whose turn it is.

use std::net::SocketAddr;
use std::sync::Arc;

use roundel_core::listener::{ListenerLimits, ListenerSettings};
use roundel_testkit::{Answer, Gate, Origin, RawClient, eventually};

use crate::scene::{PATIENCE, Scene, Setup, listener};

#[test]
fn a_limit_counts_over_all_workers() {
    let origin = Origin::start("only");
    let setup = Setup::new().workers(4).bounds(|limits| limits.max_connections = Some(10));
    let scene = setup.start(&[origin.address()]);
    let web = scene.address();
    for _ in 0..3 {
        // Wherever the kernel puts them.
        let open: Vec<_> = (0..10).map(|n| served(web).unwrap_or_else(|| panic!("{n}"))).collect();
        assert!(served(web).is_none());
        drop(open);
        let are_closed = || scene.connections_by_worker().iter().sum::<i64>() == 0;
        eventually(PATIENCE, "all are closed", are_closed);
    }
}

/// Listeners "web" and "other" of one worker, each with this limit of its own, in a process that
/// may have three connections.
fn scene(origin: &Origin, own_limits: [Option<u32>; 2]) -> Scene {
    let mut setup = Setup::new().workers(1);
    setup.connections_max = 3;
    let with = |max_connections| {
        let limits = ListenerLimits { max_connections, ..setup.settings.limits.clone() };
        ListenerSettings { limits, ..setup.settings.clone() }
    };
    let settings = own_limits.map(with);
    let [web, other] = settings;
    setup.settings = web;
    let mut scene = setup.start(&[origin.address()]);
    scene.publish(|stage| stage.listeners.push(listener("other", 1, Arc::new(other))));
    scene
}

/// A client that has its answer, or `None` when it was turned away.
fn served(address: SocketAddr) -> Option<RawClient> {
    let mut client = RawClient::connect(address);
    // Fails when it is turned away before it has asked.
    let _ = client.request("GET", "/", &[], b"");
    client.read_response().is_ok().then_some(client)
}

#[test]
fn listeners_without_a_limit_share_what_the_process_may_have() {
    let origin = Origin::start("only");
    let scene = scene(&origin, [None, None]);
    let [web, other] = [0, 1].map(|index| scene.stage.listeners[index].address);
    let mut open = vec![served(web).unwrap(), served(web).unwrap(), served(other).unwrap()];
    assert!(served(web).is_none());
    assert!(served(other).is_none());
    open.pop();
    eventually(PATIENCE, "there is room again", || served(web).is_some());
}

#[test]
fn a_limit_of_its_own_outranks_that_of_the_process() {
    let origin = Origin::start("only");
    let scene = scene(&origin, [Some(4), None]);
    let [web, other] = [0, 1].map(|index| scene.stage.listeners[index].address);
    let open: Vec<_> = (0..4).map(|_| served(web).unwrap()).collect();
    assert!(served(web).is_none());
    // What it took is no longer there for others.
    assert!(served(other).is_none());
    drop(open);
    eventually(PATIENCE, "there is room again", || served(other).is_some());
}

#[test]
fn nobody_waits_for_the_answers_to_those_whose_turn_was_before() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    // Several times as many as are begun in one turn.
    let mut clients: Vec<_> = (0..100).map(|_| scene.client()).collect();
    for client in &mut clients {
        client.request("GET", "/", &[], b"").unwrap();
    }
    // Whether or not its turn has come, it is nobody's concern any more.
    clients.remove(50).reset();
    eventually(PATIENCE, "all others are under way", || origin.requests().len() >= clients.len());
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
}
