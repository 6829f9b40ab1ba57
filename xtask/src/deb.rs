//! `cargo xtask deb`: the Debian package, made by `dpkg-deb` from the binary and the files below
//! `deploy`.
//!
//! Manual pages and completions are the binary's own word. Libraries that it needs are found by
//! `dpkg-shlibdeps`, the version is the newest of `deploy/debian/changelog`. What the package does
//! on a machine is proved by [`life`].

mod life;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::run::show;

pub(crate) use life::{live, seal};

/// Commands with a manual page of their own.
const COMMANDS: &[&str] = &[
    "run",
    "check",
    "demo",
    "health",
    "status",
    "endpoint",
    "endpoint list",
    "endpoint enable",
    "endpoint drain",
    "endpoint disable",
    "endpoint weight",
    "endpoint reset",
    "endpoint add",
    "endpoint remove",
    "app",
    "app list",
    "app scale",
    "app start",
    "app stop",
    "app kill",
    "app restart",
    "app output",
    "requests",
    "explain",
    "events",
    "reload",
    "overlay",
    "overlay show",
    "overlay clear",
    "audit",
    "audit undo",
    "schema",
    "reference",
    "completions",
];

/// Where packages and all that is made for them are kept.
fn folder(root: &Path) -> PathBuf {
    root.join("target/debian")
}

/// Builds the release and packs it.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let mut build = Command::new("cargo");
    build.current_dir(root).args(["build", "--release", "--locked", "-p", "roundel"]);
    if !show(&mut build)? {
        return Ok(false);
    }
    let version = version(root)?;
    let name = format!("roundel_{version}_{}.deb", architecture()?);
    let file = folder(root).join(name);
    pack(root, &root.join("target/release/roundel"), &version, &file)?;
    println!("{}", file.display());
    Ok(true)
}

/// The version in the newest entry of the package's changelog, which must be of this workspace's.
fn version(root: &Path) -> Result<String> {
    let changelog = read(&root.join("deploy/debian/changelog"))?;
    let version = changelog.split(['(', ')']).nth(1).context("no version in the changelog")?;
    let manifest = read(&root.join("Cargo.toml"))?;
    let of_workspace = manifest.lines().find_map(|line| line.strip_prefix("version = \""));
    let of_workspace = of_workspace.and_then(|it| it.strip_suffix('"')).unwrap_or_default();
    let upstream = version.rsplit_once('-').map_or(version, |it| it.0);
    ensure!(
        upstream == of_workspace,
        "deploy/debian/changelog is at {version}, the workspace at {of_workspace}"
    );
    Ok(version.to_owned())
}

fn architecture() -> Result<String> {
    Ok(output(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned())
}

/// Packs `binary` as this version into `file`.
fn pack(root: &Path, binary: &Path, version: &str, file: &Path) -> Result<()> {
    let stage = Stage::new(folder(root).join("stage"))?;
    let deploy = root.join("deploy");
    let program = stage.path("usr/bin/roundel")?;
    ensure!(show(Command::new("strip").arg("-o").arg(&program).arg(binary))?, "strip failed");
    stage.put(
        "lib/systemd/system/roundel.service",
        &read(&deploy.join("systemd/roundel.service"))?,
    )?;
    stage.put("etc/roundel/roundel.toml", &read(&deploy.join("debian/roundel.toml"))?)?;
    stage.put_words_of(binary)?;
    let doc = "usr/share/doc/roundel";
    stage.put(&format!("{doc}/copyright"), &read(&deploy.join("debian/copyright"))?)?;
    stage
        .put_zipped(&format!("{doc}/changelog.Debian"), &read(&deploy.join("debian/changelog"))?)?;
    stage.put_zipped(&format!("{doc}/changelog"), &read(&root.join("CHANGELOG.md"))?)?;

    let size = output(Command::new("du").arg("-sk").arg(&stage.0))?;
    let control = read(&deploy.join("debian/control"))?
        .replace("{version}", version)
        .replace("{architecture}", &architecture()?)
        .replace("{size}", size.split_whitespace().next().unwrap_or_default())
        .replace("{depends}", &libraries(&folder(root).join("libraries"), &program)?);
    stage.put("DEBIAN/control", &control)?;
    stage.put("DEBIAN/conffiles", "/etc/roundel/roundel.toml\n")?;
    stage.put("DEBIAN/md5sums", &stage.sums()?)?;
    stage.allow("usr/bin/roundel")?;
    for script in ["postinst", "prerm", "postrm"] {
        stage.put(&format!("DEBIAN/{script}"), &read(&deploy.join("debian").join(script))?)?;
        stage.allow(&format!("DEBIAN/{script}"))?;
    }
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zxz", "-z3", "--build"]).arg(&stage.0).arg(file);
    ensure!(show(&mut build)?, "dpkg-deb failed");
    Ok(())
}

/// The packages of the libraries that `program` is linked with, as dependencies.
fn libraries(scratch: &Path, program: &Path) -> Result<String> {
    // It wants to run in a source package.
    fs::create_dir_all(scratch.join("debian"))?;
    fs::write(
        scratch.join("debian/control"),
        "Source: roundel\n\nPackage: roundel\nArchitecture: any\n",
    )?;
    let found = output(Command::new("dpkg-shlibdeps").current_dir(scratch).arg("-O").arg(program))?;
    let depends = found.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(depends.context("dpkg-shlibdeps names no packages")?.to_owned())
}

/// The tree of files that is packed.
struct Stage(PathBuf);

impl Stage {
    /// An empty one.
    fn new(path: PathBuf) -> Result<Self> {
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where a file of the package is, with its folder made.
    fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(path)
    }

    fn put(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o644))?)
    }

    /// The same, compressed as documentation is; `.gz` is added to the name.
    fn put_zipped(&self, name: &str, text: &str) -> Result<()> {
        self.put(name, text)?;
        ensure!(show(Command::new("gzip").arg("-9n").arg(self.0.join(name)))?, "gzip failed");
        Ok(())
    }

    /// Makes a file executable.
    fn allow(&self, name: &str) -> Result<()> {
        Ok(fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(0o755))?)
    }

    /// What the binary says of itself: manual pages and completions.
    fn put_words_of(&self, binary: &Path) -> Result<()> {
        let say = |words: &[&str]| output(Command::new(binary).args(words));
        self.put_zipped("usr/share/man/man1/roundel.1", &say(&["man"])?)?;
        for command in COMMANDS {
            let page = format!("usr/share/man/man1/roundel-{}.1", command.replace(' ', "-"));
            let words: Vec<&str> = std::iter::once("man").chain(command.split(' ')).collect();
            self.put_zipped(&page, &say(&words)?)?;
        }
        for (shell, file) in [
            ("bash", "usr/share/bash-completion/completions/roundel"),
            ("zsh", "usr/share/zsh/vendor-completions/_roundel"),
            ("fish", "usr/share/fish/vendor_completions.d/roundel.fish"),
        ] {
            self.put(file, &say(&["completions", shell])?)?;
        }
        Ok(())
    }

    /// Checksums of all files but the configuration, by which `dpkg --verify` finds changes.
    fn sums(&self) -> Result<String> {
        let find = "find usr lib -type f | LC_ALL=C sort | xargs md5sum";
        output(Command::new("sh").current_dir(&self.0).args(["-c", find]))
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// What a command prints; an error when it fails.
fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed ({})", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} prints no text"))
}
