//! Where things are kept that take long to make and that test processes share.

use std::path::{Path, PathBuf};

/// The user's cache, or else the build directory.
pub(crate) fn cache() -> PathBuf {
    if let Some(cache) = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        return Path::new(&cache).join("roundel-testkit");
    }
    let own = std::env::current_exe().expect("a process knows its executable");
    let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").exists();
    let target = own.ancestors().find(is_target).map(Path::to_path_buf);
    target.unwrap_or_else(std::env::temp_dir).join("roundel-testkit")
}
