//! Pools without endpoints that expect one: exchanges are held until it comes, or for so long.

use std::time::Duration;

use roundel_core::end::EndReason as E;
use roundel_core::endpoint::AdminState;
use roundel_core::signal::Signal;
use roundel_testkit::{Answer, Gate, Origin, Point, RawClient, eventually};

use crate::scene::{PATIENCE, Scene, Setup, endpoint, ms, name};

/// A pool that has no endpoint and waits for one.
fn asleep(queue: u32, wait: Duration) -> Setup {
    Setup::new().policy(|policy| {
        policy.endpoint_wait = Some(wait);
        policy.limits.queue = queue;
    })
}

fn held(scene: &Scene, count: u32) -> Vec<RawClient> {
    let mut clients: Vec<RawClient> = (0..count).map(|_| scene.client()).collect();
    for (client, n) in clients.iter_mut().zip(1..) {
        client.request("GET", &format!("/{n}"), &[], b"").unwrap();
        scene.wait_for_queued(n);
    }
    clients
}

#[test]
fn held_requests_are_served_in_order_when_an_endpoint_comes() {
    let origin = Origin::start("first");
    let mut scene = asleep(100, PATIENCE).limits(1, 100, PATIENCE).start(&[]);
    let mut clients = scene.clients_everywhere(3);
    for (client, n) in clients.iter_mut().zip(1..) {
        client.request("GET", &format!("/{n}"), &[], b"").unwrap();
        scene.wait_for_queued(n);
    }
    scene.publish(|stage| stage.endpoints.push(endpoint(0, origin.address())));
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    let served: Vec<_> = origin.requests().into_iter().map(|request| request.target).collect();
    let sent: Vec<_> = (1..=clients.len()).map(|n| format!("/{n}")).collect();
    assert_eq!(served, sent);
    scene.expect_ends(E::Ok, clients.len() as u64);
}

