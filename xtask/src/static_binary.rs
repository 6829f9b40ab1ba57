//! The binary as it is in the container image: without a library to load.
//!
//! Only the last link differs from the binary that tests use: what makes a program static is how it
//! is linked, so nothing below it is compiled anew. Not optimised, since it is only tested.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::run::show;

/// Makes `target/static/roundel`. Whoever builds afterwards links the usual binary anew.
pub(crate) fn make(root: &Path) -> Result<bool> {
    let mut link = Command::new("cargo");
    link.current_dir(root).args(["rustc", "--locked", "-p", "roundel", "--bin", "roundel"]);
    link.args(["--", "-C", "target-feature=+crt-static"]);
    if !show(&mut link)? {
        return Ok(false);
    }
    let folder = root.join("target/static");
    std::fs::create_dir_all(&folder).context("cannot make target/static")?;
    std::fs::copy(root.join("target/debug/roundel"), folder.join("roundel"))
        .context("cannot copy target/debug/roundel")?;
    Ok(true)
}
