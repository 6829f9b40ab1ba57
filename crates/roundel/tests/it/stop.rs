//! The end of the process: what runs is finished, within bounds, and nobody is cut off unawares.

use std::time::Duration;

use roundel_testkit::deadline::{Gate, PATIENCE};
use roundel_testkit::ledger::Outcome;
use roundel_testkit::load::Kind;
use roundel_testkit::{Answer, Balancer, Ledger, Load, Origin, RawClient, eventually};
use rustix::process::Signal;

use crate::site::{ADMIN, NO_CHECK, count_of, mixed_load, origins, pool_of, web};

fn config(origins: &[Origin], more: &str) -> String {
    format!("{ADMIN}{more}{}{}", web(), pool_of(origins, NO_CHECK))
}

/// Stops a balancer under `load` and asserts that each request was answered or never accepted.
#[track_caller]
fn assert_stops_gently(mut balancer: Balancer, load: Load, ledger: &Ledger, signal: Signal) {
    let load = load.start();
    load.wait_for(100);
    balancer.signal(signal);
    load.wait_for(50);
    eventually(PATIENCE, "the door is shut", || {
        RawClient::try_connect(balancer.address(), Duration::from_secs(1)).is_err()
    });
    let tally = load.finish();
    assert_eq!(balancer.wait().code(), Some(0), "{}", balancer.output());
    assert!(tally.ok() >= 100, "{}", tally.report());
    // After the door is shut a client finds it so before it has sent a byte, and goes elsewhere.
    assert_eq!(tally.failed(), tally.count(Kind::Connect), "{}", tally.report());
    for entry in ledger.lost() {
        let is_refused =
            matches!(&entry.outcome, Some(Outcome::Failed(why)) if why.starts_with("Connect"));
        assert!(is_refused && entry.seen.is_empty(), "{entry:?}");
    }
    assert!(ledger.duplicated_unsafely().is_empty(), "{}", ledger.report());
    assert_eq!(count_of(&balancer, "ERROR"), 0, "{}", balancer.output());
}

#[test]
fn a_stop_under_load_loses_no_request() {
    for signal in [Signal::TERM, Signal::INT] {
        let ledger = Ledger::new();
        let origins = origins(["a", "b"], &ledger);
        let balancer = Balancer::start(&config(&origins, ""));
        let load = mixed_load(&balancer, &ledger);
        assert_stops_gently(balancer, load, &ledger, signal);
    }
}

#[test]
fn a_stop_loses_no_request_of_clients_that_connect_for_each() {
    let ledger = Ledger::new();
    let origins = origins(["a", "b"], &ledger);
    let balancer = Balancer::start(&config(&origins, ""));
    let close = |n| match n % 3 {
        0 => roundel_testkit::Call::post("/order", "x").field("Connection", "close"),
        _ => roundel_testkit::Call::get("/").field("Connection", "close"),
    };
    let load = Load::new(balancer.address()).clients(8).endless().call(close).recorded_in(&ledger);
    assert_stops_gently(balancer, load, &ledger, Signal::TERM);
}

#[test]
fn what_runs_is_finished_and_idle_connections_do_not_hold_up_the_end() {
    let origin = Origin::start("a");
    let (head, body) = (Gate::shut(), Gate::shut());
    origin.on("/head", Answer::ok().hold(&head));
    origin.on("/body", Answer::ok().body_of(300_000).in_parts_of(100_000).hold_body(&body));
    let origins = [origin];
    let mut balancer = Balancer::start(&config(&origins, "[shutdown]\ngrace = \"1h\"\n"));
    let mut idle = balancer.client();
    assert_eq!(idle.get("/").status, 200);
    let never_used = balancer.client();
    let mut waiting = balancer.client();
    waiting.request("GET", "/head", &[], b"").unwrap();
    let mut reading = balancer.client();
    reading.request("GET", "/body", &[], b"").unwrap();
    origins[0].wait_for_requests(3);

    balancer.signal(Signal::TERM);
    balancer.wait_for_line("stopping");
    eventually(PATIENCE, "idle connections are closed", || {
        idle.is_closed() && never_used.is_closed()
    });
    // A reload that comes too late is no reason to stumble.
    balancer.signal(Signal::HUP);
    head.open();
    let response = waiting.read_response().unwrap();
    assert_eq!(response.status, 200);
    assert!(!response.keeps_alive(), "the client is told that this was the last one");
    body.open();
    let response = reading.read_response().unwrap();
    assert_eq!((response.status, response.body.len()), (200, 300_000));
    assert_eq!(balancer.wait().code(), Some(0), "{}", balancer.output());
    balancer.wait_for_line("INFO stopped");
}

#[test]
fn what_outlives_the_grace_time_is_cut_and_said_to_be() {
    let origin = Origin::start("a");
    origin.answer(Answer::never());
    origin.on("/half", Answer::ok().body_of(1_000).hang_at(roundel_testkit::Point::MidBody));
    let origins = [origin];
    let more = "[shutdown]\ngrace = \"300ms\"\n[access_log]\nformat = \"json\"\n";
    let mut balancer = Balancer::start(&config(&origins, more));
    let mut waiting = balancer.client();
    waiting.request("GET", "/never", &[], b"").unwrap();
    let mut half = balancer.client();
    half.request("GET", "/half", &[], b"").unwrap();
    origins[0].wait_for_requests(2);
    half.read_head().unwrap();

    balancer.signal(Signal::TERM);
    assert_eq!(balancer.wait().code(), Some(0), "{}", balancer.output());
    let warning = balancer.wait_for_line("exchanges outlived the grace time");
    assert!(warning.contains("WARN") && warning.contains("exchanges_cut=2"), "{warning}");
    waiting.read_response().unwrap_err();
    // Whoever has half an answer must not take it for whole.
    half.read_exact(1_000).unwrap_err();
    let lines = balancer.stdout();
    assert_eq!(lines.len(), 2, "{}", balancer.output());
    for line in lines {
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["end"], "shutdown", "{line}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let origin = Origin::start("a");
        origin.answer(Answer::never());
        let origins = [origin];
        let mut balancer = Balancer::start(&config(&origins, "[shutdown]\ngrace = \"1h\"\n"));
        let mut waiting = balancer.client();
        waiting.request("GET", "/", &[], b"").unwrap();
        origins[0].wait_for_requests(1);
        balancer.signal(signal);
        balancer.wait_for_line("stopping");
        balancer.signal(signal);
        assert_eq!(balancer.wait().code(), Some(code), "{}", balancer.output());
        assert_eq!(count_of(&balancer, "stopped at once"), 1);
    }
}
