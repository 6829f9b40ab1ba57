//! The process's own log, on standard error.

use std::io;
use std::str::FromStr as _;

use roundel_config::Diagnostics;
use roundel_config::model::{LogConfig, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::print;

/// Overrides the configured level: `debug`, or by part as `info,roundel_control=debug`.
const VARIABLE: &str = "ROUNDEL_LOG";

/// Starts logging; called once, before anything is logged.
pub(crate) fn start(config: LogConfig) {
    let wanted = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let parsed = wanted.as_deref().map(Targets::from_str);
    let (filter, fault) = match parsed {
        Some(Ok(filter)) => (filter, None),
        Some(Err(fault)) => (of_level(config.level), Some(fault)),
        None => (of_level(config.level), None),
    };
    // By default the layer reports a failure to write by `eprintln!`, which panics when standard
    // error is what failed.
    let layer = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let layer = match config.format {
        LogFormat::Text => layer.with_ansi(print::is_coloured()).with_target(false).boxed(),
        LogFormat::Json => layer.with_ansi(false).json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    if let Some(fault) = fault {
        tracing::warn!(value = wanted, %fault, "{VARIABLE} is not understood");
    }
}

/// Logs what the author of a configuration hardly meant.
pub(crate) fn warn_of(warnings: &Diagnostics) {
    for warning in warnings.summary() {
        tracing::warn!("{warning}");
    }
}

fn of_level(level: LogLevel) -> Targets {
    Targets::new().with_default(match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    })
}
