//! Host names to addresses, by the system's resolver.

use std::collections::HashMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use roundel_config::model::Config;
use roundel_core::address::EndpointAddress;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// One look-up's limit: the system's resolver tries for up to half a minute, during which a better
/// answer may have come about.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Look-ups at once; each blocks a thread.
pub(crate) const LOOKUPS_MAX: usize = 8;

/// A host and port.
pub(crate) type HostPort = (String, u16);

/// What the resolver says: all addresses, at least one, in its order of preference; or why there
/// is none.
pub(crate) type Resolution = Result<Vec<SocketAddr>, String>;

/// Answers by name.
pub(crate) type Resolutions = HashMap<HostPort, Resolution>;

/// Looks one name up.
pub(crate) async fn lookup((host, port): &HostPort) -> Resolution {
    let lookup = tokio::net::lookup_host((host.as_str(), *port));
    match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
        Err(_) => Err(format!("no answer within {} s", LOOKUP_TIMEOUT.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(addresses)) => {
            let addresses = in_order(addresses.collect());
            if addresses.is_empty() { Err("no address".to_owned()) } else { Ok(addresses) }
        }
    }
}

/// The resolver's order, but `::1` last: of the servers on a machine of one's own many listen on
/// 127.0.0.1 alone, and few on `::1` alone.
fn in_order(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    addresses.sort_by_key(|address| address.ip() == Ipv6Addr::LOCALHOST);
    addresses
}

/// Looks all names of a configuration up, so that a snapshot made of it starts with addresses.
pub(crate) async fn lookup_all(config: &Config) -> Resolutions {
    let permits = Arc::new(Semaphore::new(LOOKUPS_MAX));
    let mut lookups = JoinSet::new();
    let mut answers = Resolutions::new();
    for name in host_names(config) {
        if answers.contains_key(&name) {
            continue;
        }
        answers.insert(name.clone(), Err("not looked up yet".to_owned()));
        let permits = Arc::clone(&permits);
        lookups.spawn(async move {
            // Closed never; a permit that cannot be had would only mean one look-up more at once.
            let _permit = permits.acquire().await;
            let answer = lookup(&name).await;
            (name, answer)
        });
    }
    // All together may take no longer than one: a dead resolver must not hold up a start by the
    // number of names.
    let collect = async {
        while let Some(done) = lookups.join_next().await {
            if let Ok((name, answer)) = done {
                answers.insert(name, answer);
            }
        }
    };
    // What is missing then is looked up again while running.
    let _ = tokio::time::timeout(LOOKUP_TIMEOUT, collect).await;
    answers
}

/// The same from outside of a runtime, or inside of one without blocking it on itself.
pub(crate) fn lookup_all_blocking(config: &Config) -> Resolutions {
    if host_names(config).next().is_none() {
        return Resolutions::new();
    }
    let on_own_runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let answers = runtime.block_on(lookup_all(config));
        // Does not wait for look-ups that are still stuck in the system's resolver.
        runtime.shutdown_background();
        Some(answers)
    };
    std::thread::scope(|scope| scope.spawn(on_own_runtime).join())
        .ok()
        .flatten()
        .unwrap_or_default()
}

fn host_names(config: &Config) -> impl Iterator<Item = HostPort> {
    let endpoints = config.pools.iter().flat_map(|pool| &pool.endpoints);
    endpoints.filter_map(|endpoint| match &endpoint.address {
        EndpointAddress::Host(host, port) => Some((host.clone(), port.get())),
        EndpointAddress::Ip(_) | EndpointAddress::Unix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_first_where_its_servers_are() {
        for (answer, expected) in [
            (vec!["[::1]:80", "127.0.0.1:80"], ["127.0.0.1:80", "[::1]:80"]),
            (vec!["[2001:db8::1]:80", "192.0.2.1:80"], ["[2001:db8::1]:80", "192.0.2.1:80"]),
        ] {
            let answer = answer.iter().map(|address| address.parse().unwrap()).collect();
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(in_order(answer), expected);
        }
    }
}
