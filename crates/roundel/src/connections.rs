//! How many client connections this process may have: as many as its memory is enough for, when each
//! takes the most that it can.
//!
//! A process that outgrows its cgroup's memory is killed, with every connection and without a word;
//! one that turns connections away keeps the others. So where there is a limit (`docker --memory`,
//! Kubernetes limits, `MemoryMax=`), it bounds the connections of listeners that set no
//! `max_connections` themselves. Apps share the limit, and what they need is not known here.

use crate::cgroup::{Cgroups, Controller, read};

/// Limits memory; in bytes. `memory.high` does not kill, but slows down to a halt.
const MEMORY: Controller = Controller {
    name: "memory",
    read_v1: |folder| limit(&read(folder, "memory.limit_in_bytes")?),
    read_v2: |folder| {
        let files = ["memory.max", "memory.high"];
        files.iter().filter_map(|file| limit(&read(folder, file)?)).min()
    },
};

/// Where memory is no object.
const CONNECTIONS_MAX: u32 = 100_000;

/// A process that takes hardly any connections is of no use; it had better need a larger limit.
const CONNECTIONS_MIN: u32 = 64;

/// The process without a connection: its code, its control plane, the request log.
const BASE_BYTES: u64 = 16 << 20;

/// The most that a connection takes, by measurement: an upload that its endpoint does not read holds
/// some 144 KiB, of which 64 KiB are kept for another try and 64 KiB are on their way. A stuck head
/// or download holds 40 KiB, an idle connection 6 KiB with what the kernel has of it.
const CONNECTION_BYTES: u64 = 160 << 10;

/// Version 1 has no word for "no limit" but a number that no machine has.
const UNLIMITED: u64 = 1 << 60;

/// How many connections listeners without a limit of their own may have together, and the memory
/// limit that says so, in bytes, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) connections: u32,
    pub(crate) memory_limit: Option<u64>,
}

impl Allowance {
    /// That of this process.
    pub(crate) fn own() -> Self {
        Self::within(Cgroups::own().limit(&MEMORY))
    }

    fn within(memory_limit: Option<u64>) -> Self {
        let enough_for = |limit: u64| limit.saturating_sub(BASE_BYTES) / CONNECTION_BYTES;
        let connections = memory_limit.map_or(u64::MAX, enough_for);
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        Self { connections: connections.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX), memory_limit }
    }

    /// Says in the log how a memory limit bounds the connections.
    pub(crate) fn tell(self) {
        let Self { connections, memory_limit } = self;
        if let Some(limit_bytes) = memory_limit {
            tracing::info!(
                limit_bytes,
                connections,
                "the cgroup's memory limit bounds connections of listeners without `max_connections`"
            );
        }
    }
}

/// Reads a number of bytes, or "max".
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < UNLIMITED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fixture;

    #[test]
    fn the_limit_is_found_where_each_version_has_it() {
        let files = [
            ("kube/memory.max", "max\n"),
            ("kube/memory.high", "max\n"),
            ("kube/pod/memory.max", "268435456\n"),
            ("kube/pod/app/memory.max", "134217728\n"),
            ("kube/pod/app/memory.high", "67108864\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/docker/memory.limit_in_bytes", "536870912\n"),
            ("memory/docker/1/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/odd/memory.limit_in_bytes", "much"),
        ];
        for (memberships, expected) in [
            ("0::/kube\n", None),
            ("0::/kube/pod\n", Some(256 << 20)),
            ("0::/kube/pod/app\n", Some(64 << 20)),
            ("4:memory:/\n0::/\n", None),
            ("4:memory:/docker\n0::/\n", Some(512 << 20)),
            ("4:memory:/docker/1\n3:cpu:/\n0::/\n", Some(512 << 20)),
            ("4:memory:/docker/1\n0::/kube/pod\n", Some(256 << 20)),
            ("4:memory:/odd\n", None),
            ("", None),
        ] {
            assert_eq!(fixture::limit(&MEMORY, &files, memberships), expected, "{memberships}");
        }
    }

    #[test]
    fn connections_follow_from_the_limit_within_bounds() {
        for (mib, expected) in [
            (None, 100_000),
            (Some(0), 64),
            (Some(16), 64),
            (Some(24), 64),
            (Some(32), 102),
            (Some(64), 307),
            (Some(128), 716),
            (Some(256), 1_536),
            (Some(1 << 10), 6_451),
            (Some(16 << 10), 100_000),
            (Some(1 << 40), 100_000),
        ] {
            let allowance = Allowance::within(mib.map(|mib| mib << 20));
            assert_eq!(allowance.connections, expected, "{mib:?} MiB");
        }
    }
}
