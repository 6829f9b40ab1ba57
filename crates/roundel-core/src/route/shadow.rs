//! Routes that no request can ever reach.
//!
//! A route loses every request to another only when that one stands in the same place of the
//! order of precedence, host for host and path for path, and comes first there. Anything less
//! equal is either more specific, and then does not cover, or less specific, and then loses.

use std::borrow::Cow;
use std::collections::HashMap;

use super::path::{canonical, trim_end_slashes};
use super::{HostPattern, PathMatcher, Route};

/// Routes that are never found: pairs of (index of the unreachable route, index of the route that
/// takes all its requests), ascending by the first. A route whose requests are taken by several
/// others together is not reported.
pub fn shadowed(routes: &[Route]) -> Vec<(usize, usize)> {
    let mut earlier: HashMap<Place<'_>, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        // Whoever takes all requests also takes those of the first host.
        let first = places(route).next().and_then(|place| earlier.get(&place));
        let taker = first
            .into_iter()
            .flatten()
            .copied()
            .find(|&other| routes.get(other).is_some_and(|other| takes_all(other, route)));
        found.extend(taker.map(|taker| (index, taker)));
        for place in places(route) {
            earlier.entry(place).or_default().push(index);
        }
    }
    found
}

/// One host pattern and one path: where in the order of precedence a route stands.
type Place<'a> = (Option<&'a HostPattern>, PathPlace<'a>);

#[derive(PartialEq, Eq, Hash, Clone)]
enum PathPlace<'a> {
    Exact(Cow<'a, str>),
    Prefix(Cow<'a, str>),
    Any,
}

fn places(route: &Route) -> impl Iterator<Item = Place<'_>> {
    let path = match &route.matcher.path {
        PathMatcher::Any => PathPlace::Any,
        PathMatcher::Exact(path) => PathPlace::Exact(canonical(path)),
        PathMatcher::Prefix(path) => PathPlace::Prefix(canonical(trim_end_slashes(path))),
    };
    route.matcher.host_keys().map(move |host| (host, path.clone()))
}

/// Whether `first`, which is configured before `route`, takes all requests that match `route`.
fn takes_all(first: &Route, route: &Route) -> bool {
    let (ours, theirs) = (&route.matcher.methods, &first.matcher.methods);
    // A method list goes before none, so neither a list nor its absence covers the other.
    let has_methods = if ours.is_empty() {
        theirs.is_empty()
    } else {
        ours.iter().all(|method| theirs.contains(method))
    };
    has_methods && places(route).all(|place| places(first).any(|other| other == place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::route;

    #[test]
    fn only_routes_that_lose_every_request_are_reported() {
        type Given = &'static [(&'static str, &'static str, &'static str)];
        type Reported = &'static [(usize, usize)];
        let cases: &[(Given, Reported)] = &[
            (&[("", "*", ""), ("", "*", "")], &[(1, 0)]),
            (&[("", "*", ""), ("", "*", ""), ("", "*", "")], &[(1, 0), (2, 0)]),
            (&[("", "/a/*", ""), ("", "/a/*", "")], &[(1, 0)]),
            (&[("", "/a/*", ""), ("", "/%61/*", "")], &[(1, 0)]),
            (&[("", "/a/*", ""), ("", "/a", "")], &[]),
            (&[("", "*", ""), ("", "/*", "")], &[]),
            (&[("", "*", ""), ("a.com", "*", "")], &[]),
            (&[("*.a.com", "*", ""), ("x.a.com", "*", "")], &[]),
            (&[("a.com,b.com", "*", ""), ("b.com", "*", "")], &[(1, 0)]),
            (&[("b.com", "*", ""), ("a.com,b.com", "*", "")], &[]),
            (&[("", "*", ""), ("", "*", "GET")], &[]),
            (&[("", "*", "GET"), ("", "*", "")], &[]),
            (&[("", "*", "GET,POST"), ("", "*", "POST")], &[(1, 0)]),
            (&[("", "*", "POST"), ("", "*", "GET,POST")], &[]),
        ];
        for (given, expected) in cases {
            let routes: Vec<Route> = given.iter().map(|(h, p, m)| route(h, p, m)).collect();
            assert_eq!(shadowed(&routes), *expected, "{given:?}");
        }
    }
}
