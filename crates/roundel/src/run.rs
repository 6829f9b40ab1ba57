//! `roundel run`: a balancer as a configuration file says.

use std::path::Path;
use std::process::ExitCode;

use crate::config_file::ConfigFile;
use crate::service::Service;
use crate::{check, logging};

/// Runs until a signal ends it.
pub(crate) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let file = ConfigFile::read(path)?;
    let loaded = match file.load() {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            check::show(&diagnostics);
            return Ok(ExitCode::FAILURE);
        }
    };
    logging::start(loaded.config.log);
    logging::warn_of(&loaded.warnings);
    Ok(Service::start(loaded.config, Some(file))?.run())
}
