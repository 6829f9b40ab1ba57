//! Where the lines go.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// Where the lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, made if it does not exist (mode 0640), appended to; or a FIFO.
    File(PathBuf),
}

impl LogTarget {
    /// Opens the target, without waiting for anybody.
    pub(super) fn open(&self) -> io::Result<File> {
        match self {
            // Not `io::Stdout`, whose buffer would make one system call of every line.
            Self::Stdout => io::stdout().as_fd().try_clone_to_owned().map(File::from),
            Self::Stderr => io::stderr().as_fd().try_clone_to_owned().map(File::from),
            Self::File(path) => {
                // Opening a FIFO for writing alone waits until someone reads it. Linux opens it at
                // once for both directions (fifo(7)); nothing is ever read.
                let is_fifo = fs::metadata(path).is_ok_and(|m| m.file_type().is_fifo());
                OpenOptions::new().append(true).create(true).read(is_fifo).mode(0o640).open(path)
            }
        }
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
