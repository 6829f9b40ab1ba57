//! `[[route]]`: keys and defaults, and how they become a [`Route`].

use std::ops::Range;
use std::sync::Arc;

use roundel_core::name::Name;
use roundel_core::route::{Action, FixedResponse, HostPattern, PathMatcher, Route, RouteMatcher};

use crate::check::Names;
use crate::diagnostic::Diagnostic;
use crate::kind::{
    Item, any, choice, exact_path, flag, headers, host_pattern, list, located, location, method,
    name, optional, path_prefix, required, table, whole,
};
use crate::section::{Located, Reading, section};
use crate::suggest::nearest;

/// Keeps the method, and is not remembered by clients: the kindest choice when none is made.
const REDIRECT_STATUS: u16 = 307;

section! {
    /// Which requests go where. The most specific route wins: an exact host before `*.domain` before
    /// every host, then an exact path before the longest prefix. May be left out when there is
    /// exactly one pool.
    struct RouteKeys {
        /// Its name in logs and metrics.
        name: Option<Located<Name>>
            = optional(located(name()), "`route-1`, `route-2` …", "\"api\"") => None,
        /// Hosts without port; `*.example.com` stands for all hosts below `example.com`.
        hosts: Option<Vec<HostPattern>> = optional(
            list(host_pattern()).non_empty("leave `hosts` out to match every host"),
            "every host",
            "[\"example.com\", \"*.example.com\"]",
        ) => None,
        /// This path, without query. Excludes `path_prefix`.
        path: Option<Located<PathMatcher>>
            = optional(located(exact_path()), "every path", "\"/login\"").alternative() => None,
        /// This path and all below it, by segment: `/api` stands for `/api` and `/api/x`, not `/apix`.
        path_prefix: Option<Located<PathMatcher>>
            = optional(located(path_prefix()), "every path", "\"/api\"") => None,
        /// Methods; GET includes HEAD. A request with another one goes to the next less specific
        /// route that takes it, and is answered with 405 where there is none: to refuse it
        /// whatever other routes there are, add one for the same path with
        /// `respond = { status = 405 }`.
        methods: Option<Vec<String>> = optional(
            list(method()).non_empty("leave `methods` out to match every method"),
            "every method",
            "[\"GET\", \"HEAD\", \"POST\"]",
        ) => None,
        /// The pool that requests go to. A route has exactly one of `pool`, `action`, `respond` and
        /// `redirect`.
        pool: Option<Located<String>>
            = optional(located(any()), "one of the others", "\"api\"") => None,
        /// "stats" answers with the request counts of all endpoints.
        action: Option<Located<Action>> = optional(
            located(choice(&[("stats", Action::Stats)])),
            "one of the others",
            "\"stats\"",
        ).alternative() => None,
        /// Answers with a fixed response.
        respond: Option<Located<RespondKeys>> = optional(
            located(table()),
            "one of the others",
            "{ status = 503, headers = { Retry-After = \"60\" }, body = \"Back soon.\\n\" }",
        ).alternative() => None,
        /// Answers with a redirect to this path or URL.
        redirect: Option<Located<String>>
            = optional(located(location()), "one of the others", "\"https://example.com\"")
                .alternative() => None,
        /// Status of the redirect: 301, 302, 303, 307 or 308.
        redirect_status: Option<Located<u16>>
            = optional(located(whole(301..=308)), "307, which keeps the method", "308")
                .alternative() => None,
        /// Appends the request's path and query to the redirect's location.
        keep_path: Option<Located<bool>>
            = optional(located(flag()), "false", "true").alternative() => None,
        /// Accepts `CONNECT` and tunnels it to the pool.
        allow_connect: bool = flag() => false,
        /// Accepts `Upgrade` (WebSocket and others); a tunnel starts only after the endpoint's 101.
        allow_upgrade: bool = flag() => true,
    }
}

section! {
    /// A response that Roundel makes itself.
    struct RespondKeys {
        /// Status, 200 to 599.
        status: Option<u16> = required(whole(200..=599), "503") => None,
        /// Response fields.
        headers: Vec<(String, String)> = headers() => Vec::new(),
        /// Response body.
        body: String = any() => String::new(),
    }
}

