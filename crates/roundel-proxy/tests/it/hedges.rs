//! Fault 2, for those who wait already: a request at an endpoint that has fallen silent is sent to
//! another as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use roundel_core::end::{AttemptFailure, EndReason};
use roundel_core::endpoint::{AdminState, Health};
use roundel_core::policy::{Balance, HashKey, RetryPolicy};
use roundel_telemetry::RequestFilter;
use roundel_testkit::ports::{BlackHole, Refusing};
use roundel_testkit::{Answer, Call, Gate, Ledger, Origin, Point, RawClient, eventually};

use crate::scene::{PATIENCE, Scene, Setup, endpoint};
use crate::silence::{Stoppable, hang, start};

const SILENT_AFTER: Duration = Duration::from_millis(50);

/// A stopped endpoint, a well one, and two requests that wait at the stopped one.
struct Stopped {
    stoppable: Stoppable,
    well: Origin,
    scene: Scene,
    waiting: Vec<RawClient>,
}

impl Stopped {
    /// Nothing is hedged yet.
    fn new() -> Self {
        let (stoppable, well) = (Stoppable::start("stopped"), Origin::start("well"));
        let setup = Setup::new()
            .policy(|policy| policy.silent_after = SILENT_AFTER)
            .retry(|retry| retry.hedge = false);
        let scene = start(setup, &[stoppable.origin.address(), well.address()]);
        stoppable.stop();
        let waiting = hang(&scene, &stoppable.origin, Some(&well), 2);
        Self { stoppable, well, scene, waiting }
    }

    /// Hedges from now on, as `change` has it.
    fn hedge(&mut self, change: impl FnOnce(&mut RetryPolicy)) {
        self.scene.publish(|stage| {
            let mut policy = (*stage.policy).clone();
            policy.retry.hedge = true;
            change(&mut policy.retry);
            stage.policy = Arc::new(policy);
        });
    }

    /// Waits until requests have waited far longer than it takes to hedge them.
    fn outwait(&self) {
        let silences = || self.scene.endpoint(0, |shard| shard.silences.value());
        eventually(PATIENCE, "the silence is noticed", || silences() == 1);
        std::thread::sleep(SILENT_AFTER * 8);
    }

    fn hedges(&self) -> u64 {
        self.scene.pool(|shard| shard.hedges.value())
    }

    /// Has the stopped endpoint go on, and sees that those who wait there are answered by it.
    #[track_caller]
    fn expect_delayed(&mut self) {
        self.stoppable.resume();
        for client in &mut self.waiting {
            assert_eq!(client.read_response().unwrap().text(), "delayed");
        }
    }

    /// Sees that those who wait are answered by the other.
    #[track_caller]
    fn expect_helped(&mut self) {
        for client in &mut self.waiting {
            assert_eq!(client.read_response().unwrap().text(), "Hello from well\n");
        }
    }

    /// Sees that the clients' connections take further requests.
    #[track_caller]
    fn expect_more(&mut self) {
        for client in &mut self.waiting {
            (0..4).for_each(|_| assert_eq!(client.get("/").status, 200));
        }
    }
}

#[test]
fn who_waits_at_a_silent_endpoint_is_answered_by_another() {
    let mut stopped = Stopped::new();
    stopped.hedge(|_| {});
    stopped.expect_helped();
    let scene = &stopped.scene;
    assert_eq!((stopped.hedges(), scene.failures(0, AttemptFailure::Overtaken)), (2, 2));
    assert_eq!(scene.errors(0), 0, "a silence is no error");
    eventually(PATIENCE, "it is left alone", || scene.in_flight(0) == 0);

    let all = || scene.requests.recent(&RequestFilter::default(), 100);
    let both = || all().into_iter().filter(|it| it.attempts == 2);
    eventually(PATIENCE, "both are told", || both().count() == 2);
    let told = scene.requests.find(&both().next().unwrap().id).unwrap();
    assert_eq!(told.summary.end, EndReason::Ok);
    assert_eq!(told.summary.endpoint.as_deref(), Some("Server 2"));
    let outcomes: Vec<_> = told.attempts.iter().map(|it| it.outcome.code()).collect();
    assert_eq!(outcomes, ["overtaken", "ok"]);
    let started: Vec<_> = told.attempts.iter().map(|it| it.started_us).collect();
    assert!(started[1] - started[0] >= 2 * SILENT_AFTER.as_micros() as u64 - 2000, "{started:?}");
    stopped.stoppable.resume();
    stopped.expect_more();
}

