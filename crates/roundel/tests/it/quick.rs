//! The quick form: a balancer without a file.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{Balancer, Load, Origin, RawClient, eventually};
use rustix::process::Signal;

use crate::site::count_of;

fn start(origins: &[&Origin], more: &[&str]) -> Balancer {
    let addresses: Vec<String> = origins.iter().map(|it| it.address().to_string()).collect();
    let mut arguments = vec!["--listen", "127.0.0.1:0"];
    for address in &addresses {
        arguments.extend(["--to", address]);
    }
    Balancer::start_with(&[&arguments, more].concat())
}

const ADMIN: [&str; 2] = ["--admin", "127.0.0.1:0"];

#[test]
fn two_addresses_make_a_balancer_that_says_where_each_request_goes() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let mut balancer = start(&[&a, &b], &ADMIN);
    eventually(PATIENCE, "both are healthy", || count_of(&balancer, "endpoint healthy") == 2);
    let tally = Load::new(balancer.address()).clients(1).requests(10).run();
    tally.assert_all_ok();
    assert_eq!(tally.by_origin().values().collect::<Vec<_>>(), [&5, &5]);
    for (origin, name) in [(&a, "Server 1"), (&b, "Server 2")] {
        for count in [1, 5] {
            let address = origin.address();
            balancer.wait_for_line(&format!(
                "Routing request to http://{address} ({name}), Request count: {count}, 200"
            ));
        }
    }
    let stats = RawClient::connect(balancer.admin()).get("/stats").text();
    assert_eq!(stats, "Server 1: 5 requests\nServer 2: 5 requests\n");
    balancer.signal(Signal::INT);
    assert_eq!(balancer.wait().code(), Some(0), "{}", balancer.output());
}

#[test]
fn a_dead_server_costs_nothing_and_hang_up_is_no_reason_to_end() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let balancer = start(&[&a, &b], &ADMIN);
    let load = Load::new(balancer.address()).endless().start();
    load.wait_for(50);
    b.kill();
    load.wait_for(100);
    balancer.signal(Signal::HUP);
    balancer.wait_for_line("nothing to reload");
    load.wait_for(50);
    load.finish().assert_all_ok();
}

#[test]
fn an_ipv6_listener_takes_ipv6_only_whatever_the_system_says() {
    let origin = Origin::start("a");
    let to = origin.address().to_string();
    // Who took IPv4 as well could not be bound beside a listener that has it.
    let four = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = four.local_addr().unwrap().port();
    let listen = format!("[::]:{port}");
    let balancer = Balancer::start_with(&["--listen", &listen, "--to", &to, "--no-admin"]);
    assert_eq!(balancer.address().port(), port);
    let six = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    assert_eq!(RawClient::connect(six).get("/").status, 200);
}

#[test]
fn the_way_of_balancing_can_be_chosen_and_the_admin_surface_left_out() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    let balancer = start(&[&a, &b], &["--balance", "hash", "--no-admin"]);
    eventually(PATIENCE, "both are healthy", || count_of(&balancer, "endpoint healthy") == 2);
    let tally = Load::new(balancer.address()).requests(20).run();
    tally.assert_all_ok();
    assert_eq!(tally.by_origin().len(), 1, "one client, one server: {}", tally.report());
    assert!(!balancer.stderr().iter().any(|line| line.contains("admin bound")));
}

#[test]
fn a_bad_address_is_explained_in_one_line() {
    let right = "127.0.0.1:0";
    for (arguments, part) in [
        (["--listen", "nowhere", "--to", "127.0.0.1:1"], "--listen nowhere"),
        (["--listen", "localhost:80", "--to", "127.0.0.1:1"], "needs an IP address"),
        (["--listen", ":99999", "--to", "127.0.0.1:1"], "99999"),
        (["--listen", right, "--to", "127.0.0.1"], "no port"),
        (["--listen", right, "--to", "127.0.0.1:0"], "1 to 65535"),
        (["--listen", right, "--to", ":5001"], "--to :5001"),
        (["--listen", right, "--to", "https://127.0.0.1:1"], "--to https://127.0.0.1:1"),
        (["--listen", right, "--to", ""], "--to"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_roundel"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
        assert!(text.starts_with("roundel: error: ") && text.contains(part), "{text}");
        assert!(output.stdout.is_empty());
    }
}
