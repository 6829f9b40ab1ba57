//! Endpoints at their limit, and those who wait.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use roundel_core::end::EndReason as E;
use roundel_testkit::{Answer, Gate, Origin, Point, RawClient, eventually};

use crate::scene::{PATIENCE, Setup, ms};

/// An origin that sees how many requests it serves at once.
struct Counting {
    address: SocketAddr,
    most: Arc<AtomicUsize>,
}

impl Counting {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let most = Arc::new(AtomicUsize::new(0));
        let (running, seen) = (Arc::new(AtomicUsize::new(0)), most.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (running, most) = (running.clone(), seen.clone());
                std::thread::spawn(move || Self::serve(stream, &running, &most));
            }
        });
        Self { address, most }
    }

    fn serve(mut stream: TcpStream, running: &AtomicUsize, most: &AtomicUsize) {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::yield_now();
            running.fetch_sub(1, SeqCst);
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    }
}

#[test]
fn the_limit_is_exact_over_workers() {
    let origins = [Counting::start(), Counting::start()];
    let addresses = origins.each_ref().map(|origin| origin.address);
    let scene = Setup::new().limits(2, 1024, PATIENCE).start(&addresses);
    scene.load().clients(24).requests(4000).run().assert_all_ok();
    for origin in &origins {
        assert_eq!(origin.most.load(SeqCst), 2, "reached and never passed");
    }
    assert!(scene.waits() > 0);
}

fn send(client: &mut RawClient, target: &str) {
    client.request("GET", target, &[], b"").unwrap();
}

#[test]
fn those_who_wait_are_served_in_order_of_arrival_whatever_their_worker() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.on("/first", Answer::ok().hold(&gate));
    let scene = Setup::new().limits(1, 1024, PATIENCE).start(&[origin.address()]);
    let mut clients = scene.clients_everywhere(4);
    send(&mut clients[0], "/first");
    origin.wait_for_requests(1);
    let mut expected = vec!["/first".to_owned()];
    for (client, n) in clients[1..].iter_mut().zip(1..) {
        send(client, &format!("/{n}"));
        expected.push(format!("/{n}"));
        scene.wait_for_queued(n);
    }
    assert_eq!(origin.request_count(), 1);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    let served: Vec<_> = origin.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(served, expected);
    let waits = expected.len() as u64 - 1;
    eventually(PATIENCE, "all waits are recorded", || scene.waits() == waits);
}

/// A place is freed for who waits for it, also when a newcomer is nearer: the waiting one is told by
/// a note to another thread, the newcomer follows on the connection that freed the place.
#[test]
fn a_newcomer_does_not_pass_those_who_wait() {
    let (origin, gates) = (Origin::start("only"), [(); 10].map(|()| Gate::shut()));
    for (round, gate) in gates.iter().enumerate() {
        origin.on(&format!("/{round}/first"), Answer::ok().hold(gate));
    }
    let scene = Setup::new().limits(1, 1024, PATIENCE).start(&[origin.address()]);
    let (mut near, mut waiting) = (scene.client_of(0), scene.client_of(1));
    let mut expected = Vec::new();
    for (round, gate) in gates.iter().enumerate() {
        let targets = ["first", "waiting", "newcomer"].map(|which| format!("/{round}/{which}"));
        let [first, second, newcomer] = &targets;
        let both = [first, newcomer].map(|to| format!("GET {to} HTTP/1.1\r\nHost: a\r\n\r\n"));
        near.send(both.concat()).unwrap();
        origin.wait_for_requests(expected.len() + 1);
        send(&mut waiting, second);
        scene.wait_for_queued(1);
        gate.open();
        assert_eq!(near.read_response().unwrap().status, 200);
        assert_eq!(waiting.read_response().unwrap().status, 200);
        assert_eq!(near.read_response().unwrap().status, 200);
        expected.extend(targets);
    }
    let served: Vec<_> = origin.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(served, expected);
}

/// Several places that are freed at once are freed in the name of the same one who waits.
#[test]
fn every_place_that_is_freed_is_taken() {
    const PLACES: usize = 8;
    let origin = Origin::start("only");
    let limit = PLACES.try_into().unwrap();
    let scene =
        Setup::new().workers(1).limits(limit, 1024, PATIENCE * 3).start(&[origin.address()]);
    let mut clients: Vec<_> = (0..2 * PLACES).map(|_| scene.client()).collect();
    for round in 0..5 {
        let (first, second) = (Gate::shut(), Gate::shut());
        origin.on("/first", Answer::ok().hold(&first));
        origin.on("/second", Answer::ok().hold(&second));
        let before = 2 * PLACES * round;
        let (holding, waiting) = clients.split_at_mut(PLACES);
        for client in holding {
            send(client, "/first");
        }
        origin.wait_for_requests(before + PLACES);
        for client in waiting {
            send(client, "/second");
        }
        scene.wait_for_queued(limit);
        first.open();
        origin.wait_for_requests(before + 2 * PLACES);
        second.open();
        for client in &mut clients {
            assert_eq!(client.read_response().unwrap().status, 200);
        }
    }
}