#[test]
fn the_first_to_answer_wins_though_it_was_silent() {
    let mut stopped = Stopped::new();
    let gate = Gate::default();
    stopped.well.answer(Answer::ok().hold(&gate));
    let reached = stopped.well.request_count();
    stopped.hedge(|_| {});
    stopped.well.wait_for_requests(reached + 2);
    stopped.expect_delayed();
    let scene = &stopped.scene;
    eventually(PATIENCE, "the other is left alone", || scene.in_flight(1) == 0);
    assert_eq!(scene.failures(0, AttemptFailure::Overtaken), 0);
    assert_eq!(scene.failures(1, AttemptFailure::Overtaken), 0);
    stopped.well.answer(Answer::ok());
    gate.open();
    // The endpoint's connections are sound as well.
    let made = stopped.scene.endpoint(0, |shard| shard.connections_made.value());
    stopped.expect_more();
    assert_eq!(stopped.scene.endpoint(0, |shard| shard.connections_made.value()), made);
}

#[test]
fn it_wins_also_while_a_connection_to_the_other_is_being_made() {
    let (hole, mut stopped) = (BlackHole::bind(), Stopped::new());
    stopped.scene.publish(|stage| stage.endpoints[1] = endpoint(7, hole.address()));
    stopped.hedge(|_| {});
    eventually(PATIENCE, "both are hedged", || stopped.hedges() == 2);
    stopped.expect_delayed();
    stopped.scene.publish(|stage| stage.endpoints.truncate(1));
    stopped.expect_more();
}

#[test]
fn a_hedge_stands_in_for_an_attempt_that_fails() {
    let mut stopped = Stopped::new();
    let gate = Gate::default();
    stopped.well.answer(Answer::ok().body("in the end").hold(&gate));
    let reached = stopped.well.request_count();
    stopped.hedge(|_| {});
    stopped.well.wait_for_requests(reached + 2);
    stopped.stoppable.origin.kill();
    let scene = &stopped.scene;
    let closed = || {
        let of = |failure| scene.failures(0, failure);
        of(AttemptFailure::ReusedClosed) + of(AttemptFailure::Closed)
    };
    eventually(PATIENCE, "the attempts have failed", || closed() == 2);
    gate.open();
    for client in &mut stopped.waiting {
        assert_eq!(client.read_response().unwrap().text(), "in the end");
    }
    assert_eq!(stopped.well.request_count(), reached + 2, "neither is sent a third time");
}

#[test]
fn an_attempt_goes_on_when_its_hedge_fails() {
    let mut stopped = Stopped::new();
    stopped.well.answer(Answer::ok().reset_at(Point::BeforeHead));
    stopped.hedge(|_| {});
    let scene = &stopped.scene;
    let failed = || {
        let of = |failure| scene.failures(1, failure);
        of(AttemptFailure::ReusedClosed) + of(AttemptFailure::Closed)
    };
    eventually(PATIENCE, "hedges fail", || failed() >= 2);
    stopped.expect_delayed();
    stopped.well.answer(Answer::ok());
    stopped.expect_more();
}

#[test]
fn a_hedge_that_finds_nobody_is_followed_by_one_elsewhere() {
    let (refusing, mut stopped) = (Refusing::bind(), Stopped::new());
    stopped.scene.publish(|stage| stage.endpoints.insert(1, endpoint(7, refusing.address())));
    stopped.hedge(|_| {});
    stopped.expect_helped();
}

#[test]
fn who_answers_probes_is_slow_but_not_stopped() {
    let mut stopped = Stopped::new();
    stopped.outwait();
    stopped.scene.stage.endpoints[0].shared.note_probe(true);
    stopped.hedge(|_| {});
    stopped.outwait();
    assert_eq!(stopped.hedges(), 0);
    stopped.scene.stage.endpoints[0].shared.note_probe(false);
    stopped.expect_helped();
}

