//! `cargo xtask bench`: builds the product as it is shipped and hands over to `bench/measure`.
//!
//! The measuring itself is a Python program: it starts, watches and reads other programs, where
//! nothing of ours is fast or slow but the proxy.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::run::show;

/// Measures; whether that went well.
///
/// # Errors
/// When a program cannot be started.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<bool> {
    let only_asks = options.iter().any(|option| matches!(*option, "--help" | "-h" | "--list"));
    let mut build = Command::new("cargo");
    build.current_dir(root).args(["build", "--release", "--locked", "-p", "roundel"]);
    if !only_asks && !show(&mut build)? {
        return Ok(false);
    }
    let mut measure = Command::new("python3");
    measure.current_dir(root.join("bench")).args(["-m", "measure"]).args(options);
    show(&mut measure)
}
