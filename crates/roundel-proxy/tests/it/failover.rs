//! Endpoints that refuse, vanish or talk nonsense, and which requests are tried elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use roundel_core::end::{AttemptFailure as F, EndReason as E};
use roundel_testkit::ports::Refusing;
use roundel_testkit::{Accept, Answer, Call, Gate, Ledger, Origin, Point, Step, eventually};

use crate::scene::{PATIENCE, Setup};

const METHODS: [&str; 4] = ["GET", "PUT", "POST", "PATCH"];

#[test]
fn a_refused_connection_is_tried_elsewhere_whatever_the_method() {
    let (refusing, well) = (Refusing::bind(), Origin::start("well"));
    let scene = Setup::new().start(&[refusing.address(), well.address()]);
    let mut client = scene.client();
    for _ in 0..3 {
        for method in METHODS {
            client.request(method, "/", &[], b"body").unwrap();
            assert_eq!(client.read_response_to(method).unwrap().status, 200, "{method}");
        }
    }
    assert_eq!(well.request_count(), 12);
    assert!(well.requests().iter().all(|request| request.body_bytes == 4));
    assert_eq!(scene.failures(0, F::Connect), scene.attempts(0));
    assert_eq!(scene.pool(|shard| shard.retries.value()), scene.attempts(0));
    scene.settle_with(&[]);
}

#[test]
fn without_retries_a_dead_endpoint_is_told() {
    let (refusing, well) = (Refusing::bind(), Origin::start("well"));
    let scene =
        Setup::new().retry(|retry| retry.attempts = 0).start(&[refusing.address(), well.address()]);
    let mut client = scene.client();
    let answers: Vec<_> = (0..4).map(|_| client.get("/")).collect();
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [502, 200, 502, 200]);
    assert!(answers[0].text().starts_with("Backend server unreachable"), "{}", answers[0].text());
    scene.expect_ends(E::ConnectFailed, 2);
}

#[test]
fn when_all_refuse_each_is_asked_once_and_the_client_is_told() {
    let refusing = [Refusing::bind(), Refusing::bind(), Refusing::bind()];
    let scene = Setup::new().start(&refusing.each_ref().map(Refusing::address));
    for round in 1..=4 {
        let answer = scene.client().get("/");
        assert_eq!(answer.status, 502);
        assert!(answer.text().starts_with("Backend server unreachable"));
        let attempts = [0, 1, 2].map(|index| scene.attempts(index));
        assert_eq!(attempts, [round; 3], "never the same endpoint twice while another is left");
    }
}

/// RFC 9110 §9.2.2: what may have been processed is repeated only if it is idempotent.
#[test]
fn what_breaks_before_an_answer_is_repeated_only_if_idempotent() {
    for point in [Point::BeforeHead, Point::MidHead] {
        for answer in [Answer::ok().reset_at(point), Answer::ok().close_at(point)] {
            for is_reused in [false, true] {
                breaks_once(answer.clone(), is_reused);
            }
        }
    }
    breaks_once(Answer::raw("HTTP/1.1 two hundred\r\n\r\n"), false);
    breaks_once(Answer::raw("\u{0}\u{1}\u{2}"), false);
}

fn breaks_once(answer: Answer, is_reused: bool) {
    let (broken, well) = (Origin::start("broken"), Origin::start("well"));
    let scene = Setup::new().workers(1).start(&[broken.address(), well.address()]);
    let mut client = scene.client();
    if is_reused {
        client.get("/");
        client.get("/");
    }
    broken.respond(move |_| Some(answer.clone()));
    let seen = well.request_count();
    assert_eq!(client.get("/").text(), "Hello from well\n");
    assert_eq!(well.request_count(), seen + 1);

    // The turn of the broken one comes again.
    client.get("/");
    let (seen, broke) = (well.request_count(), broken.request_count());
    for _ in 0..2 {
        client.request("POST", "/", &[], b"order").unwrap();
        client.read_response().unwrap();
    }
    assert_eq!(broken.request_count() + well.request_count(), seen + broke + 2, "nothing twice");
    eventually(PATIENCE, "one POST was refused", || {
        scene.pool(|shard| shard.requests.values()[5]) == 1
    });
    scene.settle_with(&[&broken, &well]);
}

