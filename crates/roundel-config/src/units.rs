//! Durations, sizes and percentages as people write them.
//!
//! A quantity always carries its unit (`"5s"`, `"64KiB"`, `"20%"`), because `timeout = 5` has cost
//! enough outages to be worth two more characters. Printing is the inverse of reading.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Largest first and the exact ones (1024) before the decimal ones, so that printing finds the
/// unit that people would have chosen.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// Reads `500ms`, `5s`, `1m 30s` or `2h`: whole numbers with units, largest first.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    let mut rest = text.trim();
    if rest.starts_with('-') {
        return Err("a duration cannot be negative".to_owned());
    }
    if rest.is_empty() {
        return Err("a duration needs a number and a unit, as in \"5s\"".to_owned());
    }
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest);
        if number.is_empty() {
            return Err(format!("{rest:?} does not start with a whole number, as in \"5s\""));
        }
        if unit.is_empty() {
            return Err(format!("{number} has no unit; write \"{number}s\" for seconds"));
        }
        let Some((_, scale)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("{unit:?} is not a unit of time (d, h, m, s, ms)"));
        };
        if *scale >= last_unit {
            return Err("the units go from large to small, each once, as in \"1m 30s\"".to_owned());
        }
        last_unit = *scale;
        total = number
            .parse()
            .ok()
            .and_then(|n: u64| n.checked_mul(*scale))
            .and_then(|n| n.checked_add(total))
            .ok_or_else(|| format!("{number}{unit} is more than can be counted"))?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// Prints a duration so that [`parse_duration`] reads it back, to the millisecond.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut parts = Vec::new();
    for (unit, scale) in DURATION_UNITS {
        if rest >= scale {
            parts.push(format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    parts.join(" ")
}

/// Reads `64KiB`, `1MB` or plain bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit, after) = number_and_unit(text.trim());
    if text.trim().starts_with('-') {
        return Err("a size cannot be negative".to_owned());
    }
    if number.is_empty() || !after.is_empty() {
        return Err("a size is one whole number and a unit, as in \"64KiB\"".to_owned());
    }
    let scale = SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let scale = match (unit, scale) {
        ("", _) => 1,
        (_, Some((_, scale))) => *scale,
        (unit, None) => {
            return Err(format!("{unit:?} is not a unit of size (B, kB, MB, GB, KiB, MiB, GiB)"));
        }
    };
    let size = number.parse().ok().and_then(|n: u64| n.checked_mul(scale));
    size.ok_or_else(|| format!("{number}{unit} is more than can be counted"))
}

/// Prints a size so that [`parse_size`] reads it back.
pub(crate) fn show_size(size: u64) -> String {
    let unit = SIZE_UNITS.iter().find(|(_, scale)| size >= *scale && size.is_multiple_of(*scale));
    let (unit, scale) = unit.unwrap_or(&("B", 1));
    format!("{}{unit}", size / scale)
}

/// Reads `20%`.
pub(crate) fn parse_percent(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a whole percentage, as in \"20%\"");
    let number = text.trim().strip_suffix('%').ok_or_else(wrong)?.trim_end();
    number.parse().map_err(|_| wrong())
}

/// Splits `1m 30s` into `1`, `m` and ` 30s`.
fn number_and_unit(text: &str) -> (&str, &str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start_matches(' ');
    let letters = rest.find(|c: char| c.is_ascii_digit() || c == ' ').unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    (number, unit, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_sums_of_units() {
        for (text, ms) in [
            ("500ms", 500),
            ("5s", 5000),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            (" 2 h ", 7_200_000),
            ("1d 1ms", 86_400_001),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn malformed_durations_name_the_fault() {
        for (text, fault) in [
            ("", "needs a number"),
            ("5", "write \"5s\""),
            ("-5s", "negative"),
            ("5 parsecs", "not a unit of time"),
            ("1.5s", "not a unit of time"),
            ("30s 1m", "large to small"),
            ("1s 1s", "large to small"),
            ("s", "whole number"),
            ("99999999999999999999s", "more than can be counted"),
            ("18446744073709551615d", "more than can be counted"),
        ] {
            let message = parse_duration(text).unwrap_err();
            assert!(message.contains(fault), "{text}: {message}");
        }
    }

    #[test]
    fn sizes_take_binary_and_decimal_units() {
        for (text, bytes) in
            [("64KiB", 65_536), ("1MB", 1_000_000), ("8192", 8192), ("1 gib", 1 << 30), ("0", 0)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "1.5MB", "64K", "-1", "1MB 2kB", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_need_their_sign() {
        assert_eq!(parse_percent("20%"), Ok(20));
        for text in ["20", "%", "2.5%", "-1%", "20 percent"] {
            assert!(parse_percent(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_quantities_read_back(n: u64) {
            let duration = Duration::from_millis(n);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
            prop_assert_eq!(parse_size(&show_size(n)), Ok(n));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (parse_duration(&text), parse_size(&text), parse_percent(&text));
        }
    }
}
