//! A configuration from a command line: `roundel --listen :8080 --to 127.0.0.1:5001 --to …`.
//!
//! The defaults are those of a file; what differs is that there is one pool called `default`, that
//! endpoints are called `Server 1`, `Server 2` and so on, and that the access log goes to standard
//! output, where someone at a terminal looks.

use std::net::SocketAddr;
use std::sync::Arc;

use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::listener::{
    ForwardedPolicy, HalfClose, ListenerLimits, ListenerSettings, ListenerTimeouts,
};

use crate::check::{is_overlap, own_name, sole_pool_route};
use crate::kind::parse_listen_address;
use crate::model::{
    AccessLogConfig, AdminConfig, Config, EndpointConfig, EndpointSource, ListenerConfig,
    LogConfig, PoolConfig, RequestLogConfig, ShutdownConfig,
};
use crate::section::Section as _;
use crate::sections::pool;

/// A configuration that listens on each of `listen` and spreads requests over `to`, in that order.
/// `admin` is where operators look in; `None` switches the admin surface off.
///
/// # Errors
/// One message for each address that is wrong, missing or given twice.
pub fn quick(
    listen: &[String],
    to: &[String],
    admin: Option<SocketAddr>,
) -> Result<Config, Vec<String>> {
    let mut faults = Vec::new();
    let listeners = listeners(listen, admin, &mut faults);
    let endpoints = endpoints(to, &mut faults);
    if listen.is_empty() {
        faults.push("no `--listen`: write `--listen :8080`, say".to_owned());
    }
    if to.is_empty() {
        faults.push("no `--to`: write `--to 127.0.0.1:5001`, say".to_owned());
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let policy = Arc::new(pool::default_policy(endpoints.len()));
    Ok(Config {
        workers: None,
        admin: AdminConfig { address: admin, token_file: None, state_file: None, audit_log: None },
        listeners,
        routes: vec![sole_pool_route()],
        pools: vec![PoolConfig { name: own_name("default"), policy, endpoints }],
        apps: Vec::new(),
        docker: None,
        access_log: Some(AccessLogConfig::defaults()),
        request_log: RequestLogConfig::defaults(),
        log: LogConfig::defaults(),
        shutdown: ShutdownConfig::defaults(),
    })
}

fn listeners(
    listen: &[String],
    admin: Option<SocketAddr>,
    faults: &mut Vec<String>,
) -> Vec<ListenerConfig> {
    let settings = Arc::new(ListenerSettings {
        limits: ListenerLimits::defaults(),
        timeouts: ListenerTimeouts::defaults(),
        forwarded: ForwardedPolicy::defaults(),
        half_close: HalfClose::default(),
    });
    let mut listeners: Vec<ListenerConfig> = Vec::with_capacity(listen.len());
    for (text, number) in listen.iter().zip(1..) {
        let address = match parse_listen_address(text) {
            Ok(address) => address,
            Err(fault) => {
                faults.push(format!("--listen {text}: {fault}"));
                continue;
            }
        };
        if let Some(admin) = admin.filter(|admin| is_overlap(address, *admin)) {
            faults.push(format!("--listen {text}: overlaps with the admin address {admin}"));
        }
        if let Some(other) = listeners.iter().find(|other| is_overlap(address, other.address)) {
            faults.push(format!("--listen {text}: overlaps with --listen {}", other.address));
        }
        let name = own_name(&format!("listener-{number}"));
        listeners.push(ListenerConfig { name, address, settings: Arc::clone(&settings) });
    }
    listeners
}

fn endpoints(to: &[String], faults: &mut Vec<String>) -> Vec<EndpointConfig> {
    let mut endpoints: Vec<EndpointConfig> = Vec::with_capacity(to.len());
    for (text, number) in to.iter().zip(1..) {
        let address = match EndpointAddress::parse(text) {
            Ok(address) => address,
            Err(fault) => {
                faults.push(format!("--to {text}: {fault}"));
                continue;
            }
        };
        if endpoints.iter().any(|other| other.address == address) {
            faults.push(format!("--to {text}: given twice"));
        }
        endpoints.push(EndpointConfig {
            name: own_name(&format!("Server {number}")),
            address,
            weight: 1,
            is_backup: false,
            admin_state: AdminState::Enabled,
            source: EndpointSource::File,
            presence: Presence::Present,
        });
    }
    endpoints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sections::ADMIN_ADDRESS;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn addresses_alone_mean_the_same_as_the_least_file() {
        let quick =
            quick(&texts(&[":8080"]), &texts(&["127.0.0.1:5001", "app:80"]), Some(ADMIN_ADDRESS))
                .unwrap();
        let file = r#"
            access_log = {}
            [[listener]]
            address = ":8080"
            [pool.default]
            endpoints = [
                { address = "127.0.0.1:5001", name = "Server 1" },
                { address = "app:80", name = "Server 2" },
            ]
        "#;
        let loaded = crate::load(file, "roundel.toml", &|_| None).unwrap();
        assert_eq!(quick, loaded.config);
        assert!(quick.pools[0].policy.health_check.is_some());
    }

    #[test]
    fn every_faulty_address_is_named() {
        let listen = texts(&["8080", ":8090", ":8081", "127.0.0.1:8081"]);
        let to = texts(&["5001", "127.0.0.1:5001", "127.0.0.1:5001", "a b:1"]);
        let faults = quick(&listen, &to, Some(ADMIN_ADDRESS)).unwrap_err().join("\n");
        for part in [
            "--listen 8080:",
            "--listen :8090: overlaps with the admin address",
            "--listen 127.0.0.1:8081: overlaps",
            "--to 5001: no port",
            "--to 127.0.0.1:5001: given twice",
            "--to a b:1:",
        ] {
            assert!(faults.contains(part), "{part} is not in:\n{faults}");
        }
        let faults = quick(&[], &[], None).unwrap_err().join("\n");
        assert!(faults.contains("no `--listen`") && faults.contains("no `--to`"), "{faults}");
    }
}