/// The endpoint acknowledges late what it has read: a reset right after it proves nothing.
#[test]
fn a_post_that_was_read_and_then_reset_is_never_repeated() {
    let ledger = Ledger::new();
    let origins = ["a", "b"].map(|name| Origin::start(name).recorded_in(&ledger));
    let count = AtomicU64::new(0);
    origins[0].respond(move |_| {
        let is_reset = count.fetch_add(1, Relaxed) % 3 == 2;
        is_reset.then(|| Answer::ok().reset_at(Point::BeforeHead))
    });
    let scene = Setup::new().start(&origins.each_ref().map(Origin::address));
    let load = scene.load().clients(2).requests(300).recorded_in(&ledger);
    let tally = load.call(|_| Call::post("/", "order")).run();
    assert!(ledger.duplicated().is_empty(), "{}", ledger.report());
    assert!(tally.failed() > 0, "{}", tally.report());
}

#[test]
fn an_endpoint_that_closes_without_reading_loses_no_request() {
    let (closing, well) = (Origin::start("closing"), Origin::start("well"));
    closing.set_accept(Accept::Close);
    let scene = Setup::new().start(&[closing.address(), well.address()]);
    let load = scene.load().requests(100);
    load.run().assert_all_ok();
    assert_eq!(well.request_count(), 100);
    assert_eq!(closing.request_count(), 0);
    scene.settle_with(&[]);
}

/// Fault 26: endpoints close idle connections just when a request comes.
#[test]
fn the_keep_alive_race_never_reaches_a_client() {
    let ledger = Ledger::new();
    let origins = ["a", "b", "c"].map(|name| Origin::start(name).recorded_in(&ledger));
    for (origin, count) in origins.iter().zip([4, 5, 6]) {
        // Unannounced, right behind the answer: every request may meet the close.
        origin.close_after_requests(count);
    }
    let scene = Setup::new().start(&origins.each_ref().map(Origin::address));
    // How these endpoints behave has to be learned, and only what may be repeated may teach it.
    for client in &mut scene.clients_everywhere(1) {
        (0..60).for_each(|_| assert_eq!(client.get("/").status, 200));
    }
    let load = scene.load().clients(8).requests(20_000).recorded_in(&ledger);
    let tally =
        load.call(|n| if n % 2 == 0 { Call::get("/") } else { Call::post("/", "order") }).run();
    tally.assert_all_ok();
    assert!(ledger.lost().is_empty(), "{}", ledger.report());
    assert!(ledger.duplicated_unsafely().is_empty(), "{}", ledger.report());
    let made: u64 = (0..3).map(|i| scene.endpoint(i, |s| s.connections_made.value())).sum();
    assert!(made > 3000, "connections were closed and made again: {made}");
    scene.settle_with(&[]);
}

/// Where one kept connection is stale the others are likely to be too.
#[test]
fn after_a_stale_connection_comes_a_fresh_one() {
    let (origin, gate) = (Origin::start("only"), Gate::shut());
    origin.on("/hold", Answer::ok().hold(&gate));
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    let mut clients: Vec<_> = (0..4).map(|_| scene.client()).collect();
    for client in &mut clients {
        client.request("GET", "/hold", &[], b"").unwrap();
    }
    origin.wait_for_requests(4);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response().unwrap().status, 200);
    }
    // From now on the connections that are there are closed instead of answered.
    origin.respond(|request| {
        (request.connection <= 4).then(|| Answer::ok().close_at(Point::BeforeHead))
    });
    assert_eq!(clients[0].get("/").status, 200);
    let by: Vec<_> = origin.requests()[4..].iter().map(|request| request.connection).collect();
    assert!(matches!(by[..], [1..=4, 5]), "{by:?}");
    assert_eq!(scene.failures(0, F::ReusedClosed), 1);
}

