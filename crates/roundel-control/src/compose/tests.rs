//! What follows from a file, providers and an operator.

use super::*;
use crate::model::fixture::{config, name, policy, pool};

const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";
const C: &str = "10.0.0.3:80";

fn endpoint(called: &str, address: &str) -> EndpointConfig {
    let [endpoint] = pool("any", policy(), &[address]).endpoints.try_into().unwrap();
    EndpointConfig { name: name(called), ..endpoint }
}

fn provided(to: &str, endpoints: &[(&str, &str)]) -> Vec<Provided> {
    let endpoints = endpoints.iter().map(|(called, at)| endpoint(called, at)).collect();
    vec![Provided { pool: name(to), endpoints, expects_endpoint: false }]
}

/// A pool `web` with two endpoints of the file.
fn sources() -> Sources {
    let mut web = pool("web", policy(), &[A, B]);
    web.endpoints[0].name = name("one");
    web.endpoints[1].name = name("two");
    Sources::of(config(vec![], vec![web]))
}

fn decide(sources: &mut Sources) -> &mut PoolOverlay {
    sources.overlay.pools.entry(name("web")).or_default()
}

/// Name, source, admin state and weight of each endpoint of the first pool.
fn picture(sources: &Sources) -> Vec<String> {
    let composed = sources.compose();
    let row =
        |e: &EndpointConfig| format!("{} {} {:?} {}", e.name, e.source, e.admin_state, e.weight);
    composed.config.pools[0].endpoints.iter().map(row).collect()
}

