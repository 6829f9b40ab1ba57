//! Numbers as people read them.

use std::time::{Duration, SystemTime};

use roundel_admin::contract::Time;

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A rate, with a decimal where it matters.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second >= 99.95 { format!("{per_second:.0}") } else { format!("{per_second:.1}") }
}

/// A share as percentage; what is more than nothing never reads as nothing.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 0.1 => "<0.1 %".to_owned(),
        p if p < 9.95 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// Milliseconds, in the unit that fits.
pub(crate) fn ms(ms: f64) -> String {
    match ms {
        ms if ms < 9.995 => format!("{ms:.2} ms"),
        ms if ms < 99.95 => format!("{ms:.1} ms"),
        ms if ms < 9_999.5 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}

/// Milliseconds without their unit, for a column that names it.
pub(crate) fn bare_ms(ms: f64) -> String {
    match ms {
        ms if ms < 9.995 => format!("{ms:.2}"),
        ms if ms < 99.95 => format!("{ms:.1}"),
        ms => format!("{ms:.0}"),
    }
}

/// Bytes, in the unit that fits.
pub(crate) fn bytes(bytes: u64) -> String {
    let size = bytes as f64;
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", size / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size / 1e6),
        _ => format!("{:.1} GB", size / 1e9),
    }
}

/// A duration in its two greatest units.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A duration in its greatest unit.
pub(crate) fn brief(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// How long before `now` it was; zero when it was later, as the clocks of two machines may differ.
pub(crate) fn since(at: Time, now: Time) -> Duration {
    now.0.duration_since(at.0).unwrap_or_default()
}

/// `3 s ago`.
pub(crate) fn ago(at: Time, now: Time) -> String {
    format!("{} ago", span(since(at, now)))
}

/// How long it is from `now` until then, counted up: what is not over is not `0 s`.
pub(crate) fn until(at: Time, now: Time) -> String {
    let left = at.0.duration_since(now.0).unwrap_or_default();
    span(Duration::from_secs(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)))
}

/// The time of day in UTC, with milliseconds.
pub(crate) fn clock(at: Time) -> String {
    at.text().get(11..23).unwrap_or_default().to_owned()
}

/// Date and time of day in UTC, to the second.
pub(crate) fn date(at: Time) -> String {
    at.text().get(..19).unwrap_or_default().replace('T', " ")
}

/// This machine's idea of now.
pub(crate) fn now() -> Time {
    Time(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(show: impl Fn(T) -> String, cases: impl IntoIterator<Item = (T, &'static str)>) {
        for (value, expected) in cases {
            assert_eq!(show(value), expected);
        }
    }

    #[test]
    fn numbers_are_short_and_say_their_unit() {
        check(count, [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")]);
        check(rate, [(0.0, "0.0"), (9.96, "10.0"), (99.9, "99.9"), (99.96, "100"), (5e4, "50000")]);
        check(
            share,
            [
                (0.0, "0 %"),
                (0.0001, "<0.1 %"),
                (0.001, "0.1 %"),
                (0.0994, "9.9 %"),
                (0.0996, "10 %"),
                (1.0, "100 %"),
            ],
        );
        check(
            ms,
            [
                (0.0, "0.00 ms"),
                (1.234, "1.23 ms"),
                (9.996, "10.0 ms"),
                (123.4, "123 ms"),
                (12_345.0, "12.3 s"),
            ],
        );
        check(bare_ms, [(0.0, "0.00"), (9.996, "10.0"), (99.96, "100"), (12_345.6, "12346")]);
        check(
            bytes,
            [
                (0, "0 B"),
                (999, "999 B"),
                (1234, "1.2 kB"),
                (5_000_000, "5.0 MB"),
                (2 << 30, "2.1 GB"),
            ],
        );
        check(
            |seconds| span(Duration::from_secs(seconds)),
            [(0, "0 s"), (61, "1 min 1 s"), (3 * 3600 + 60, "3 h 1 min"), (90_000, "1 d 1 h")],
        );
    }

    #[test]
    fn a_brief_duration_is_rounded_down() {
        check(
            |seconds| brief(Duration::from_secs(seconds)),
            [(59, "59 s"), (119, "1 min"), (7199, "1 h"), (200_000, "2 d")],
        );
    }

    #[test]
    fn moments_are_told_from_one_another() {
        let at = |ms| Time(SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
        assert_eq!(ago(at(1000), at(4900)), "3 s ago");
        assert_eq!(ago(at(4900), at(1000)), "0 s ago");
        assert_eq!(until(at(4900), at(1000)), "4 s");
        assert_eq!(until(at(1001), at(1000)), "1 s");
        assert_eq!(until(at(0), at(1000)), "0 s");
        assert_eq!(clock(at(1)), "00:00:00.001");
        assert_eq!(date(at(86_400_000)), "1970-01-02 00:00:00");
    }
}
