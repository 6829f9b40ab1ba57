//! What comes in from outside: under which licence, from where, and what must not come at all.
//!
//! The rules are `deny.toml`, which `cargo deny check` reads too. That program takes minutes to
//! build and looks up advisories on the network, so that a commit which passed yesterday may fail
//! today; a run of all tests must depend on neither. Here the same lists are held against the lock
//! file and against what the packages declare, in a second and on every machine. Advisories and
//! doubled versions are `cargo deny`'s.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use toml::{Table, Value};

/// The only source of packages that are not the workspace's own.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every package of the lock file and prints what may not be; whether there was nothing.
pub(crate) fn check(root: &Path) -> Result<bool> {
    let rules = Rules::read(&read(root, "deny.toml")?)?;
    let mut findings = rules.of_lock(&read(root, "Cargo.lock")?);
    let declared = declared(root)?;
    findings.extend(declared.lines().filter_map(|line| rules.of_package(line)));
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    println!("{} packages, {} findings", declared.lines().count(), findings.len());
    Ok(findings.is_empty())
}

fn read(root: &Path, name: &str) -> Result<Table> {
    let text = std::fs::read_to_string(root.join(name));
    text.with_context(|| format!("cannot read {name}"))?.parse().with_context(|| name.to_owned())
}

/// A line `name vVERSION … | LICENCE` for every package, on all targets.
fn declared(root: &Path) -> Result<String> {
    let mut tree = Command::new("cargo");
    tree.current_dir(root).args(["tree", "--workspace", "--locked", "--target", "all"]);
    tree.args(["--edges", "normal,build,dev", "--prefix", "none", "--format", "{p} | {l}"]);
    let output = tree.output().context("cannot start cargo tree")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo tree failed: {said}");
    let text = String::from_utf8(output.stdout).context("cargo tree printed no text")?;
    let mut lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|it| !it.is_empty())
        .collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.join("\n"))
}

/// What `deny.toml` says.
#[derive(Debug)]
struct Rules {
    /// Licences that may come in.
    allowed: Vec<String>,
    /// Packages that may not.
    banned: Vec<String>,
}

impl Rules {
    fn read(deny: &Table) -> Result<Self> {
        let list = |section: &str, key: &str| {
            let list = deny.get(section).and_then(|it| it.get(key)).and_then(Value::as_array);
            list.with_context(|| format!("deny.toml has no list {section}.{key}"))
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let name = |ban: &Value| ban.get("crate").and_then(text);
        Ok(Self {
            allowed: list("licenses", "allow")?.iter().filter_map(text).collect(),
            banned: list("bans", "deny")?.iter().filter_map(name).collect(),
        })
    }

    /// What is wrong with where packages come from, and with their being there at all.
    fn of_lock(&self, lock: &Table) -> Vec<String> {
        let packages = lock.get("package").and_then(Value::as_array);
        let field = |package: &Value, key: &str| {
            package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let mut findings = Vec::new();
        for package in packages.into_iter().flatten() {
            let (name, source) = (field(package, "name"), field(package, "source"));
            if self.banned.contains(&name) {
                findings.push(format!("{name}: banned by deny.toml"));
            }
            // Without a source it is the workspace's own.
            if !source.is_empty() && source != REGISTRY {
                findings.push(format!("{name}: comes from {source}, not from the registry"));
            }
        }
        findings
    }

    /// What is wrong with the licence in a line `name vVERSION … | LICENCE`.
    fn of_package(&self, line: &str) -> Option<String> {
        let (package, licence) = line.rsplit_once(" | ").unwrap_or((line, ""));
        if licence.trim().is_empty() {
            return Some(format!("{package}: declares no licence"));
        }
        let is_allowed = |name: &str| self.allowed.iter().any(|allowed| allowed == name);
        if holds(licence, &is_allowed) {
            return None;
        }
        Some(format!("{package}: its licence, {licence}, is not in deny.toml's list"))
    }
}

/// Whether an SPDX licence expression can be met with the licences that `is_allowed` names.
fn holds(expression: &str, is_allowed: &impl Fn(&str) -> bool) -> bool {
    // Older packages separate choices by a slash.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    any(&mut words, is_allowed) && words.is_empty()
}

/// `all OR all …`; words come from the end.
fn any(words: &mut Vec<&str>, is_allowed: &impl Fn(&str) -> bool) -> bool {
    let mut holds = all(words, is_allowed);
    while words.pop_if(|word| *word == "OR").is_some() {
        holds |= all(words, is_allowed);
    }
    holds
}

/// `one AND one …`
fn all(words: &mut Vec<&str>, is_allowed: &impl Fn(&str) -> bool) -> bool {
    let mut holds = one(words, is_allowed);
    while words.pop_if(|word| *word == "AND").is_some() {
        holds &= one(words, is_allowed);
    }
    holds
}

/// A licence, perhaps `WITH` an exception, or an expression in brackets.
fn one(words: &mut Vec<&str>, is_allowed: &impl Fn(&str) -> bool) -> bool {
    match words.pop() {
        Some("(") => {
            let holds = any(words, is_allowed);
            words.pop_if(|word| *word == ")").is_some() && holds
        }
        Some(name) => {
            if words.pop_if(|word| *word == "WITH").is_some() {
                // An exception only ever permits more.
                words.pop();
            }
            is_allowed(name)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        let deny = r#"
            [licenses]
            allow = ["MIT", "Apache-2.0", "Unicode-3.0"]
            [bans]
            deny = [{ crate = "openssl-sys", reason = "no" }]
        "#;
        Rules::read(&deny.parse().unwrap()).unwrap()
    }

    #[test]
    fn an_expression_holds_when_it_can_be_met() {
        for (licence, is_allowed) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND GPL-3.0", false),
            ("GPL-3.0 OR MIT AND Unicode-3.0", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
            ("GPL-3.0 WITH Classpath-exception-2.0", false),
            ("(MIT", false),
            ("MIT Apache-2.0", false),
            ("", false),
        ] {
            let finding = rules().of_package(&format!("a v1.0.0 (proc-macro) | {licence}"));
            assert_eq!(finding.is_none(), is_allowed, "{licence}: {finding:?}");
        }
    }

    #[test]
    fn packages_come_from_the_registry_or_from_here_and_none_is_banned() {
        let lock = r#"
            [[package]]
            name = "own"
            [[package]]
            name = "good"
            source = "registry+https://github.com/rust-lang/crates.io-index"
            [[package]]
            name = "elsewhere"
            source = "git+https://example.com/elsewhere"
            [[package]]
            name = "openssl-sys"
            source = "registry+https://github.com/rust-lang/crates.io-index"
        "#;
        let findings = rules().of_lock(&lock.parse().unwrap());
        assert_eq!(
            findings,
            [
                "elsewhere: comes from git+https://example.com/elsewhere, not from the registry",
                "openssl-sys: banned by deny.toml",
            ]
        );
    }

    #[test]
    fn rules_that_are_not_there_are_an_error() {
        assert!(Rules::read(&Table::new()).is_err());
    }
}
