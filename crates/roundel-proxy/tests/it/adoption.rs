//! New snapshots under load (fault 8), and what endpoints that come and go see of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use roundel_core::endpoint::{AdminState, Health};
use roundel_testkit::{Answer, Gate, Origin, RawClient, eventually};

use crate::scene::{PATIENCE, Setup, endpoint, listener};

#[test]
fn snapshots_under_load_fail_no_request_and_close_no_connection() {
    let origins = ["a", "b", "c", "d"].map(Origin::start);
    let mut scene = Setup::new().start(&origins.each_ref().map(Origin::address));
    let all = scene.stage.endpoints.clone();
    let clients = 8;
    let load = scene.load().clients(clients).endless().start();
    let extra_settings = scene.stage.listeners[0].settings.clone();
    for round in 0..200usize {
        scene.publish(|stage| {
            stage.endpoints = all.clone();
            match round % 5 {
                0 => stage.endpoints[round % 4].facts.health = Health::Unhealthy,
                1 => drop(stage.endpoints.remove(round % 4)),
                2 => stage.endpoints[round % 4].facts.is_ejected = true,
                3 => stage.endpoints[round % 4].effective_weight = 1 + round as u32 % 3,
                _ => stage.endpoints.reverse(),
            }
            if round % 10 == 0 {
                stage.listeners.truncate(1);
                stage.listeners.push(listener("extra", 2, extra_settings.clone()));
                let mut settings = (*extra_settings).clone();
                settings.forwarded.via = round % 20 == 0;
                let web = &stage.listeners[0];
                stage.listeners[0] = Arc::new(roundel_core::listener::Listener {
                    name: web.name.clone(),
                    address: web.address,
                    sockets: web.sockets.clone(),
                    settings: Arc::new(settings),
                });
            }
        });
        if round % 10 == 5 {
            let mut client = RawClient::connect(scene.stage.listeners[1].address);
            assert_eq!(client.get("/").status, 200);
        }
        load.wait_for(5);
    }
    let tally = load.finish();
    tally.assert_all_ok();
    assert_eq!(tally.connections(), clients as u64, "no connection was closed");
    scene.publish(|stage| stage.endpoints = all);
    scene.settle_with(&origins.each_ref());
}

#[test]
fn a_removed_listener_refuses_connections_and_lets_its_clients_go() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.on("/held", Answer::ok().body("done").hold(&gate));
    let mut scene = Setup::new().start(&[origin.address()]);
    let settings = scene.stage.listeners[0].settings.clone();
    scene.publish(|stage| stage.listeners.push(listener("extra", 2, settings)));
    let extra = scene.stage.listeners[1].address;
    let [mut idle, mut busy] = [RawClient::connect(extra), RawClient::connect(extra)];
    assert_eq!(idle.get("/").status, 200);
    busy.request("GET", "/held", &[], b"").unwrap();
    origin.wait_for_requests(2);
    scene.publish(|stage| stage.listeners.truncate(1));
    eventually(PATIENCE, "connections are refused", || {
        RawClient::try_connect(extra, PATIENCE).is_err()
    });
    assert!(idle.read_to_close().unwrap().is_empty());
    gate.open();
    let answer = busy.read_response().unwrap();
    assert_eq!((answer.text().as_str(), answer.keeps_alive()), ("done", false));
    assert_eq!(scene.client().get("/").status, 200);
}

/// Fault 11.
#[test]
fn a_draining_endpoint_gets_nothing_new_and_finishes_what_it_has() {
    let (leaving, staying, gate) = (Origin::start("a"), Origin::start("b"), Gate::shut());
    leaving.next(Answer::ok().body("last").hold(&gate));
    let mut scene = Setup::new().start(&[leaving.address(), staying.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    leaving.wait_for_requests(1);
    scene.publish(|stage| stage.endpoints[0].facts.admin_state = AdminState::Draining);
    // Each worker has the news at its next turn. Who has not still alternates.
    let mut clients = scene.clients_everywhere(2);
    let mut is_left =
        |client: &mut RawClient| (0..2).all(|_| client.get("/").text() == "Hello from b\n");
    eventually(PATIENCE, "both workers know", || clients.iter_mut().all(&mut is_left));
    let before = leaving.request_count();
    scene.load().requests(200).run().assert_all_ok();
    assert_eq!(leaving.request_count(), before);
    assert_eq!(scene.in_flight(0), 1);
    gate.open();
    assert_eq!(client.read_response().unwrap().text(), "last");
}

/// Fault 27: all gone, then back.
#[test]
fn a_pool_without_endpoints_answers_at_once_and_recovers_at_once() {
    let origin = Origin::start("only");
    let mut scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    scene.publish(|stage| stage.endpoints[0].facts.health = Health::Unhealthy);
    eventually(PATIENCE, "the pool is empty", || {
        let answer = client.get("/");
        answer.status == 503 && answer.field("retry-after") == Some("1")
    });
    scene.publish(|stage| stage.endpoints[0].facts.health = Health::Healthy);
    eventually(PATIENCE, "the pool is back", || client.get("/").status == 200);
}

#[test]
fn round_robin_is_exact_over_workers() {
    let origins = ["a", "b", "c", "d", "e"].map(Origin::start);
    let scene = Setup::new().start(&origins.each_ref().map(Origin::address));
    let clients = scene.clients_everywhere(3);
    drop(clients);
    scene.load().clients(12).requests(1003).run().assert_all_ok();
    let mut counts = origins.each_ref().map(Origin::request_count);
    counts.sort_unstable();
    assert_eq!(counts, [200, 200, 201, 201, 201]);
}

#[test]
fn round_robin_follows_the_weights_smoothly() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let mut scene = Setup::new().workers(1).start(&origins.each_ref().map(Origin::address));
    let weights = [5, 1, 1];
    scene.publish(|stage| {
        for (endpoint, weight) in stage.endpoints.iter_mut().zip(weights) {
            (endpoint.weight, endpoint.effective_weight) = (weight, weight);
        }
    });
    let mut client = scene.client();
    let answers: Vec<_> = (0..70).map(|_| client.get("/").text()).collect();
    let mut counts = BTreeMap::<_, u32>::new();
    for answer in &answers {
        *counts.entry(answer.as_str()).or_default() += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [50, 10, 10]);
    // The light ones come between, never together.
    for window in answers.windows(2) {
        assert!(window.iter().any(|answer| answer == "Hello from a\n"), "{window:?}");
    }
}

#[test]
fn a_replaced_endpoint_is_left_by_its_idle_connections() {
    let (old, new) = (Origin::start("old"), Origin::start("new"));
    let mut scene = Setup::new().start(&[old.address()]);
    scene.load().requests(100).run().assert_all_ok();
    scene.settle_with(&[&old]);
    scene.publish(|stage| stage.endpoints[0] = endpoint(7, new.address()));
    eventually(PATIENCE, "the old one is left", || old.open_connections() == 0);
    assert_eq!(scene.client().get("/").text(), "Hello from new\n");
}
