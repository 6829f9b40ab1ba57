//! `roundel check`: what a configuration file does, or all that is wrong with it.

mod surroundings;

use std::path::Path;
use std::process::ExitCode;

use roundel_config::Diagnostics;

use crate::config_file::ConfigFile;
use crate::print;

/// Checks the file at `path`.
pub(crate) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    match ConfigFile::read(path)?.load() {
        Ok(loaded) => {
            show(&loaded.warnings);
            for missing in surroundings::missing(&loaded.config) {
                print::err(&format!("warning: {missing}, here\n"));
            }
            print::out(roundel_config::describe(&loaded.config).as_bytes())
        }
        Err(diagnostics) => {
            show(&diagnostics);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints diagnostics, if there are any, to standard error.
pub(crate) fn show(diagnostics: &Diagnostics) {
    if !diagnostics.is_empty() {
        print::err(&format!("{}\n", diagnostics.render(print::is_coloured()).trim_end()));
    }
}
