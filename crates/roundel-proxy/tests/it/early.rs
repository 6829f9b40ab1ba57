//! Final responses that come while the request is still on its way (RFC 9112 §9.3, §9.6).

use std::io::Write;

use roundel_core::end::EndReason as E;
use roundel_testkit::{Answer, Origin, RawClient, Step};

use crate::scene::{PATIENCE, Setup};

const TOTAL: usize = 100 * 1024 * 1024;

fn refusal(reads: u64, then: Step) -> Answer {
    Answer::sequence(vec![
        Step::ReadBytes(reads),
        Step::Write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 10000\r\n\r\n".to_vec()),
        Step::Fill(10_000),
        then,
    ])
}

/// Whatever the origin does after its answer, the client gets all of it and an orderly close, though
/// it is sending all the while.
#[test]
fn an_early_refusal_reaches_a_client_that_goes_on_sending() {
    for then in [Step::Close, Step::Reset, Step::ReadBody] {
        let origin = Origin::start("only");
        origin.answer(refusal(64 * 1024, then.clone()));
        let scene = Setup::new().start(&[origin.address()]);
        let mut client = scene.client();
        client
            .send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {TOTAL}\r\n\r\n"))
            .unwrap();
        let got = send_while_reading(&mut client);
        assert_eq!(
            (got.status, got.body.len(), got.keeps_alive()),
            (413, 10_000, false),
            "{then:?}"
        );
        scene.expect_ends(E::Ok, 1);
        scene.settle_with(&[&origin]);
        // A connection that holds half a request is no good for the next.
        assert_eq!(origin.open_connections(), 0, "{then:?}");
    }
}

/// Sends until there is an answer, then a little more, then reads.
fn send_while_reading(client: &mut RawClient) -> roundel_testkit::Response {
    let block = vec![b'x'; 64 * 1024];
    let mut sender = client.duplicate().unwrap();
    sender.set_write_timeout(Some(PATIENCE)).unwrap();
    std::thread::scope(|threads| {
        threads.spawn(move || {
            let mut sent = 0;
            while sent < TOTAL {
                // The other end stops reading at some time, which is its right.
                if sender.write_all(&block).is_err() {
                    return;
                }
                sent += block.len();
            }
        });
        let got = client.read_response().unwrap();
        assert!(client.read_to_close().unwrap().is_empty());
        // Ends the sender, if it has not been cut off yet.
        let _ = client.duplicate().unwrap().shutdown(std::net::Shutdown::Both);
        got
    })
}

#[test]
fn an_early_answer_to_a_whole_request_costs_no_connection() {
    let origin = Origin::start("only");
    origin.answer(Answer::ok().early());
    let scene = Setup::new().workers(1).start(&[origin.address()]);
    let mut client = scene.client();
    for _ in 0..20 {
        client.request("POST", "/", &[], b"short").unwrap();
        let got = client.read_response().unwrap();
        assert_eq!((got.status, got.keeps_alive()), (200, true));
    }
    assert_eq!(origin.connection_count(), 1);
}

#[test]
fn an_answer_that_follows_the_upload_piece_by_piece_passes_while_it_runs() {
    let origin = Origin::start("only");
    origin.answer(Answer::sequence(vec![
        Step::Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        Step::Write(b"5\r\nfirst\r\n".to_vec()),
        Step::ReadBody,
        Step::Write(b"4\r\nlast\r\n0\r\n\r\n".to_vec()),
    ]));
    let scene = Setup::new().start(&[origin.address()]);
    let mut client = scene.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    assert_eq!(client.read_head().unwrap().0, 200);
    assert_eq!(client.read_exact(10).unwrap(), b"5\r\nfirst\r\n");
    client.send("3\r\nabc\r\n0\r\n\r\n").unwrap();
    assert_eq!(client.read_to_close().unwrap(), b"4\r\nlast\r\n0\r\n\r\n");
    scene.expect_ends(E::Ok, 1);
    assert_eq!(origin.requests()[0].body_bytes, 3);
}
