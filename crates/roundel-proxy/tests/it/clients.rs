//! Clients that are slow, or leave.

use roundel_core::end::EndReason as E;
use roundel_core::listener::HalfClose;
use roundel_testkit::{Answer, Gate, Origin, Point, RawClient, eventually};

use crate::scene::{PATIENCE, Scene, Setup, ms};

fn send(client: &mut RawClient, text: &str) {
    client.send(text).unwrap();
}

#[test]
fn a_head_that_takes_too_long_is_a_408() {
    let origin = Origin::start("only");
    let scene =
        Setup::new().client(|timeouts| timeouts.request_head = ms(150)).start(&[origin.address()]);
    let mut slow = scene.client();
    send(&mut slow, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    let answer = slow.read_response().unwrap();
    assert_eq!((answer.status, answer.keeps_alive()), (408, false));
    scene.expect_ends(E::ClientHeadTimeout, 1);
    // A byte now and then buys no time: the deadline is that of the whole head.
    let mut trickling = scene.client();
    send(&mut trickling, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    while trickling.send("x").is_ok() && scene.ends(E::ClientHeadTimeout) < 2 {
        std::thread::sleep(ms(1));
    }
    scene.expect_ends(E::ClientHeadTimeout, 2);
    assert_eq!(origin.connection_count(), 0);
}

#[test]
fn a_connection_that_never_asks_is_closed() {
    let scene = Setup::new().client(|timeouts| timeouts.request_head = ms(100)).start(&[]);
    assert!(scene.client().read_to_close().unwrap().is_empty());
}

#[test]
fn an_idle_connection_is_closed_after_keep_alive() {
    let origin = Origin::start("only");
    let scene =
        Setup::new().client(|timeouts| timeouts.keep_alive = ms(100)).start(&[origin.address()]);
    let mut client = scene.client();
    client.get("/");
    assert!(client.read_to_close().unwrap().is_empty());
}

#[test]
fn a_short_body_that_comes_slowly_holds_no_endpoint() {
    let origin = Origin::start("only");
    let scene =
        Setup::new().client(|timeouts| timeouts.body_idle = ms(150)).start(&[origin.address()]);
    let mut slow = scene.client();
    send(&mut slow, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\nsome");
    assert_eq!(slow.read_response().unwrap().status, 408);
    scene.expect_ends(E::ClientBodyTimeout, 1);
    assert_eq!(origin.connection_count(), 0);
    assert_eq!(scene.attempts(0), 0);
}

#[test]
fn a_long_body_that_comes_slowly_is_cut_and_is_not_the_endpoints_fault() {
    let origin = Origin::start("only");
    let scene =
        Setup::new().client(|timeouts| timeouts.body_idle = ms(150)).start(&[origin.address()]);
    let mut slow = scene.client();
    send(&mut slow, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome");
    assert_eq!(slow.read_response().unwrap().status, 408);
    scene.expect_ends(E::ClientBodyTimeout, 1);
    assert_eq!(scene.errors(0), 0);
    scene.settle_with(&[&origin]);
    assert_eq!(origin.open_connections(), 0);
}

#[test]
fn a_body_below_the_lowest_rate_is_cut_though_it_never_pauses() {
    let origin = Origin::start("only");
    let scene = Setup::new()
        .client(|timeouts| {
            (timeouts.body_idle, timeouts.body_bytes_per_second_min) = (ms(200), 1_000_000);
        })
        .start(&[origin.address()]);
    let mut slow = scene.client();
    send(&mut slow, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    while slow.send("x").is_ok() && scene.ends(E::ClientBodyTimeout) == 0 {
        std::thread::sleep(ms(1));
    }
    assert_eq!(slow.read_response().unwrap().status, 408);
    scene.settle_with(&[&origin]);
}

#[test]
fn a_client_that_does_not_read_is_cut_and_frees_the_endpoint() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().body_of(64 * 1024 * 1024));
    let scene =
        Setup::new().client(|timeouts| timeouts.write_idle = ms(150)).start(&[origin.address()]);
    let mut client = scene.client();
    send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    scene.wait_for_end(E::ClientWriteTimeout);
    scene.settle_with(&[&origin]);
    assert_eq!((origin.open_connections(), scene.errors(0)), (0, 0));
    assert!(client.read_response().is_err());
}

#[test]
fn a_client_that_reads_too_slowly_is_cut() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().body_of(64 * 1024 * 1024));
    let scene = Setup::new()
        .client(|timeouts| {
            (timeouts.write_idle, timeouts.body_bytes_per_second_min) = (ms(300), 100_000_000);
        })
        .start(&[origin.address()]);
    let mut client = scene.client();
    send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while scene.ends(E::ClientWriteTimeout) == 0 && client.read_exact(4096).is_ok() {
        std::thread::sleep(ms(1));
    }
    scene.wait_for_end(E::ClientWriteTimeout);
    scene.settle_with(&[&origin]);
}

/// A response that fits the buffers on the way gives its endpoint back at once.
#[test]
fn a_slow_reader_of_a_small_response_holds_no_endpoint() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().body_of(20_000));
    let scene = Setup::new().limits(1, 0, PATIENCE).start(&[origin.address()]);
    let mut slow = scene.client();
    send(&mut slow, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.wait_for_requests(1);
    scene.settle();
    assert_eq!(scene.client().get("/").status, 200);
    assert_eq!(slow.read_response().unwrap().body.len(), 20_000);
}

