//! Tables for each rule of precedence, and the same rules once more as a slow search over all
//! routes, which the index must agree with.

use proptest::prelude::*;

use super::*;
use crate::route::tests::route;

type Given = (&'static str, &'static str, &'static str);

fn table(given: &[Given]) -> RouteTable {
    RouteTable::new(given.iter().map(|(h, p, m)| route(h, p, m)).collect())
}

/// What is found, as the route's matcher in text, or the miss.
fn find(table: &RouteTable, host: &str, path: &str, method: &str) -> String {
    match table.find(host, path, method) {
        Match::Route(route) => route.matcher.to_string(),
        Match::MethodNotAllowed(allowed) => format!("405 {allowed}"),
        Match::NoPath => "404".to_owned(),
        Match::NoHost => "421".to_owned(),
    }
}

fn check(given: &[Given], requests: &[(&str, &str, &str, &str)]) {
    let table = table(given);
    for (host, path, method, expected) in requests {
        assert_eq!(find(&table, host, path, method), *expected, "{method} {host} {path}");
    }
}

#[test]
fn a_single_catch_all_takes_everything() {
    let given: &[Given] = &[("", "*", "")];
    let long = "x".repeat(300);
    check(
        given,
        &[
            ("", "/", "GET", "*"),
            ("a.com", "*", "OPTIONS", "*"),
            ("a.com", "", "CONNECT", "*"),
            (long.as_str(), "/x/y", "PUT", "*"),
        ],
    );
}

#[test]
fn no_routes_serve_no_host() {
    check(&[], &[("a.com", "/", "GET", "421"), ("", "/", "GET", "421")]);
}

#[test]
fn the_most_specific_host_wins_whatever_the_order() {
    check(
        &[("", "*", ""), ("*.com", "*", ""), ("*.a.com", "*", ""), ("x.a.com", "*", "")],
        &[
            ("x.a.com", "/", "GET", "x.a.com"),
            ("X.A.Com", "/", "GET", "x.a.com"),
            ("x.a.com.", "/", "GET", "x.a.com"),
            ("y.a.com", "/", "GET", "*.a.com"),
            ("Z.Y.A.com", "/", "GET", "*.a.com"),
            ("a.com", "/", "GET", "*.com"),
            ("com", "/", "GET", "*"),
            (".com", "/", "GET", "*"),
            ("b.org", "/", "GET", "*"),
            ("", "/", "GET", "*"),
        ],
    );
}

#[test]
fn the_most_specific_path_wins_whatever_the_order() {
    check(
        &[("", "*", ""), ("", "/*", ""), ("", "/a/*", ""), ("", "/a/b/*", ""), ("", "/a/b", "")],
        &[
            ("", "/a/b", "GET", "/a/b"),
            ("", "/a/b/", "GET", "/a/b/*"),
            ("", "/a/b/c/d", "GET", "/a/b/*"),
            ("", "/a/bc", "GET", "/a/*"),
            ("", "/a", "GET", "/a/*"),
            ("", "/ab", "GET", "/*"),
            ("", "/", "GET", "/*"),
            ("", "//a", "GET", "/*"),
        ],
    );
}

#[test]
fn a_route_for_get_takes_head_unless_another_names_it() {
    check(
        &[("", "/a/*", "GET"), ("", "/b/*", "GET"), ("", "/b/*", "HEAD"), ("", "*", "")],
        &[
            ("", "/a/x", "HEAD", "/a/* GET"),
            ("", "/b/x", "HEAD", "/b/* HEAD"),
            ("", "/a/x", "POST", "*"),
        ],
    );
}

#[test]
fn an_escape_does_not_lead_around_a_route() {
    check(
        &[("", "*", ""), ("", "/admin/*", ""), ("", "/caf%c3%a9", "")],
        &[
            ("", "/%61dmin/x", "GET", "/admin/*"),
            ("", "/admin%2Fx", "GET", "*"),
            ("", "/caf%C3%A9", "GET", "/caf%c3%a9"),
        ],
    );
}

#[test]
fn a_method_list_goes_before_none_and_order_breaks_ties() {
    check(
        &[("", "/a", ""), ("", "/a", "GET"), ("", "/a", "GET,HEAD")],
        &[
            ("", "/a", "GET", "/a GET"),
            ("", "/a", "HEAD", "/a GET,HEAD"),
            ("", "/a", "POST", "/a"),
            ("", "/a", "get", "/a"),
        ],
    );
}

#[test]
fn what_a_specific_route_lacks_falls_through_to_a_less_specific_one() {
    check(
        &[
            ("a.example.com", "/api/*", "GET"),
            ("*.example.com", "/api/*", ""),
            ("", "/", ""),
            ("a.example.com", "/api/v1/*", "PUT"),
        ],
        &[
            ("a.example.com", "/api/x", "GET", "a.example.com/api/* GET"),
            ("a.example.com", "/api/v1/x", "GET", "a.example.com/api/* GET"),
            ("a.example.com", "/api/x", "POST", "*.example.com/api/*"),
            ("a.example.com", "/", "GET", "/"),
            ("a.example.com", "/none", "GET", "404"),
        ],
    );
}

#[test]
fn only_routes_for_any_path_take_an_asterisk_or_no_path() {
    check(
        &[("", "/*", ""), ("a.com", "*", "OPTIONS,CONNECT")],
        &[
            ("a.com", "*", "OPTIONS", "a.com OPTIONS,CONNECT"),
            ("a.com", "", "CONNECT", "a.com OPTIONS,CONNECT"),
            ("b.com", "*", "OPTIONS", "404"),
            ("b.com", "", "CONNECT", "404"),
        ],
    );
}

#[test]
fn a_request_without_host_is_served_by_routes_for_any_host_only() {
    check(&[("a.com", "*", "")], &[("", "/", "GET", "421"), (".", "/", "GET", "421")]);
    check(
        &[("a.com", "*", ""), ("", "/x", "")],
        &[("", "/x", "GET", "/x"), ("", "/", "GET", "404")],
    );
}

#[test]
fn a_missing_method_tells_all_allowed_ones_once() {
    check(
        &[
            ("a.com", "/x", "GET,HEAD"),
            ("a.com", "/*", "HEAD,PUT"),
            ("", "*", "DELETE"),
            ("a.com", "/y", "PATCH"),
        ],
        &[
            ("a.com", "/x", "POST", "405 GET, HEAD, PUT, DELETE"),
            ("a.com", "/z", "POST", "405 HEAD, PUT, DELETE"),
            ("b.com", "/x", "POST", "405 DELETE"),
        ],
    );
}

#[test]
fn an_over_long_host_matches_no_name() {
    let long = format!("{}.a.com", "x".repeat(300));
    check(&[("*.a.com", "*", "")], &[(long.as_str(), "/", "GET", "421")]);
}

#[test]
fn routes_keep_their_configured_order() {
    let table = table(&[("", "*", ""), ("a.com", "/x", "GET")]);
    let shown: Vec<String> = table.routes().iter().map(|r| r.matcher.to_string()).collect();
    assert_eq!(shown, ["*", "a.com/x GET"]);
}

/// How specific the best host pattern of `route` that matches is; `None` when none does.
fn host_rank(route: &Route, host: &str) -> Option<usize> {
    let rank = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(exact) => (exact == host).then_some(usize::MAX),
        HostPattern::Below(domain) => {
            host.strip_suffix(domain.as_str())?.strip_suffix('.')?;
            Some(domain.len())
        }
    };
    if route.matcher.hosts.is_empty() {
        return Some(0);
    }
    route.matcher.hosts.iter().filter_map(rank).max()
}

