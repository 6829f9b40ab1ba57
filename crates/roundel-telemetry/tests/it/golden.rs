//! Texts kept in the repository. `ROUNDEL_BLESS=1` writes them anew, for review by diff.

use std::path::Path;

/// Compares `actual` with the file at `path`, given from the repository's root.
#[track_caller]
pub(crate) fn check(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("ROUNDEL_BLESS").is_some() {
        std::fs::write(&file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == actual,
        "{path} is not what the code says; ROUNDEL_BLESS=1 writes it anew.\n{}",
        first_difference(&expected, actual)
    );
}

fn first_difference(expected: &str, actual: &str) -> String {
    let (mut expected, mut actual) = (expected.lines(), actual.lines());
    loop {
        match (expected.next(), actual.next()) {
            (None, None) => return "line ends differ".to_owned(),
            (e, a) if e == a => {}
            (e, a) => return format!("file: {e:?}\ncode: {a:?}"),
        }
    }
}
