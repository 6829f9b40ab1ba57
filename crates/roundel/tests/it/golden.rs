//! Golden files: what people see, kept to be read in review.
//!
//! To take the present output for right, after reading it:
//! `ROUNDEL_BLESS=1 cargo test -p roundel --test it`.

use std::fs;
use std::path::Path;

/// Compares with `tests/it/golden/NAME`, or writes it when blessed.
#[track_caller]
pub(crate) fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if std::env::var_os("ROUNDEL_BLESS").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{} differs; it is now:\n{actual}", path.display());
}
