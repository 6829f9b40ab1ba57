//! Markdown links to files of this repository lead somewhere.
//!
//! Links to the web and to headings are not followed: the first change without us, the second are
//! plain to see.

use std::path::Path;

use super::Finding;

/// Checks every inline link of a Markdown file, outside code.
pub(super) fn check(root: &Path, file: &str, text: &str) -> Vec<Finding> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    let mut is_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for target in targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            let base = if path.starts_with('/') { root.to_path_buf() } else { root.join(folder) };
            if !path.is_empty() && !base.join(path.trim_start_matches('/')).exists() {
                findings.push(Finding::new(file, at + 1, format!("no such file: {path}")));
            }
        }
    }
    findings
}

/// The targets of the inline links in a line that are not addresses on the web.
fn targets(line: &str) -> Vec<&str> {
    // Every second piece between backquotes is code.
    let prose = line.split('`').step_by(2);
    let links = prose.flat_map(|text| text.split("](").skip(1));
    let whole = links.filter_map(|rest| rest.split([')', ' ']).next());
    whole.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_files_are_taken_from_prose() {
        let line = "[a](b.md#c), [d](https://e), `[f](g)`, ![h](/i.png \"j\")";
        assert_eq!(targets(line), ["b.md#c", "/i.png"]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = "[good](tidy/links.rs) [rooted](/src/main.rs)\n[bad](missing.md)\n\
                    ```\n[code](missing.md)\n```\n[here](#heading)\n";
        let found = check(root, "src/README.md", text);
        assert_eq!(found.iter().map(|it| it.line).collect::<Vec<_>>(), [2]);
    }
}
