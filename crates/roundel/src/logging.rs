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
    let parsed = wanted.as_deref().map(|wanted| filter_of(wanted, config.level));
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

/// What is wanted, and the configured level for parts of which nothing is said. A word alone is a
/// level: as the name of a part, which it may be for the library, a mistyped one would switch off
/// everything else.
fn filter_of(wanted: &str, level: LogLevel) -> Result<Targets, String> {
    for word in wanted.split(',').map(str::trim).filter(|word| !word.contains('=')) {
        LevelFilter::from_str(word).map_err(|_| {
            format!("{word:?} is no level: off, error, warn, info, debug or trace, or PART=LEVEL")
        })?;
    }
    let filter = Targets::from_str(wanted).map_err(|error| error.to_string())?;
    Ok(match filter.default_level() {
        Some(_) => filter,
        None => filter.with_default(level_filter(level)),
    })
}

fn of_level(level: LogLevel) -> Targets {
    Targets::new().with_default(level_filter(level))
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// Whether a part would log at `info` and at `debug`.
    #[track_caller]
    fn check(wanted: &str, part: &str, expected: [bool; 2]) {
        let filter = filter_of(wanted, LogLevel::Info).unwrap();
        let would = [Level::INFO, Level::DEBUG].map(|level| filter.would_enable(part, &level));
        assert_eq!(would, expected, "{wanted} {part}");
    }

    #[test]
    fn parts_have_their_own_level_and_all_others_the_configured_one() {
        check("DEBUG", "roundel", [true, true]);
        check("off", "roundel", [false, false]);
        check("roundel_control=debug", "roundel_control::actor", [true, true]);
        check("roundel_control=debug", "roundel", [true, false]);
        check("warn, roundel_control=debug", "roundel", [false, false]);
    }

    #[test]
    fn what_is_no_level_is_refused_and_switches_nothing_off() {
        for wanted in ["warning", "verbose", "info,roundel_control", "info,part=debg"] {
            assert!(filter_of(wanted, LogLevel::Info).is_err(), "{wanted}");
        }
    }
}
