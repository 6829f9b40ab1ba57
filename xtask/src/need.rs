//! What tests need from the machine: found, installed, or named with the command that would.
//!
//! Nothing required is ever skipped: a need that cannot be met fails the run, and only what is
//! marked optional is passed over, aloud.

use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Result, bail};

use crate::run;

/// A tool that tests cannot do without.
struct Need {
    /// What it is for, in a sentence's end.
    why: &'static str,
    /// A command that succeeds when it is there.
    probe: &'static [&'static str],
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need {
        why: "the real backend servers in tests are Flask programs",
        probe: &["python3", "-c", "import venv, ensurepip"],
        packages: &["python3", "python3-venv"],
    },
    Need {
        why: "the dashboard is built and tested with Node 20.19 or newer",
        probe: &[
            "node",
            "-e",
            "const [a, b] = process.versions.node.split('.'); \
             process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)",
        ],
        packages: &["nodejs", "npm"],
    },
    Need {
        why: "the dashboard is tested in a browser",
        probe: &["chromium", "--version"],
        packages: &["chromium", "fonts-dejavu-core"],
    },
    Need {
        why: "containers in tests run in a real engine",
        probe: &["sh", "-c", "PATH=$PATH:/usr/sbin; dockerd --version && docker-compose --version"],
        packages: &["docker.io", "docker-compose"],
    },
    Need {
        why: "a test sets the clock of a process",
        probe: &["sh", "-c", "ls /usr/lib/*/faketime/libfaketime.so.1"],
        packages: &["libfaketime"],
    },
    Need {
        why: "instructions are counted by Callgrind",
        probe: &["sh", "-c", "type valgrind vgdb"],
        packages: &["valgrind"],
    },
    Need {
        why: "the house rules are checked on the files that git knows",
        probe: &["git", "--version"],
        packages: &["git"],
    },
    Need {
        why: "the service unit is judged by systemd's own measure",
        probe: &["systemd-analyze", "--version"],
        packages: &["systemd"],
    },
    Need {
        why: "the Debian package is made, and judged",
        probe: &["sh", "-c", "type dpkg-deb dpkg-shlibdeps strip gzip lintian"],
        packages: &["dpkg", "dpkg-dev", "binutils", "gzip", "lintian"],
    },
    Need {
        why: "the Debian package is installed on a Debian of its own",
        probe: &["sh", "-c", "type debootstrap unshare nsenter ip"],
        packages: &["debootstrap", "util-linux", "iproute2"],
    },
];

/// A component of the Rust toolchain that checks cannot do without.
const COMPONENTS: &[(&str, &str)] = &[("fmt", "rustfmt"), ("clippy", "clippy")];

/// Makes sure that everything required is there.
///
/// # Errors
/// When something is missing and cannot be installed from here, with the command that would.
pub(crate) fn meet_all() -> Result<()> {
    for (command, component) in COMPONENTS {
        if run::succeeds("cargo", &[command, "--version"]) {
            continue;
        }
        let install = ["component", "add", component];
        println!("{component} is missing: rustup {}", install.join(" "));
        if !run::succeeds("rustup", &install) {
            bail!("{component} is missing; install it with: rustup component add {component}");
        }
    }
    NEEDS.iter().try_for_each(meet)
}

fn meet(need: &Need) -> Result<()> {
    if is_met(need) {
        return Ok(());
    }
    let packages = need.packages.join(" ");
    println!("missing: {packages} ({})", need.why);
    if can_install() {
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--no-install-recommends"]).args(need.packages);
        install.env("DEBIAN_FRONTEND", "noninteractive");
        println!("$ {install:?}");
        if run::show(&mut install)? && is_met(need) {
            return Ok(());
        }
    }
    bail!("{packages} missing ({}); install with: sudo apt-get install {packages}", need.why)
}

fn is_met(need: &Need) -> bool {
    need.probe.split_first().is_some_and(|(program, arguments)| run::succeeds(program, arguments))
}

/// Whether packages can be installed from here: as root, by apt. Refreshes its lists, once.
fn can_install() -> bool {
    static IS_REFRESHED: OnceLock<bool> = OnceLock::new();
    *IS_REFRESHED.get_or_init(|| {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|it| it.stdout == b"0\n");
        is_root && run::succeeds("apt-get", &["update"])
    })
}

/// Whether an optional cargo subcommand is there; says so when it is not.
pub(crate) fn has_optional(subcommand: &str, without_it: &str) -> bool {
    let is_there = run::succeeds("cargo", &[subcommand, "--version"]);
    if !is_there {
        println!(
            "cargo {subcommand} is not installed: {without_it} \
             (optional; `cargo install --locked cargo-{subcommand}` adds it)"
        );
    }
    is_there
}