/// It is not one of the attempts that the policy allows.
#[test]
fn a_stale_connection_leaves_the_attempts_as_they_were() {
    let origins = ["stale", "broken", "well"].map(Origin::start);
    let scene = Setup::new()
        .workers(1)
        .retry(|retry| retry.attempts = 1)
        .start(&origins.each_ref().map(Origin::address));
    let mut client = scene.client();
    (0..3).for_each(|_| assert_eq!(client.get("/").status, 200));
    for broken in &origins[..2] {
        broken.answer(Answer::ok().reset_at(Point::BeforeHead));
    }
    assert_eq!(client.get("/").text(), "Hello from well\n");
    assert_eq!((scene.failures(0, F::ReusedClosed), scene.failures(1, F::Closed)), (1, 1));
}

/// The race is no failure of the endpoint and needs no permission to retry.
#[test]
fn the_keep_alive_race_is_mended_without_retries_too() {
    let origin = Origin::start("only");
    origin.close_after_requests(2);
    let scene = Setup::new().retry(|retry| retry.attempts = 0).start(&[origin.address()]);
    scene.load().clients(4).requests(1500).run().assert_all_ok();
    assert_eq!(scene.errors(0), 0);
}

#[test]
fn chosen_statuses_are_tried_elsewhere_when_idempotent() {
    let (busy, well) = (Origin::start("busy"), Origin::start("well"));
    busy.answer(Answer::status(503).body("try later"));
    let scene = Setup::new()
        .workers(1)
        .retry(|retry| retry.statuses = vec![503])
        .start(&[busy.address(), well.address()]);
    let mut client = scene.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(scene.failures(0, F::Status), busy.request_count() as u64);
    let posts: Vec<_> = (0..2)
        .map(|_| {
            client.request("POST", "/", &[], b"order").unwrap();
            client.read_response().unwrap()
        })
        .collect();
    let refused = posts.iter().find(|answer| answer.status == 503).unwrap();
    assert_eq!(refused.text(), "try later", "the endpoint's own answer");
    scene.settle_with(&[]);
}

#[test]
fn the_last_answer_is_passed_on_when_no_retry_is_left() {
    let busy = Origin::start("busy");
    busy.answer(Answer::status(503).body("try later"));
    let scene = Setup::new()
        .retry(|retry| (retry.statuses, retry.attempts) = (vec![503], 1))
        .start(&[busy.address()]);
    let answer = scene.client().get("/");
    assert_eq!((answer.status, answer.text().as_str()), (503, "try later"));
    assert_eq!(busy.request_count(), 2);
    scene.expect_ends(E::Ok, 1);
}

/// Fault 31: retries of a failing pool stay a share of its load.
#[test]
fn a_retry_storm_stays_within_the_budget() {
    let origins = ["a", "b"].map(Origin::start);
    for origin in &origins {
        let count = AtomicU64::new(0);
        origin.respond(move |_| {
            count.fetch_add(1, Relaxed).is_multiple_of(2).then(|| Answer::status(503))
        });
    }
    let scene = Setup::new()
        .workers(1)
        .retry(|retry| (retry.statuses, retry.budget_percent) = (vec![503], 20))
        .start(&origins.each_ref().map(Origin::address));
    let started = std::time::Instant::now();
    scene.load().requests(2000).run();
    let attempts: usize = origins.iter().map(Origin::request_count).sum();
    // The reserve: a hundred at once and ten a second.
    let reserve = 100 + 10 * (started.elapsed().as_secs() as usize + 1);
    assert!(attempts <= 2400 + reserve, "{attempts} attempts");
    assert!(attempts > 2300, "{attempts} attempts");
    let spent = scene.pool(|shard| shard.give_ups.values()[3]);
    assert!(spent > 0, "the budget was spent {spent} times");
}

