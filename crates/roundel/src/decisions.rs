//! Where operators' decisions are kept, and what is done with those of before the start.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use roundel_config::model::AdminConfig;
use roundel_control::{Opened, Overlay, StateFile};
use rustix::fs::Access;

/// What operators decided before, and where they go on deciding.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    pub(crate) overlay: Overlay,
    /// `None` for in memory alone.
    pub(crate) file: Option<StateFile>,
}

/// Reads what operators decided before. `config_file` is the operator's file, if there is one.
///
/// # Errors
/// When the state file is there and cannot be read, or the audit log cannot be written: both were
/// asked for, and going on without would lose what they are for.
pub(crate) fn open(admin: &AdminConfig, config_file: Option<&Path>) -> anyhow::Result<Decisions> {
    if let Some(path) = &admin.audit_log {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        opened.with_context(|| format!("cannot open the audit log {}", path.display()))?;
    }
    let Some(path) = place(admin, config_file) else { return Ok(Decisions::default()) };
    let opened = StateFile::open(&path);
    let opened =
        opened.with_context(|| format!("cannot read the state file {}", path.display()))?;
    let Opened { file, overlay, damage } = opened;
    if let Some(damage) = damage {
        let file = path.display().to_string();
        tracing::error!(file, damage, "operators' changes are lost: the state file is damaged");
    } else if !overlay.is_empty() {
        let file = path.display().to_string();
        tracing::info!(file, "operators' changes of before are in force");
    }
    Ok(Decisions { overlay, file: Some(file) })
}

/// The configured file, or one in the directory that systemd gives, or else one beside the
/// configuration file.
fn place(admin: &AdminConfig, config_file: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = &admin.state_file {
        return Some(path.clone());
    }
    // Several directories are separated by colons (systemd.exec(5)).
    let given = std::env::var("STATE_DIRECTORY").unwrap_or_default();
    if let Some(folder) = given.split(':').next().filter(|folder| !folder.is_empty()) {
        return Some(Path::new(folder).join("overlay.toml"));
    }
    let path = config_file?.with_extension("overlay.toml");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if rustix::fs::access(folder, Access::WRITE_OK).is_err() {
        let folder = folder.display().to_string();
        tracing::warn!(
            folder,
            "changes made through the API will not survive a restart: the folder of the \
             configuration file is not writable; set `state_file` in [admin]"
        );
        return None;
    }
    Some(path)
}
