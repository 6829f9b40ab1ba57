//! What no single key can tell: names taken twice, addresses that clash, routes that lead nowhere.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;

use roundel_core::name::Name;
use roundel_core::route::{Action, PathMatcher, Route, RouteMatcher, shadowed};

use crate::diagnostic::Diagnostic;
use crate::kind::Item;
use crate::model::{AdminConfig, Config, ListenerConfig, PoolConfig};
use crate::section::{Located, Reading};
use crate::sections::pool::PoolKeys;
use crate::sections::{AdminKeys, FileKeys, listener, pool, route};

mod apps;
mod circles;
mod docker;

/// Names of one sort that are taken, and where.
pub(crate) struct Names {
    what: &'static str,
    taken: HashMap<Name, Range<usize>>,
}

impl Names {
    /// No name of `what` is taken.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, taken: HashMap::new() }
    }

    /// Takes a name; `None` when it is taken already.
    pub(crate) fn claim(&mut self, name: Located<Name>, reading: &mut Reading<'_>) -> Option<Name> {
        if let Some(first) = self.taken.get(&name.value) {
            let message = format!("two {}s are called {:?}", self.what, name.value.as_str());
            let diagnostic = Diagnostic::error(name.span, message).label("taken");
            return reading.refuse(diagnostic.related(first.clone(), "first one here"));
        }
        self.taken.insert(name.value.clone(), name.span);
        Some(name.value)
    }

    /// Takes the name given, or else `listener-1` and so on.
    pub(crate) fn claim_or_number(
        &mut self,
        given: Option<Located<Name>>,
        number: usize,
        header: &Range<usize>,
        reading: &mut Reading<'_>,
    ) -> Option<Name> {
        let name = match given {
            Some(name) => name,
            None => Located {
                value: own_name(&format!("{}-{number}", self.what)),
                span: header.clone(),
            },
        };
        self.claim(name, reading)
    }
}

/// The configuration that `file` stands for. What it says is complete only when nothing was
/// reported.
pub(crate) fn resolve(mut file: FileKeys, reading: &mut Reading<'_>) -> Option<Config> {
    let admin = resolve_admin(&file.admin, reading);
    // What seems to be missing from a file with wrong keys may be what those keys were meant for.
    if reading.found.is_empty() {
        report_missing(&file, reading);
    }
    let listeners = resolve_listeners(file.listener, &file.admin.address, reading);
    apps::add_own_pools(&file.app, &mut file.pool);
    let pool_names: Vec<String> = file.pool.iter().map(|pool| pool.name.clone()).collect();
    let routes = resolve_routes(file.route, &pool_names, &file.pool, reading);
    let docker = docker::resolve(file.provider, &file.pool, reading);
    circles::warn(&file.pool, &listeners, reading);
    let pools = file.pool.into_iter().map(|item| {
        let start_timeout = apps::start_timeout_of(&item.name, &file.app);
        let is_fed = item.keys.docker.is_some() || start_timeout.is_some();
        let replacement = item.keys.docker.as_ref().map(|_| docker::ENDPOINT_WAIT);
        pool::resolve(item, is_fed, start_timeout.max(replacement), reading)
    });
    let pools: Vec<Option<PoolConfig>> = pools.collect();
    let apps = apps::resolve(file.app, &pool_names, &pools, reading);
    let pools = pools.into_iter().collect::<Option<Vec<_>>>()?;
    apps::report_clashes(&apps, &admin, &listeners, &pools, reading);
    Some(Config {
        workers: file.workers,
        admin,
        listeners,
        routes,
        pools,
        apps: apps.into_iter().map(|app| app.config).collect(),
        docker,
        access_log: file.access_log,
        request_log: file.request_log,
        log: file.log,
        shutdown: file.shutdown,
    })
}

fn report_missing(file: &FileKeys, reading: &mut Reading<'_>) {
    if file.listener.is_empty() {
        let help = "add `[[listener]]` with `address = \"0.0.0.0:8080\"`, say";
        reading.report(Diagnostic::whole("there is no listener").help(help));
    }
    if file.pool.is_empty() && file.app.is_empty() && file.route.is_empty() {
        let help = "add a `[pool.NAME]` with `endpoints = [\"127.0.0.1:5001\"]`, say";
        reading.report(Diagnostic::whole("there is neither a pool nor a route").help(help));
    }
}

fn resolve_admin(keys: &AdminKeys, reading: &mut Reading<'_>) -> AdminConfig {
    if let (Some(address), None) = (keys.address.value, &keys.token_file)
        && !address.ip().is_loopback()
    {
        let message = format!("the admin address {address} is open to other machines");
        let diagnostic = Diagnostic::error(keys.address.span.clone(), message);
        let help = "add a `token_file`, or use a loopback address such as \"127.0.0.1:8090\"";
        reading.report(diagnostic.label("needs a token").help(help));
    }
    AdminConfig {
        address: keys.address.value,
        token_file: keys.token_file.clone(),
        state_file: keys.state_file.clone(),
        audit_log: keys.audit_log.clone(),
    }
}

