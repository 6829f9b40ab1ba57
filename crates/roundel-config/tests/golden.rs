//! Golden files: what an operator sees, kept beside what they wrote.
//!
//! `tests/diagnostics/NAME.toml` with `NAME.txt` holds a file that is wrong and the text that says
//! so, `tests/describe/` a right one and what `roundel check` prints. To take the present output for
//! right, after reading it: `ROUNDEL_BLESS=1 cargo test -p roundel-config --test golden`.

use std::fs;
use std::path::{Path, PathBuf};

use roundel_config::{describe, json_schema, load, reference};

fn env(name: &str) -> Option<String> {
    match name {
        "HOST" => Some("10.0.0.9".to_owned()),
        _ => None,
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn cases(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).expect("the folder is there");
    let mut cases: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    cases.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    cases.sort();
    cases
}

/// Compares with the golden file, or writes it; returns the name of one that differs.
fn differs(golden: &Path, actual: &str) -> Option<String> {
    if std::env::var_os("ROUNDEL_BLESS").is_some() {
        fs::write(golden, actual).expect("golden files are writable");
        return None;
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    (expected != actual).then(|| format!("{}:\n{actual}", golden.display()))
}

#[test]
fn each_wrong_file_is_explained_as_its_golden_text() {
    let cases = cases("diagnostics");
    assert!(cases.len() >= 25, "golden files are missing");
    let mut wrong = Vec::new();
    for case in cases {
        let source = fs::read_to_string(&case).unwrap();
        let text = match load(&source, "roundel.toml", &env) {
            Ok(loaded) => {
                assert!(!loaded.warnings.is_empty(), "{}: nothing is wrong", case.display());
                loaded.warnings.render(false)
            }
            Err(diagnostics) => diagnostics.render(false),
        };
        wrong.extend(differs(&case.with_extension("txt"), &text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_right_file_is_described_as_its_golden_text() {
    let cases = cases("describe");
    assert!(cases.len() >= 2, "golden files are missing");
    let mut wrong = Vec::new();
    for case in cases {
        let source = fs::read_to_string(&case).unwrap();
        let loaded = load(&source, "roundel.toml", &env).unwrap_or_else(|w| panic!("{w}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        let text = describe(&loaded.config);
        wrong.extend(differs(&case.with_extension("txt"), &text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn schema_and_reference_are_their_golden_texts() {
    let wrong: Vec<String> = [
        differs(&folder("generated").join("roundel.schema.json"), &json_schema()),
        differs(&folder("generated").join("roundel.toml"), &reference()),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn colours_are_added_only_on_request() {
    let wrong = load("x = 1", "roundel.toml", &env).unwrap_err();
    assert!(!wrong.render(false).contains('\x1b'));
    assert!(wrong.render(true).contains('\x1b'));
    assert_eq!(wrong.summary(), ["roundel.toml:1:1: error: the file has no key \"x\""]);
}
