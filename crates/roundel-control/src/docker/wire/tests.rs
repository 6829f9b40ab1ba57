//! What engines say, as they say it, and what is made of it.

use super::*;

/// As Docker 20.10 lists it.
const LISTED: &str = r#"[
  {"Id":"d35e4b6630f17f4c4cf16500a5dd50b5","Names":["/other/alias","/shop_web_1"],"Image":"web:2",
   "Ports":[{"IP":"0.0.0.0","PrivatePort":5000,"PublicPort":32770,"Type":"tcp"},
            {"IP":"::","PrivatePort":5000,"PublicPort":32771,"Type":"tcp"},
            {"PrivatePort":53,"Type":"udp"},{"PrivatePort":9000,"Type":"tcp"}],
   "Labels":{"com.docker.compose.service":"web","maintainer":"somebody","roundel.weight":"3"},
   "State":"running","Status":"Up 1 second (health: starting)","HostConfig":{"NetworkMode":"shop_default"},
   "NetworkSettings":{"Networks":{
     "shop_default":{"IPAMConfig":null,"IPAddress":"172.18.0.3","GlobalIPv6Address":""},
     "v6":{"IPAddress":"","GlobalIPv6Address":"fd00::3"},"none":{"IPAddress":""},"null":null}},"Mounts":[]},
  {"Id":"aa","Names":["/proxy"],"Ports":null,"Labels":null,"State":"paused","Status":"Up 2 hours (Paused)",
   "HostConfig":{"NetworkMode":"host"},"NetworkSettings":{"Networks":{"host":{"IPAddress":""}}}},
  {"Id":"bb","Names":null,"State":"running","Status":"Up 3 days (healthy)"},
  {"Id":"cc","Names":["/gone"],"State":"exited"},
  {"Id":"dd","Names":["/odd"],"State":"restarting","Later":{"unknown":1}}
]"#;

#[test]
fn what_runs_or_is_paused_is_taken_over() {
    let containers = containers(LISTED.as_bytes()).unwrap();
    let ids: Vec<&str> = containers.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["d35e4b6630f17f4c4cf16500a5dd50b5", "aa", "bb"]);
    let [web, proxy, bare] = containers.as_slice() else { panic!("{containers:?}") };
    assert_eq!((web.name.as_str(), web.condition), ("shop_web_1", Condition::Starting));
    assert_eq!(web.service(), Some("web"));
    assert_eq!(
        web.labels.keys().collect::<Vec<_>>(),
        ["com.docker.compose.service", "roundel.weight"]
    );
    let networks: Vec<String> = web.networks.iter().map(|(n, ip)| format!("{n} {ip}")).collect();
    assert_eq!(networks, ["shop_default 172.18.0.3", "v6 fd00::3"]);
    let published =
        |port: u16, at: &str| ContainerPort { port, published: Some(at.parse().unwrap()) };
    assert_eq!(
        web.ports,
        [
            published(5000, "127.0.0.1:32770"),
            published(5000, "[::1]:32771"),
            ContainerPort { port: 9000, published: None },
        ]
    );
    assert!(proxy.is_on_host && proxy.networks.is_empty() && !web.is_on_host);
    assert_eq!((proxy.condition, bare.condition), (Condition::Paused, Condition::Running));
    assert_eq!(bare.name, "bb", "a container without a name is called by its identifier");
}

#[test]
fn what_is_no_list_is_an_error_and_no_panic() {
    for text in ["", "{}", "[1]", "[{\"Id\":5}]", "[{\"Names\":[]}]", "\u{0}", "[[[[[[[["] {
        assert!(containers(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(containers(b"[]").unwrap(), []);
}

#[test]
fn events_tell_signals_apart() {
    let kill = |signal| EngineEvent::Kill { id: "a1".to_owned(), signal };
    let id = || "a1".to_owned();
    for (kind, action, attributes, expected) in [
        ("container", "kill", r#"{"signal":"15","image":"x"}"#, kill(15)),
        ("container", "kill", r#"{"signal":"SIGHUP"}"#, kill(1)),
        ("container", "kill", "{}", EngineEvent::Other),
        ("container", "kill", r#"{"signal":"999"}"#, EngineEvent::Other),
        ("container", "die", r#"{"exitCode":"0"}"#, EngineEvent::Die { id: id() }),
        ("container", "start", "{}", EngineEvent::Start { id: id() }),
        ("container", "health_status: healthy", "{}", EngineEvent::Other),
        ("container", "pause", "null", EngineEvent::Other),
        ("network", "disconnect", r#"{"container":"a1"}"#, EngineEvent::Other),
    ] {
        let line = format!(
            r#"{{"status":"{action}","Type":"{kind}","Action":"{action}","Actor":{{"ID":"a1","Attributes":{attributes}}},"time":1}}"#
        );
        assert_eq!(event(line.as_bytes()).unwrap(), expected, "{line}");
    }
    assert_eq!(event(b"{}").unwrap(), EngineEvent::Other);
    assert!(event(b"nonsense").is_err());
}

#[test]
fn the_stop_signal_and_the_grace_period_have_their_usual_values_when_unsaid() {
    let facts = |signal, seconds| StopFacts { signal, grace: Duration::from_secs(seconds) };
    for (config, expected) in [
        (r#"{"StopSignal":"SIGQUIT","StopTimeout":30}"#, facts(3, 30)),
        (r#"{"StopSignal":"winch"}"#, facts(28, 10)),
        (r#"{"StopSignal":"SIGRTMIN+3","StopTimeout":0}"#, facts(37, 0)),
        (r#"{"StopSignal":"10"}"#, facts(10, 10)),
        (r#"{"StopSignal":"SIGRTMIN+250"}"#, facts(15, 10)),
        (r#"{"StopSignal":"","StopTimeout":null}"#, facts(15, 10)),
        (r#"{"StopTimeout":18446744073709551615}"#, facts(15, 24 * 60 * 60)),
        ("null", facts(15, 10)),
    ] {
        let text = format!(r#"{{"Id":"a1","Config":{config}}}"#);
        assert_eq!(stop_facts(text.as_bytes()).unwrap(), expected, "{config}");
    }
}

#[test]
fn the_version_written_for_is_spoken_unless_the_engine_is_older_or_newer() {
    for (versions, expected) in [
        (r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12"}"#, "v1.41"),
        (r#"{"ApiVersion":"1.52","MinAPIVersion":"1.44"}"#, "v1.44"),
        (r#"{"ApiVersion":"1.38","MinAPIVersion":"1.12"}"#, "v1.38"),
        (r#"{"ApiVersion":"5"}"#, "v1.41"),
        ("{}", "v1.41"),
    ] {
        assert_eq!(api_version(versions.as_bytes()).unwrap(), expected, "{versions}");
    }
}
