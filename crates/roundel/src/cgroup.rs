//! What the cgroups of this process allow it: the tightest limit on the way up.
//!
//! A container's limit is that of its cgroup, or of one above: Kubernetes sets one on the container
//! and one on the pod, systemd on a service and on its slice. Both versions are read, for machines
//! have either, or both side by side. Source: cgroups(7), the kernel's cgroup-v2.rst.

use std::fs;
use std::path::{Path, PathBuf};

/// A resource that a cgroup limits, and how its limit is read from the cgroup's folder. `None` is
/// no limit.
pub(crate) struct Controller {
    /// Its name in version 1, where each has a hierarchy of its own.
    pub(crate) name: &'static str,
    pub(crate) read_v1: fn(&Path) -> Option<u64>,
    pub(crate) read_v2: fn(&Path) -> Option<u64>,
}

/// The cgroups of this process.
pub(crate) struct Cgroups {
    /// Where the hierarchies are mounted.
    root: PathBuf,
    /// The text of `/proc/self/cgroup`.
    memberships: String,
}

impl Cgroups {
    /// Those of this process; none where the system has no cgroups.
    pub(crate) fn own() -> Self {
        let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self { root: PathBuf::from("/sys/fs/cgroup"), memberships }
    }

    /// The tightest limit of the process's cgroup and the ones above it.
    pub(crate) fn limit(&self, controller: &Controller) -> Option<u64> {
        let memberships =
            self.memberships.lines().filter_map(|line| Membership::parse(line, controller.name));
        memberships.filter_map(|it| self.tightest(&it, controller)).min()
    }

    fn tightest(&self, membership: &Membership<'_>, controller: &Controller) -> Option<u64> {
        let (mount, read) = match membership.version {
            Version::Two => (self.root.clone(), controller.read_v2),
            Version::One => (self.root.join(controller.name), controller.read_v1),
        };
        // Without a cgroup namespace a container sees a path that is not below its mount: then the
        // mount itself is its cgroup, and it ends every list of ancestors.
        let path = Path::new(membership.path.trim_start_matches('/'));
        path.ancestors().filter_map(|folder| read(&mount.join(folder))).min()
    }
}

/// The text of a cgroup's file, if there is one.
pub(crate) fn read(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The cgroup that a controller counts this process in.
#[derive(Debug, PartialEq, Eq)]
struct Membership<'a> {
    version: Version,
    path: &'a str,
}

impl<'a> Membership<'a> {
    /// Reads `0::/path` (version 2) or `4:cpu,cpuacct:/path` (version 1, if it names the
    /// controller).
    fn parse(line: &'a str, controller: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ':');
        let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let version = if id == "0" && controllers.is_empty() {
            Version::Two
        } else if controllers.split(',').any(|it| it == controller) {
            Version::One
        } else {
            return None;
        };
        // A path with `..` leads out of the namespace, to what cannot be read anyway.
        (!path.contains("..")).then_some(Self { version, path })
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use roundel_testkit::TempDir;

    use super::*;

    /// What these files say of a process with these memberships. Files are named from the root of
    /// the hierarchies.
    pub(crate) fn limit(
        controller: &Controller,
        files: &[(&str, &str)],
        memberships: &str,
    ) -> Option<u64> {
        let root = TempDir::new();
        for (file, text) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let memberships = memberships.to_owned();
        Cgroups { root: root.path().to_owned(), memberships }.limit(controller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership_names_the_controller() {
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
            assert_eq!(Membership::parse(line, "cpu"), expected, "{line}");
        }
    }

    #[test]
    fn the_tightest_of_the_ancestors_counts_in_both_versions() {
        fn number(folder: &Path, file: &str) -> Option<u64> {
            read(folder, file)?.trim().parse().ok()
        }
        let controller = Controller {
            name: "cpu",
            read_v1: |folder| number(folder, "old"),
            read_v2: |folder| number(folder, "new"),
        };
        let files = [
            ("kube/new", "8"),
            ("kube/pod/new", "2\n"),
            ("kube/pod/app/new", "max\n"),
            ("cpu/old", "-1"),
            ("cpu/docker/old", "3"),
        ];
        for (memberships, expected) in [
            ("0::/kube/pod/app\n", Some(2)),
            ("0::/kube\n", Some(8)),
            ("0::/\n", None),
            ("0::/elsewhere/pod\n", None),
            ("5:cpu,cpuacct:/docker\n0::/\n", Some(3)),
            ("5:memory:/docker\n0::/\n", None),
            ("5:cpu:/docker\n0::/kube/pod\n", Some(2)),
            ("", None),
        ] {
            assert_eq!(fixture::limit(&controller, &files, memberships), expected, "{memberships}");
        }
    }
}
