//! The tables of the file: keys, ranges, defaults, and how each becomes its part of the
//! configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::kind::{
    Item, admin_address, choice, duration, file, flag, located, log_target, map, optional, table,
    tables, whole,
};
use crate::model::{
    AccessLogConfig, AccessLogFormat, LogConfig, LogFormat, LogLevel, LogTarget, RequestLogConfig,
    ShutdownConfig,
};
use crate::section::{Located, section};

pub(crate) mod app;
pub(crate) mod autoscale;
pub(crate) mod docker;
pub(crate) mod endpoint;
pub(crate) mod health;
pub(crate) mod listener;
pub(crate) mod pool;
pub(crate) mod route;

use app::AppKeys;
use docker::ProviderKeys;
use listener::ListenerKeys;
use pool::PoolKeys;
use route::RouteKeys;

/// A day: longer than any wait that is meant.
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// What a timeout can be: never zero, since every wait is bounded and possible.
pub(crate) const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=DAY;

/// Loopback, so that nobody else can look in before an operator decides so.
pub(crate) const ADMIN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

section! {
    /// Configuration of Roundel.
    struct FileKeys {
        /// Data-plane threads.
        workers: Option<NonZeroUsize>
            = optional(whole(1..=1024), "what the affinity mask and the cgroup quota allow", "2")
            => None,
        admin: AdminKeys = table() => AdminKeys::defaults(),
        listener: Vec<Item<ListenerKeys>> = tables() => Vec::new(),
        route: Vec<Item<RouteKeys>> = tables() => Vec::new(),
        pool: Vec<Item<PoolKeys>> = map() => Vec::new(),
        app: Vec<Item<AppKeys>> = map() => Vec::new(),
        provider: ProviderKeys = table() => ProviderKeys::defaults(),
        access_log: Option<AccessLogConfig> = optional(table(), "off", "") => None,
        request_log: RequestLogConfig = table() => RequestLogConfig::defaults(),
        log: LogConfig = table() => LogConfig::defaults(),
        shutdown: ShutdownConfig = table() => ShutdownConfig::defaults(),
    }
}

section! {
    /// Where operators look in: dashboard, API, `/stats`, `/metrics`, `/healthz`, `/readyz`.
    struct AdminKeys {
        /// IP address and port, or "off". Other than loopback addresses need a `token_file`.
        address: Located<Option<SocketAddr>> = located(admin_address())
            => Located { value: Some(ADMIN_ADDRESS), span: 0..0 },
        /// File whose first line is the token that clients present.
        token_file: Option<PathBuf>
            = optional(file(), "no token is asked for", "\"/etc/roundel/token\"") => None,
        /// Keeps what operators change while Roundel runs, so that it survives a restart.
        state_file: Option<PathBuf>
            = optional(
                file(),
                "overlay.toml in systemd's state directory, or else beside this file",
                "\"/var/lib/roundel/overlay.toml\"",
            ) => None,
        /// File that a line of JSON is appended to for each action of an operator.
        audit_log: Option<PathBuf>
            = optional(file(), "kept in memory alone", "\"/var/log/roundel/audit.log\"") => None,
    }
}

section! {
    /// One line for each exchange.
    for AccessLogConfig {
        /// "text" for people, "combined" (NCSA) for existing log tools, "json" for everything else.
        format: choice(&[
            ("text", AccessLogFormat::Text),
            ("combined", AccessLogFormat::Combined),
            ("json", AccessLogFormat::Json),
        ]) => AccessLogFormat::Text,
        /// "stdout", "stderr" or a file, which is appended to.
        target as "path": log_target() => LogTarget::Stdout,
    }
}

section! {
    /// The latest exchanges, kept in memory for people who look.
    for RequestLogConfig {
        /// Keeps any at all.
        is_enabled as "enabled": flag() => true,
        /// Exchanges kept, a quarter of them errors. Each takes up to 6 KiB.
        capacity: whole(16..=100_000) => 1000,
        /// Ordinary exchanges kept a second, and as many errors; the rest is counted.
        per_second: whole(1..=100_000) => 200,
        /// Keeps queries, which often hold tokens and what people searched for.
        keeps_queries as "queries": flag() => false,
    }
}

section! {
    /// The process's own log, on standard error.
    for LogConfig {
        /// "error", "warn", "info", "debug" or "trace".
        level: choice(&[
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ]) => LogLevel::Info,
        /// "text" for people or "json".
        format: choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])
            => LogFormat::Text,
    }
}

section! {
    /// How the process ends.
    for ShutdownConfig {
        /// How long running exchanges may take to finish before their connections are closed.
        grace: duration(Duration::ZERO..=DAY) => Duration::from_secs(30),
    }
}