fn path_rank(route: &Route, path: &str) -> Option<usize> {
    let matcher = &route.matcher.path;
    matcher.is_match(path).then_some(match matcher {
        PathMatcher::Any => 0,
        PathMatcher::Prefix(prefix) if prefix == "/" => 1,
        PathMatcher::Prefix(prefix) => 1 + prefix.matches('/').count(),
        PathMatcher::Exact(_) => usize::MAX,
    })
}

/// The rules of precedence, by asking every route.
fn search<'r>(routes: &'r [Route], host: &str, path: &str, method: &str) -> Option<&'r Route> {
    let rank = |(index, route): (usize, &'r Route)| {
        let methods = &route.matcher.methods;
        let names = |method: &str| methods.iter().any(|named| named == method);
        let fit = match method {
            _ if methods.is_empty() => 0,
            _ if names(method) => 2,
            "HEAD" if names("GET") => 1,
            _ => return None,
        };
        let host = host_rank(route, host)?;
        let path = path_rank(route, path)?;
        Some(((host, path, fit, usize::MAX - index), route))
    };
    routes.iter().enumerate().filter_map(rank).max_by_key(|(rank, _)| *rank).map(|(_, r)| r)
}

fn any_route() -> impl Strategy<Value = Route> {
    let host = prop::sample::select(vec!["a.b.c", "b.c", "c", "*.b.c", "*.c", "*.a.b.c"]);
    let hosts = prop::collection::vec(host, 0..3);
    let path = prop::sample::select(vec![
        "*", "/*", "/", "/x", "/x/", "/x/*", "/x/y", "/x/y/*", "/x//*", "/y/*",
    ]);
    let methods = prop::sample::select(vec!["", "", "GET", "PUT", "GET,PUT", "HEAD"]);
    (hosts, path, methods).prop_map(|(hosts, path, methods)| route(&hosts.join(","), path, methods))
}

proptest! {
    #[test]
    fn the_index_agrees_with_a_search_over_all_routes(
        routes in prop::collection::vec(any_route(), 0..12),
        host in "([abc]\\.){0,3}[abc]?",
        path in "\\*|(/[xyz]?){0,4}",
        method in prop::sample::select(vec!["GET", "HEAD", "PUT", "POST"]),
    ) {
        let table = RouteTable::new(routes.clone());
        let host = host.trim_end_matches('.');
        let expected = search(&routes, host, &path, method);
        let found = table.find(host, &path, method);
        let is_served = |route: &Route| host_rank(route, host).is_some();
        match expected {
            Some(route) => prop_assert_eq!(found, Match::Route(route)),
            None if !routes.iter().any(is_served) => prop_assert_eq!(found, Match::NoHost),
            None if !routes.iter().any(|r| is_served(r) && path_rank(r, &path).is_some()) => {
                prop_assert_eq!(found, Match::NoPath);
            }
            None => prop_assert!(matches!(found, Match::MethodNotAllowed(_))),
        }
    }

    #[test]
    fn a_shadowed_route_is_never_found(
        routes in prop::collection::vec(any_route(), 2..8),
        host in "([abc]\\.){0,3}[abc]",
        path in "\\*|(/[xyz]?){0,4}",
        method in prop::sample::select(vec!["GET", "PUT", "POST"]),
    ) {
        let table = RouteTable::new(routes.clone());
        if let Match::Route(found) = table.find(&host, &path, method) {
            for (unreachable, _) in crate::route::shadowed(&routes) {
                prop_assert!(!std::ptr::eq(found, &raw const table.routes()[unreachable]));
            }
        }
    }

    #[test]
    fn any_input_finds_something_without_panic(host in ".{0,300}", path in ".{0,40}") {
        let table = table(&[("*.a.b", "/x/*", ""), ("", "*", "GET")]);
        table.find(&host, &path, "GET");
    }
}