#[test]
fn without_a_limit_all_held_requests_go_at_once() {
    let (origin, gate) = (Origin::start("first"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    let mut scene = asleep(100, PATIENCE).start(&[]);
    let mut clients = held(&scene, 20);
    scene.publish(|stage| stage.endpoints.push(endpoint(0, origin.address())));
    origin.wait_for_requests(20);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
}

#[test]
fn a_body_is_held_with_its_request() {
    let origin = Origin::start("first");
    let mut scene = asleep(100, PATIENCE).start(&[]);
    let mut client = scene.client();
    client.request("POST", "/", &[], b"kept").unwrap();
    scene.wait_for_queued(1);
    scene.publish(|stage| stage.endpoints.push(endpoint(0, origin.address())));
    assert_eq!(client.read_response().unwrap().status, 200);
    let received = &origin.requests()[0];
    assert_eq!((received.body_bytes, received.is_complete), (4, true));
}

#[test]
fn the_control_plane_is_told_once_however_many_wait() {
    let origin = Origin::start("first");
    let mut scene = asleep(100, PATIENCE).workers(1).start(&[]);
    let mut clients = held(&scene, 50);
    let told = scene.take_signals();
    assert_eq!(told.first(), Some(&Signal::Demand(name("pool"))));
    // Ten times a second at most, however long this machine took to bring fifty clients in.
    assert!(told.len() < 50, "{told:?}");
    scene.publish(|stage| stage.endpoints.push(endpoint(0, origin.address())));
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
}

#[test]
fn a_burst_beyond_the_queue_is_refused_at_once() {
    let origin = Origin::start("first");
    let mut scene = asleep(2, PATIENCE).start(&[]);
    let mut clients = held(&scene, 2);
    let refused = scene.client().get("/");
    assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")));
    scene.expect_ends(E::QueueFull, 1);
    scene.publish(|stage| stage.endpoints.push(endpoint(0, origin.address())));
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
}

#[test]
fn the_wait_for_an_endpoint_ends_with_a_reason_of_its_own() {
    let scene = asleep(100, ms(100)).start(&[]);
    let answer = scene.client().get("/");
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    assert_eq!(answer.text(), "No backend server was ready in time\n");
    scene.expect_ends(E::StartTimeout, 1);
    assert_eq!(scene.queued(), 0);
}

#[test]
fn the_limit_of_the_whole_exchange_ends_the_wait_too() {
    let scene = asleep(100, PATIENCE).timeouts(|t| t.total = ms(100)).start(&[]);
    assert_eq!(scene.client().get("/").status, 503);
    scene.expect_ends(E::StartTimeout, 1);
}

#[test]
fn waiting_for_an_endpoint_takes_nothing_from_waiting_for_a_place() {
    let (origin, gate) = (Origin::start("first"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    let mut scene = asleep(100, PATIENCE).limits(1, 100, ms(300)).start(&[]);
    let mut clients = held(&scene, 2);
    // Longer than the queue timeout, which does not count yet.
    let (waited, long) = (std::time::Instant::now(), ms(600));
    eventually(PATIENCE, "more than the queue timeout has passed", || waited.elapsed() > long);
    assert_eq!(scene.queued(), 2);
    scene.publish(|stage| stage.endpoints.push(endpoint(0, origin.address())));
    origin.wait_for_requests(1);
    assert_eq!(clients[1].read_response().unwrap().status, 503);
    scene.expect_ends(E::QueueTimeout, 1);
    gate.open();
    assert_eq!(clients[0].read_response().unwrap().status, 200);
}

#[test]
fn a_client_that_leaves_is_held_no_longer() {
    let scene = asleep(100, PATIENCE).start(&[]);
    for (client, n) in held(&scene, 3).into_iter().zip(1..) {
        client.reset();
        scene.wait_for_queued(3 - n);
        scene.expect_ends(E::ClientClosed, u64::from(n));
    }
}

#[test]
fn those_who_wait_are_let_go_when_no_endpoint_is_expected_any_more() {
    let mut scene = asleep(100, PATIENCE).start(&[]);
    let mut clients = held(&scene, 3);
    scene.publish(|stage| {
        let mut policy = (*stage.policy).clone();
        policy.endpoint_wait = None;
        stage.policy = policy.into();
    });
    for client in &mut clients {
        let answer = client.read_response().unwrap();
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    }
    scene.expect_ends(E::NoEndpoint, 3);
    assert_eq!(scene.client().get("/").status, 503);
}

#[test]
fn a_pool_that_expects_no_endpoint_refuses_at_once() {
    let mut scene = Setup::new().start(&[]);
    assert_eq!(scene.client().get("/").status, 503);
    scene.expect_ends(E::NoEndpoint, 1);
    assert_eq!(scene.take_signals(), []);
}

/// The last instance is on its way out, and the next one comes: the gap is not seen.
#[test]
fn requests_are_held_while_the_only_endpoint_is_exchanged() {
    let origins = [Origin::start("old"), Origin::start("new")];
    let mut scene = asleep(100, PATIENCE).start(&[origins[0].address()]);
    let load = scene.load().clients(4).endless().start();
    load.wait_for(20);
    scene.publish(|stage| stage.endpoints[0].facts.admin_state = AdminState::Draining);
    scene.wait_for_queued(4);
    scene.publish(|stage| stage.endpoints.push(endpoint(1, origins[1].address())));
    load.wait_for(20);
    load.finish().assert_all_ok();
    assert!(origins[1].request_count() > 0);
}

/// An instance that is gone by the time a request reaches it: the next attempt looks again.
#[test]
fn a_failed_attempt_waits_for_what_comes_instead() {
    let (gone, origin) = (Origin::start("gone"), Origin::start("new"));
    let gate = Gate::shut();
    gone.answer(Answer::ok().hold(&gate).close_at(Point::BeforeHead));
    let mut scene = asleep(100, PATIENCE).start(&[gone.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    gone.wait_for_requests(1);
    scene.publish(|stage| stage.endpoints.clear());
    gate.open();
    scene.wait_for_queued(1);
    scene.publish(|stage| stage.endpoints.push(endpoint(1, origin.address())));
    assert_eq!(client.read_response().unwrap().text(), "Hello from new\n");
}
