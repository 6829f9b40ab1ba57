//! `roundel check`, and reading a configuration file for every other command.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use roundel_config::{Diagnostics, Loaded};

use crate::print;

/// Says what the file at `path` does, or all that is wrong with it.
pub(crate) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    match read(path)? {
        Ok(loaded) => {
            show(&loaded.warnings);
            print::out(roundel_config::describe(&loaded.config).as_bytes())
        }
        Err(diagnostics) => {
            show(&diagnostics);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Reads the file at `path` with the process's environment.
///
/// # Errors
/// The outer one when the file cannot be read, the inner one when it is wrong.
pub(crate) fn read(path: &Path) -> anyhow::Result<Result<Loaded, Diagnostics>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    Ok(roundel_config::load(&text, &name, &|variable| std::env::var(variable).ok()))
}

/// Prints diagnostics, if there are any, to standard error.
pub(crate) fn show(diagnostics: &Diagnostics) {
    if !diagnostics.is_empty() {
        print::err(&format!("{}\n", diagnostics.render(print::is_coloured()).trim_end()));
    }
}
