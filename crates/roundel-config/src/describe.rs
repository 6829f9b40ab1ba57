//! The resolved picture: what a configuration does, in words, for `roundel check`.
//!
//! Everything is spelled out, defaults included, because what an operator did not write is what
//! surprises later.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::time::Duration;

use roundel_core::endpoint::AdminState;
use roundel_core::listener::{ForwardedMode, HalfClose, ListenerSettings};
use roundel_core::policy::{
    HealthCheck, HostPolicy, OutlierDetection, PoolLimits, PoolPolicy, PoolTimeouts, Probe,
    RetryPolicy,
};
use roundel_core::route::{Action, HostPattern, PathMatcher, Route};

use crate::model::{
    AccessLogFormat, Config, EndpointConfig, LogFormat, LogLevel, PoolConfig, RequestLogConfig,
};
use crate::units::{show_duration, show_size};

mod apps;
mod docker;

/// What `config` does: process, listeners, routes in the order they are tried, and pools with
/// policy and endpoints. Ends with a line end.
pub fn describe(config: &Config) -> String {
    let mut text = String::new();
    push_table(&mut text, "", &process_rows(config));
    for listener in &config.listeners {
        let _ = writeln!(text, "\nlistener {} on {}", listener.name, listener.address);
        push_table(&mut text, "  ", &listener_rows(&listener.settings));
    }
    text.push_str("\nroutes, in the order they are tried\n");
    push_table(&mut text, "  ", &route_rows(config));
    for pool in &config.pools {
        push_pool(&mut text, pool, config);
    }
    for app in &config.apps {
        let plural = if app.instances.initial == 1 { "" } else { "s" };
        let (name, initial) = (&app.name, app.instances.initial);
        let _ = writeln!(text, "\napp {name}: {initial} instance{plural} in pool {}", app.pool);
        push_table(&mut text, "  ", &apps::rows(app));
    }
    text
}

