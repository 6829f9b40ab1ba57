//! The limit on open files, and so on connections.
//!
//! The soft limit is mostly 1024, for the sake of programs that use `select`; the hard limit is what
//! the operator means (`LimitNOFILE=`, `ulimit -Hn`).

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let soft = limit.current;
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(limit = soft, %error, "cannot raise the limit on open files");
    }
}
