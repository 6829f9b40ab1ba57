//! A directory of a test's own, gone when the test is over.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A fresh directory below the system's temporary directory; removed with all it holds on drop.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes a directory whose name no other test of this or another process uses.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("roundel-test-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // Left by a killed run whose process id came round again.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot make {}: {error}", path.display()),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes `text` to `name` in it, replacing in one step what was there: a reader sees the old
    /// text or the new, never half of one.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        let draft = self.0.join(format!("{name}.draft"));
        let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &path));
        assert!(written.is_ok(), "cannot write {}: {written:?}", path.display());
        path
    }
}

impl Default for TempDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A failure to tidy up must not turn a passed test into a failed one.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_removed_with_its_files() {
        let directory = TempDir::new();
        let other = TempDir::new();
        assert_ne!(directory.path(), other.path());
        let file = directory.write("a.toml", "one");
        directory.write("a.toml", "two");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
        drop(directory);
        assert!(!file.exists());
        assert!(other.path().exists());
    }
}