fn obstacles(sources: &Sources) -> Vec<String> {
    sources.compose().passed_over.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_alone_is_the_configuration() {
    let sources = sources();
    let composed = sources.compose();
    assert_eq!(composed.config, sources.file);
    assert!(composed.passed_over.is_empty() && sources.overlay.is_empty());
}

#[test]
fn providers_and_the_operator_add_to_what_the_file_has() {
    let mut sources = sources();
    sources.provided.insert(EndpointSource::Docker, provided("web", &[("box", C)]));
    sources.provided.insert(EndpointSource::App, provided("web", &[("web-1", "10.0.0.4:80")]));
    decide(&mut sources).added.push(endpoint("extra", "10.0.0.5:80"));
    assert_eq!(
        picture(&sources),
        [
            "one file Enabled 1",
            "two file Enabled 1",
            "web-1 app Enabled 1",
            "box docker Enabled 1",
            "extra api Enabled 1",
        ]
    );
}

#[test]
fn the_first_to_claim_a_name_or_an_address_has_it() {
    let mut sources = sources();
    let claims = [("one", C), ("web-1", B), ("web-2", C), ("web-3", C)];
    sources.provided.insert(EndpointSource::App, provided("web", &claims));
    assert_eq!(picture(&sources).last().unwrap(), "web-2 app Enabled 1");
    assert_eq!(
        obstacles(&sources),
        [
            "pool \"web\": endpoint one (app) is left out: another endpoint of the pool has its name",
            "pool \"web\": endpoint web-1 (app) is left out: another endpoint of the pool has its \
             address",
            "pool \"web\": endpoint web-3 (app) is left out: another endpoint of the pool has its \
             address",
        ]
    );
}

#[test]
fn what_is_for_a_pool_that_the_file_does_not_name_is_told() {
    let mut sources = sources();
    sources.provided.insert(EndpointSource::Docker, provided("wbe", &[("box", C)]));
    let stray = sources.overlay.pools.entry(name("gone")).or_default();
    stray.added.push(endpoint("extra", C));
    assert_eq!(picture(&sources).len(), 2);
    assert_eq!(
        obstacles(&sources),
        [
            "pool \"wbe\": endpoint box (docker) is left out: the configuration file has no such \
             pool",
            "pool \"gone\": endpoint extra (api) is left out: the configuration file has no such \
             pool",
        ]
    );
}

#[test]
fn a_decision_outranks_the_file_until_it_is_taken_back() {
    let mut sources = sources();
    sources.file.pools[0].endpoints[1].admin_state = AdminState::Disabled;
    let draining = EndpointOverlay { admin_state: Some(AdminState::Draining), weight: Some(7) };
    let enabled = EndpointOverlay { admin_state: Some(AdminState::Enabled), weight: None };
    let overlay = decide(&mut sources);
    overlay.endpoints.insert(name("one"), draining);
    overlay.endpoints.insert(name("two"), enabled);
    overlay.endpoints.insert(name("nobody"), draining);
    assert_eq!(picture(&sources), ["one file Draining 7", "two file Enabled 1"]);
    decide(&mut sources).endpoints.clear();
    assert_eq!(picture(&sources), ["one file Enabled 1", "two file Disabled 1"]);
    assert!(sources.overlay.is_empty());
}

#[test]
fn what_a_provider_drains_stays_drained() {
    let mut sources = sources();
    let mut instances = provided("web", &[("web-1", C), ("web-2", "10.0.0.4:80")]);
    instances[0].endpoints[0].admin_state = AdminState::Draining;
    sources.provided.insert(EndpointSource::App, instances);
    for called in ["web-1", "web-2"] {
        for (wished, first, second) in [
            (AdminState::Enabled, "Draining", "Enabled"),
            (AdminState::Draining, "Draining", "Draining"),
            (AdminState::Disabled, "Disabled", "Disabled"),
        ] {
            let decision = EndpointOverlay { admin_state: Some(wished), weight: None };
            decide(&mut sources).endpoints.insert(name(called), decision);
            let expected = if called == "web-1" { first } else { second };
            let row = format!("{called} app {expected} 1");
            assert!(picture(&sources).contains(&row), "{row}: {:?}", picture(&sources));
        }
    }
}

#[test]
fn an_endpoint_that_was_removed_makes_room_for_another_of_its_name() {
    let mut sources = sources();
    let overlay = decide(&mut sources);
    overlay.removed.insert(name("one"));
    overlay.added.push(endpoint("one", C));
    assert_eq!(picture(&sources), ["two file Enabled 1", "one api Enabled 1"]);
    assert!(obstacles(&sources).is_empty());
    decide(&mut sources).added.clear();
    assert_eq!(picture(&sources), ["two file Enabled 1"]);
}

#[test]
fn exchanges_wait_for_an_endpoint_only_while_a_provider_expects_one() {
    let mut sources = sources();
    let waits = |sources: &Sources| sources.compose().config.pools[0].policy.endpoint_wait;
    let mut fed = provided("web", &[]);
    fed[0].expects_endpoint = true;
    sources.provided.insert(EndpointSource::App, fed);
    assert_eq!(waits(&sources), None, "not by this pool's policy");
    let second = std::time::Duration::from_secs(1);
    let policy =
        PoolPolicy { endpoint_wait: Some(second), ..(*sources.file.pools[0].policy).clone() };
    sources.file.pools[0].policy = Arc::new(policy);
    assert_eq!(waits(&sources), Some(second));
    for provided in sources.provided.values_mut().flatten() {
        provided.expects_endpoint = false;
    }
    assert_eq!(waits(&sources), None);
    sources.provided.clear();
    assert_eq!(waits(&sources), None);
}

#[test]
fn an_operators_number_of_instances_holds_within_the_bounds_where_no_load_chooses() {
    let file = |keys: &str| {
        let text = format!(
            "[[listener]]\naddress = \":1\"\n[app.web]\ncommand = [\"x\"]\n\
             instances = {{ min = 2, max = 5 }}\n{keys}"
        );
        roundel_config::load(&text, "test", &|_| None).unwrap().config
    };
    let initial = |keys: &str, instances: Option<u32>| {
        let mut sources = Sources::of(file(keys));
        let decided = AppOverlay { instances, ..AppOverlay::default() };
        sources.overlay.apps.insert(name("web"), decided);
        sources.compose().config.apps[0].instances.initial
    };
    assert_eq!([None, Some(4), Some(9), Some(1)].map(|wanted| initial("", wanted)), [2, 4, 5, 2]);
    assert_eq!(initial("[app.web.autoscale]\ntarget_in_flight = 9", Some(4)), 2);
}
