//! No text, however broken, may end in anything but a configuration or diagnostics that can be
//! shown: the file is typed by hand, and read again while traffic flows.

use proptest::prelude::*;
use roundel_config::{Severity, describe, load};

/// Right and wrong files to start from.
const FILES: [&str; 8] = [
    include_str!("describe/full.toml"),
    include_str!("describe/design.toml"),
    include_str!("generated/roundel.toml"),
    include_str!("diagnostics/health_check.toml"),
    include_str!("diagnostics/environment.toml"),
    include_str!("diagnostics/route_actions.toml"),
    include_str!("diagnostics/unknown_keys.toml"),
    include_str!("diagnostics/text_before_the_fault.toml"),
];

/// What fingers and editors put where it does not belong.
const SCRAPS: [&str; 24] = [
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "#",
    "${",
    "\\u0000",
    "\u{feff}",
    "日本",
    "🦀",
    "-1",
    "99999999999999999999999999",
    "\u{1}",
];

fn env(name: &str) -> Option<String> {
    (name == "HOST").then(|| "10.0.0.9".to_owned())
}

/// Loads, shows the result, and checks what always holds.
fn check(source: &str) -> Result<(), TestCaseError> {
    match load(source, "roundel.toml", &env) {
        Ok(loaded) => {
            prop_assert!(loaded.warnings.iter().all(|d| d.severity == Severity::Warning));
            prop_assert!(!describe(&loaded.config).is_empty());
            for pool in &loaded.config.pools {
                prop_assert!(!pool.endpoints.is_empty());
                prop_assert!(pool.endpoints.iter().all(|e| (1..=1000).contains(&e.weight)));
            }
        }
        Err(wrong) => {
            prop_assert!(wrong.has_errors());
            prop_assert!(wrong.render(false).contains("error"));
            prop_assert_eq!(wrong.summary().len(), wrong.iter().count());
            for diagnostic in &wrong {
                let span = diagnostic.span.clone().unwrap_or(0..0);
                prop_assert!(source.get(span).is_some(), "{:?}", diagnostic);
            }
        }
    }
    Ok(())
}

/// Where a text has so many thousandths before it, to the character.
fn offset(text: &str, thousandths: usize) -> usize {
    text.floor_char_boundary(text.len() * thousandths / 1000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_answered(source in "\\PC*|[\\[\\]a-c=.\"'{}#\n\r\t0-9${}:-]*") {
        check(&source)?;
    }

    #[test]
    fn a_damaged_file_is_answered(
        file in 0..FILES.len(),
        damages in prop::collection::vec((0usize..=1000, 0usize..40, 0..SCRAPS.len()), 1..4),
    ) {
        let mut source = FILES[file].to_owned();
        for (at, removed, scrap) in damages {
            let start = offset(&source, at);
            let end = source.ceil_char_boundary((start + removed).min(source.len()));
            source.replace_range(start..end, SCRAPS[scrap]);
        }
        check(&source)?;
    }

    /// Damage inside values keeps the file TOML more often, and so reaches the readers.
    #[test]
    fn a_wrong_value_is_answered(
        file in 0..FILES.len(),
        line in 0usize..200,
        value in prop_oneof![
            Just("\"\"".to_owned()),
            Just("[]".to_owned()),
            Just("{}".to_owned()),
            Just("[[[]]]".to_owned()),
            Just("nan".to_owned()),
            Just("0xffff_ffff_ffff_ffff_ffff".to_owned()),
            Just("-9223372036854775808".to_owned()),
            Just("1979-05-27T07:32:00Z".to_owned()),
            "\"[a-z0-9:./%*$ \\[\\]-]{0,20}\"",
            any::<i64>().prop_map(|n| n.to_string()),
        ],
    ) {
        let lines: Vec<&str> = FILES[file].lines().collect();
        let line = line % lines.len();
        let replaced = lines.iter().enumerate().map(|(i, text)| match text.split_once(" = ") {
            Some((key, _)) if i == line => format!("{} = {value}\n", key.trim_start_matches('#')),
            _ => format!("{text}\n"),
        });
        check(&replaced.collect::<String>())?;
    }
}