/// Writes rows of cells, each column as wide as its widest cell but the last.
fn push_table(text: &mut String, indent: &str, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width_of = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        let line = format!("{indent}{}", cells.collect::<Vec<_>>().join("  "));
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn row(label: &str, value: impl Into<String>) -> Vec<String> {
    vec![label.to_owned(), value.into()]
}

fn process_rows(config: &Config) -> Vec<Vec<String>> {
    let workers = config.workers.map_or_else(
        || "what the affinity mask and the cgroup quota allow".to_owned(),
        |workers| workers.to_string(),
    );
    let admin = config.admin.address.map_or_else(|| "off".to_owned(), |a| a.to_string());
    let admin = match &config.admin.token_file {
        Some(file) => format!("{admin}, token in {}", file.display()),
        None => admin,
    };
    let access_log = config.access_log.as_ref().map_or_else(
        || "off".to_owned(),
        |log| {
            let format = match log.format {
                AccessLogFormat::Text => "text",
                AccessLogFormat::Combined => "combined",
                AccessLogFormat::Json => "json",
            };
            format!("{format} to {}", log.target)
        },
    );
    let level = match config.log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let format = match config.log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let mut rows = vec![
        row("workers", workers),
        row("admin", admin),
        row("access log", access_log),
        row("request log", request_log(config.request_log)),
        row("log", format!("{level} and above, {format} to stderr")),
        row("shutdown", format!("after {} at most", show_duration(config.shutdown.grace))),
    ];
    rows.extend(config.docker.as_ref().map(|config| row("docker", docker::engine(config))));
    rows
}

fn request_log(config: RequestLogConfig) -> String {
    let RequestLogConfig { is_enabled, capacity, per_second, keeps_queries } = config;
    if !is_enabled {
        return "off".to_owned();
    }
    let queries = if keeps_queries { "with" } else { "without" };
    format!("the latest {capacity}, up to {per_second} a second, {queries} queries")
}

fn listener_rows(settings: &ListenerSettings) -> Vec<Vec<String>> {
    let ListenerSettings { limits, timeouts, forwarded, half_close } = settings;
    let size = |bytes: usize| show_size(bytes as u64);
    let mode = match forwarded.mode {
        ForwardedMode::Replace => "replaced",
        ForwardedMode::Append => "appended to",
        ForwardedMode::Off => "left alone",
    };
    let proxies: Vec<String> = forwarded.trusted_proxies.iter().map(ToString::to_string).collect();
    let proxies = if proxies.is_empty() { "nobody".to_owned() } else { proxies.join(", ") };
    let is_on = |on: bool| if on { "on" } else { "off" };
    let max_connections = limits.max_connections.map_or_else(
        || "as many at once as memory allows".to_owned(),
        |connections| format!("{connections} at once"),
    );
    let half_close = match half_close {
        HalfClose::Serve => "half-closed ones are served",
        HalfClose::Cancel => "half-closed ones are cancelled",
    };
    vec![
        row(
            "limits",
            format!(
                "head {}, {} fields, target {}, body {}",
                size(limits.head_bytes_max),
                limits.fields_max,
                size(limits.target_bytes_max),
                limits.body_bytes_max.map_or_else(|| "any".to_owned(), show_size),
            ),
        ),
        row(
            "connections",
            format!(
                "{max_connections}, {} requests on each, {half_close}",
                limits.requests_per_connection_max
            ),
        ),
        row(
            "timeouts",
            format!(
                "request head {}, body idle {} and {} B/s, write idle {}, keep-alive {}",
                show_duration(timeouts.request_head),
                show_duration(timeouts.body_idle),
                timeouts.body_bytes_per_second_min,
                show_duration(timeouts.write_idle),
                show_duration(timeouts.keep_alive),
            ),
        ),
        row(
            "forwarded",
            format!(
                "X-Forwarded-* {mode}, {proxies} trusted, Via {}, X-Request-Id {}",
                is_on(forwarded.via),
                is_on(forwarded.request_id),
            ),
        ),
    ]
}

fn route_rows(config: &Config) -> Vec<Vec<String>> {
    let mut routes: Vec<&Route> = config.routes.iter().collect();
    routes.sort_by_key(|route| precedence(route));
    let rows = routes.into_iter().map(|route| {
        let mut target = action(&route.action, config);
        if route.allow_connect {
            target.push_str(", CONNECT allowed");
        }
        if !route.allow_upgrade {
            target.push_str(", Upgrade refused");
        }
        vec![route.name.to_string(), route.matcher.to_string(), format!("-> {target}")]
    });
    rows.collect()
}

/// Sorts as the route table looks: exact hosts, then the longest wildcard, then any host; exact
/// paths, then the longest prefix, then any path; with methods, then without. A route with several
/// hosts stands where its most specific one does.
fn precedence(route: &Route) -> impl Ord + use<> {
    let host = route.matcher.hosts.iter().map(|host| match host {
        HostPattern::Exact(_) => (0, Reverse(0)),
        HostPattern::Below(domain) => (1, Reverse(domain.split('.').count())),
    });
    let path = match &route.matcher.path {
        PathMatcher::Exact(_) => (0, Reverse(0)),
        PathMatcher::Prefix(path) => {
            (1, Reverse(path.split('/').filter(|segment| !segment.is_empty()).count()))
        }
        PathMatcher::Any => (2, Reverse(0)),
    };
    (host.min().unwrap_or((2, Reverse(0))), path, route.matcher.methods.is_empty())
}

fn action(action: &Action, config: &Config) -> String {
    match action {
        Action::Pool(index) => match config.pools.get(*index) {
            Some(pool) => format!("pool {}", pool.name),
            None => format!("pool {index}, which does not exist"),
        },
        Action::Respond(response) => {
            format!(
                "responds {} with {} of body",
                response.status,
                show_size(response.body.len() as u64)
            )
        }
        Action::Redirect { status, location, keep_path } => {
            let path = if *keep_path { " and the request's path" } else { "" };
            format!("redirects ({status}) to {location}{path}")
        }
        Action::Stats => "request counts".to_owned(),
    }
}

fn push_pool(text: &mut String, pool: &PoolConfig, config: &Config) {
    let count = pool.endpoints.len();
    let plural = if count == 1 { "" } else { "s" };
    let balance = &pool.policy.balance;
    let fixed = (count > 0).then(|| format!("{count} endpoint{plural}"));
    let feeders = config.apps.iter().filter(|app| app.pool == pool.name);
    let feeders = feeders.map(|app| format!("instances of app {}", app.name));
    let containers = docker::containers_of(pool, config.docker.as_ref());
    let over = fixed.into_iter().chain(feeders).chain(containers);
    let over = over.collect::<Vec<_>>().join(" and ");
    let _ = writeln!(text, "\npool {}: {balance} over {over}", pool.name);
    let endpoints: Vec<Vec<String>> = pool.endpoints.iter().map(endpoint_row).collect();
    push_table(text, "  - ", &endpoints);
    push_table(text, "  ", &policy_rows(&pool.policy));
}

fn endpoint_row(endpoint: &EndpointConfig) -> Vec<String> {
    let mut notes = vec![format!("weight {}", endpoint.weight)];
    if endpoint.is_backup {
        notes.push("backup".to_owned());
    }
    match endpoint.admin_state {
        AdminState::Enabled => {}
        AdminState::Draining => notes.push("draining".to_owned()),
        AdminState::Disabled => notes.push("disabled".to_owned()),
    }
    vec![endpoint.name.to_string(), endpoint.address.to_string(), notes.join(", ")]
}

fn policy_rows(policy: &PoolPolicy) -> Vec<Vec<String>> {
    let off = || "off".to_owned();
    let host = match &policy.host {
        HostPolicy::Preserve => "the client's".to_owned(),
        HostPolicy::Endpoint => "the endpoint's address".to_owned(),
        HostPolicy::Fixed(host) => host.clone(),
    };
    let panic_threshold = match policy.panic_threshold_percent {
        0 => off(),
        percent => format!("health ignored below {percent}% eligible"),
    };
    let slow_start = match policy.slow_start {
        Duration::ZERO => off(),
        ramp => format!("over {}", show_duration(ramp)),
    };
    let silence = match policy.silent_after {
        Duration::ZERO => off(),
        least => format!("last choice after {} without an answer", show_duration(least)),
    };
    let mut rows = vec![
        row("health check", policy.health_check.as_ref().map_or_else(off, health_check)),
        row(
            "outlier detection",
            policy.outlier_detection.as_ref().map_or_else(off, outlier_detection),
        ),
        row("retry", retry(&policy.retry)),
        row("timeouts", timeouts(&policy.timeouts)),
        row("limits", limits(&policy.limits)),
        row("slow start", slow_start),
        row("silence", silence),
        row("panic threshold", panic_threshold),
        row("Host", host),
    ];
    if let Some(wait) = policy.endpoint_wait {
        rows.push(row("none ready", format!("requests wait for {}", show_duration(wait))));
    }
    rows
}

fn health_check(check: &HealthCheck) -> String {
    let probe = match &check.probe {
        Probe::Tcp => "TCP connect".to_owned(),
        Probe::Http(http) => {
            let statuses = http.expected_statuses.iter().map(|(low, high)| {
                if low == high { low.to_string() } else { format!("{low}-{high}") }
            });
            let statuses = statuses.collect::<Vec<_>>().join(", ");
            let body =
                http.expected_body.as_ref().map_or_else(String::new, |b| format!(" with {b:?}"));
            format!("{} {} wants {statuses}{body}", http.method, http.path)
        }
    };
    format!(
        "{probe} every {} ({} while not healthy) ±{}%, timeout {}, healthy after {}, unhealthy after {}",
        show_duration(check.interval),
        show_duration(check.unhealthy_interval),
        check.jitter_percent,
        show_duration(check.timeout),
        check.healthy_after,
        check.unhealthy_after,
    )
}

fn outlier_detection(outlier: &OutlierDetection) -> String {
    let errors = outlier.consecutive_errors.map(|errors| format!("{errors} errors in a row"));
    let rate = outlier.success_rate.as_ref().map(|rate| {
        format!(
            "below {}% success of {} or more in {}",
            rate.below_percent,
            rate.minimum_requests,
            show_duration(rate.interval)
        )
    });
    let triggers: Vec<String> = errors.into_iter().chain(rate).collect();
    if triggers.is_empty() {
        return "no trigger is on".to_owned();
    }
    format!(
        "{}; ejects for {} to {}, at most {}% at once",
        triggers.join(" or "),
        show_duration(outlier.base_ejection),
        show_duration(outlier.max_ejection),
        outlier.max_ejected_percent,
    )
}

fn retry(retry: &RetryPolicy) -> String {
    if retry.attempts == 0 {
        return "off".to_owned();
    }
    let statuses: Vec<String> = retry.statuses.iter().map(ToString::to_string).collect();
    let statuses = match statuses.as_slice() {
        [] => String::new(),
        statuses => format!(", also on {}", statuses.join(", ")),
    };
    let hedge = if retry.hedge { "" } else { ", no hedges" };
    let methods = if retry.non_idempotent { ", also methods that are not idempotent" } else { "" };
    format!(
        "{} more attempts, budget {}%, body up to {}{statuses}{methods}{hedge}",
        retry.attempts,
        retry.budget_percent,
        show_size(retry.body_bytes_max as u64),
    )
}

fn timeouts(timeouts: &PoolTimeouts) -> String {
    format!(
        "connect {}, response head {}, body idle {}, total {}, tunnel idle {}, idle {}",
        show_duration(timeouts.connect),
        show_duration(timeouts.response_head),
        show_duration(timeouts.body_idle),
        show_duration(timeouts.total),
        show_duration(timeouts.tunnel_idle),
        show_duration(timeouts.idle),
    )
}

fn limits(limits: &PoolLimits) -> String {
    let in_flight = limits.max_in_flight.map_or_else(|| "any number".to_owned(), |n| n.to_string());
    let queue = match limits.queue {
        0 => "no queue".to_owned(),
        queue => format!("queue {queue} for {}", show_duration(limits.queue_timeout)),
    };
    format!(
        "{in_flight} in flight per endpoint, {queue}, {} idle connections per endpoint and worker",
        limits.max_idle_connections
    )
}