fn resolve_listeners(
    items: Vec<Item<listener::ListenerKeys>>,
    admin: &Located<Option<SocketAddr>>,
    reading: &mut Reading<'_>,
) -> Vec<ListenerConfig> {
    let mut names = Names::new("listener");
    let mut taken: Vec<(String, SocketAddr, Range<usize>)> = Vec::new();
    taken.extend(admin.value.map(|address| ("admin".to_owned(), address, admin.span.clone())));
    let mut listeners = Vec::with_capacity(items.len());
    for (item, number) in items.into_iter().zip(1..) {
        let Some((listener, span)) = listener::resolve(item, number, &mut names, reading) else {
            continue;
        };
        let called = format!("listener {:?}", listener.name.as_str());
        let clash = taken.iter().find(|(_, other, _)| is_overlap(*other, listener.address));
        if let Some((other, other_address, other_span)) = clash {
            let message =
                format!("{called}: {} overlaps with {other} ({other_address})", listener.address);
            let diagnostic = Diagnostic::error(span.clone(), message).label("already taken");
            reading.report(if other_span.is_empty() {
                diagnostic
                    .help("that is the default; set `[admin] address`, or choose another port")
            } else {
                diagnostic.related(other_span.clone(), "first one here")
            });
        }
        taken.push((called, listener.address, span));
        listeners.push(listener);
    }
    listeners
}

/// Whether connections to one address could arrive at either. The kernel need not refuse that, since
/// listeners share ports among workers, so this is the only place that notices. IPv6 listeners take
/// IPv6 only, so `0.0.0.0` and `[::]` do not meet; port 0 never clashes.
pub(crate) fn is_overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let is_same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && a.is_ipv4() == b.is_ipv4() && is_same_ip
}

fn resolve_routes(
    items: Vec<Item<route::RouteKeys>>,
    pool_names: &[String],
    pools: &[Item<PoolKeys>],
    reading: &mut Reading<'_>,
) -> Vec<Route> {
    if items.is_empty() {
        return default_route(pools, reading).into_iter().collect();
    }
    let count = items.len();
    let mut names = Names::new("route");
    let (routes, headers): (Vec<Route>, Vec<Range<usize>>) = items
        .into_iter()
        .zip(1..)
        .filter_map(|(item, number)| route::resolve(item, number, pool_names, &mut names, reading))
        .unzip();
    for (lost, taker) in shadowed(&routes) {
        let (Some(route), Some(first)) = (routes.get(lost), routes.get(taker)) else { continue };
        let (Some(at), Some(first_at)) = (headers.get(lost), headers.get(taker)) else { continue };
        let message = format!(
            "route {:?} is never reached: route {:?} takes all its requests",
            route.name.as_str(),
            first.name.as_str()
        );
        let diagnostic = Diagnostic::error(at.clone(), message);
        reading.report(diagnostic.related(first_at.clone(), "this one comes first"));
    }
    // A route that could not be read may be the one that uses a pool.
    if routes.len() == count {
        warn_of_unused_pools(&routes, pools, reading);
    }
    routes
}

/// A sole pool needs no route to be reached.
fn default_route(pools: &[Item<PoolKeys>], reading: &mut Reading<'_>) -> Option<Route> {
    match pools {
        [_] => Some(sole_pool_route()),
        [] => None,
        [_, second, ..] => {
            let message = format!("{} pools and no route that says which to use", pools.len());
            let help = format!("add a `[[route]]` with `pool = {:?}`, say", second.name);
            reading.refuse(Diagnostic::error(second.span.clone(), message).help(help))
        }
    }
}

/// The route of a configuration with one pool and no route.
pub(crate) fn sole_pool_route() -> Route {
    Route {
        name: own_name("default"),
        matcher: RouteMatcher { hosts: Vec::new(), path: PathMatcher::Any, methods: Vec::new() },
        action: Action::Pool(0),
        allow_connect: false,
        allow_upgrade: true,
    }
}

/// A name that Roundel gives.
pub(crate) fn own_name(name: &str) -> Name {
    Name::parse(name).expect("Roundel's own names are short and plain")
}

fn warn_of_unused_pools(routes: &[Route], pools: &[Item<PoolKeys>], reading: &mut Reading<'_>) {
    for (index, pool) in pools.iter().enumerate() {
        if !routes.iter().any(|route| route.action == Action::Pool(index)) {
            let message = format!("no route uses pool {:?}", pool.name);
            let diagnostic = Diagnostic::warning(pool.span.clone(), message).label("unused");
            reading.report(
                diagnostic.help(format!("add a `[[route]]` with `pool = {:?}`", pool.name)),
            );
        }
    }
}
