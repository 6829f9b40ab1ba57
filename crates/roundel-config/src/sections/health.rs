//! `[pool.NAME.health_check]` and `[pool.NAME.outlier_detection]`: how an endpoint is known to be
//! well, by asking it and by watching its traffic.

use std::num::NonZeroU32;
use std::time::Duration;

use roundel_core::policy::{HealthCheck, HttpProbe, OutlierDetection, Probe, SuccessRate};

use super::{DAY, TIMEOUT};
use crate::diagnostic::Diagnostic;
use crate::kind::{
    duration, flag, headers, host, list, located, method, non_empty, optional, percent, statuses,
    table, target, whole,
};
use crate::section::{Located, Reading, section};

const ONCE: NonZeroU32 = NonZeroU32::MIN;

section! {
    /// How and how often endpoints are probed.
    struct HealthCheckKeys {
        /// Switches probes on or off; without them endpoints count as healthy.
        enabled: bool = flag() => true,
        /// A probe only connects. Excludes `path`.
        tcp: Option<Located<bool>>
            = optional(located(flag()), "true, unless there is a `path`", "true")
                .alternative() => None,
        /// A probe asks for this path, and the answer is judged.
        path: Option<String>
            = optional(target(), "a probe only connects", "\"/health\"") => None,
        /// Method of an HTTP probe.
        method: Option<Located<String>>
            = optional(located(method()), "\"GET\"", "\"HEAD\"") => None,
        /// `Host` of an HTTP probe.
        host: Option<Located<String>>
            = optional(located(host()), "the endpoint's address", "\"example.com\"") => None,
        /// Further fields of an HTTP probe.
        headers: Option<Located<Vec<(String, String)>>>
            = optional(located(headers()), "none", "{ X-Probe = \"roundel\" }") => None,
        /// Statuses that count as well.
        expected_statuses: Option<Located<Vec<(u16, u16)>>> = optional(
            located(list(statuses()).non_empty("leave it out to accept 200 to 399")),
            "[\"200-399\"]",
            "[\"200-299\", \"401\"]",
        ) => None,
        /// Text that the first 64 KiB of the answer's body must contain.
        expected_body: Option<Located<String>>
            = optional(located(non_empty()), "any body", "\"ok\"") => None,
        /// From one probe's start to the next's while healthy.
        interval: Located<Duration>
            = located(duration(PROBE_INTERVAL)) => unwritten(Duration::from_secs(5)),
        /// The same while not healthy, or in the middle of a change of verdict.
        unhealthy_interval: Duration = duration(PROBE_INTERVAL) => Duration::from_secs(1),
        /// Each interval varies by up to this share, so that probes do not march in step.
        jitter: u8 = percent(0..=100) => 10,
        /// One probe's limit; at most the interval.
        timeout: Option<Located<Duration>> = optional(
            located(duration(TIMEOUT)),
            "2 seconds, or the interval when that is shorter",
            "\"2s\"",
        ) => None,
        /// Successes in a row that make an unhealthy endpoint healthy.
        healthy_after: NonZeroU32 = whole(1..=1000) => ONCE.saturating_add(1),
        /// Failures in a row that make a healthy endpoint unhealthy.
        unhealthy_after: NonZeroU32 = whole(1..=1000) => ONCE.saturating_add(2),
    }
}

section! {
    /// When real traffic takes an endpoint out, and for how long.
    struct OutlierKeys {
        /// Switches outlier detection on or off.
        enabled: bool = flag() => true,
        /// Failed attempts in a row that eject; 0 switches this trigger off.
        consecutive_errors: u32 = whole(0..=100_000) => 5,
        success_rate: Option<SuccessRate> = optional(table(), "off", "") => None,
        /// Length of the first ejection; the n-th in a row lasts n times as long.
        base_ejection: Located<Duration>
            = located(duration(TIMEOUT)) => unwritten(Duration::from_secs(10)),
        /// No ejection is longer.
        max_ejection: Located<Duration>
            = located(duration(TIMEOUT)) => unwritten(Duration::from_mins(5)),
        /// At most this share of a pool is ejected at once: always one endpoint, never the last.
        max_ejected: u8 = percent(1..=100) => 50,
    }
}

section! {
    /// Ejects endpoints whose share of successes is far below the pool's.
    for SuccessRate {
        /// How often rates are compared, and over which window.
        interval: duration(Duration::from_secs(1)..=DAY) => Duration::from_secs(10),
        /// Endpoints with fewer attempts in the window are not judged.
        minimum_requests: whole(1..=1 << 24) => ONCE.saturating_add(99),
        /// Ejects below this share of successes.
        below_percent as "below": percent(1..=100) => 85,
    }
}

/// Long for an answer to a probe, and short enough to notice a hung server soon.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const PROBE_INTERVAL: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=DAY;

/// A default, which has no place in the file.
fn unwritten<T>(value: T) -> Located<T> {
    Located { value, span: 0..0 }
}

