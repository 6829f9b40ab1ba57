//! From text to configuration.

use std::ops::Range;

use toml::de::DeTable;

use crate::check;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Config;
use crate::section::{Reading, Table, read_section};

/// A configuration that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What the file says.
    pub config: Config,
    /// What its author hardly meant; may be empty, holds no errors.
    pub warnings: Diagnostics,
}

/// Reads a configuration file. `file_name` appears in messages; `env` looks up environment
/// variables for `${NAME}` in strings.
///
/// # Errors
/// Everything that is wrong with the file, in the order of the text, warnings included. When it is
/// not TOML, only that is reported, since what the rest means is guesswork.
pub fn load(
    source: &str,
    file_name: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Diagnostics> {
    let (document, faults) = DeTable::parse_recoverable(source);
    if !faults.is_empty() {
        return Err(Diagnostics::new(file_name, source, syntax_errors(source, &faults)));
    }
    let mut reading = Reading { source, env, found: Vec::new() };
    let table = Table { entries: document.get_ref(), span: 0..0, called: String::new() };
    let file = read_section(&table, &mut reading);
    let config = check::resolve(file, &mut reading);
    let found = Diagnostics::new(file_name, source, reading.found);
    match config {
        Some(config) if !found.has_errors() => Ok(Loaded { config, warnings: found }),
        _ => Err(found),
    }
}

/// The first fault of each line: the others on it mostly follow from that one.
fn syntax_errors(source: &str, faults: &[toml::de::Error]) -> Vec<Diagnostic> {
    let mut faults: Vec<_> =
        faults.iter().map(|f| (f.span().unwrap_or(0..0), f.message())).collect();
    faults.sort_by_key(|(span, _)| (span.start, span.end));
    let is_same_line = |first: usize, later: usize| {
        source.get(first..later).is_some_and(|between| !between.contains('\n'))
    };
    faults.dedup_by(|(later, _), (first, _)| is_same_line(first.start, later.start));
    faults.into_iter().map(|(span, message)| syntax_error(source, span, message)).collect()
}

/// The parser's words, with advice where they alone do not help.
fn syntax_error(source: &str, span: Range<usize>, message: &str) -> Diagnostic {
    let text = source.get(span.clone()).unwrap_or_default();
    let is_value = ["float", "integer", "date", "time", "boolean", "quoted"];
    if message == "duplicate key" {
        let message = format!("`{text}` is here for the second time");
        Diagnostic::error(span, message).help("a key or a table's header stands in a file once")
    } else if is_value.iter().any(|word| message.contains(word)) {
        Diagnostic::error(span, message).help("text goes in quotes, as in \"127.0.0.1:8080\"")
    } else {
        Diagnostic::error(span, message)
    }
}
