//! What is done about a silence, and who is told.

use roundel_core::policy::{HttpProbe, Probe};

use super::*;

#[test]
fn a_silence_brings_a_probe_and_is_told_if_it_lasts() {
    let mut world = World::well(policy(), &[A, B]);
    let endpoint = world.find(A);
    world.wait(2 * SECOND);
    world.said();
    let silent = Signal::Silent(endpoint.id, Duration::from_millis(312));
    world.model.signalled(&silent, world.now);
    assert_eq!(world.model.next_wake(), world.now, "a probe is due");

    // It stutters: nobody is told.
    world.wait(3 * SECOND);
    assert!(!world.said().iter().any(|said| said.contains("silent") || said.contains("again")));

    // It lasts, and the signal may be lost: told once, and its end as well.
    endpoint.shared.note_silence();
    world.wait(4 * SECOND);
    let of_silence = |said: Vec<String>| -> Vec<String> {
        said.into_iter().filter(|it| it.contains("silent") || it.contains("again")).collect()
    };
    let told = of_silence(world.said());
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.starts_with("pool \"web\": endpoint 10.0.0.1:80: silent: requests wait, none"));
    endpoint.shared.note_answer();
    world.wait(2 * SECOND);
    let heard = "pool \"web\": endpoint 10.0.0.1:80: answers again";
    assert_eq!(of_silence(world.said()), [heard]);
}

#[test]
fn an_answered_probe_ends_a_silence_at_which_nobody_waits() {
    let mut policy = policy();
    policy.health_check.as_mut().unwrap().probe = http();
    let mut world = World::well(policy, &[A, B]);
    let endpoint = world.find(A);
    endpoint.shared.try_start(None);
    endpoint.shared.note_silence();
    world.probe_finds(A, &good());
    assert!(endpoint.shared.is_silent(), "one waits, and is not answered");
    endpoint.shared.end();
    world.wait(5 * SECOND);
    world.probe_finds(A, &refused());
    assert!(endpoint.shared.is_silent());
    world.wait(SECOND);
    world.probe_finds(A, &good());
    assert!(!endpoint.shared.is_silent());
}

fn http() -> Probe {
    Probe::Http(HttpProbe {
        method: "GET".to_owned(),
        path: "/health".to_owned(),
        host: None,
        headers: Vec::new(),
        expected_statuses: vec![(200, 299)],
        expected_body: None,
    })
}

#[test]
fn only_what_its_process_answers_shows_that_a_silent_endpoint_is_not_stopped() {
    let unwell = ProbeFailure::UnexpectedStatus { status: 503, expected: "200-299".to_owned() };
    let late = ProbeFailure::TimedOut { took: SECOND, limit: SECOND };
    for (probe, outcome, expected) in [
        (http(), good(), (true, false)),
        (http(), ProbeOutcome::Failure(unwell), (true, false)),
        (http(), ProbeOutcome::Failure(late), (false, true)),
        (http(), refused(), (false, true)),
        (Probe::Tcp, good(), (false, false)),
        (Probe::Tcp, refused(), (false, true)),
    ] {
        let mut policy = policy();
        policy.health_check.as_mut().unwrap().probe = probe;
        let mut world = World::well(policy, &[A, B]);
        let endpoint = world.find(A);
        endpoint.shared.note_silence();
        world.wait(5 * SECOND);
        world.probe_finds(A, &outcome);
        let shared = &endpoint.shared;
        let probes = (shared.answers_probes(), shared.ignores_probes());
        assert_eq!(probes, expected, "{outcome:?}");
    }
}
