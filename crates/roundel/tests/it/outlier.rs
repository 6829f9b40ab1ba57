//! Endpoints whose probes are fine and whose answers are not.

use roundel_testkit::load::Kind;
use roundel_testkit::{Answer, Origin, eventually};

use crate::scene::{CHECK, NO_CHECK, SOON, Scene, plain};

/// Fast and wrong is worse than dead: nothing attracts more traffic where load decides.
#[test]
fn an_endpoint_that_answers_500_gets_no_more_than_it_takes_to_notice() {
    for balance in ["round_robin", "least_request", "p2c", "random"] {
        let origins = ["a", "b", "c"].map(Origin::start);
        origins[1].answer(Answer::status(500));
        let balance = format!("balance = \"{balance}\"");
        let scene = Scene::start(&plain(&origins), &[CHECK, &balance]);
        scene.wait_all_healthy(&origins);
        // How many more come before it is noticed is a matter of the machine, so nobody asks then.
        let mut client = scene.balancer.client();
        let mut failed = 0;
        while failed < 5 {
            failed += usize::from(client.get("/").status == 500);
        }
        scene.wait("b", "ejected", |state| state.is_ejected);
        scene.load().clients(4).requests(400).run().assert_all_ok();
        assert_eq!(origins[1].request_count(), failed, "{balance}");
        let line = scene.balancer.wait_for_line("endpoint ejected");
        assert!(line.contains("failed attempts in a row (limit 5)"), "{line}");
        assert!(line.contains("seconds=10"), "{line}");
    }
}

#[test]
fn an_ejection_ends_and_the_next_one_is_longer() {
    let origins = ["a", "b"].map(Origin::start);
    origins[0].answer(Answer::status(500));
    let keys = "outlier_detection = { base_ejection = \"400ms\", max_ejection = \"1s\" }";
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, keys]);
    let load = scene.load().clients(1).per_second(500).endless().start();
    eventually(SOON, "it was ejected three times", || scene.lines("endpoint ejected").len() >= 3);
    origins[0].answer(Answer::ok().body("well again"));
    let lines = scene.lines("endpoint ejected");
    for (line, seconds) in lines.iter().zip(["0.4", "0.8", "1.0"]) {
        assert!(line.ends_with(&format!("seconds={seconds}")), "{}", lines.join("\n"));
    }
    scene.wait("a", "back", |state| state.is_eligible);
    let before = scene.state("a").requests;
    scene.wait("a", "in use", |state| state.requests > before + 20);
    load.finish();
    assert_eq!(scene.share("a", 10), 5);
}

#[test]
fn the_last_endpoint_is_never_ejected() {
    let origins = ["a", "b"].map(Origin::start);
    for origin in &origins {
        origin.answer(Answer::status(500));
    }
    let keys = "outlier_detection = { max_ejected = \"100%\", base_ejection = \"1h\", max_ejection = \"1h\" }";
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, keys]);
    let tally = scene.load().requests(1000).run();
    assert_eq!(tally.count(Kind::Status(500)), 1000, "{}", tally.report());
    scene.balancer.wait_for_line("endpoint ejected");
    assert_eq!(scene.lines("endpoint ejected").len(), 1);
    for origin in &origins {
        origin.answer(Answer::ok());
    }
    scene.load().requests(100).run().assert_all_ok();
}

#[test]
fn no_more_than_the_allowed_share_is_ejected() {
    let origins = ["a", "b", "c", "d", "e"].map(Origin::start);
    for origin in &origins[..4] {
        origin.answer(Answer::status(503));
    }
    let keys = "outlier_detection = { max_ejected = \"40%\", base_ejection = \"1h\", max_ejection = \"1h\" }";
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, keys]);
    scene.load().requests(500).run();
    let ejected = || origins.iter().filter(|it| scene.state(it.name()).is_ejected).count();
    eventually(SOON, "two are ejected", || ejected() == 2);
    scene.load().requests(500).run();
    assert_eq!(ejected(), 2);
}

/// Four of five good ones never make five bad ones in a row.
#[test]
fn a_low_share_of_successes_ejects_where_errors_in_a_row_do_not() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let count = std::sync::atomic::AtomicU64::new(0);
    origins[2].respond(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        number.is_multiple_of(3).then(|| Answer::status(500))
    });
    let keys = r#"outlier_detection = { base_ejection = "1h", max_ejection = "1h", success_rate = { interval = "1s", minimum_requests = 20, below = "85%" } }"#;
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, keys]);
    let load = scene.load().clients(2).per_second(600).endless().start();
    scene.wait("c", "ejected", |state| state.is_ejected);
    let before = scene.state("c").requests;
    load.wait_for(300);
    let after = scene.state("c").requests;
    load.finish();
    assert!(after - before <= 2, "what was under way: {}", after - before);
    let line = scene.balancer.wait_for_line("endpoint ejected");
    assert!(line.contains("attempts good (limit 85 %)"), "{line}");
    assert!(!scene.state("a").is_ejected && !scene.state("b").is_ejected);
}
