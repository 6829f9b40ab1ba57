//! A base image of this machine's own Debian packages, unpacked without being installed.
//!
//! What a registry would have to be asked for otherwise. A handful of packages takes seconds where
//! a whole system would take a minute; nothing in it is configured, which Python does not miss.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::said;
use crate::cache::cache;

/// What Python and its standard library need, as far as servers in tests use it.
const WANTED: [&str; 3] = ["python3-minimal", "libpython3-stdlib", "libc6"];

/// An archive with a root file system that has Python in it; made once, and kept.
///
/// # Panics
/// When the packages cannot be fetched.
pub(super) fn python() -> PathBuf {
    let cache = cache();
    std::fs::create_dir_all(&cache).expect("a folder in the cache");
    let guard = File::create(cache.join("docker-python.lock")).expect("a lock file");
    guard.lock().expect("a lock on an own file");
    let archive = cache.join("docker-python.tar");
    if !archive.exists() {
        make(&cache, &archive);
    }
    archive
}

fn make(cache: &Path, archive: &Path) {
    let folder = cache.join("docker-python");
    let packages = folder.join("packages");
    let root = folder.join("root");
    // What an interrupted run has left.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&packages).expect("a folder in the cache");
    for name in ["usr/lib", "usr/lib64", "usr/bin", "usr/sbin", "tmp", "etc"] {
        std::fs::create_dir_all(root.join(name)).expect("a folder in the cache");
    }
    for name in ["lib", "lib64", "bin", "sbin"] {
        std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name)).expect("a link");
    }
    std::fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").expect("a file");
    let wanted = closure();
    let mut fetch = Command::new("apt-get");
    fetch.args(["-qq", "-o", "APT::Sandbox::User=root", "download"]).args(&wanted);
    if said(fetch.current_dir(&packages)).is_err() {
        must(Command::new("apt-get").args(["-qq", "update"]));
        must(&mut fetch);
    }
    for package in std::fs::read_dir(&packages).expect("the packages") {
        // `dpkg --extract` would replace the links by folders.
        let package = package.expect("a package").path();
        let unpack = "dpkg-deb --fsys-tarfile \"$1\" | tar -x --keep-directory-symlink -C \"$2\"";
        must(Command::new("sh").args(["-ec", unpack, "sh"]).arg(package).arg(&root));
    }
    let draft = folder.join("draft.tar");
    must(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&draft).arg("."));
    std::fs::rename(&draft, archive).expect("an archive in the cache");
    let _ = std::fs::remove_dir_all(&folder);
}

/// The packages wanted and the libraries that they depend on. Perl and the like, which packages
/// need only to be installed, are left out.
fn closure() -> Vec<String> {
    let mut ask = Command::new("apt-cache");
    ask.args(["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts"]);
    ask.args(["--no-breaks", "--no-replaces", "--no-enhances"]).args(WANTED);
    let is_needed = |name: &&str| {
        let is_library = name.starts_with("lib") && !name.starts_with("libperl");
        name.contains("python") || is_library || *name == "zlib1g" || *name == "media-types"
    };
    let mut names: Vec<String> = must(&mut ask)
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .filter(is_needed)
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn must(command: &mut Command) -> String {
    said(command).unwrap_or_else(|said| panic!("{command:?}: {said}"))
}
