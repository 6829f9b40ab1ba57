//! Decisions over a configuration, their text, their file, and how an endpoint leaves.

use std::fs;

use roundel_config::model::PoolConfig;
use roundel_core::policy::PoolPolicy;
use roundel_testkit::TempDir;

use super::*;
use crate::compose::Sources;
use crate::model::fixture::{config, policy, pool};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn file() -> Config {
    config(vec![], vec![pool("web", policy(), &["127.0.0.1:1", "127.0.0.1:2"])])
}

fn new(address: &str, name: Option<&str>) -> NewEndpoint {
    let name = name.map(str::to_owned);
    NewEndpoint { address: address.to_owned(), name, weight: 1, is_backup: false }
}

/// The pool that follows from the file and what is in force.
fn pool_after(decided: &Decided) -> PoolConfig {
    let sources = Sources { overlay: decided.in_force(), ..Sources::of(file()) };
    sources.compose().config.pools.remove(0)
}

fn states(decided: &Decided) -> Vec<(String, AdminState)> {
    let endpoints = pool_after(decided).endpoints;
    endpoints.into_iter().map(|e| (e.name.to_string(), e.admin_state)).collect()
}

fn config_after(decided: &Decided) -> Config {
    Config { pools: vec![pool_after(decided)], ..file() }
}

const DRAIN: EndpointChange =
    EndpointChange { admin_state: Some(Override(Some(AdminState::Draining))), weight: None };

#[test]
fn an_update_tells_what_was_and_taking_it_back_leaves_nothing() {
    let mut decided = Decided::default();
    let before = decided.update(&file(), "web", "127.0.0.1:1", DRAIN).unwrap();
    let undo = EndpointChange { admin_state: Some(Override(None)), weight: None };
    assert_eq!(before, undo);
    assert_eq!(states(&decided)[0].1, AdminState::Draining);
    assert_eq!(decided.update(&file(), "web", "127.0.0.1:1", undo).unwrap(), DRAIN);
    decided.overlay.tidy();
    assert_eq!(decided.overlay, Overlay::default());
}

#[test]
fn what_makes_no_sense_is_refused_with_value_and_limit() {
    let mut decided = Decided::default();
    let weigh = |weight| EndpointChange { weight: Some(Override(Some(weight))), ..DRAIN };
    let mut update = |pool, endpoint, change| {
        decided.update(&file(), pool, endpoint, change).unwrap_err().to_string()
    };
    assert_eq!(update("wob", "x", DRAIN), "there is no pool called \"wob\"");
    assert_eq!(update("web", "x", DRAIN), "pool \"web\" has no endpoint called \"x\"");
    for weight in [0, 1001] {
        let message = format!("weight {weight} is out of range (limit 1 to 1000)");
        assert_eq!(update("web", "127.0.0.1:1", weigh(weight)), message);
    }
    let mut add = |address, name| {
        decided.add(&file(), &file(), "web", new(address, name)).unwrap_err().to_string()
    };
    assert!(add("nowhere", None).contains("no port"));
    assert!(add("127.0.0.1:3", Some("a\nb")).contains("is not allowed here"));
    for (address, name) in [("127.0.0.1:1", Some("other")), ("127.0.0.1:3", Some("127.0.0.1:2"))] {
        assert!(add(address, name).contains("already"), "{address} {name:?}");
    }
}

#[test]
fn a_removed_endpoint_drains_and_the_text_says_already_that_it_is_gone() {
    let mut decided = Decided::default();
    decided.add(&file(), &file(), "web", new("127.0.0.1:3", Some("three"))).unwrap();
    for endpoint in ["127.0.0.1:1", "three"] {
        decided.remove(&config_after(&decided.clone()), "web", endpoint).unwrap();
        let again = decided.remove(&config_after(&decided.clone()), "web", endpoint).unwrap_err();
        assert!(again.to_string().contains("is being removed"), "{again}");
    }
    let draining = |name: &str| (name.to_owned(), AdminState::Draining);
    let enabled = |name: &str| (name.to_owned(), AdminState::Enabled);
    let leaving = [draining("127.0.0.1:1"), enabled("127.0.0.1:2"), draining("three")];
    assert_eq!(states(&decided), leaving);
    let text = decided.overlay.to_text();
    assert!(text.contains("removed = [\"127.0.0.1:1\"]") && !text.contains("three"), "{text}");
    decided.leaving.clear();
    assert_eq!(states(&decided), [enabled("127.0.0.1:2")]);
}

#[test]
fn adding_what_was_removed_from_the_file_takes_the_removal_back() {
    for has_left in [false, true] {
        let mut decided = Decided::default();
        decided.remove(&file(), "web", "127.0.0.1:1").unwrap();
        if has_left {
            decided.leaving.clear();
        }
        let config = config_after(&decided);
        decided.add(&config, &file(), "web", new("127.0.0.1:1", None)).unwrap();
        decided.overlay.tidy();
        assert_eq!((&decided.overlay, decided.leaving.len()), (&Overlay::default(), 0));
    }
}

