//! How many workers this process should have: what it is allowed to use, not what the machine has.
//!
//! Two bounds apply: the affinity mask (`taskset`, `cpuset`, `AllowedCPUs=`) and the cgroup's CPU quota
//! (`docker --cpus`, Kubernetes limits, `CPUQuota=`). A quota of 1.5 CPUs gives two workers: one and a
//! half are busy at most, and one alone could not use it up. The standard library's own count rounds
//! the quota down.

use crate::cgroup::{Cgroups, Controller, read};

/// Limits CPU time; in whole CPUs, rounded up.
const CPU: Controller = Controller {
    name: "cpu",
    read_v1: |folder| {
        parse_v1(&read(folder, "cpu.cfs_quota_us")?, &read(folder, "cpu.cfs_period_us")?)
    },
    read_v2: |folder| parse_v2(&read(folder, "cpu.max")?),
};

/// The number of workers that the affinity mask and the cgroup quota allow; at least one.
pub(crate) fn allowed() -> usize {
    let mask = rustix::thread::sched_getaffinity(None).map(|set| set.count() as usize);
    let cpus = mask.or_else(|_| std::thread::available_parallelism().map(usize::from)).unwrap_or(1);
    bounded(cpus, Cgroups::own().limit(&CPU))
}

fn bounded(cpus: usize, quota: Option<u64>) -> usize {
    let quota = quota.and_then(|cpus| usize::try_from(cpus).ok()).unwrap_or(usize::MAX);
    cpus.min(quota).max(1)
}

/// Reads `cpu.max`: `QUOTA PERIOD` in microseconds, or `max` for no quota.
fn parse_v2(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    share(quota, period)
}

/// Reads `cpu.cfs_quota_us`, which is -1 for no quota, and `cpu.cfs_period_us`.
fn parse_v1(quota: &str, period: &str) -> Option<u64> {
    share(quota.trim(), period.trim())
}

/// Whole CPUs, rounded up.
fn share(quota: &str, period: &str) -> Option<u64> {
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0 && period > 0).then(|| quota.div_ceil(period))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fixture;

    #[test]
    fn quotas_are_read_in_both_versions() {
        for (text, expected) in [
            ("max 100000\n", None),
            ("50000 100000\n", Some(1)),
            ("150000 100000", Some(2)),
            ("400000 100000\n", Some(4)),
            ("400001 100000\n", Some(5)),
            ("0 100000", None),
            ("100000 0", None),
            ("", None),
            ("100000", None),
            ("x y", None),
        ] {
            assert_eq!(parse_v2(text), expected, "{text:?}");
        }
        for (quota, period, expected) in [
            ("-1\n", "100000\n", None),
            ("200000\n", "100000\n", Some(2)),
            ("25000", "50000", Some(1)),
            ("", "100000", None),
        ] {
            assert_eq!(parse_v1(quota, period), expected, "{quota:?} {period:?}");
        }
    }

    #[test]
    fn the_tighter_of_mask_and_quota_counts_and_one_worker_is_the_least() {
        for (cpus, quota, expected) in [
            (8, None, 8),
            (8, Some(1), 1),
            (8, Some(2), 2),
            (2, Some(16), 2),
            (0, None, 1),
            (4, Some(u64::MAX), 4),
        ] {
            assert_eq!(bounded(cpus, quota), expected, "{cpus} {quota:?}");
        }
    }

    #[test]
    fn the_quota_is_found_where_each_version_has_it() {
        let files = [
            ("kube/cpu.max", "800000 100000"),
            ("kube/pod/cpu.max", "150000 100000"),
            ("kube/pod/app/cpu.max", "max 100000"),
            ("cpu/cpu.cfs_quota_us", "-1"),
            ("cpu/cpu.cfs_period_us", "100000"),
            ("cpu/old/cpu.cfs_quota_us", "300000"),
            ("cpu/old/cpu.cfs_period_us", "100000"),
        ];
        for (memberships, expected) in [
            ("0::/kube/pod/app\n", Some(2)),
            ("0::/kube\n", Some(8)),
            ("5:cpu,cpuacct:/old\n0::/\n", Some(3)),
            ("5:cpu:/\n0::/\n", None),
        ] {
            assert_eq!(fixture::limit(&CPU, &files, memberships), expected, "{memberships}");
        }
    }
}
