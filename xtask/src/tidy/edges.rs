//! Which crate may know which: the direction of knowledge, as a table.
//!
//! The compiler refuses cycles but not short cuts; a single convenient line in a manifest could
//! make the data plane know the control plane. Dev-dependencies follow the same table, and any
//! crate may use the test kit there.

use anyhow::{Context, Result};

use super::Finding;

/// Each crate and the workspace crates that it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("roundel-core", &[]),
    ("roundel-http", &[]),
    ("roundel-config", &["roundel-core"]),
    ("roundel-telemetry", &["roundel-core"]),
    ("roundel-supervisor", &["roundel-core"]),
    ("roundel-proxy", &["roundel-core", "roundel-http", "roundel-telemetry"]),
    (
        "roundel-control",
        &[
            "roundel-core",
            "roundel-http",
            "roundel-config",
            "roundel-telemetry",
            "roundel-supervisor",
        ],
    ),
    (
        "roundel-admin",
        &[
            "roundel-core",
            "roundel-config",
            "roundel-telemetry",
            "roundel-supervisor",
            "roundel-control",
        ],
    ),
    (
        "roundel",
        &[
            "roundel-core",
            "roundel-http",
            "roundel-config",
            "roundel-telemetry",
            "roundel-supervisor",
            "roundel-proxy",
            "roundel-control",
            "roundel-admin",
        ],
    ),
    ("roundel-testkit", &["roundel-core"]),
    ("xtask", &[]),
    ("roundel-yard", &[]),
    ("pingora-peer", &[]),
];

/// Crates that decide without effects, and what they therefore must not use.
const PURE: &[&str] = &["roundel-core", "roundel-http"];
const EFFECTS: &[&str] = &["tokio", "socket2", "rustix", "tracing", "mio", "libc"];

const TESTKIT: &str = "roundel-testkit";

/// Checks one manifest.
///
/// # Errors
/// When it is not TOML.
pub(super) fn check(file: &str, text: &str) -> Result<Vec<Finding>> {
    let manifest: toml::Table = text.parse().with_context(|| format!("cannot read {file}"))?;
    let Some(name) = manifest.get("package").and_then(|it| it.get("name")?.as_str()) else {
        return Ok(Vec::new());
    };
    // A fuzz target may know whatever it feeds.
    if file.starts_with("fuzz/") {
        return Ok(Vec::new());
    }
    let Some((_, allowed)) = EDGES.iter().find(|edge| edge.0 == name) else {
        let message = format!("crate {name:?} is not in the table of crate edges in tidy");
        return Ok(vec![Finding::new(file, 0, message)]);
    };
    let mut findings = Vec::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let table = manifest.get(section).and_then(toml::Value::as_table);
        for used in table.into_iter().flat_map(toml::Table::keys) {
            let is_own = used == "xtask" || used == "roundel" || used.starts_with("roundel-");
            let is_test = section == "dev-dependencies";
            let is_allowed = allowed.contains(&used.as_str()) || (is_test && used == TESTKIT);
            if is_own && !is_allowed {
                let message = format!("{name} must not know {used} ({section})");
                findings.push(Finding::new(file, 0, message));
            }
            if !is_test && PURE.contains(&name) && EFFECTS.contains(&used.as_str()) {
                let message = format!("{name} decides without effects and must not use {used}");
                findings.push(Finding::new(file, 0, message));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, dependencies: &str) -> usize {
        let text = format!("[package]\nname = {name:?}\n{dependencies}");
        check("crates/x/Cargo.toml", &text).unwrap().len()
    }

    #[test]
    fn only_edges_of_the_table_are_allowed() {
        let proxy = "roundel-proxy";
        let cases = [
            (proxy, "[dependencies]\nroundel-core.workspace = true\ntokio = \"1\"", 0),
            (proxy, "[dependencies]\nroundel-control.workspace = true", 1),
            (proxy, "[dependencies]\nroundel-config = { path = \"x\" }", 1),
            (proxy, "[dev-dependencies]\nroundel-testkit.workspace = true", 0),
            (proxy, "[dependencies]\nroundel-testkit.workspace = true", 1),
            ("roundel-control", "[dependencies]\nroundel-proxy.workspace = true", 1),
            ("roundel-http", "[dependencies]\nroundel-core.workspace = true", 1),
            ("roundel-core", "[dependencies]\ntokio = \"1\"", 1),
            ("newcomer", "", 1),
        ];
        for (name, dependencies, expected) in cases {
            assert_eq!(findings(name, dependencies), expected, "{name}: {dependencies}");
        }
    }

    #[test]
    fn the_workspace_manifest_has_no_edges() {
        assert_eq!(check("Cargo.toml", "[workspace]\nmembers = []").unwrap(), []);
    }
}
