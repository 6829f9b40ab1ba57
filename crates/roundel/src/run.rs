//! `roundel run`: a balancer as a configuration file says.

use std::path::Path;
use std::process::ExitCode;

use crate::service::Service;
use crate::{check, logging};

/// Runs until a signal ends it.
pub(crate) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let loaded = match check::read(path)? {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            check::show(&diagnostics);
            return Ok(ExitCode::FAILURE);
        }
    };
    logging::start(loaded.config.log);
    for warning in loaded.warnings.summary() {
        tracing::warn!("{warning}");
    }
    Ok(Service::start(loaded.config, Some(path))?.run())
}