/// The route, unless something in it is missing or wrong. `number` counts from 1; `pools` are the
/// pools' names in order.
pub(crate) fn resolve(
    item: Item<RouteKeys>,
    number: usize,
    pools: &[String],
    names: &mut Names,
    reading: &mut Reading<'_>,
) -> Option<(Route, Range<usize>)> {
    let mut keys = item.keys;
    let name = names.claim_or_number(keys.name.take(), number, &item.span, reading);
    if let (Some(path), Some(prefix)) = (&keys.path, &keys.path_prefix) {
        let message = "a route has `path` or `path_prefix`, not both";
        let diagnostic = Diagnostic::error(prefix.span.clone(), message);
        reading.report(diagnostic.related(path.span.clone(), "first one here"));
    }
    let path = keys.path.take().or(keys.path_prefix.take());
    let matcher = RouteMatcher {
        hosts: keys.hosts.take().unwrap_or_default(),
        path: path.map_or(PathMatcher::Any, |path| path.value),
        methods: keys.methods.take().unwrap_or_default(),
    };
    let (allow_connect, allow_upgrade) = (keys.allow_connect, keys.allow_upgrade);
    check_sole_action(&keys, item.is_whole, &item.span, reading)?;
    let action = action(keys, pools, reading)?;
    // With a wrong key left out it would be another route, which compares with others wrongly.
    if !item.is_whole {
        return None;
    }
    Some((Route { name: name?, matcher, action, allow_connect, allow_upgrade }, item.span))
}

/// Refuses a route that does nothing, or several things.
fn check_sole_action(
    keys: &RouteKeys,
    is_whole: bool,
    header: &Range<usize>,
    reading: &mut Reading<'_>,
) -> Option<()> {
    let given = [
        ("pool", keys.pool.as_ref().map(|p| &p.span)),
        ("action", keys.action.as_ref().map(|a| &a.span)),
        ("respond", keys.respond.as_ref().map(|r| &r.span)),
        ("redirect", keys.redirect.as_ref().map(|r| &r.span)),
    ];
    let mut given = given.into_iter().filter_map(|(key, span)| Some((key, span?)));
    match (given.next(), given.next()) {
        (Some(_), None) => Some(()),
        (None, _) if !is_whole => None,
        (None, _) => {
            let message = "`route` needs one of `pool`, `action`, `respond` and `redirect`";
            let help = "name the pool that its requests go to";
            reading.refuse(Diagnostic::error(header.clone(), message).help(help))
        }
        (Some((first, first_span)), Some((second, second_span))) => {
            let message = format!("a route has one of `{first}` and `{second}`, not both");
            let diagnostic = Diagnostic::error(second_span.clone(), message);
            reading.refuse(diagnostic.related(first_span.clone(), "first one here"))
        }
    }
}

fn action(keys: RouteKeys, pools: &[String], reading: &mut Reading<'_>) -> Option<Action> {
    if let Some(redirect) = keys.redirect {
        let keep_path = keys.keep_path.is_some_and(|keep| keep.value);
        let status = redirect_status(keys.redirect_status, reading)?;
        return Some(Action::Redirect { status, location: redirect.value.into(), keep_path });
    }
    let status = keys.redirect_status.map(|status| ("redirect_status", status.span));
    let keep_path = keys.keep_path.map(|keep| ("keep_path", keep.span));
    for (key, span) in [status, keep_path].into_iter().flatten() {
        let message = format!("`{key}` has no effect without `redirect`");
        reading.report(Diagnostic::error(span, message));
    }
    if let Some(pool) = keys.pool {
        return pool_index(&pool, pools, reading).map(Action::Pool);
    }
    if let Some(Located { value: RespondKeys { status, headers, body }, span }) = keys.respond {
        let status = status?;
        if matches!(status, 204 | 304) && !body.is_empty() {
            let message = format!("a {status} response has no body (RFC 9110 §6.4.1)");
            reading.report(Diagnostic::error(span, message).help("leave `body` out"));
        }
        return Some(Action::Respond(Arc::new(FixedResponse { status, headers, body })));
    }
    keys.action.map(|action| action.value)
}

fn redirect_status(given: Option<Located<u16>>, reading: &mut Reading<'_>) -> Option<u16> {
    match given {
        None => Some(REDIRECT_STATUS),
        Some(Located { value: status @ (301 | 302 | 303 | 307 | 308), .. }) => Some(status),
        Some(Located { value, span }) => {
            let message = format!("`redirect_status` cannot be {value}");
            let label = "allowed: 301, 302, 303, 307, 308";
            reading.refuse(Diagnostic::error(span, message).label(label))
        }
    }
}

fn pool_index(
    wanted: &Located<String>,
    pools: &[String],
    reading: &mut Reading<'_>,
) -> Option<usize> {
    pools.iter().position(|name| *name == wanted.value).or_else(|| {
        let message = format!("there is no pool {:?}", wanted.value);
        let diagnostic = Diagnostic::error(wanted.span.clone(), message).label("unknown pool");
        let help = match nearest(&wanted.value, pools.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None if pools.is_empty() => format!("add a `[pool.{}]`", wanted.value),
            None => format!("the pools are: {}", pools.join(", ")),
        };
        reading.refuse(diagnostic.help(help))
    })
}
