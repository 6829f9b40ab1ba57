//! Endpoints that keep everyone waiting.

use std::io::{Read, Write};
use std::net::TcpListener;

use roundel_core::end::{AttemptFailure as F, EndReason as E};
use roundel_testkit::ports::BlackHole;
use roundel_testkit::{Accept, Answer, Call, Ledger, Origin, Point, Step, eventually};
use socket2::{SockFilter, SockRef};

use crate::scene::{PATIENCE, Setup, ms};

#[test]
fn a_connection_not_made_in_time_is_tried_elsewhere() {
    let (hole, well) = (BlackHole::bind(), Origin::start("well"));
    let scene = Setup::new()
        .timeouts(|timeouts| timeouts.connect = ms(100))
        .start(&[hole.address(), well.address()]);
    let mut client = scene.client();
    client.request("POST", "/", &[], b"order").unwrap();
    assert_eq!(client.read_response().unwrap().status, 200);
    assert_eq!(scene.failures(0, F::ConnectTimeout), 1);
}

#[test]
fn a_pool_that_no_connection_reaches_in_time_is_a_504() {
    let hole = BlackHole::bind();
    let scene =
        Setup::new().timeouts(|timeouts| timeouts.connect = ms(50)).start(&[hole.address()]);
    let answer = scene.client().get("/");
    assert_eq!(answer.status, 504);
    scene.expect_ends(E::ConnectTimeout, 1);
    assert!(answer.text().starts_with("Backend server unreachable"));
    assert_eq!(scene.attempts(0), 3);
}

/// Fault 2, as far as timeouts go: the kernel accepts, the process never answers.
#[test]
fn an_endpoint_that_never_answers_delays_a_get_and_fails_a_post() {
    let ledger = Ledger::new();
    let origins = ["hung", "well"].map(|name| Origin::start(name).recorded_in(&ledger));
    origins[0].answer(Answer::never());
    let scene = Setup::new()
        .workers(1)
        .timeouts(|timeouts| timeouts.response_head = ms(1000))
        .start(&origins.each_ref().map(Origin::address));
    let load = scene.load().clients(1).requests(8).recorded_in(&ledger);
    let tally = load.call(|n| if n < 4 { Call::get("/") } else { Call::post("/", "x") }).run();
    assert!(ledger.duplicated_unsafely().is_empty(), "{}", ledger.report());
    scene.expect_ends(E::ResponseTimeout, 2);
    assert_eq!((tally.ok(), tally.failed()), (6, 2), "{}", tally.report());
    assert!(scene.failures(0, F::ResponseTimeout) >= 4, "{}", tally.report());
    scene.settle_with(&[]);
}

#[test]
fn an_endpoint_that_never_reads_is_given_up_in_time() {
    let hung = Origin::start("hung");
    hung.set_accept(Accept::Ignore);
    let scene = Setup::new()
        .timeouts(|timeouts| (timeouts.response_head, timeouts.body_idle) = (ms(100), ms(100)))
        .retry(|retry| retry.attempts = 0)
        .start(&[hung.address()]);
    assert_eq!(scene.client().get("/").status, 504);
    let mut client = scene.client();
    // More than all socket buffers on the way hold.
    let body = vec![b'x'; 32 * 1024 * 1024];
    let _ = client.request("POST", "/", &[], &body);
    assert_eq!(client.read_response().unwrap().status, 504);
    scene.expect_ends(E::ResponseTimeout, 1);
    scene.expect_ends(E::EndpointWriteTimeout, 1);
}

#[test]
fn all_attempts_together_have_one_limit() {
    let hung = ["a", "b", "c"].map(Origin::start);
    for origin in &hung {
        origin.answer(Answer::never());
    }
    let scene = Setup::new()
        .timeouts(|timeouts| (timeouts.response_head, timeouts.total) = (ms(1000), ms(1900)))
        .start(&hung.each_ref().map(Origin::address));
    assert_eq!(scene.client().get("/").status, 504);
    let asked: usize = hung.iter().map(Origin::request_count).sum();
    assert_eq!(asked, 2, "the third attempt would come after the limit");
    scene.settle_with(&[&hung[0], &hung[1], &hung[2]]);
}

/// Fault 6: the machine is gone or the way to it, and nobody is left to say so.
#[test]
fn a_request_that_does_not_arrive_is_tried_elsewhere_long_before_its_timeout() {
    let (gone, well) = (TcpListener::bind("127.0.0.1:0").unwrap(), Origin::start("well"));
    let scene = Setup::new().workers(1).start(&[gone.local_addr().unwrap(), well.address()]);
    let mut client = scene.client();
    client.request("GET", "/", &[], b"").unwrap();
    let (mut stream, _) = gone.accept().unwrap();
    assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    assert_eq!(client.read_response().unwrap().text(), "ok");
    assert_eq!(client.get("/").text(), "Hello from well\n");
    // From here on its kernel drops what arrives before it is acknowledged.
    SockRef::from(&stream).attach_filter(&[SockFilter::new(0x06, 0, 0, 0)]).unwrap();
    assert_eq!(client.get("/").text(), "Hello from well\n");
    assert_eq!((scene.attempts(0), scene.failures(0, F::WriteTimeout)), (2, 1));
    assert_eq!(scene.errors(0), 1);
}

/// While a body is on its way nobody is waited for in vain: its pace is bounded, not its length.
#[test]
fn an_upload_longer_than_the_limit_for_all_attempts_is_answered() {
    let (origin, total) = (Origin::start("only"), ms(5000));
    origin.on("/hang", Answer::never());
    let scene = Setup::new().timeouts(|timeouts| timeouts.total = total).start(&[origin.address()]);
    let mut uploading = scene.client();
    uploading.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    uploading.send("1\r\nx\r\n").unwrap();
    eventually(PATIENCE, "the upload has begun", || origin.connection_count() == 1);
    // An exchange that begins later meets its limit, so the upload has lasted for longer.
    assert_eq!(scene.client().get("/hang").status, 504);
    uploading.send("0\r\n\r\n").unwrap();
    assert_eq!(uploading.read_response().unwrap().status, 200);
    scene.expect_ends(E::ResponseTimeout, 1);
}

/// What the upload did not take counts as before.
#[test]
fn the_limit_for_all_attempts_holds_after_an_upload_too() {
    let hung = Origin::start("hung");
    hung.answer(Answer::sequence(vec![Step::ReadBody, Step::Hang]));
    let scene =
        Setup::new().timeouts(|timeouts| timeouts.total = ms(1500)).start(&[hung.address()]);
    let mut client = scene.client();
    client.request("PUT", "/", &[], &vec![b'x'; 4 * 1024 * 1024]).unwrap();
    assert_eq!(client.read_response().unwrap().status, 504);
    scene.expect_ends(E::ResponseTimeout, 1);
    assert_eq!(hung.request_count(), 1);
}

#[test]
fn a_response_that_stalls_is_cut() {
    let hung = Origin::start("hung");
    let scene =
        Setup::new().timeouts(|timeouts| timeouts.body_idle = ms(100)).start(&[hung.address()]);
    for shape in [Answer::ok().body_of(1000), Answer::ok().body_of(1000).chunked()] {
        hung.answer(shape.hang_at(Point::MidBody));
        let mut client = scene.client();
        client.request("GET", "/", &[], b"").unwrap();
        assert!(client.read_response().is_err());
    }
    scene.expect_ends(E::ResponseStalled, 2);
    assert_eq!(scene.failures(0, F::Stalled), 2);
    scene.settle_with(&[&hung]);
}
