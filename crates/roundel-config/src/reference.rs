//! The commented reference: a `roundel.toml` with every key.
//!
//! Written from the same definitions that read the file, so it is complete and its defaults are
//! true; a test reads it back.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::section::{Absence, KeyInfo, Nested, NestedStyle, Section};
use crate::sections::FileKeys;

const WIDTH: usize = 98;

const HEAD: &str = "\
# roundel.toml: every key, with its meaning and its default.
#
# A line that starts with `#` and no space is a setting: remove the `#` to use it. Its value is the
# default, or an example where the text above says what leaving the key out means. A line that
# starts with `# or:` shows a setting that excludes another one of its table.
#
# Durations are written \"500ms\", \"5s\", \"1m 30s\" or \"2h\"; sizes \"64KiB\", \"1MB\" or plain bytes;
# shares \"20%\". In every string, ${NAME} and ${NAME:-default} stand for environment variables and
# $$ for a dollar.
";

/// A commented configuration file with every key, its meaning and its default. It is a correct
/// file once the `#` is taken from the lines that have no space after it.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    write_keys(&mut text, "", &FileKeys::keys(), "#");
    text
}

/// Writes the keys of a table: values first, as TOML demands, then the tables below it.
fn write_keys(text: &mut String, path: &str, keys: &[KeyInfo], mark: &str) {
    let is_table =
        |key: &&KeyInfo| key.nested.as_ref().is_some_and(|n| n.style != NestedStyle::Inline);
    for key in keys.iter().filter(|key| !is_table(key)) {
        write_value(text, key, mark);
    }
    for key in keys.iter().filter(is_table) {
        if let Some(nested) = &key.nested {
            write_table(text, path, key, nested, mark);
        }
    }
}

fn write_value(text: &mut String, key: &KeyInfo, mark: &str) {
    text.push('\n');
    write_prose(text, "# ", key.doc);
    for inner in key.nested.iter().flat_map(|nested| &nested.keys) {
        let absence = match &inner.absence {
            Absence::Required { .. } => "required".to_owned(),
            Absence::Default => format!("default {}", toml_text(&inner.default)),
            Absence::Means { words, .. } | Absence::Alternative { words, .. } => {
                format!("without it: {words}")
            }
        };
        write_prose(text, "#   ", &format!("{} ({absence}): {}", inner.name, inner.doc.trim()));
    }
    let (value, mark) = match &key.absence {
        Absence::Default => (toml_text(&key.default), mark),
        Absence::Required { sample } => {
            write_prose(text, "# ", "Required.");
            ((*sample).to_owned(), mark)
        }
        Absence::Means { words, sample } => {
            write_prose(text, "# ", &format!("Without it: {words}."));
            ((*sample).to_owned(), mark)
        }
        Absence::Alternative { words, sample } => {
            write_prose(text, "# ", &format!("Without it: {words}."));
            ((*sample).to_owned(), "# or: ")
        }
    };
    let _ = writeln!(text, "{mark}{} = {value}", key.name);
}

fn write_table(text: &mut String, path: &str, key: &KeyInfo, nested: &Nested, mark: &str) {
    let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
    let mark = if matches!(key.absence, Absence::Alternative { .. }) { "# or: " } else { mark };
    text.push('\n');
    write_prose(text, "# ", nested.about);
    if let Absence::Means { words, .. } | Absence::Alternative { words, .. } = &key.absence {
        write_prose(text, "# ", &format!("Without the table: {words}."));
    }
    let (header, path) = match nested.style {
        NestedStyle::Tables => (format!("[[{path}]]"), path),
        NestedStyle::Named => (format!("[{path}.api]"), format!("{path}.api")),
        NestedStyle::Table | NestedStyle::Inline => (format!("[{path}]"), path),
    };
    let _ = writeln!(text, "{mark}{header}");
    write_keys(text, &path, &nested.keys, mark);
}

/// Writes words as comment lines of bounded width; the first prefix's width indents the rest.
fn write_prose(text: &mut String, prefix: &str, words: &str) {
    let mut line = prefix.to_owned();
    for word in words.split_whitespace() {
        let is_start = line.len() == prefix.len();
        if !is_start && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            prefix.clone_into(&mut line);
        }
        if line.len() > prefix.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// A value as TOML. Defaults are plain values and arrays and inline tables of them.
fn toml_text(value: &Json) -> String {
    match value {
        Json::Array(items) => {
            format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", "))
        }
        Json::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key} = {}", toml_text(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        // JSON's strings, numbers and booleans are TOML's.
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uncommented() -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        };
        reference().lines().map(line).collect()
    }

    #[test]
    fn uncommented_it_is_a_correct_file_that_changes_no_default() {
        let source = uncommented();
        let loaded = crate::load(&source, "reference", &|_| None)
            .unwrap_or_else(|wrong| panic!("{wrong}\n{source}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        let least = "[[listener]]\naddress = \":1\"\n[pool.api]\nendpoints = [\"a:1\", \"a:2\"]\n";
        let least = crate::load(least, "least", &|_| None).unwrap().config;
        let (full, pool) = (&loaded.config, &loaded.config.pools[0].policy);
        assert_eq!(full.admin.address, least.admin.address);
        assert_eq!((full.log, full.shutdown), (least.log, least.shutdown));
        let (settings, least_settings) =
            (&full.listeners[0].settings, &least.listeners[0].settings);
        assert_eq!(settings.timeouts, least_settings.timeouts);
        assert_eq!(settings.forwarded, least_settings.forwarded);
        let least_pool = &least.pools[0].policy;
        assert_eq!(pool.retry, least_pool.retry);
        assert_eq!(pool.timeouts, least_pool.timeouts);
        assert_eq!(pool.balance, least_pool.balance);
        let interval = |p: &roundel_core::policy::PoolPolicy| {
            p.health_check.as_ref().map(|c| (c.interval, c.timeout, c.healthy_after))
        };
        assert_eq!(interval(pool), interval(least_pool));
    }

    #[test]
    fn every_key_is_in_it() {
        fn check(text: &str, keys: &[KeyInfo]) {
            for key in keys {
                let name = key.name;
                let is_there = [
                    format!("{name} = "),
                    format!("{name}]"),
                    format!("{name} ("),
                    format!("{name}.api]"),
                ]
                .iter()
                .any(|form| text.contains(form));
                assert!(is_there, "{name}");
                assert!(key.nested.is_some() || !key.doc.is_empty(), "{name}");
                check(text, key.nested.as_ref().map_or(&[], |n| &n.keys));
            }
        }
        check(&reference(), &FileKeys::keys());
    }

    #[test]
    fn no_line_is_wider_than_a_screen() {
        for line in reference().lines().filter(|line| line.starts_with("# ")) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
