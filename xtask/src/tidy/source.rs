//! Rules for Rust files: a module doc, a bounded length, no leftover marks, the glossary's words.

use super::Finding;

/// Longest file, not counting its tests. A file this long has usually outgrown its one idea.
const LINES_MAX: usize = 700;

/// Files that are longer for now, each with its own limit. The list only ever shrinks.
const LONGER: &[(&str, usize)] = &[];

/// What must not be left behind. Split, so that this file does not find itself.
const MARKS: &[(&str, &str)] = &[
    (concat!("todo", "!("), "finish it or leave it out"),
    (concat!("unimplemented", "!("), "finish it or leave it out"),
    (concat!("dbg", "!("), "a debugging aid"),
    (concat!("#[", "ignore"), "a test that does not run proves nothing"),
    (concat!("TO", "DO"), "open an issue instead"),
    (concat!("FIX", "ME"), "open an issue instead"),
];

/// Words that say nothing about what a type or module is for.
const EMPTY_WORDS: &[&str] = &["manager", "helper", "helpers", "util", "utils"];

/// All rules of this file.
pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.lines().find(|line| !line.trim().is_empty()).is_some_and(|it| it.starts_with("//!")) {
        findings.push(Finding::new(file, 1, "starts without a `//!` doc that says what it owns"));
    }
    findings.extend(length(file, text));
    for (at, line) in text.lines().enumerate() {
        for (mark, why) in MARKS {
            if line.contains(mark) {
                findings.push(Finding::new(file, at + 1, format!("`{mark}`: {why}")));
            }
        }
        if let Some(name) = declared_name(line)
            && let Some(word) = words(name).into_iter().find(|it| EMPTY_WORDS.contains(&&**it))
        {
            let message = format!("`{name}`: {word:?} does not say what it is for");
            findings.push(Finding::new(file, at + 1, message));
        }
    }
    findings
}

/// Lines that a merge left behind.
pub(super) fn conflict_marks(file: &str, text: &str) -> Vec<Finding> {
    let is_mark =
        |line: &str| ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|m| line.starts_with(m));
    let marked = text.lines().enumerate().filter(|(_, line)| is_mark(line));
    marked.map(|(at, _)| Finding::new(file, at + 1, "a merge conflict")).collect()
}

fn length(file: &str, text: &str) -> Option<Finding> {
    let is_test =
        file.contains("/tests/") || file.ends_with("/tests.rs") || file.contains("/benches/");
    if is_test {
        return None;
    }
    let lines = text.lines().take_while(|line| line.trim_end() != "mod tests {").count();
    let listed = LONGER.iter().find(|(name, _)| *name == file);
    let limit = listed.map_or(LINES_MAX, |(_, limit)| *limit);
    if lines > limit {
        let message = format!("{lines} lines without tests (limit {limit}): split it by idea");
        return Some(Finding::new(file, 0, message));
    }
    let is_needless = listed.is_some() && lines <= LINES_MAX;
    is_needless.then(|| Finding::new(file, 0, "short again: take it off the list in tidy"))
}

/// The name that a line gives to a type, trait or module.
fn declared_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if let Some(public) = rest.strip_prefix("pub") {
        rest = public.strip_prefix('(').and_then(|it| it.split_once(')')).map_or(public, |it| it.1);
        rest = rest.trim_start();
    }
    let keywords = ["struct ", "enum ", "trait ", "mod ", "type "];
    let name = keywords.iter().find_map(|keyword| rest.strip_prefix(keyword))?;
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    name.get(..end).filter(|name| !name.is_empty())
}

/// The words of a name in camel or snake case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> usize {
        check("crates/a/src/b.rs", text).len()
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert_eq!(messages("//! What it owns.\npub struct Pool;\nfn utility() {}\n"), 0);
    }

    #[test]
    fn each_breach_is_found() {
        let marks = [
            "struct Pool;".to_owned(),
            format!("//! Doc.\nfn f() {{ {}) }}", MARKS[0].0),
            format!("//! Doc.\n{}]", MARKS[3].0),
            "//! Doc.\npub(crate) struct PoolManager;".to_owned(),
            "//! Doc.\nmod string_utils;".to_owned(),
            format!("//! Doc.\n{}", "\n".repeat(LINES_MAX)),
        ];
        for text in marks {
            assert_eq!(messages(&text), 1, "{text}");
        }
        assert_eq!(conflict_marks("a.md", "a\n<<<<<<< HEAD\n=======\n").len(), 1);
    }

    #[test]
    fn tests_do_not_count_as_length() {
        let long = "\n".repeat(LINES_MAX);
        assert_eq!(messages(&format!("//! Doc.\nmod tests {{\n{long}}}")), 0);
        assert!(check("crates/a/src/b/tests.rs", &format!("//! Doc.\n{long}")).is_empty());
    }
}
