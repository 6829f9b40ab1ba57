//! Finds the route for a request.
//!
//! # Precedence
//! Among the routes that match a request, the most specific serves it:
//! 1. an exact host, else the longest wildcard, else any host;
//! 2. an exact path, else the longest prefix in segments, else any path;
//! 3. a method list that names the method, else, for HEAD, one that names GET, else none;
//! 4. the one configured first.
//!
//! HEAD asks for what GET would answer, without the content (RFC 9110 §9.3.2), so whoever lets GET
//! through means HEAD as well.
//!
//! A host, path or method that does not match falls through to the next less specific route, as
//! in the Kubernetes Gateway API: `a.example.com/api` leaves `a.example.com/` to a route for
//! `*.example.com`. (In nginx the host alone chooses a server, and what it lacks is a 404.)
//!
//! # Cost
//! One hash look-up for each label of the host, then one for each segment of the path as deep as
//! any configured path goes, and the latter again for each less specific host fallen through to.
//! Nothing depends on how many routes there are, and every byte of a path is hashed once, so a long
//! path cannot be made expensive. Nothing is allocated when a route is found, unless the path has
//! escapes in an unusual form. A table with one catch-all route, the common case, looks nothing up.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::path::{canonical, prefix_segments, segments};
use super::{HostPattern, PathMatcher, Route};

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
pub struct RouteTable {
    routes: Vec<Route>,
    /// The only route matches everything.
    is_catch_all: bool,
    exact_hosts: TextMap<PathTree>,
    below_hosts: TextMap<PathTree>,
    any_host: Option<PathTree>,
}

impl RouteTable {
    /// Indexes `routes`.
    pub fn new(routes: Vec<Route>) -> Self {
        let is_catch_all = matches!(routes.as_slice(), [sole] if sole.matcher.is_catch_all());
        let mut table = Self { is_catch_all, ..Self::default() };
        for (index, route) in routes.iter().enumerate() {
            for host in route.matcher.host_keys() {
                let tree = match host {
                    Some(HostPattern::Exact(host)) => tree_of(&mut table.exact_hosts, host),
                    Some(HostPattern::Below(domain)) => tree_of(&mut table.below_hosts, domain),
                    None => table.any_host.get_or_insert_default(),
                };
                let is_limited = !route.matcher.methods.is_empty();
                tree.candidates_mut(&route.matcher.path).insert(index, is_limited);
            }
        }
        table.routes = routes;
        table
    }

    /// Finds the route for a request. `host` is without port, in any case, and empty when the
    /// request has none (HTTP/1.0), which only routes for any host serve. `path` is without query;
    /// one that does not start with a slash (`*`, or none) is served by routes for any path only.
    #[inline]
    pub fn find(&self, host: &str, path: &str, method: &str) -> Match<'_> {
        match self.routes.as_slice() {
            [sole] if self.is_catch_all => Match::Route(sole),
            _ => self.look_up(host, path, method),
        }
    }

    /// [`RouteTable::find`] by way of the index. Apart, so that the common case stays small enough
    /// to be inlined.
    #[inline(never)]
    fn look_up(&self, host: &str, path: &str, method: &str) -> Match<'_> {
        let mut buffer = [0; HOST_BYTES_MAX];
        let host = normalize(host, &mut buffer);
        let path = &*canonical(path);
        let found = self
            .trees(host)
            .flat_map(|tree| tree.candidates(path))
            .find_map(|candidates| candidates.choose(&self.routes, method));
        match found {
            Some(route) => Match::Route(route),
            None => self.explain_miss(host, path),
        }
    }

    /// All routes, in configured order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The place among [`Self::routes`] of a route that [`Self::find`] found.
    pub fn index_of(&self, route: &Route) -> Option<usize> {
        self.routes.element_offset(route)
    }

    /// The trees that may serve `host`, most specific first.
    fn trees<'t>(&'t self, host: &str) -> impl Iterator<Item = &'t PathTree> {
        let exact = self.exact_hosts.get(host);
        let wildcards = domains_above(host).filter_map(|domain| self.below_hosts.get(domain));
        exact.into_iter().chain(wildcards).chain(&self.any_host)
    }

    fn explain_miss(&self, host: &str, path: &str) -> Match<'static> {
        if self.trees(host).next().is_none() {
            return Match::NoHost;
        }
        let mut allowed: Vec<&str> = Vec::new();
        for candidates in self.trees(host).flat_map(|tree| tree.candidates(path)) {
            for route in candidates.limited.iter().filter_map(|&index| self.routes.get(index)) {
                for method in route.matcher.methods_taken() {
                    if !allowed.contains(&method) {
                        allowed.push(method);
                    }
                }
            }
        }
        if allowed.is_empty() {
            return Match::NoPath;
        }
        Match::MethodNotAllowed(allowed.join(", "))
    }
}

fn tree_of<'t>(trees: &'t mut TextMap<PathTree>, host: &str) -> &'t mut PathTree {
    trees.entry(host.into()).or_default()
}