#[test]
fn a_body_is_replayed_whole_from_the_buffer() {
    for is_chunked in [false, true] {
        let (broken, well) = (Origin::start("broken"), Origin::start("well"));
        broken.answer(Answer::ok().reset_at(Point::BeforeHead));
        let scene = Setup::new().workers(1).start(&[broken.address(), well.address()]);
        let mut client = scene.client();
        let body: Vec<u8> = (0..50_000u32).map(|n| n as u8).collect();
        if is_chunked {
            client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
            for part in body.chunks(7001) {
                client.send(format!("{:x}\r\n", part.len())).unwrap();
                client.send(part).unwrap();
                client.send("\r\n").unwrap();
            }
            client.send("0\r\n\r\n").unwrap();
        } else {
            client.request("PUT", "/", &[], &body).unwrap();
        }
        assert_eq!(client.read_response().unwrap().text(), "Hello from well\n");
        let seen = &well.requests()[0];
        assert_eq!(seen.body_fingerprint, roundel_testkit::fingerprint(&body), "{is_chunked}");
    }
}

#[test]
fn a_body_larger_than_the_buffer_is_not_replayed() {
    let (broken, well) = (Origin::start("broken"), Origin::start("well"));
    let steps = vec![Step::ReadBody, Step::Reset];
    broken.answer(Answer::sequence(steps));
    let scene = Setup::new()
        .workers(1)
        .retry(|retry| retry.body_bytes_max = 10_000)
        .start(&[broken.address(), well.address()]);
    let mut client = scene.client();
    client.request("PUT", "/", &[], &vec![b'x'; 200_000]).unwrap();
    assert_eq!(client.read_response().unwrap().status, 502);
    assert_eq!(well.request_count(), 0);
    assert_eq!(scene.pool(|shard| shard.give_ups.values()[2]), 1);
}

/// Fault 1: killed under load, with idle connections and requests in flight.
#[test]
fn an_endpoint_killed_under_load_costs_no_get() {
    let ledger = Ledger::new();
    let origins = ["a", "b", "c"].map(|name| Arc::new(Origin::start(name).recorded_in(&ledger)));
    let scene = Setup::new().start(&origins.each_ref().map(|origin| origin.address()));
    let load = scene.load().clients(8).endless().recorded_in(&ledger).start();
    for _ in 0..5 {
        load.wait_for(100);
        origins[0].kill();
        load.wait_for(100);
        origins[0].restart();
    }
    load.finish().assert_all_ok();
    assert!(ledger.lost().is_empty(), "{}", ledger.report());
    scene.settle_with(&[]);
}

/// Fault 4: a part of a response is never taken for the whole.
#[test]
fn a_response_that_breaks_off_is_never_complete() {
    let origin = Origin::start("broken");
    let scene = Setup::new().start(&[origin.address()]);
    let bodies =
        [Answer::ok().body_of(100_000), Answer::ok().body_of(100_000).in_parts_of(9000).chunked()];
    for body in bodies {
        for answer in [body.clone().reset_at(Point::MidBody), body.close_at(Point::MidBody)] {
            origin.answer(answer);
            let mut client = scene.client();
            client.request("GET", "/", &[], b"").unwrap();
            assert!(client.read_response().is_err());
            scene.settle();
        }
    }
    // Framed by the end of the connection, only a reset tells; HTTP/1.0 clients must see one too.
    origin.answer(Answer::ok().body_of(100_000).until_close().reset_at(Point::MidBody));
    let mut client = scene.client();
    client.send("GET / HTTP/1.0\r\n\r\n").unwrap();
    assert!(client.read_to_close().is_err());
    scene.settle_with(&[&origin]);
    assert_eq!(scene.failures(0, F::Truncated), 5);
    scene.expect_ends(E::ResponseTruncated, 5);
    assert_eq!(scene.attempts(0), 5, "never tried again");
}
