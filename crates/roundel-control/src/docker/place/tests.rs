//! Membership by tables: labels, services, ports, networks, and every way to get them wrong.

use std::path::PathBuf;

use super::super::container::{Condition, ContainerPort};
use super::*;

const OWN_ID: &str = "0123456789abcdef";

fn pool(name: &str, service: Option<&str>, port: u16) -> ContainerPool {
    ContainerPool {
        name: Name::parse(name).unwrap(),
        service: service.map(str::to_owned),
        port: port.try_into().ok(),
        network: None,
    }
}

/// Pool "web" takes service "web" at port 5000; pool "api" takes what is labelled so.
fn rules() -> Rules {
    let config = DockerConfig {
        socket: PathBuf::from("/var/run/docker.sock"),
        project: None,
        network: None,
        address: ContainerAddress::Network,
        pools: vec![pool("web", Some("web"), 5000), pool("api", None, 0)],
    };
    Rules { config, host_name: None }
}

/// A container of these labels, on these networks, that exposes these ports; `8080=80` publishes
/// port 80 at the host's port 8080.
fn container(labels: &[&str], networks: &[(&str, &str)], ports: &[&str]) -> Container {
    let pair = |text: &&str| text.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let port = |text: &&str| {
        let (published, port) = text.split_once('=').map_or((None, *text), |(p, c)| (Some(p), c));
        let published = published.map(|port| format!("127.0.0.1:{port}").parse().unwrap());
        ContainerPort { port: port.parse().unwrap(), published }
    };
    Container {
        id: "fedcba9876543210".to_owned(),
        name: "shop_web_1".to_owned(),
        labels: labels.iter().filter_map(pair).collect(),
        condition: Condition::Running,
        is_on_host: networks.is_empty(),
        networks: networks.iter().map(|(n, ip)| ((*n).to_owned(), ip.parse().unwrap())).collect(),
        ports: ports.iter().map(port).collect(),
    }
}

const WEB: &str = "com.docker.compose.service=web";
const SHOP: &str = "com.docker.compose.project=shop";
const ONE: &[(&str, &str)] = &[("shop_default", "172.18.0.3")];
const TWO: &[(&str, &str)] = &[("shop_back", "172.19.0.3"), ("shop_front", "172.18.0.3")];

/// One line for each place: `pool/name address weight`, or what is wrong.
fn places(rules: &Rules, container: &Container, own: Option<&Container>) -> String {
    let line = |place: Result<Placed, Misfit>| match place {
        Ok(it) => {
            let backup = if it.is_backup { " backup" } else { "" };
            format!("{}/{} {} x{}{backup}", it.pool, it.name, it.address, it.weight)
        }
        Err(misfit) => format!("! {}", misfit.reason),
    };
    rules.place(container, Own(own)).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(container: &Container, expected: &str) {
    assert_eq!(places(&rules(), container, None), expected);
}

#[test]
fn a_service_or_a_label_makes_an_endpoint() {
    check(&container(&[WEB], ONE, &[]), "web/shop_web_1 172.18.0.3:5000 x1");
    check(&container(&["roundel.pool=api"], ONE, &["8000"]), "api/shop_web_1 172.18.0.3:8000 x1");
    check(
        &container(
            &[
                WEB,
                "roundel.port=81",
                "roundel.name=Server 1",
                "roundel.weight=7",
                "roundel.backup=true",
            ],
            ONE,
            &[],
        ),
        "web/Server 1 172.18.0.3:81 x7 backup",
    );
    // The label outranks the service.
    check(&container(&[WEB, "roundel.pool=api"], ONE, &["80"]), "api/shop_web_1 172.18.0.3:80 x1");
    check(&container(&["com.docker.compose.service=db"], ONE, &["5432"]), "");
    check(&container(&[], ONE, &["80"]), "");
    // `docker-compose run web sh` is no replica.
    check(&container(&[WEB, "com.docker.compose.oneoff=True"], ONE, &[]), "");
}

#[test]
fn a_service_may_feed_several_pools() {
    let mut rules = rules();
    rules.config.pools.push(pool("metrics", Some("web"), 9100));
    assert_eq!(
        places(&rules, &container(&[WEB], ONE, &[]), None),
        "web/shop_web_1 172.18.0.3:5000 x1\nmetrics/shop_web_1 172.18.0.3:9100 x1"
    );
}

#[test]
fn other_projects_are_nobody_s_business() {
    let mut rules = rules();
    rules.config.project = Some("shop".to_owned());
    for (labels, is_taken) in [
        (vec![WEB, SHOP], true),
        (vec![WEB, "com.docker.compose.project=other"], false),
        (vec![WEB], false),
        (vec!["roundel.pool=api", "roundel.port=1", "com.docker.compose.project=other"], false),
    ] {
        let container = container(&labels, ONE, &[]);
        assert_eq!(!places(&rules, &container, None).is_empty(), is_taken, "{labels:?}");
        assert_eq!(rules.concern(&container), is_taken, "{labels:?}");
    }
}

#[test]
fn a_misfit_says_what_is_wrong_and_what_would_help() {
    let api = |label: &str| container(&["roundel.pool=api", label], ONE, &["80"]);
    for (container, expected) in [
        (
            container(&["roundel.pool=wbe"], ONE, &["80"]),
            "! label `roundel.pool`: no pool \"wbe\" takes containers; did you mean \"web\"?",
        ),
        (
            container(&["roundel.pool=payments"], ONE, &["80"]),
            "! label `roundel.pool`: no pool \"payments\" takes containers; pools that do: \"web\", \"api\"",
        ),
        (
            container(&["roundel.pool=api"], ONE, &[]),
            "! it exposes no TCP port; say which port it listens on: label `roundel.port`, or `port` of the pool",
        ),
        (
            container(&["roundel.pool=api"], ONE, &["9000", "80", "1080=80"]),
            "! it exposes the ports 80, 9000; say which port it listens on: label `roundel.port`, or `port` of the pool",
        ),
        (api("roundel.port=0"), "! label `roundel.port` is \"0\", not a number from 1 to 65535"),
        (
            api("roundel.port=http"),
            "! label `roundel.port` is \"http\", not a number from 1 to 65535",
        ),
        (
            api("roundel.weight=1001"),
            "! label `roundel.weight` is \"1001\", not a number from 1 to 1000",
        ),
        (api("roundel.backup=yes"), "! label `roundel.backup` is \"yes\", neither true nor false"),
        (
            api("roundel.name=<b>"),
            "! \"<b>\" cannot be an endpoint's name: '<' is not allowed here (letters, digits, `-`, `_`, `.`, `:` and inner spaces are); set the label `roundel.name`",
        ),
        (
            api("roundel.network=front"),
            "! it is not on network \"front\"; its networks: \"shop_default\"",
        ),
    ] {
        check(&container, expected);
    }
}

#[test]
fn labels_that_nobody_reads_are_told() {
    let container = container(&["roundel.prot=80", "roundel.colour=red", WEB], ONE, &[]);
    let told: Vec<String> = unknown_labels(&container).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "container \"shop_web_1\": there is no label `roundel.colour`; the labels are: roundel.pool, roundel.port, roundel.weight, roundel.name, roundel.backup, roundel.network",
            "container \"shop_web_1\": there is no label `roundel.prot`; did you mean `roundel.port`?",
        ]
    );
}

