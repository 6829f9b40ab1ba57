//! Reloading under load: nobody notices but those who asked for it.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use roundel_testkit::deadline::{Gate, PATIENCE};
use roundel_testkit::{Answer, Balancer, Ledger, Load, Origin, RawClient, eventually};

use crate::site::{
    ADMIN, CHECK, NO_CHECK, assert_in_order, count_of, endpoint, listener, metric, mixed_load,
    origins, pool, pool_of, stats, web,
};

/// Configurations that differ in everything that a reload can change, but keep `web`.
fn variants(origins: &[Origin; 4]) -> [String; 5] {
    let [a, b, c, d] = origins;
    let base = format!("{ADMIN}{}", web());
    let second = listener("second", "127.0.0.1:0");
    let route = "[[route]]\npath_prefix = \"/\"\npool = \"api\"\n[[route]]\npath = \"/about\"\n\
                 respond = { status = 200, body = \"about\" }\n";
    let of = |entries: &[String]| pool(entries, CHECK);
    [
        base.clone() + &pool_of([a, b, c], CHECK),
        base.clone() + &second + &pool_of([b, c, d], CHECK),
        base.clone() + &of(&[endpoint(a, "weight = 5"), endpoint(b, ""), endpoint(c, "")]),
        base.clone() + &of(&[endpoint(a, "admin_state = \"draining\""), endpoint(b, "")]) + route,
        base + &of(&[endpoint(b, "admin_state = \"disabled\""), endpoint(c, "backup = true")]),
    ]
}

#[test]
fn twenty_reloads_under_load_are_noticed_by_no_client() {
    let ledger = Ledger::new();
    let origins = origins(["a", "b", "c", "d"], &ledger);
    let variants = variants(&origins);
    let balancer = Balancer::start(&variants[0]);
    let load = mixed_load(&balancer, &ledger).start();
    load.wait_for(50);
    for round in 1..=20 {
        balancer.reload(&variants[round % variants.len()]).unwrap();
        load.wait_for(30);
    }
    let tally = load.finish();
    tally.assert_all_ok();
    assert_eq!(tally.connections(), 8, "no connection of an unchanged listener is closed");
    assert_in_order(&ledger);
}

