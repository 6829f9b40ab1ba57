//! Everything at once, at random, from a seed: what must hold whatever happens.

use std::sync::Mutex;
use std::time::Duration;

use roundel_testkit::load::Kind;
use roundel_testkit::{Accept, Answer, Call, Ledger, Origin, Point, RawClient};

use crate::scene::{Setup, ms};

/// Small, seeded and good enough to be unlike any pattern (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

fn misbehaviour(random: &mut Random) -> Option<Answer> {
    let point =
        [Point::BeforeHead, Point::MidHead, Point::AfterHead, Point::MidBody, Point::AfterBody]
            [random.below(5) as usize];
    let size = random.below(200_000);
    let body = match random.below(3) {
        0 => Answer::ok().body_of(size),
        1 => Answer::ok().body_of(size).in_parts_of(1 + size / 7).chunked(),
        _ => Answer::ok().body_of(size).until_close(),
    };
    Some(match random.below(24) {
        0 => body.reset_at(point),
        1 => body.close_at(point),
        2 => body.hang_at(point),
        3 => Answer::never(),
        4 => Answer::raw("HTTP/1.1 nonsense\r\n\r\n"),
        5 => Answer::status(503),
        // Announced to end, so that what comes too much can't be another request's answer: on a
        // kept connection it might cross the next request, which nobody could tell.
        6 => body.close().then_bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nextra"),
        7 => body.early(),
        8 => body.close(),
        9 => body.close_unannounced(),
        10 => body.interim(103, &[("Link", "</a>")]),
        11 => body.http_1_0(),
        12 => Answer::close_after_body_bytes(10),
        _ => return None,
    })
}

#[test]
fn whatever_happens_nothing_is_leaked_mixed_up_or_done_twice() {
    for seed in [1, 2, 3] {
        round(seed);
    }
}

fn round(seed: u64) {
    println!("seed {seed}");
    let ledger = Ledger::new();
    let origins = ["a", "b", "c"].map(|name| Origin::start(name).recorded_in(&ledger));
    for (origin, salt) in origins.iter().zip(1..) {
        let random = Mutex::new(Random(seed * 1000 + salt));
        origin.respond(move |_| misbehaviour(&mut random.lock().unwrap()));
        origin.close_when_idle(ms(5));
    }
    let scene = Setup::new()
        .timeouts(|timeouts| {
            timeouts.response_head = ms(50);
            timeouts.body_idle = ms(50);
            timeouts.total = ms(500);
        })
        .retry(|retry| retry.statuses = vec![503])
        .limits(4, 8, ms(100))
        .start(&origins.each_ref().map(Origin::address));
    let load = scene
        .load()
        .clients(16)
        .requests(1200)
        .patience(Duration::from_secs(10))
        .recorded_in(&ledger)
        .call(|n| match n % 4 {
            0 => Call::post("/", vec![b'x'; (n as usize * 97) % 150_000]),
            1 => Call::new("PUT", "/"),
            _ => Call::get("/"),
        })
        .start();
    let mut random = Random(seed);
    while load.ended() < 1000 {
        let mut client = scene.client();
        let _ = client.request("GET", "/", &[], b"");
        match random.below(4) {
            0 => client.reset(),
            1 => drop(client),
            2 => drop(RawClient::half_close(&client)),
            _ => drop(client.read_response()),
        }
        let accept = if random.below(3) == 0 { Accept::Reset } else { Accept::Serve };
        origins[random.below(3) as usize].set_accept(accept);
    }
    let tally = load.join();
    for kind in [Kind::Timeout, Kind::Mixed, Kind::Malformed, Kind::Connect] {
        assert_eq!(tally.count(kind), 0, "seed {seed}, {kind:?}: {}", tally.report());
    }
    assert!(ledger.duplicated_unsafely().is_empty(), "seed {seed}: {}", ledger.report());
    assert!(tally.ok() > 0, "seed {seed}: {}", tally.report());
    scene.settle_with(&[]);
}