/// The paths of one host, as a tree of segments. Nodes lie in one list, so that neither building
/// nor dropping recurses, however deep a configured path is.
#[derive(Debug)]
struct PathTree {
    /// Never empty; the first is the root, which is the prefix `/`.
    nodes: Vec<Node>,
    any_path: Candidates,
}

#[derive(Debug, Default)]
struct Node {
    parent: Option<usize>,
    children: TextMap<usize>,
    exact: Candidates,
    prefix: Candidates,
}

impl Default for PathTree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], any_path: Candidates::default() }
    }
}

impl PathTree {
    /// The candidates for `path`, most specific first: the exact path, prefixes from the longest
    /// to the shortest, any path.
    fn candidates(&self, path: &str) -> impl Iterator<Item = &Candidates> {
        let (deepest, is_whole) = self.descend(path);
        let exact = deepest.filter(|_| is_whole).map(|node| &node.exact);
        let upwards = std::iter::successors(deepest, |node| self.nodes.get(node.parent?));
        exact.into_iter().chain(upwards.map(|node| &node.prefix)).chain([&self.any_path])
    }

    /// The deepest node on the way along `path`, and whether it is the path itself.
    fn descend(&self, path: &str) -> (Option<&Node>, bool) {
        let mut here = if path.starts_with('/') { self.nodes.first() } else { None };
        for segment in segments(path) {
            let next = here.and_then(|node| self.nodes.get(*node.children.get(segment)?));
            if next.is_none() {
                return (here, false);
            }
            here = next;
        }
        (here, true)
    }

    fn candidates_mut(&mut self, path: &PathMatcher) -> &mut Candidates {
        match path {
            PathMatcher::Any => &mut self.any_path,
            PathMatcher::Exact(path) => &mut self.node_mut(segments(&canonical(path))).exact,
            PathMatcher::Prefix(path) => {
                &mut self.node_mut(prefix_segments(&canonical(path))).prefix
            }
        }
    }

    fn node_mut<'p>(&mut self, segments: impl Iterator<Item = &'p str>) -> &mut Node {
        let mut here = 0;
        for segment in segments {
            let next = self.nodes.len();
            let child = *self.nodes[here].children.entry(segment.into()).or_insert(next);
            if child == next {
                self.nodes.push(Node { parent: Some(here), ..Node::default() });
            }
            here = child;
        }
        &mut self.nodes[here]
    }
}

/// Routes that differ at most in their methods, by index.
#[derive(Debug, Default)]
struct Candidates {
    /// Those with a method list, in configured order.
    limited: Vec<usize>,
    /// The first without; any later one could never be chosen.
    unlimited: Option<usize>,
}

impl Candidates {
    fn insert(&mut self, index: usize, is_limited: bool) {
        if is_limited {
            self.limited.push(index);
        } else {
            self.unlimited.get_or_insert(index);
        }
    }

    fn choose<'r>(&self, routes: &'r [Route], method: &str) -> Option<&'r Route> {
        let naming = |method: &str| {
            let mut limited = self.limited.iter().filter_map(|&index| routes.get(index));
            limited.find(|route| route.matcher.methods.iter().any(|named| named == method))
        };
        let as_get = || if method == "HEAD" { naming("GET") } else { None };
        naming(method).or_else(as_get).or_else(|| routes.get(self.unlimited?))
    }
}

/// No configured host is longer, so a longer one needs no look-up.
const HOST_BYTES_MAX: usize = 255;

/// `host` in lower case and without a final dot, in `buffer` if it has to be changed; empty, which
/// no pattern is, when it is too long to be configured.
fn normalize<'h>(host: &'h str, buffer: &'h mut [u8; HOST_BYTES_MAX]) -> &'h str {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.len() > HOST_BYTES_MAX {
        return "";
    }
    if !host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return host;
    }
    let (lower, _) = buffer.split_at_mut(host.len());
    lower.copy_from_slice(host.as_bytes());
    lower.make_ascii_lowercase();
    // Changing ASCII letters keeps UTF-8 valid, so the fallback is never taken.
    std::str::from_utf8(lower).unwrap_or_default()
}

/// The domains that `host` is below, longest first: `b.c` and `c` for `a.b.c`.
fn domains_above(host: &str) -> impl Iterator<Item = &str> {
    let first = host.split_once('.').filter(|(label, _)| !label.is_empty());
    std::iter::successors(first.map(|(_, domain)| domain), |domain| {
        domain.split_once('.').map(|(_, domain)| domain)
    })
}

type TextMap<V> = HashMap<Box<str>, V, BuildHasherDefault<TextHasher>>;

/// XXH3 in one call. Unseeded is safe here: keys come from the configuration alone, so a client
/// cannot make them collide, only ask for them.
#[derive(Debug, Default)]
struct TextHasher(u64);

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }

    /// Strings end with such a byte, to tell parts of a composed key apart; ours are not composed.
    fn write_u8(&mut self, _end: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