/// A worker that always has someone waiting must not keep all places to itself.
#[test]
fn nobody_starves_behind_a_busy_worker() {
    let origin = Origin::start("only");
    let scene = Setup::new().limits(1, 1024, PATIENCE).start(&[origin.address()]);
    let load = scene.load().clients(8).endless().start();
    load.wait_for(50);
    // Whichever worker it comes to, there are at most eight before it.
    for round in 0..10 {
        let mut client = scene.client();
        let own = format!("/{round}");
        send(&mut client, &own);
        // All wait, unless it has been served by now.
        scene.wait_for_queued(8);
        let waiting_since = origin.request_count();
        assert_eq!(client.read_response().unwrap().status, 200);
        let served = origin.requests().split_off(waiting_since);
        let passed = served.iter().position(|request| request.target == own).unwrap_or(0);
        assert!(passed <= 8, "{passed} others were served meanwhile");
    }
    load.finish().assert_all_ok();
}

#[test]
fn a_full_queue_answers_at_once() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    let scene = Setup::new().limits(1, 2, PATIENCE).start(&[origin.address()]);
    let mut clients = [scene.client(), scene.client(), scene.client()];
    for (client, waiting) in clients.iter_mut().zip([0, 1, 2]) {
        send(client, "/");
        scene.wait_for_queued(waiting);
        origin.wait_for_requests(1);
    }
    let mut last = scene.client();
    for _ in 0..3 {
        let answer = last.get("/");
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    }
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    assert_eq!(origin.request_count(), 3);
    scene.expect_ends(E::QueueFull, 3);
}

#[test]
fn waiting_ends_with_the_queue_timeout() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    let scene = Setup::new().limits(1, 10, ms(100)).start(&[origin.address()]);
    let mut first = scene.client();
    send(&mut first, "/");
    origin.wait_for_requests(1);
    let answer = scene.client().get("/");
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    scene.expect_ends(E::QueueTimeout, 1);
    assert_eq!(scene.queued(), 0);
    assert_eq!(scene.waits(), 1);
    gate.open();
    assert_eq!(first.read_response().unwrap().status, 200);
}

#[test]
fn a_client_that_leaves_the_queue_frees_its_place() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    let scene = Setup::new().limits(1, 1, PATIENCE).start(&[origin.address()]);
    let mut first = scene.client();
    send(&mut first, "/");
    origin.wait_for_requests(1);
    for left in 1..=3 {
        let mut waiting = scene.client();
        send(&mut waiting, "/");
        scene.wait_for_queued(1);
        waiting.reset();
        scene.wait_for_queued(0);
        scene.expect_ends(E::ClientClosed, left);
    }
    assert_eq!(scene.errors(0), 0);
    gate.open();
    assert_eq!(first.read_response().unwrap().status, 200);
    assert_eq!(origin.request_count(), 1);
}

#[test]
fn a_new_endpoint_relieves_those_who_wait() {
    let (origin, fresh, gate) = (Origin::start("a"), Origin::start("b"), Gate::shut());
    origin.answer(Answer::ok().hold(&gate));
    // Room for all, however many clients it takes until every worker has its share.
    let mut scene = Setup::new().limits(1, 1000, PATIENCE).start(&[origin.address()]);
    let mut clients = scene.clients_everywhere(2);
    send(&mut clients[0], "/");
    origin.wait_for_requests(1);
    for (client, waiting) in clients[1..].iter_mut().zip(1..) {
        send(client, "/");
        scene.wait_for_queued(waiting);
    }
    scene.publish(|stage| stage.endpoints.push(crate::scene::endpoint(1, fresh.address())));
    for client in &mut clients[1..] {
        assert_eq!(client.read_response().unwrap().text(), "Hello from b\n");
    }
    gate.open();
    assert_eq!(clients[0].read_response().unwrap().status, 200);
}

/// One that was tried is avoided while another is left: who waits for the other holds nobody back.
#[test]
fn who_avoids_a_tried_endpoint_lets_others_have_it() {
    let (held, broken, gate) = (Origin::start("held"), Origin::start("broken"), Gate::shut());
    held.on("/hold", Answer::ok().hold(&gate));
    let scene = Setup::new()
        .limits(1, 1024, PATIENCE * 3)
        .retry(|retry| retry.attempts = 1)
        .start(&[held.address(), broken.address()]);
    let mut clients = scene.clients_everywhere(3);
    let (last, clients) = clients.split_last_mut().unwrap();
    send(&mut clients[0], "/hold");
    held.wait_for_requests(1);
    broken.next(Answer::ok().reset_at(Point::BeforeHead));
    send(&mut clients[1], "/retried");
    scene.wait_for_queued(1);
    // Newcomers find the free place, and who comes when it is taken gets it when it is freed.
    let second = Gate::shut();
    broken.on("/second", Answer::ok().hold(&second));
    for client in &mut clients[2..] {
        assert_eq!(client.get("/").text(), "Hello from broken\n");
    }
    send(&mut clients[2], "/second");
    broken.wait_for_requests(clients.len());
    send(last, "/last");
    scene.wait_for_queued(2);
    second.open();
    assert_eq!(clients[2].read_response().unwrap().status, 200);
    assert_eq!(last.read_response().unwrap().text(), "Hello from broken\n");
    assert_eq!((scene.queued(), gate.is_open()), (1, false), "the first waits on");
    gate.open();
    for client in &mut clients[..2] {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    assert_eq!(held.requests().last().unwrap().target, "/retried");
}
