//! Builds the dashboard into `OUT_DIR` and lists its files for `src/dashboard.rs` to embed.
//!
//! With Node at hand this is `npm ci` (only when the lock file changed) and `npm run build` (only
//! when a source changed, which cargo watches). Without Node, or when npm fails, say for want of a
//! network, the crate builds all the same: the list is empty, a warning says why, and the binary
//! serves a page that does. Nothing but `dashboard/node_modules` is written in the source tree, and
//! a lock keeps two builds (of two profiles, say) from writing it at once.
//!
//! `ROUNDEL_DASHBOARD=off` leaves the dashboard out without a word.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the build depends on, below `dashboard/`.
const SOURCES: &[&str] =
    &["src", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

/// A copy of the lock file that `node_modules` was installed from.
const INSTALLED: &str = "node_modules/.roundel-installed.json";

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dashboard");
    println!("cargo:rerun-if-env-changed=ROUNDEL_DASHBOARD");
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", root.join(source).display());
    }
    // The page explains end reasons in the words of their reference.
    println!("cargo:rerun-if-changed={}", root.join("../docs/reference/end-reasons.md").display());
    let site = out.join("dashboard");
    let files = match build(&root, &site) {
        Ok(()) => files_in(&site),
        Err(reason) => {
            if let Some(reason) = reason {
                println!("cargo:warning=the dashboard is left out: {reason}");
                // Never there, so that the next build tries again.
                println!("cargo:rerun-if-changed={}", out.join("try-again").display());
            }
            Vec::new()
        }
    };
    fs::write(out.join("dashboard.rs"), table(&site, &files)).expect("OUT_DIR is writable");
}

/// Builds into `site`; otherwise the reason why not, which is `None` when that was asked for.
fn build(root: &Path, site: &Path) -> Result<(), Option<String>> {
    if std::env::var_os("ROUNDEL_DASHBOARD").is_some_and(|value| value == "off") {
        return Err(None);
    }
    if !succeeds(Command::new("npm").arg("--version")) {
        return Err(Some("npm is not there (Node 20.19 or newer brings it)".to_owned()));
    }
    let manifest = root.join("package.json");
    let lock = File::open(&manifest).map_err(|e| format!("{}: {e}", manifest.display()))?;
    lock.lock().map_err(|error| format!("cannot lock {}: {error}", manifest.display()))?;
    install(root)?;
    let target = site.to_str().ok_or_else(|| "OUT_DIR is not UTF-8".to_owned())?;
    npm(root, &["run", "build", "--", "--outDir", target, "--emptyOutDir"])?;
    Ok(())
}

/// Makes `node_modules` what the lock file says, unless it is.
fn install(root: &Path) -> Result<(), String> {
    let wanted = fs::read(root.join("package-lock.json")).map_err(|error| error.to_string())?;
    let installed = root.join(INSTALLED);
    if fs::read(&installed).is_ok_and(|it| it == wanted) {
        return Ok(());
    }
    let bounded = ["--fetch-retries=1", "--fetch-timeout=60000"];
    npm(root, &["ci", "--no-audit", "--no-fund", "--prefer-offline", bounded[0], bounded[1]])?;
    fs::write(installed, wanted).map_err(|error| error.to_string())
}

/// Runs npm; the error is the end of what it said.
fn npm(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm {}: {error}", arguments[0]))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = lines.get(lines.len().saturating_sub(6)..).unwrap_or_default().join(" / ");
    Err(format!("npm {} failed ({}): {end}", arguments[0], output.status))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Every file below `site`, as paths below it, without the packed copies; in order.
fn files_in(site: &Path) -> Vec<String> {
    let (mut found, mut left) = (Vec::new(), vec![site.to_path_buf()]);
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if !matches!(path.extension().and_then(|it| it.to_str()), Some("br" | "gz")) {
                let below = path.strip_prefix(site).ok().and_then(Path::to_str);
                found.extend(below.map(str::to_owned));
            }
        }
    }
    found.sort();
    found
}

/// The list as the text of a Rust expression of type `&[File]`.
fn table(site: &Path, files: &[String]) -> String {
    let mut text = String::from("&[\n");
    for file in files {
        let path = site.join(file);
        let packed = |end: &str| {
            let copy = site.join(format!("{file}.{end}"));
            if copy.is_file() { format!("Some({})", included(&copy)) } else { "None".into() }
        };
        let (br, gzip) = (packed("br"), packed("gz"));
        let tag = tag(&fs::read(&path).unwrap_or_default());
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "    File {{ path: \"/{file}\", tag: \"{tag}\", plain: {}, \
             br: {br}, gzip: {gzip} }},",
            included(&path)
        );
    }
    text + "]\n"
}

/// The expression that embeds the file at `path`.
fn included(path: &Path) -> String {
    format!("include_bytes!({:?})", path.to_string_lossy())
}

/// A tag that changes with the bytes; it has to be no secret and no proof.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