#[test]
fn the_network_is_the_one_that_was_named_nearest_to_the_container() {
    let mut rules = rules();
    let on = |rules: &Rules, labels: &[&str]| places(rules, &container(labels, TWO, &[]), None);
    // From the host any network does; the first by name is always the same.
    assert_eq!(on(&rules, &[WEB]), "web/shop_web_1 172.19.0.3:5000 x1");
    rules.config.network = Some("shop_front".to_owned());
    assert_eq!(on(&rules, &[WEB]), "web/shop_web_1 172.18.0.3:5000 x1");
    rules.config.network = Some("front".to_owned());
    assert_eq!(on(&rules, &[WEB, SHOP]), "web/shop_web_1 172.18.0.3:5000 x1");
    rules.config.pools[0].network = Some("back".to_owned());
    assert_eq!(on(&rules, &[WEB, SHOP]), "web/shop_web_1 172.19.0.3:5000 x1");
    let label = "roundel.network=front";
    assert_eq!(on(&rules, &[WEB, SHOP, label]), "web/shop_web_1 172.18.0.3:5000 x1");
}

#[test]
fn a_roundel_in_a_container_uses_a_network_that_it_is_on() {
    let mut rules = rules();
    let all = [container(&[WEB], TWO, &[]), {
        let own = container(&[], &[("shop_front", "172.18.0.9"), ("edge", "172.20.0.2")], &[]);
        Container { id: OWN_ID.to_owned(), ..own }
    }];
    let place = |rules: &Rules, container: &Container| {
        let Own(own) = rules.own(&all);
        places(rules, container, own)
    };
    rules.host_name = Some(OWN_ID[..12].to_owned());
    assert_eq!(place(&rules, &all[0]), "web/shop_web_1 172.18.0.3:5000 x1");
    assert_eq!(
        place(&rules, &container(&[WEB], &[("far", "172.30.0.2")], &[])),
        "! it shares no network with Roundel; its networks: \"far\"; Roundel's: \"edge\", \"shop_front\""
    );
    assert_eq!(
        place(&rules, &container(&[WEB], &[], &[])),
        "! it uses the host's network, where Roundel's own container does not reach it; let Roundel use the host's network, too"
    );
    // A host called "cafe" is not in the container whose identifier begins so.
    for name in ["cafe", "0123", "no-such-container", ""] {
        rules.host_name = Some(name.to_owned());
        assert_eq!(place(&rules, &all[0]), "web/shop_web_1 172.19.0.3:5000 x1", "{name}");
    }
}

#[test]
fn containers_on_the_host_s_network_are_on_this_host() {
    check(&container(&[WEB], &[], &[]), "web/shop_web_1 127.0.0.1:5000 x1");
    let mut nowhere = container(&[WEB], &[], &[]);
    nowhere.is_on_host = false;
    check(&nowhere, "! it has no address on any network");
}

#[test]
fn published_ports_are_found_on_the_host() {
    let mut rules = rules();
    rules.config.address = ContainerAddress::Published;
    let on = |ports: &[&str]| places(&rules, &container(&[WEB], ONE, ports), None);
    assert_eq!(on(&["32770=5000", "32771=9000"]), "web/shop_web_1 127.0.0.1:32770 x1");
    assert_eq!(
        on(&["5000", "32771=9000"]),
        "! its port 5000 is not published, and `[provider.docker] address` is \"published\""
    );
}
