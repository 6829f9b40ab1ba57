//! Which request goes where.

use std::sync::Arc;

use crate::name::Name;

/// A match and what to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name, for logs and metrics.
    pub name: Name,
    /// What it matches.
    pub matcher: RouteMatcher,
    /// What happens to a request that matches.
    pub action: Action,
    /// Accepts `CONNECT` and tunnels it to the pool.
    pub allow_connect: bool,
    /// Accepts `Upgrade`; on by default, since a tunnel starts only after the endpoint's 101.
    pub allow_upgrade: bool,
}

/// What a route matches; an empty list matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatcher {
    /// Host patterns.
    pub hosts: Vec<HostPattern>,
    /// The path.
    pub path: PathMatcher,
    /// Methods, as sent (case-sensitive).
    pub methods: Vec<String>,
}

/// A host, in lower case and without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// Any host below this domain (`*.example.com` is `Below("example.com")`), at any depth.
    Below(String),
}

/// What paths a route matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatcher {
    /// All.
    Any,
    /// This path, without query.
    Exact(String),
    /// This path and all below it, by segment: `/api` matches `/api` and `/api/x`, not `/apix`.
    Prefix(String),
}

/// What happens to a request that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Goes to a pool, by index into the snapshot's pools.
    Pool(usize),
    /// Answered with a fixed response.
    Respond(Arc<FixedResponse>),
    /// Answered with a redirect; the request's path and query are appended when `keep_path`.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// `Location` value.
        location: Arc<str>,
        /// Whether the request target is appended to the location.
        keep_path: bool,
    },
    /// Answered with the request counts, as `/stats` on the admin address.
    Stats,
}

/// A response that Roundel makes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedResponse {
    /// 200 to 599.
    pub status: u16,
    /// Fields, without framing fields.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

/// What [`RouteTable::find`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// This route.
    Route(&'a Route),
    /// Routes for this host and path exist, none for the method; the allowed ones, comma-separated.
    MethodNotAllowed(String),
    /// A route serves the host, none the path.
    NoPath,
    /// No route serves the host.
    NoHost,
}

/// All routes, indexed so that the cost of a look-up depends on the path's depth, not on how many
/// routes there are.
#[derive(Debug, Default)]
pub struct RouteTable {}

impl RouteTable {
    /// Indexes `routes`.
    pub fn new(_routes: Vec<Route>) -> Self {
        todo!()
    }

    /// Finds the route for a request. `host` is without port, in any case; `path` is without query.
    pub fn find(&self, _host: &str, _path: &str, _method: &str) -> Match<'_> {
        todo!()
    }

    /// All routes, in configured order.
    pub fn routes(&self) -> &[Route] {
        todo!()
    }
}