/// One request that waits is no silence, with a hash or zero nothing is: then it takes a verdict.
#[test]
fn who_waits_alone_is_helped_when_probes_that_nobody_answers_make_the_endpoint_unhealthy() {
    let key = Balance::Hash(HashKey::Uri);
    for (silent_after, balance) in [
        (SILENT_AFTER, Balance::RoundRobin),
        (SILENT_AFTER, key),
        (Duration::ZERO, Balance::LeastRequest),
    ] {
        let (stoppable, well) = (Stoppable::start("stopped"), Origin::start("well"));
        let setup = Setup::new().policy(|policy| {
            policy.silent_after = silent_after;
            policy.balance = balance;
        });
        let mut scene = start(setup, &[stoppable.origin.address(), well.address()]);
        scene.publish(|stage| stage.endpoints[1].facts.admin_state = AdminState::Draining);
        stoppable.stop();
        let mut waiting = hang(&scene, &stoppable.origin, None, 1).remove(0);
        scene.publish(|stage| {
            stage.endpoints[1].facts.admin_state = AdminState::Enabled;
            stage.endpoints[0].facts.health = Health::Unhealthy;
        });
        std::thread::sleep(SILENT_AFTER * 8);
        let hedges = || scene.pool(|shard| shard.hedges.value());
        assert_eq!(hedges(), 0, "unhealthy, but not for want of an answer");
        scene.stage.endpoints[0].shared.note_probe(false);
        assert_eq!(waiting.read_response().unwrap().text(), "Hello from well\n");
        assert_eq!((hedges(), scene.endpoint(0, |shard| shard.silences.value())), (1, 0));
    }
}

#[test]
fn without_a_second_attempt_nothing_is_hedged() {
    let mut stopped = Stopped::new();
    stopped.hedge(|retry| retry.attempts = 0);
    stopped.outwait();
    assert_eq!(stopped.hedges(), 0);
    stopped.expect_delayed();
}

#[test]
fn what_may_change_something_or_has_a_body_waits() {
    let mut stopped = Stopped::new();
    stopped.scene.publish(|stage| stage.endpoints[1].facts.admin_state = AdminState::Draining);
    let reached = stopped.stoppable.origin.request_count();
    let mut unsafe_ones: Vec<RawClient> =
        [("POST", ""), ("PUT", ""), ("DELETE", ""), ("LOCK", ""), ("GET", "a body")]
            .into_iter()
            .map(|(method, body)| {
                let mut client = stopped.scene.client();
                client.request(method, "/", &[], body.as_bytes()).unwrap();
                client
            })
            .collect();
    stopped.stoppable.origin.wait_for_requests(reached + unsafe_ones.len());
    stopped.scene.publish(|stage| stage.endpoints[1].facts.admin_state = AdminState::Enabled);
    stopped.hedge(|_| {});
    stopped.expect_helped();
    stopped.outwait();
    assert_eq!(stopped.hedges(), 2);
    stopped.stoppable.resume();
    for client in &mut unsafe_ones {
        assert_eq!(client.read_response().unwrap().text(), "delayed");
    }
}

/// Endpoints stop and go on by turns, so that sometimes the one and sometimes the other wins.
#[test]
fn under_load_nothing_is_lost_mixed_up_or_leaked_and_only_reads_are_doubled() {
    const PAUSE: Duration = Duration::from_millis(200);
    let ledger = Ledger::new();
    let stopped = Arc::new(AtomicUsize::new(usize::MAX));
    let origins = ["a", "b", "c"].map(|name| Origin::start(name).recorded_in(&ledger));
    for (index, origin) in origins.iter().enumerate() {
        let stopped = stopped.clone();
        origin.respond(move |request| {
            let answer = Answer::ok().body_of(request.target.len() as u64 * 5000);
            let is_stopped = stopped.load(Relaxed) == index;
            Some(if is_stopped { answer.pause_before(PAUSE) } else { answer })
        });
    }
    let setup = Setup::new().policy(|policy| policy.silent_after = Duration::from_millis(5));
    let scene = setup.start(&origins.each_ref().map(Origin::address));
    let call = |number: u64| {
        let target = format!("/{}", "x".repeat(number as usize % 20));
        match number % 8 {
            0 => Call::post(&target, "one more"),
            1 => Call::new("PUT", &target),
            _ => Call::get(&target),
        }
    };
    let load = scene.load().clients(16).endless().recorded_in(&ledger).call(call).start();
    for round in 0..9 {
        load.wait_for(400);
        stopped.store(round % 3, Relaxed);
        load.wait_for(100);
        stopped.store(usize::MAX, Relaxed);
    }
    load.finish().assert_all_ok();
    assert!(ledger.lost().is_empty(), "{}", ledger.report());
    let doubled = ledger.duplicated();
    assert!(doubled.iter().all(|entry| entry.method == "GET"), "{}", ledger.report());
    scene.settle_with(&[]);
    let hedges = scene.pool(|shard| shard.hedges.value());
    let overtaken: u64 = (0..3).map(|it| scene.failures(it, AttemptFailure::Overtaken)).sum();
    assert!(overtaken > 0 && overtaken <= hedges, "{overtaken} of {hedges}");
}
