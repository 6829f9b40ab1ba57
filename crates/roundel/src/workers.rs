//! How many workers this process should have: what it is allowed to use, not what the machine has.
//!
//! Two bounds apply: the affinity mask (`taskset`, `cpuset`, `AllowedCPUs=`) and the cgroup's CPU quota
//! (`docker --cpus`, Kubernetes limits, `CPUQuota=`). A quota of 1.5 CPUs gives two workers: one and a
//! half are busy at most, and one alone could not use it up. The standard library's own count rounds
//! the quota down.

use std::fs;
use std::path::{Path, PathBuf};

/// The number of workers that the affinity mask and the cgroup quota allow; at least one.
pub(crate) fn allowed() -> usize {
    let mask = rustix::thread::sched_getaffinity(None).map(|set| set.count() as usize);
    let cpus = mask.or_else(|_| std::thread::available_parallelism().map(usize::from)).unwrap_or(1);
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    bounded(cpus, quota(Path::new("/sys/fs/cgroup"), &cgroups))
}

fn bounded(cpus: usize, quota: Option<u64>) -> usize {
    let quota = quota.and_then(|cpus| usize::try_from(cpus).ok()).unwrap_or(usize::MAX);
    cpus.min(quota).max(1)
}

/// The tightest quota of this process's cgroup and the ones above it, in whole CPUs. `cgroups` is the text of
/// `/proc/self/cgroup` (cgroups(7)), `root` where the hierarchies are mounted.
fn quota(root: &Path, cgroups: &str) -> Option<u64> {
    let quotas = cgroups.lines().filter_map(Membership::parse).flat_map(|membership| {
        let (mount, read): (PathBuf, fn(&Path) -> Option<u64>) = match membership.version {
            Version::Two => (root.to_owned(), read_v2),
            Version::One => (root.join("cpu"), read_v1),
        };
        // Without a cgroup namespace a container sees a path that is not below its mount: then the
        // mount itself is its cgroup, and it ends every list of ancestors.
        let path = Path::new(membership.path.trim_start_matches('/'));
        path.ancestors()
            .map(|folder| mount.join(folder))
            .filter_map(|f| read(&f))
            .collect::<Vec<_>>()
    });
    quotas.min()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The cgroup that accounts for this process's CPU time.
#[derive(Debug, PartialEq, Eq)]
struct Membership<'a> {
    version: Version,
    path: &'a str,
}

impl<'a> Membership<'a> {
    /// Reads `0::/path` (version 2) or `4:cpu,cpuacct:/path` (version 1).
    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let version = if id == "0" && controllers.is_empty() {
            Version::Two
        } else if controllers.split(',').any(|controller| controller == "cpu") {
            Version::One
        } else {
            return None;
        };
        // A path with `..` leads out of the namespace, to what cannot be read anyway.
        (!path.contains("..")).then_some(Self { version, path })
    }
}

fn read_v2(folder: &Path) -> Option<u64> {
    parse_v2(&fs::read_to_string(folder.join("cpu.max")).ok()?)
}

fn read_v1(folder: &Path) -> Option<u64> {
    let read = |name| fs::read_to_string(folder.join(name)).ok();
    parse_v1(&read("cpu.cfs_quota_us")?, &read("cpu.cfs_period_us")?)
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
    fn membership_names_the_cpu_controller() {
        let two = |path| Some(Membership { version: Version::Two, path });
        let one = |path| Some(Membership { version: Version::One, path });
        for (line, expected) in [
            ("0::/", two("/")),
            ("0::/system.slice/roundel.service", two("/system.slice/roundel.service")),
            ("4:cpu,cpuacct:/docker/1", one("/docker/1")),
            ("4:cpuset:/docker/1", None),
            ("1:name=systemd:/init.scope", None),
            ("0::/a:b", two("/a:b")),
            ("0::/../..", None),
            ("", None),
        ] {
            assert_eq!(Membership::parse(line), expected, "{line}");
        }
    }

    #[test]
    fn the_tightest_of_the_ancestors_counts() {
        let root = std::env::temp_dir().join(format!("roundel-cgroup-{}", std::process::id()));
        let leaf = root.join("kube/pod/app");
        fs::create_dir_all(&leaf).unwrap();
        fs::create_dir_all(root.join("cpu/old")).unwrap();
        for (file, text) in [
            ("kube/cpu.max", "800000 100000"),
            ("kube/pod/cpu.max", "150000 100000"),
            ("kube/pod/app/cpu.max", "max 100000"),
            ("cpu/cpu.cfs_quota_us", "-1"),
            ("cpu/cpu.cfs_period_us", "100000"),
            ("cpu/old/cpu.cfs_quota_us", "300000"),
            ("cpu/old/cpu.cfs_period_us", "100000"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        for (cgroups, expected) in [
            ("0::/kube/pod/app\n", Some(2)),
            ("0::/kube\n", Some(8)),
            ("0::/\n", None),
            ("0::/elsewhere/pod\n", None),
            ("5:cpu,cpuacct:/old\n0::/\n", Some(3)),
            ("5:cpu:/old\n0::/kube/pod\n", Some(2)),
        ] {
            assert_eq!(quota(&root, cgroups), expected, "{cgroups}");
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
