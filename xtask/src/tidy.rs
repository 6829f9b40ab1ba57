//! `cargo xtask tidy`: the house rules that a program can check.
//!
//! Each rule is a pure function from a file (or a manifest) to findings, so that it is tested on
//! text. Only files that git knows or would add are looked at; build products are not.

mod edges;
mod links;
mod source;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Extensions of the files that are looked at.
const TEXT: &[&str] = &["rs", "md", "toml", "py", "ts", "tsx", "css", "html", "yml", "sh"];

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path below the root.
    file: String,
    /// Line, counted from 1; zero where the file as a whole is meant.
    line: usize,
    /// What is wrong and what would be right.
    message: String,
}

impl Finding {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

/// Checks all rules and prints the findings; whether there were none.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let files = files(root)?;
    let mut findings = Vec::new();
    for file in &files {
        let path = root.join(file);
        let kind = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        // Git also lists a file that was deleted and not yet committed.
        if !TEXT.contains(&kind) || !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        findings.extend(source::conflict_marks(file, &text));
        if kind == "rs" {
            findings.extend(source::check(file, &text));
        }
        if kind == "md" {
            findings.extend(links::check(root, file, &text));
        }
        if file.ends_with("Cargo.toml") {
            findings.extend(edges::check(file, &text)?);
        }
    }
    for Finding { file, line, message } in &findings {
        println!("{file}:{line}: {message}");
    }
    println!("{} files, {} findings", files.len(), findings.len());
    Ok(findings.is_empty())
}

/// Every file of the checkout that is not ignored, as paths below the root.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root);
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]);
    let output = git.output().context("cannot start git")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git ls-files failed: {said}");
    let list = String::from_utf8(output.stdout).context("a file name that is not UTF-8")?;
    Ok(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
