//! The lines in which two texts differ.

use similar::TextDiff;

/// A unified diff with names for both sides; `None` when they are the same.
pub(crate) fn unified(old_name: &str, old: &str, new_name: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let diff = TextDiff::from_lines(old, new);
    Some(diff.unified_diff().context_radius(2).header(old_name, new_name).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(unified("a", "x\n", "b", "x\n"), None);
        let diff = unified("file", "1\n2\n3\n4\n5\n", "running", "1\n2\n3\n4\nfive\n").unwrap();
        assert_eq!(diff, "--- file\n+++ running\n@@ -3,3 +3,3 @@\n 3\n 4\n-5\n+five\n");
    }
}
