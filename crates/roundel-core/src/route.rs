//! Which request goes where.
//!
//! A route is a matcher and an action. Which route serves a request is decided by how specific
//! the matchers are, never by their order in the file, so that moving a route cannot change
//! traffic. This module holds the values; [`table`] finds, [`shadow`] tells which routes can
//! never be found, [`host`] and [`path`] parse what operators write.

use std::fmt;
use std::sync::Arc;

use crate::name::Name;

pub mod host;
pub mod path;
pub mod shadow;
pub mod table;

pub use host::{HostPattern, HostPatternError};
pub use path::{PathError, PathMatcher};
pub use shadow::shadowed;
pub use table::{Match, RouteTable};

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
    /// Passes `Upgrade` on, else ignores it (RFC 9110 §7.8); on by default, since a tunnel starts only
    /// after the endpoint's 101.
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

impl RouteMatcher {
    /// The methods that are named, and HEAD where GET is; one may come twice.
    pub fn methods_taken(&self) -> impl Iterator<Item = &str> {
        let implied = |method: &str| (method == "GET").then_some("HEAD");
        let named = self.methods.iter().map(String::as_str);
        named.flat_map(move |method| [Some(method), implied(method)]).flatten()
    }

    /// Whether it matches every request.
    pub fn is_catch_all(&self) -> bool {
        self.hosts.is_empty() && self.path == PathMatcher::Any && self.methods.is_empty()
    }

    /// Its host patterns one by one; a single `None` stands for any host.
    fn host_keys(&self) -> impl Iterator<Item = Option<&HostPattern>> {
        let any = self.hosts.is_empty().then_some(None);
        self.hosts.iter().map(Some).chain(any)
    }
}

/// Host, path and methods in one word each: `example.com/api/* GET,POST`, `{a.com,b.com}/login`,
/// and `*` for everything. A prefix ends with `/*`, an exact path does not.
impl fmt::Display for RouteMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hosts.as_slice() {
            [] => {}
            [host] => write!(f, "{host}")?,
            hosts => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                write!(f, "{{{}}}", hosts.join(","))?;
            }
        }
        // "example.com" says enough by itself; without a host, something has to be said.
        if self.hosts.is_empty() || self.path != PathMatcher::Any {
            write!(f, "{}", self.path)?;
        }
        if !self.methods.is_empty() {
            write!(f, " {}", self.methods.join(","))?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A route from text: hosts (comma-separated), path (`*`, exact, or prefix ending in `/*`),
    /// methods (comma-separated).
    pub(crate) fn route(hosts: &str, path: &str, methods: &str) -> Route {
        let list = |text: &str| -> Vec<String> {
            text.split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect()
        };
        let path = match (path, path.strip_suffix("/*")) {
            ("*", _) => PathMatcher::Any,
            (_, Some("")) => PathMatcher::prefix("/").unwrap(),
            (_, Some(prefix)) => PathMatcher::prefix(prefix).unwrap(),
            (exact, None) => PathMatcher::exact(exact).unwrap(),
        };
        let hosts = list(hosts).iter().map(|h| HostPattern::parse(h).unwrap()).collect();
        Route {
            name: Name::parse("r").unwrap(),
            matcher: RouteMatcher { hosts, path, methods: list(methods) },
            action: Action::Stats,
            allow_connect: false,
            allow_upgrade: true,
        }
    }

    #[test]
    fn matchers_read_as_people_write_them() {
        for (hosts, path, methods, text) in [
            ("", "*", "", "*"),
            ("", "*", "GET", "* GET"),
            ("", "/api/*", "", "/api/*"),
            ("", "/*", "", "/*"),
            ("example.com", "*", "", "example.com"),
            ("example.com", "/api", "GET", "example.com/api GET"),
            ("*.example.com", "/api/*", "GET,POST", "*.example.com/api/* GET,POST"),
            ("a.com,*.b.com", "/", "", "{a.com,*.b.com}/"),
        ] {
            assert_eq!(route(hosts, path, methods).matcher.to_string(), text);
        }
    }
}