#[test]
fn many_slow_heads_block_nobody() {
    let origin = Origin::start("only");
    let scene = Setup::new().start(&[origin.address()]);
    let mut slow: Vec<_> = (0..500).map(|_| scene.client()).collect();
    for client in &mut slow {
        send(client, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow:");
    }
    scene.load().requests(500).run().assert_all_ok();
    for client in &mut slow {
        send(client, " no\r\n\r\n");
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    scene.settle_with(&[&origin]);
}

/// Fault 22: whatever the phase, the endpoint is let go at once and not blamed.
fn leaves(scene: &Scene, origin: &Origin, client: RawClient, ends: u64) {
    client.reset();
    scene.expect_ends(E::ClientClosed, ends);
    scene.settle();
    eventually(PATIENCE, "the endpoint's connection is closed", || origin.open_connections() == 0);
    assert_eq!(scene.errors(0), 0);
}

#[test]
fn a_client_that_leaves_cancels_its_attempt() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    let scene = Setup::new().start(&[origin.address()]);

    // While it waits for the answer.
    origin.answer(Answer::never());
    let mut client = scene.client();
    send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.wait_for_requests(1);
    leaves(&scene, &origin, client, 1);

    // In the middle of its upload.
    origin.answer(Answer::ok());
    let mut client = scene.client();
    send(&mut client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome");
    origin.wait_for_requests(2);
    leaves(&scene, &origin, client, 2);

    // In the middle of its download, which stands still.
    origin.answer(Answer::ok().body_of(1000).hang_at(Point::MidBody));
    let mut client = scene.client();
    send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_head().unwrap();
    leaves(&scene, &origin, client, 3);

    // In the middle of its download, which flows.
    origin.answer(Answer::ok().body_of(1 << 40).hold_body(&gate));
    gate.open();
    let mut client = scene.client();
    send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_exact(1_000_000).unwrap();
    leaves(&scene, &origin, client, 4);
}

/// What is on the wire is a half-close; the listener says that it means leaving.
#[test]
fn a_half_close_cancels_where_the_listener_says_so() {
    let origin = Origin::start("only");
    let scene = Setup::new()
        .half_close(HalfClose::Cancel)
        .limits(1, 1, PATIENCE)
        .start(&[origin.address()]);
    let half_closes = |client: &RawClient, ends: u64| {
        client.half_close().unwrap();
        scene.expect_ends(E::ClientClosed, ends);
    };

    // While it waits for a place, and while it waits for the answer.
    origin.answer(Answer::never());
    let (mut first, mut second) = (scene.client(), scene.client());
    send(&mut first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.wait_for_requests(1);
    send(&mut second, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    scene.wait_for_queued(1);
    half_closes(&second, 1);
    half_closes(&first, 2);
    assert!(first.read_to_close().unwrap().is_empty(), "closed without an answer");

    // In the middle of an answer that stands still.
    origin.answer(Answer::ok().body_of(1000).hang_at(Point::MidBody));
    let mut third = scene.client();
    send(&mut third, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    third.read_head().unwrap();
    half_closes(&third, 3);
    scene.settle();
    eventually(PATIENCE, "the endpoint's connections are closed", || {
        origin.open_connections() == 0
    });
    assert_eq!((origin.request_count(), scene.errors(0)), (2, 0));

    // Between requests it means the same everywhere.
    origin.answer(Answer::ok());
    let mut fourth = scene.client();
    assert_eq!(fourth.get("/").status, 200);
    fourth.half_close().unwrap();
    assert!(fourth.read_to_close().unwrap().is_empty());
}

/// Those who gave up must not hold up those who are there, even where half-closes are served.
#[test]
fn who_has_sent_its_last_byte_leaves_the_line() {
    let origin = Origin::start("only");
    let gate = Gate::default();
    origin.next(Answer::ok().body("in the end").hold(&gate));
    let scene = Setup::new().limits(1, 10, PATIENCE).start(&[origin.address()]);
    let ask = || {
        let mut client = scene.client();
        send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client
    };
    let mut first = ask();
    origin.wait_for_requests(1);
    let waiting: Vec<_> = (0..3).map(|_| ask()).collect();
    scene.wait_for_queued(3);
    let mut last = ask();
    scene.wait_for_queued(4);
    for client in &waiting {
        client.half_close().unwrap();
    }
    scene.expect_ends(E::ClientClosed, 3);
    scene.wait_for_queued(1);
    // What is under way goes on.
    first.half_close().unwrap();
    gate.open();
    assert_eq!(first.read_response().unwrap().text(), "in the end");
    assert_eq!(last.read_response().unwrap().status, 200);
    assert_eq!(origin.request_count(), 2);
}

#[test]
fn who_has_sent_its_last_byte_gets_no_second_attempt_after_a_timeout() {
    let origins = ["a", "b"].map(Origin::start);
    for origin in &origins {
        origin.answer(Answer::never());
    }
    let setup = Setup::new().timeouts(|timeouts| timeouts.response_head = ms(300));
    let scene = setup.start(&origins.each_ref().map(Origin::address));
    let mut client = scene.client();
    send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.half_close().unwrap();
    assert_eq!(client.read_response().unwrap().status, 504);
    assert_eq!(scene.attempts(0) + scene.attempts(1), 1);
    scene.settle();
}

#[test]
fn a_client_that_leaves_while_a_connection_is_made_ends_the_wait() {
    let hole = roundel_testkit::ports::BlackHole::bind();
    let scene = Setup::new().start(&[hole.address()]);
    let mut client = scene.client();
    send(&mut client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually(PATIENCE, "the attempt is made", || scene.in_flight(0) == 1);
    client.reset();
    scene.wait_for_end(E::ClientClosed);
    scene.settle();
    assert_eq!(scene.errors(0), 0);
}