/// The check; `None` when it is switched off.
pub(crate) fn resolve_check(
    keys: HealthCheckKeys,
    reading: &mut Reading<'_>,
) -> Option<HealthCheck> {
    let interval = keys.interval.clone();
    let usual_timeout = unwritten(PROBE_TIMEOUT.min(interval.value));
    let timeout = keys.timeout.clone().unwrap_or(usual_timeout);
    refuse_reverse(("timeout", &timeout), ("interval", &interval), reading);
    let (unhealthy_interval, jitter_percent) = (keys.unhealthy_interval, keys.jitter);
    let (healthy_after, unhealthy_after) = (keys.healthy_after, keys.unhealthy_after);
    let is_enabled = keys.enabled;
    let check = HealthCheck {
        probe: probe(keys, reading),
        interval: interval.value,
        unhealthy_interval,
        jitter_percent,
        timeout: timeout.value,
        healthy_after,
        unhealthy_after,
    };
    is_enabled.then_some(check)
}

fn probe(keys: HealthCheckKeys, reading: &mut Reading<'_>) -> Probe {
    let Some(path) = keys.path else {
        let http_only = [
            ("method", keys.method.map(|k| k.span)),
            ("host", keys.host.map(|k| k.span)),
            ("headers", keys.headers.map(|k| k.span)),
            ("expected_statuses", keys.expected_statuses.map(|k| k.span)),
            ("expected_body", keys.expected_body.map(|k| k.span)),
        ];
        for (key, span) in http_only.into_iter().filter_map(|(key, span)| Some((key, span?))) {
            let message = format!("`{key}` has no effect on a probe that only connects");
            let help = "add the `path` that the probe shall ask for";
            reading.report(Diagnostic::error(span, message).help(help));
        }
        if let Some(Located { value: false, span }) = keys.tcp {
            let message = "`tcp = false` leaves nothing to probe";
            let help = "add the `path` that the probe shall ask for";
            reading.report(Diagnostic::error(span, message).help(help));
        }
        return Probe::Tcp;
    };
    if let Some(Located { value: true, span }) = keys.tcp {
        let message = "a probe only connects (`tcp`) or asks for a `path`, not both";
        reading.report(Diagnostic::error(span, message).help("remove `tcp` or `path`"));
    }
    Probe::Http(HttpProbe {
        method: keys.method.map_or_else(|| "GET".to_owned(), |k| k.value),
        path,
        host: keys.host.map(|k| k.value),
        headers: keys.headers.map(|k| k.value).unwrap_or_default(),
        expected_statuses: keys.expected_statuses.map_or_else(|| vec![(200, 399)], |k| k.value),
        expected_body: keys.expected_body.map(|k| k.value),
    })
}

/// Outlier detection; `None` when it is switched off.
pub(crate) fn resolve_outlier(
    keys: OutlierKeys,
    reading: &mut Reading<'_>,
) -> Option<OutlierDetection> {
    let (base, max) = (&keys.base_ejection, &keys.max_ejection);
    refuse_reverse(("base_ejection", base), ("max_ejection", max), reading);
    keys.enabled.then_some(OutlierDetection {
        consecutive_errors: NonZeroU32::new(keys.consecutive_errors),
        success_rate: keys.success_rate,
        base_ejection: keys.base_ejection.value,
        max_ejection: keys.max_ejection.value,
        max_ejected_percent: keys.max_ejected,
    })
}

/// Reports a duration that is longer than the one that bounds it.
fn refuse_reverse(
    (shorter, short): (&str, &Located<Duration>),
    (longer, long): (&str, &Located<Duration>),
    reading: &mut Reading<'_>,
) {
    if short.value <= long.value {
        return;
    }
    let show = crate::units::show_duration;
    let (short_text, long_text) = (show(short.value), show(long.value));
    let message = format!("`{shorter}` ({short_text}) is longer than `{longer}` ({long_text})");
    // At least one of the two is written, since the defaults are in order.
    let (at, other) = if short.span.is_empty() { (long, short) } else { (short, long) };
    let diagnostic = Diagnostic::error(at.span.clone(), message);
    reading.report(if other.span.is_empty() {
        diagnostic.help(format!("the other one is the default; set `{shorter}` and `{longer}`"))
    } else {
        diagnostic.related(other.span.clone(), "the other one")
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_timeout_is_never_longer_than_the_interval() {
        for (keys, expected_ms) in [
            ("", 2000),
            ("interval = \"1s\"", 1000),
            ("interval = \"2s\"", 2000),
            ("interval = \"1m\"", 2000),
            ("interval = \"10s\", timeout = \"7s\"", 7000),
        ] {
            let text = format!(
                "listener = [{{ address = \"127.0.0.1:0\" }}]\n[pool.web]\n\
                 endpoints = [\"127.0.0.1:1\"]\nhealth_check = {{ {keys} }}\n"
            );
            let loaded = crate::load(&text, "roundel.toml", &|_| None)
                .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(false)));
            let check = loaded.config.pools[0].policy.health_check.as_ref().expect("it is on");
            assert_eq!(check.timeout, Duration::from_millis(expected_ms), "{keys}");
        }
    }
}
