//! Apps among pools, listeners and each other: who feeds which pool, and who is in whose way.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use roundel_core::address::EndpointAddress;
use roundel_core::name::Name;

use super::is_overlap;
use crate::diagnostic::Diagnostic;
use crate::kind::Item;
use crate::model::{AdminConfig, AppConfig, Listen, ListenerConfig, PoolConfig};
use crate::section::{Reading, Section as _};
use crate::sections::app::{self, AppKeys, PlacedApp};
use crate::sections::pool::PoolKeys;
use crate::suggest::nearest;

/// Adds the pools that apps have by their name alone.
pub(super) fn add_own_pools(apps: &[Item<AppKeys>], pools: &mut Vec<Item<PoolKeys>>) {
    for app in apps.iter().filter(|app| app.keys.pool.is_none()) {
        if !pools.iter().any(|pool| pool.name == app.name) {
            let (name, span) = (app.name.clone(), app.span.clone());
            pools.push(Item { keys: PoolKeys::defaults(), name, span, is_whole: true });
        }
    }
}

/// How long the pool may have to wait for an instance of an app that feeds it; `None` when none
/// does.
pub(super) fn start_timeout_of(pool: &str, apps: &[Item<AppKeys>]) -> Option<Duration> {
    let feeders = apps.iter().filter(|app| pool_of(app) == pool);
    feeders.map(|app| app.keys.start_timeout).max()
}

fn pool_of(app: &Item<AppKeys>) -> &str {
    app.keys.pool.as_ref().map_or(&app.name, |pool| &pool.value)
}

/// The apps that are right in themselves. `names` are those of all pools, `pools` those that are
/// right.
pub(super) fn resolve(
    items: Vec<Item<AppKeys>>,
    names: &[String],
    pools: &[Option<PoolConfig>],
    reading: &mut Reading<'_>,
) -> Vec<PlacedApp> {
    let mut apps = Vec::with_capacity(items.len());
    for item in items {
        let pool = pool_of(&item).to_owned();
        if let (Some(given), false) = (&item.keys.pool, names.contains(&pool)) {
            let message = format!("there is no pool {pool:?}");
            let diagnostic = Diagnostic::error(given.span.clone(), message).label("unknown pool");
            let help = match nearest(&pool, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!(
                    "leave it out for a pool called {:?}, or add `[pool.{pool}]`",
                    item.name
                ),
            };
            reading.report(diagnostic.help(help));
        }
        // A pool whose name is none is reported where it stands.
        if let Ok(pool) = Name::parse(&pool) {
            let config = pools.iter().flatten().find(|config| config.name == pool);
            let limits = config.map(|config| &config.policy.limits);
            if let (Some(given), Some(config)) = (&item.keys.restart.unhealthy_for, config)
                && config.policy.health_check.is_none()
            {
                let message = format!("app {:?}: nothing finds its instances unhealthy", item.name);
                let help = format!("give pool {:?} a health check", config.name.as_str());
                reading.report(Diagnostic::error(given.span.clone(), message).help(help));
            }
            apps.extend(app::resolve(item, pool, limits, reading));
        }
    }
    apps
}

/// Reports apps that would fight with something else over a port or a name.
pub(super) fn report_clashes(
    apps: &[PlacedApp],
    admin: &AdminConfig,
    listeners: &[ListenerConfig],
    pools: &[PoolConfig],
    reading: &mut Reading<'_>,
) {
    for (at, app) in apps.iter().enumerate() {
        let earlier = apps.get(..at).unwrap_or_default();
        let obstacle = taken_port(&app.config, admin, listeners, pools);
        if let Some(obstacle) = obstacle {
            let message = format!("app {:?}: {obstacle}", app.config.name.as_str());
            let diagnostic = Diagnostic::error(app.listen_span.clone(), message);
            reading.report(diagnostic.label("already taken"));
        }
        if let Some((message, other)) = earlier.iter().find_map(|other| shared(app, other)) {
            let diagnostic = Diagnostic::error(app.listen_span.clone(), message);
            reading.report(diagnostic.related(other, "first one here"));
        }
        report_taken_names(app, earlier, pools, reading);
    }
}

