//! The life of the package on a real Debian 12 with a real systemd: it is installed, started,
//! reloaded, upgraded, removed and purged, as `deploy/debian/test/story.sh` tells.
//!
//! The Debian is made once by `debootstrap`, kept in the build directory and never written to: each
//! run boots a copy in memory, in namespaces of its own, which are gone with one process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::{folder, pack, version};
use crate::run::{Totals, show, succeeds};

/// How long systemd may take until it is process 1 of its own.
const BOOT_LIMIT: Duration = Duration::from_mins(1);
/// The whole story's limit, in seconds.
const STORY_LIMIT: &str = "300";

/// Whether the unit is confined well enough: systemd's own measure, at most 2.0 of 10.
pub(crate) fn seal(root: &Path) -> Result<bool> {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", "--threshold=20"]);
    show(analyze.arg(root.join("deploy/systemd/roundel.service")).stdout(Stdio::null()))
}

/// Packs the binary that the tests use, has the package judged by lintian, and lives its life.
pub(crate) fn live(root: &Path) -> Result<Totals> {
    ensure!(
        is_root(),
        "a Debian is booted in namespaces, which takes root: sudo cargo xtask deb test"
    );
    let packages = folder(root).join("packages");
    fs::create_dir_all(&packages)?;
    let binary = root.join("target/debug/roundel");
    let version = version(root)?;
    pack(root, &binary, &version, &packages.join("1.deb"))?;
    pack(root, &binary, &format!("{version}+1"), &packages.join("2.deb"))?;
    fs::copy(root.join("deploy/debian/test/story.sh"), packages.join("story.sh"))?;

    let mut totals = Totals::default();
    let mut lint = Command::new("lintian");
    lint.args(["--allow-root", "--fail-on", "error,warning"]);
    // The package is not on its way into Debian's archive, where this would close a request.
    lint.args(["--suppress-tags", "initial-upload-closes-no-bugs"]);
    totals.add(Totals::of_check(show(lint.arg(packages.join("1.deb")))?));
    let debian = debian(root)?;
    totals.add(Totals::of_check(Machine::boot(root, &debian, &packages)?.tells_story()?));
    Ok(totals)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|it| it.stdout == b"0\n")
}

/// A small Debian 12 with systemd, made when it is not there yet.
fn debian(root: &Path) -> Result<PathBuf> {
    let debian = folder(root).join("bookworm");
    if !debian.exists() {
        let draft = folder(root).join("bookworm.draft");
        if draft.exists() {
            fs::remove_dir_all(&draft)?;
        }
        let mut make = Command::new("debootstrap");
        make.args(["--variant=minbase", "--include=systemd", "bookworm"]).arg(&draft);
        ensure!(show(make.stdout(Stdio::null()))?, "debootstrap failed");
        fs::rename(draft, &debian)?;
    }
    Ok(debian)
}

/// A booted Debian; gone on drop, with all that runs in it.
struct Machine {
    unshare: Child,
    /// Its process 1, by the number that it has out here.
    init: String,
}

impl Machine {
    fn boot(root: &Path, debian: &Path, packages: &Path) -> Result<Self> {
        let mut boot = Command::new("unshare");
        boot.args(["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork"]);
        boot.args(["--kill-child", "sh"]).arg(root.join("deploy/debian/test/boot.sh"));
        boot.arg(debian).arg(packages).stdin(Stdio::null());
        let mut machine = Self { unshare: boot.spawn()?, init: String::new() };
        let deadline = Instant::now() + BOOT_LIMIT;
        while !machine.is_booted() {
            if let Some(status) = machine.unshare.try_wait()? {
                bail!("the Debian did not boot ({status})");
            }
            ensure!(Instant::now() < deadline, "the Debian did not boot in {BOOT_LIMIT:?}");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(machine)
    }

    /// Whether its first process has become systemd.
    fn is_booted(&mut self) -> bool {
        let id = self.unshare.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        children.split_whitespace().next().unwrap_or_default().clone_into(&mut self.init);
        let name = fs::read_to_string(format!("/proc/{}/comm", self.init));
        name.is_ok_and(|name| name.trim() == "systemd")
    }

    /// Runs the story in it, within a limit.
    fn tells_story(&self) -> Result<bool> {
        let mut story = Command::new("timeout");
        story.args(["--signal=KILL", STORY_LIMIT, "nsenter", "--target", &self.init]);
        story.args(["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root"]);
        story.args([
            "env",
            "-i",
            "--chdir=/",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "TERM=dumb",
        ]);
        story.args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "sh", "/packages/story.sh"]);
        show(&mut story)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The kernel ends everything in the namespace with its first process.
        if !self.init.is_empty() {
            succeeds("kill", &["-KILL", &self.init]);
        }
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}
