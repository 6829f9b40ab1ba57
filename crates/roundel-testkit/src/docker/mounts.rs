//! What an engine leaves mounted below its own directory.
//!
//! An engine that lets containers live on mounts its data folder onto itself, so that mounts below
//! it stay private, and one that was started a second time takes that mount for somebody else's. A
//! directory with a mount in it cannot be removed.

use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

/// Unmounts all that is mounted below `folder`.
pub(super) fn unmount_below(folder: &Path) {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for mount in below(&table, folder) {
        // A failure to tidy up must not turn a passed test into a failed one.
        let _ = unmount(&mount, UnmountFlags::DETACH);
    }
}

/// The mount points below `folder`, each before the one that it is in. `table` is the text of
/// `/proc/self/mountinfo` (proc_pid_mountinfo(5)), in which what was mounted later comes later. Its
/// escapes are of no concern: no folder of the kit's has a blank in its name.
fn below(table: &str, folder: &Path) -> Vec<PathBuf> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    let mut mounts: Vec<PathBuf> =
        points.filter(|it| it.starts_with(folder) && *it != folder).map(Path::to_owned).collect();
    mounts.reverse();
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_below_a_folder_come_innermost_first_and_no_others() {
        let table = "\
            25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
            40 25 254:0 /tmp/test-1/data /tmp/test-1/data rw - ext4 /dev/vda rw\n\
            41 25 254:0 /tmp/test-11/data /tmp/test-11/data rw - ext4 /dev/vda rw\n\
            42 40 0:50 / /tmp/test-1/data/overlay2/x/merged rw - overlay overlay rw\n\
            43 25 0:51 / /tmp/test-1 rw - tmpfs tmpfs rw\n\
            \n";
        let expected = ["/tmp/test-1/data/overlay2/x/merged", "/tmp/test-1/data"];
        assert_eq!(below(table, Path::new("/tmp/test-1")), expected.map(PathBuf::from));
        assert!(below(table, Path::new("/tmp/test-2")).is_empty());
    }
}
