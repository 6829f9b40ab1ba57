//! Who gets which request, over two workers and many connections.

use std::collections::{BTreeMap, BTreeSet};

use roundel_testkit::{Answer, Gate, Origin};

use crate::scene::{CHECK, NO_CHECK, NO_SILENCE, Scene, Target as _, plain};

/// A request by which a key is shown.
type Ask<'a> = &'a dyn Fn(&Scene, &str) -> String;

/// The answering origin of one request on a connection of its own, which may be any worker's.
fn fresh(scene: &Scene) -> String {
    scene.balancer.client().get("/").field("x-origin").unwrap().to_owned()
}

fn ask(scene: &Scene, target: &str, fields: &[(&str, &str)]) -> String {
    let mut client = scene.balancer.client();
    client.request("GET", target, fields, b"").unwrap();
    client.read_response().unwrap().field("x-origin").unwrap().to_owned()
}

#[test]
fn turns_are_exact_over_all_workers() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, NO_SILENCE]);
    let turns: Vec<String> = (0..60).map(|_| fresh(&scene)).collect();
    for (turn, expected) in turns.iter().zip(["a", "b", "c"].into_iter().cycle()) {
        assert_eq!(turn, expected, "{turns:?}");
    }
    // Also when they come at once: everybody's share is the same to the request.
    let tally = scene.load().clients(7).requests(3000).run();
    tally.assert_all_ok();
    assert_eq!(origins.each_ref().map(Origin::request_count), [1020; 3]);
}

#[test]
fn turns_by_weight_are_smooth() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let endpoints: Vec<String> = origins
        .iter()
        .zip([5, 1, 1])
        .map(|(origin, weight)| origin.with(&format!("weight = {weight}")))
        .collect();
    let scene = Scene::start(&endpoints, &[NO_CHECK]);
    let turns: Vec<String> = (0..70).map(|_| fresh(&scene)).collect();
    for seven in turns.windows(7) {
        let share = |name: &str| seven.iter().filter(|turn| *turn == name).count();
        assert_eq!((share("a"), share("b"), share("c")), (5, 1, 1), "{turns:?}");
    }
    let is_apart = turns.windows(2).all(|two| two[0] == "a" || two[0] != two[1]);
    let longest = turns.split(|turn| turn != "a").map(<[String]>::len).max().unwrap();
    assert!(is_apart && longest <= 4, "no burst beyond what the weights force: {turns:?}");
}

#[test]
fn the_least_loaded_gets_more_when_one_is_slow() {
    for balance in ["least_request", "p2c"] {
        let origins = ["slow", "fast"].map(Origin::start);
        // As slow as can be, however busy the machine is.
        let gate = Gate::shut();
        origins[0].answer(Answer::ok().hold(&gate));
        let balance = format!("balance = \"{balance}\"");
        let scene = Scene::start(&plain(&origins), &[NO_CHECK, NO_SILENCE, &balance]);
        let load = scene.load().clients(8).requests(1000).start();
        load.wait_for(900);
        gate.open();
        load.join().assert_all_ok();
        let [slow, fast] = origins.each_ref().map(Origin::request_count);
        assert!(fast > 3 * slow, "{balance}: slow {slow}, fast {fast}");
        assert!(slow > 0, "{balance}");
    }
}

#[test]
fn random_follows_the_weights_roughly() {
    let origins = ["a", "b"].map(Origin::start);
    let endpoints = [origins[0].with("weight = 3"), origins[1].with("weight = 1")];
    let scene = Scene::start(&endpoints, &[NO_CHECK, "balance = \"random\""]);
    scene.load().clients(4).requests(2000).run().assert_all_ok();
    // Expected 1500 with a standard deviation of 19; ten of them are beyond all chance.
    let share = origins[0].request_count();
    assert!((1300..1700).contains(&share), "{share}");
}

#[test]
fn the_same_key_meets_the_same_endpoint_and_only_keys_of_a_lost_one_move() {
    let keys: Vec<String> = (0..60).map(|number| format!("user-{number}")).collect();
    let by_header = |scene: &Scene, key: &str| ask(scene, "/", &[("X-User", key)]);
    let by_cookie =
        |scene: &Scene, key: &str| ask(scene, "/", &[("Cookie", &format!("a=1; sid={key}; b=2"))]);
    let by_uri = |scene: &Scene, key: &str| ask(scene, &format!("/{key}?x=1"), &[]);
    for (hash_key, ask) in
        [("header:X-User", &by_header as Ask), ("cookie:sid", &by_cookie), ("uri", &by_uri)]
    {
        let origins = ["a", "b", "c", "d"].map(Origin::start);
        let balance = format!("balance = \"hash\"\nhash_key = \"{hash_key}\"");
        let all = plain(&origins);
        let scene = Scene::start(&all, &[NO_CHECK, &balance]);
        let homes = || -> BTreeMap<&str, String> {
            keys.iter().map(|key| (key.as_str(), ask(&scene, key))).collect()
        };
        let before = homes();
        assert_eq!(before, homes(), "{hash_key}");
        assert_eq!(before.values().collect::<BTreeSet<_>>().len(), 4, "{hash_key}: all are used");

        scene.reload(&[&all[..1], &all[2..]].concat(), &[NO_CHECK, &balance]);
        let after = homes();
        for (key, home) in &before {
            let moved = after[key] != *home;
            assert_eq!(moved, home == "b", "{hash_key}: {key} from {home} to {}", after[key]);
        }
        scene.reload(&all, &[NO_CHECK, &balance]);
        assert_eq!(before, homes(), "{hash_key}: they come home");
    }
}

#[test]
fn keys_of_an_endpoint_that_died_come_home_to_it() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let balance = "balance = \"hash\"\nhash_key = \"header:X-User\"";
    let scene = Scene::start(&plain(&origins), &[CHECK, balance]);
    scene.wait_all_healthy(&origins);
    let home = |number: u32| ask(&scene, "/", &[("X-User", &number.to_string())]);
    let before: Vec<String> = (0..60).map(home).collect();
    origins[1].kill();
    scene.wait_health("b", "unhealthy");
    let meanwhile: Vec<String> = (0..60).map(home).collect();
    for (first, second) in before.iter().zip(&meanwhile) {
        assert_eq!(first != second, first == "b", "from {first} to {second}");
    }
    origins[1].restart();
    scene.wait("b", "back in traffic", |state| state.is_eligible);
    assert_eq!(before, (0..60).map(home).collect::<Vec<_>>());
}

#[test]
fn a_client_address_sticks_over_connections() {
    let origins = ["a", "b", "c"].map(Origin::start);
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, "balance = \"hash\""]);
    let homes: BTreeSet<String> = (0..30).map(|_| fresh(&scene)).collect();
    assert_eq!(homes.len(), 1, "{homes:?}");
}

#[test]
fn without_its_key_a_request_goes_anywhere() {
    let origins = ["a", "b"].map(Origin::start);
    let balance = "balance = \"hash\"\nhash_key = \"header:X-User\"";
    let scene = Scene::start(&plain(&origins), &[NO_CHECK, balance]);
    // All alike by chance: once in 2^99.
    let homes: BTreeSet<String> = (0..100).map(|_| fresh(&scene)).collect();
    assert_eq!(homes.len(), 2);
}