/// What of the configuration has a port of the app's, if anything has.
fn taken_port(
    app: &AppConfig,
    admin: &AdminConfig,
    listeners: &[ListenerConfig],
    pools: &[PoolConfig],
) -> Option<String> {
    let Listen::Ports(ports) = &app.spec.listen else { return None };
    // Instances may listen on all addresses of the machine, whatever they are told.
    let is_taken = |address: SocketAddr| {
        let mine = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
        ports.contains(&address.port()) && is_overlap(mine, address)
    };
    if let Some(address) = admin.address.filter(|address| is_taken(*address)) {
        return Some(format!("port {} is the admin address's", address.port()));
    }
    if let Some(listener) = listeners.iter().find(|listener| is_taken(listener.address)) {
        let (port, name) = (listener.address.port(), listener.name.as_str());
        return Some(format!("port {port} is listener {name:?}'s"));
    }
    let endpoints = pools.iter().flat_map(|pool| pool.endpoints.iter().map(move |e| (pool, e)));
    let mut here = endpoints.filter_map(|(pool, endpoint)| match endpoint.address {
        EndpointAddress::Ip(address) if address.ip().is_loopback() && is_taken(address) => {
            Some((pool, address.port()))
        }
        _ => None,
    });
    here.next().map(|(pool, port)| {
        format!("port {port} is that of an endpoint of pool {:?}", pool.name.as_str())
    })
}

/// What two apps fight over, and where the other one says so.
fn shared(app: &PlacedApp, other: &PlacedApp) -> Option<(String, Range<usize>)> {
    let (name, other_name) = (app.config.name.as_str(), other.config.name.as_str());
    match (&app.config.spec.listen, &other.config.spec.listen) {
        (Listen::Ports(mine), Listen::Ports(theirs)) => {
            let port = mine.start().max(theirs.start());
            let is_shared = mine.contains(port) && theirs.contains(port);
            let message = format!("app {name:?}: port {port} is app {other_name:?}'s, too");
            is_shared.then(|| (message, other.listen_span.clone()))
        }
        (Listen::Socket(mine), Listen::Socket(theirs)) if mine == theirs => {
            // Different all the same if the app's name or different instance names are in it.
            let is_same = rendered_socket(app) == rendered_socket(other);
            let message = format!("app {name:?}: its sockets are app {other_name:?}'s, too");
            is_same.then(|| (message, other.listen_span.clone()))
        }
        _ => None,
    }
}

fn rendered_socket(app: &PlacedApp) -> Option<String> {
    let Listen::Socket(socket) = &app.config.spec.listen else { return None };
    let name = app.config.instance_name(1);
    let app = app.config.name.as_str();
    let facts =
        crate::template::Facts { app, name: name.as_str(), index: 1, port: None, socket: None };
    Some(socket.render(&facts))
}

/// Reports instances that would be called as another endpoint of their pool.
fn report_taken_names(
    app: &PlacedApp,
    earlier: &[PlacedApp],
    pools: &[PoolConfig],
    reading: &mut Reading<'_>,
) {
    let pool = pools.iter().find(|pool| pool.name == app.config.pool);
    let mut taken: HashMap<Name, String> = HashMap::new();
    for endpoint in pool.iter().flat_map(|pool| &pool.endpoints) {
        taken.insert(endpoint.name.clone(), "an endpoint of the pool".to_owned());
    }
    for other in earlier.iter().filter(|other| other.config.pool == app.config.pool) {
        let owner = format!("an instance of app {:?}", other.config.name.as_str());
        for index in indexes(&other.config) {
            taken.insert(other.config.instance_name(index), owner.clone());
        }
    }
    let names = indexes(&app.config).map(|index| app.config.instance_name(index));
    let clash = names.into_iter().find_map(|name| taken.get(&name).map(|owner| (name, owner)));
    if let Some((name, owner)) = clash {
        let (called, pool) = (app.config.name.as_str(), app.config.pool.as_str());
        let message =
            format!("app {called:?}: {owner} is called {:?} in pool {pool:?}", name.as_str());
        let help = "give the app's instances another `name`";
        reading.report(Diagnostic::error(app.span.clone(), message).help(help));
    }
}

/// Numbers that instances may have: while they are replaced there is one more than the most.
fn indexes(app: &AppConfig) -> std::ops::RangeInclusive<u32> {
    1..=app.instances.max.saturating_add(1)
}