#[test]
fn the_text_says_all_and_reads_back() {
    let mut decided = Decided::default();
    decided.update(&file(), "web", "127.0.0.1:2", DRAIN).unwrap();
    let added =
        NewEndpoint { weight: 7, is_backup: true, ..new("unix:/run/a.sock", Some("Server 7")) };
    decided.add(&file(), &file(), "web", added).unwrap();
    decided.remove(&file(), "web", "127.0.0.1:1").unwrap();
    let text = decided.overlay.to_text();
    assert_eq!(Overlay::parse(&text).unwrap(), decided.overlay, "{text}");
    for (wrong, reason) in [
        ("[pool.web]\nremove = []", "unknown field"),
        ("[pool.web.endpoint.x]\nweight = 0", "out of range"),
        ("[pool.\"a\\nb\"]", "is not allowed"),
        ("\0", ""),
    ] {
        let error = Overlay::parse(wrong).unwrap_err().to_string();
        assert!(error.contains(reason), "{wrong}: {error}");
    }
}

#[test]
fn decisions_about_what_is_gone_are_listed() {
    let mut decided = Decided::default();
    decided.update(&file(), "web", "127.0.0.1:1", DRAIN).unwrap();
    decided.add(&file(), &file(), "web", new("127.0.0.1:3", None)).unwrap();
    decided.remove(&file(), "web", "127.0.0.1:2").unwrap();
    assert!(decided.overlay.without_effect(&config_after(&decided), &file()).is_empty());
    let other = config(vec![], vec![pool("web", policy(), &["127.0.0.1:3"])]);
    let left = decided.overlay.without_effect(&other, &other).join("\n");
    for part in ["127.0.0.1:1 is not there", "127.0.0.1:2 is not there", "127.0.0.1:3 was added"] {
        assert!(left.contains(part), "{left}");
    }
    let none = config(vec![], vec![]);
    let left = decided.overlay.without_effect(&none, &none);
    assert_eq!(left, ["pool \"web\": there is no such pool"]);
}

#[tokio::test]
async fn a_state_file_is_replaced_whole_and_a_damaged_one_is_kept_aside() {
    let folder = TempDir::new();
    let path = folder.path().join("overlay.toml");
    let opened = StateFile::open(&path).unwrap();
    assert!(opened.overlay.is_empty() && opened.damage.is_none());
    let mut decided = Decided::default();
    decided.update(&file(), "web", "127.0.0.1:1", DRAIN).unwrap();
    opened.file.save(&decided.overlay).await.unwrap();
    assert_eq!(StateFile::open(&path).unwrap().overlay, decided.overlay);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    fs::write(&path, b"[pool\xff").unwrap();
    let opened = StateFile::open(&path).unwrap();
    assert!(opened.overlay.is_empty());
    assert!(opened.damage.unwrap().contains("overlay.toml.damaged"));
    assert_eq!(fs::read(folder.path().join("overlay.toml.damaged")).unwrap(), b"[pool\xff");
    for number in 2..=9 {
        fs::write(&path, b"[another").unwrap();
        let damage = StateFile::open(&path).unwrap().damage.unwrap();
        assert!(damage.ends_with(&format!("overlay.toml.damaged.{number}")), "{damage}");
    }
    assert_eq!(fs::read(folder.path().join("overlay.toml.damaged")).unwrap(), b"[pool\xff");
    fs::write(&path, b"[the tenth").unwrap();
    let error = StateFile::open(&path).unwrap_err().to_string();
    assert!(error.contains("limit 9"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"[the tenth", "nothing is overwritten");
    let nowhere = StateFile::open(&folder.path().join("no/such/overlay.toml")).unwrap().file;
    let error = nowhere.save(&decided.overlay).await.unwrap_err();
    assert!(error.to_string().contains("so nothing was changed"), "{error}");
}

#[tokio::test]
async fn an_endpoint_leaves_when_it_has_finished_and_not_before() {
    let unchecked = PoolPolicy { health_check: None, ..policy() };
    let config = config(vec![], vec![pool("web", unchecked, &["127.0.0.1:1", "127.0.0.1:2"])]);
    let options = crate::ControlOptions {
        workers: 1,
        registry: Arc::new(roundel_telemetry::Registry::new(1)),
        overlay: Overlay::default(),
    };
    let prepared = crate::prepare(config, options).unwrap();
    let (_signals, receiver) = tokio::sync::mpsc::channel(1);
    let control = prepared.run(Box::new(|_| {}), receiver);
    let mut changes = control.subscribe();
    let intent = Intent::new(control.clone(), None, Overlay::default());
    let endpoints = || control.snapshot().pools[0].endpoints.clone();
    let busy = endpoints()[0].clone();
    busy.shared.try_start(None).unwrap();
    intent.remove("web", "127.0.0.1:1").await.unwrap();
    intent.remove("web", "127.0.0.1:2").await.unwrap();
    let mut wait = async |count: usize| {
        let left = async {
            while endpoints().len() != count {
                changes.recv().await.expect("no change is missed");
            }
        };
        tokio::time::timeout(Duration::from_secs(30), left).await.expect("it leaves");
    };
    wait(1).await;
    assert_eq!(endpoints()[0].name, name("127.0.0.1:1"));
    assert_eq!(endpoints()[0].facts.admin_state, AdminState::Draining);
    busy.shared.end();
    wait(0).await;
    assert_eq!(intent.replace(Overlay::default()).await.unwrap().pools.len(), 1);
    assert_eq!(endpoints().len(), 2, "the file decides again");
}