/// Writes over a file by one write, so that nobody reads half of it, however long that takes. What
/// is shorter than what was there is filled up by empty lines.
fn write_in_place(path: &std::path::Path, text: &str) {
    let length = std::fs::metadata(path).unwrap().len() as usize;
    let mut text = text.to_owned();
    text.extend(std::iter::repeat_n('\n', length.saturating_sub(text.len())));
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    (&file).write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_file_renamed_over_or_written_in_place_is_taken_under_load() {
    let ledger = Ledger::new();
    let origins = origins(["a", "b", "c", "d"], &ledger);
    let variants = variants(&origins);
    let balancer = Balancer::start(&variants[0]);
    let load = mixed_load(&balancer, &ledger).start();
    load.wait_for(50);
    for round in 1..=6 {
        let config = &variants[round % variants.len()];
        if round % 2 == 0 {
            balancer.write_config(config);
        } else {
            write_in_place(&balancer.directory().path().join("roundel.toml"), config);
        }
        eventually(PATIENCE, "the change is taken", || {
            count_of(&balancer, "configuration reloaded") == round
        });
        load.wait_for(30);
    }
    let tally = load.finish();
    tally.assert_all_ok();
    assert_eq!(tally.connections(), 8);
    assert_eq!(count_of(&balancer, "reload rejected"), 0, "{}", balancer.output());
    assert_in_order(&ledger);
}

#[test]
fn listeners_come_go_and_move_while_others_go_on() {
    let ledger = Ledger::new();
    let [a] = origins(["a"], &ledger);
    let base = format!("{ADMIN}{}{}", web(), pool_of([&a], NO_CHECK));
    let balancer = Balancer::start(&base);
    let load = mixed_load(&balancer, &ledger).start();

    let second = |host: &str| base.clone() + &listener("second", &format!("{host}:0"));
    balancer.reload(&second("127.0.0.1")).unwrap();
    let first_place = balancer.address_of("second");
    let mut idle = RawClient::connect(first_place);
    assert_eq!(idle.get("/").status, 200);
    let gate = Gate::shut();
    a.on("/slow", Answer::ok().hold(&gate));
    let mut busy = RawClient::connect(first_place);
    busy.request("GET", "/slow", &[], b"").unwrap();
    eventually(PATIENCE, "the slow request is under way", || {
        a.requests().iter().any(|request| request.target == "/slow")
    });

    balancer.reload(&second("127.0.0.2")).unwrap();
    let second_place = balancer.address_of("second");
    assert_eq!(second_place.ip().to_string(), "127.0.0.2");
    assert_eq!(RawClient::connect(second_place).get("/").status, 200);
    eventually(PATIENCE, "the old place refuses", || TcpStream::connect(first_place).is_err());
    eventually(PATIENCE, "who was idle at the old place is let go", || idle.is_closed());
    gate.open();
    let last = busy.read_response().unwrap();
    assert_eq!(last.status, 200, "who was busy there is served");
    assert!(!last.keeps_alive(), "and told to come back elsewhere");

    balancer.reload(&base).unwrap();
    eventually(PATIENCE, "the new place refuses", || TcpStream::connect(second_place).is_err());
    load.wait_for(50);
    let tally = load.finish();
    tally.assert_all_ok();
    assert_eq!(tally.connections(), 8);
    assert_in_order(&ledger);
}

#[test]
fn endpoints_come_and_go_and_change_their_share() {
    let ledger = Ledger::new();
    let [a, b, c] = origins(["a", "b", "c"], &ledger);
    let base = format!("{ADMIN}{}", web());
    // On a busy machine anybody may seem silent for a while, which would change its share.
    let lines = format!("{NO_CHECK}silent_after = \"0s\"\n");
    let of = |entries: &[String]| base.clone() + &pool(entries, &lines);
    let plain = |origin| endpoint(origin, "");
    let balancer = Balancer::start(&of(&[plain(&a), plain(&b)]));
    let shares = |count: u64| {
        let load = Load::new(balancer.address()).requests(count).recorded_in(&ledger);
        let tally = load.run();
        tally.assert_all_ok();
        ["a", "b", "c"].map(|name| tally.by_origin().get(name).copied().unwrap_or(0))
    };
    assert_eq!(shares(40), [20, 20, 0]);
    for (entries, expected) in [
        ([plain(&a), plain(&b), plain(&c)].as_slice(), [20, 20, 20]),
        (&[endpoint(&a, "weight = 4"), plain(&b), plain(&c)], [40, 10, 10]),
        (&[endpoint(&a, "admin_state = \"draining\""), plain(&b), plain(&c)], [0, 30, 30]),
        (&[plain(&a), endpoint(&b, "admin_state = \"disabled\""), plain(&c)], [30, 0, 30]),
        (&[plain(&a), plain(&b)], [30, 30, 0]),
    ] {
        balancer.reload(&of(entries)).unwrap();
        assert_eq!(shares(60), expected, "{entries:?}");
    }
    assert_in_order(&ledger);
}

#[test]
fn an_exchange_outlives_its_endpoint_and_its_pool() {
    let gate = Gate::shut();
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    a.on("/slow", Answer::ok().body("from a").hold(&gate));
    let base = format!("{ADMIN}{}", web());
    let balancer = Balancer::start(&(base.clone() + &pool_of([&a], NO_CHECK)));
    let mut waiting = balancer.client();
    waiting.request("GET", "/slow", &[], b"").unwrap();
    a.wait_for_requests(1);
    let other = pool_of([&b], NO_CHECK).replace("pool.api", "pool.other");
    balancer.reload(&(base + &other)).unwrap();
    assert_eq!(balancer.client().get("/").field("x-origin"), Some("b"));
    gate.open();
    let response = waiting.read_response().unwrap();
    assert_eq!((response.status, response.text().as_str()), (200, "from a"));
    assert_eq!(waiting.get("/").field("x-origin"), Some("b"), "the same connection goes on");
}

#[test]
fn counters_and_health_are_kept() {
    let ledger = Ledger::new();
    let [a, b, c] = origins(["a", "b", "c"], &ledger);
    b.set_healthy(false);
    let base = format!("{ADMIN}{}", web());
    let balancer = Balancer::start(&(base.clone() + &pool_of([&a, &b], CHECK)));
    let healths = || -> Vec<String> {
        stats(&balancer).values().map(|e| e["health"].as_str().unwrap().to_owned()).collect()
    };
    eventually(PATIENCE, "both are judged", || healths() == ["healthy", "unhealthy"]);
    Load::new(balancer.address()).requests(30).run().assert_all_ok();
    // An endpoint is added, and the check itself changes.
    let slower = CHECK.replace("50ms", "60ms");
    balancer.reload(&(base + &pool_of([&a, &b, &c], &slower))).unwrap();
    assert_eq!(healths()[..2], ["healthy", "unhealthy"], "no verdict is forgotten");
    assert_eq!(stats(&balancer)["a"]["requests"], 30);
    assert!(metric(&balancer, r#"roundel_pool_requests_total{pool="api",class="2xx"}"#) >= 30);
    eventually(PATIENCE, "the new one is judged, too", || healths()[2] == "healthy");
    Load::new(balancer.address()).requests(20).run().assert_all_ok();
    eventually(PATIENCE, "both are told", || count_of(&balancer, "endpoint healthy") == 2);
    assert_eq!(b.request_count(), 0);
}

#[test]
fn a_bad_file_changes_nothing_and_all_that_is_wrong_is_said() {
    let ledger = Ledger::new();
    let [a, b] = origins(["a", "b"], &ledger);
    let right = format!("{ADMIN}{}{}", web(), pool_of([&a], NO_CHECK));
    let balancer = Balancer::start(&right);
    let load = mixed_load(&balancer, &ledger).start();
    load.wait_for(20);
    let wrong = format!(
        "worker = 3\n{ADMIN}{}{}balance = \"fairest\"\n[[route]]\npool = \"apj\"\n",
        web(),
        pool_of([&b], NO_CHECK)
    );
    let why = balancer.reload(&wrong).unwrap_err();
    for part in ["roundel.toml:1:1", "worker", "fairest", "apj"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    for broken in ["", "[[listener", "\0"] {
        balancer.reload(broken).unwrap_err();
        load.wait_for(20);
    }
    let path = balancer.directory().path().join("roundel.toml");
    std::fs::remove_file(&path).unwrap();
    balancer.signal(rustix::process::Signal::HUP);
    balancer.wait_for_line("cannot read");
    load.wait_for(20);
    let tally = load.finish();
    tally.assert_all_ok();
    assert_eq!((tally.connections(), b.request_count()), (8, 0));
    // And the next right file is taken as ever.
    balancer.reload(&right.replace(&a.address().to_string(), &b.address().to_string())).unwrap();
    assert_eq!(balancer.client().get("/").field("x-origin"), Some("b"));
}

#[test]
fn a_listener_that_cannot_be_bound_refuses_the_whole_reload() {
    let ledger = Ledger::new();
    let [a, b] = origins(["a", "b"], &ledger);
    let right = format!("{ADMIN}{}{}", web(), pool_of([&a], NO_CHECK));
    let balancer = Balancer::start(&right);
    let mut client = balancer.client();
    assert_eq!(client.get("/").status, 200);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let wrong = format!(
        "{ADMIN}{}{}{}{}",
        web(),
        listener("fine", "127.0.0.1:0"),
        listener("taken", &address.to_string()),
        pool_of([&b], NO_CHECK)
    );
    let why = balancer.reload(&wrong).unwrap_err();
    let expected = format!("listener \"taken\": address {address}: already in use");
    assert!(why.replace("\\\"", "\"").contains(&expected), "{why}");
    assert_eq!(client.get("/").field("x-origin"), Some("a"));
    let fine = balancer.address_of("fine");
    eventually(PATIENCE, "what was bound on the way is given back", || {
        TcpStream::connect(fine).is_err()
    });
    drop(taken);
    balancer.reload(&wrong).unwrap();
    assert_eq!(RawClient::connect(address).get("/").field("x-origin"), Some("b"));
    assert_eq!(client.get("/").field("x-origin"), Some("b"));
}

#[test]
fn what_takes_effect_only_at_a_restart_is_named() {
    let ledger = Ledger::new();
    let [a] = origins(["a"], &ledger);
    let common = format!("{}{}", web(), pool_of([&a], NO_CHECK));
    let balancer = Balancer::start(&format!("{ADMIN}{common}"));
    let other = format!(
        "workers = 7\n[admin]\naddress = \"off\"\n[access_log]\n[log]\nlevel = \"debug\"\n\
         [shutdown]\ngrace = \"1s\"\n{common}"
    );
    balancer.reload(&other).unwrap();
    let warning = balancer.wait_for_line("only at a restart");
    for key in ["workers", "admin", "access_log", "log", "shutdown"] {
        assert!(warning.contains(key), "{key}: {warning}");
    }
    assert_eq!(RawClient::connect(balancer.admin()).get("/healthz").status, 200);
}
