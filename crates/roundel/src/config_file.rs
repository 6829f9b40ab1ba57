//! A configuration file as it was at one moment.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use roundel_config::{Diagnostics, Loaded};

/// Where the configuration is and what it said when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl ConfigFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// Makes a configuration of it, with the process's environment.
    pub(crate) fn load(&self) -> Result<Loaded, Diagnostics> {
        let name = self.path.display().to_string();
        roundel_config::load(&self.text, &name, &|variable| std::env::var(variable).ok())
    }
}
