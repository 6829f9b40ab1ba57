//! The dashboard's checks: types, lint, the tests of its logic, and its tests in a browser.
//!
//! Everything goes through npm in `dashboard/`. What is installed there is remembered as
//! `crates/roundel-admin/build.rs` does, so that neither installs twice.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{self, Totals, show};

/// A copy of the lock file that `node_modules` was installed from; the build writes the same.
const INSTALLED: &str = "node_modules/.roundel-installed.json";

/// Types, lint and unit tests.
///
/// # Errors
/// When npm cannot be started or the packages cannot be installed.
pub(crate) fn check(root: &Path) -> Result<Totals> {
    let mut totals = Totals::of_check(install(root)?);
    for script in ["typecheck", "lint"] {
        totals.add(Totals::of_check(show(npm(root).args(["run", script]))?));
    }
    totals.add(run::count(npm(root).args(["run", "test"]))?);
    Ok(totals)
}

/// The page with the real binary behind it, in a real browser. The binary has to be built.
///
/// # Errors
/// See [`check`].
pub(crate) fn browse(root: &Path) -> Result<Totals> {
    if !install(root)? {
        return Ok(Totals::of_check(false));
    }
    run::count(npm(root).args(["run", "browser"]))
}

/// Takes the pictures of the documentation; whether it went well.
///
/// # Errors
/// See [`check`].
pub(crate) fn screenshots(root: &Path) -> Result<bool> {
    crate::need::meet_all()?;
    let mut build = Command::new("cargo");
    build.current_dir(root).args(["build", "--locked", "-p", "roundel"]);
    Ok(show(&mut build)? && install(root)? && show(npm(root).args(["run", "screenshots"]))?)
}

/// Makes `node_modules` what the lock file says, unless it is; whether that went well.
fn install(root: &Path) -> Result<bool> {
    let folder = root.join("dashboard");
    let wanted = fs::read(folder.join("package-lock.json")).context("dashboard's lock file")?;
    if fs::read(folder.join(INSTALLED)).is_ok_and(|it| it == wanted) {
        return Ok(true);
    }
    let is_good = show(npm(root).args(["ci", "--no-audit", "--no-fund", "--prefer-offline"]))?;
    if is_good {
        fs::write(folder.join(INSTALLED), wanted).context("cannot write to node_modules")?;
    }
    Ok(is_good)
}

fn npm(root: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(root.join("dashboard"));
    command
}
