//! A real Docker engine of a test's own, with base images made on this machine.
//!
//! Each engine has its own directories, socket and range of addresses, and knows nothing of an
//! engine that the machine may run anyway. Nothing is pulled: no registry need be reachable. It needs
//! root, and `dockerd`, `docker` and `docker-compose` as Debian packages them.
//!
//! It is stopped by its process id, after its containers, and leaves nothing mounted. It stays in
//! the process group of the test, so that a runner that gives a test up ends both.

mod base;
mod mounts;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::deadline::comes_true;
use crate::output::Lines;
use crate::temp_dir::TempDir;

/// How long the engine may take to answer or to end: it mounts, it starts containerd.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running engine; stopped on drop, with all its containers.
pub struct DockerEngine {
    directory: TempDir,
    running: Option<(Child, Lines)>,
}

impl DockerEngine {
    /// Starts an engine and waits until it answers.
    ///
    /// # Panics
    /// When it cannot be started, with what it printed.
    pub fn start() -> Self {
        let mut engine = Self { directory: TempDir::new(), running: None };
        engine.resume();
        engine
    }

    /// Starts it again after [`Self::suspend`].
    ///
    /// # Panics
    /// When it cannot be started, with what it printed.
    pub fn resume(&mut self) {
        if let Err(said) = self.launch() {
            panic!("{said}");
        }
    }

    fn launch(&mut self) -> Result<(), String> {
        let folder = self.directory.path();
        let at = |name: &str| folder.join(name).display().to_string();
        // Addresses that two engines on a machine hardly ever share.
        let subnet = 64 + std::process::id() % 128;
        let mut command = Command::new("dockerd");
        command.args(["--data-root", &at("data"), "--exec-root", &at("exec")]);
        command.args(["--pidfile", &at("pid"), "--log-level", "warn"]);
        command.args(["--host", &format!("unix://{}", at("docker.sock"))]);
        // Forwarding is the machine's own business: whoever switches it on must guard it, too.
        command.args(["--bridge", "none", "--ip-forward=false", "--live-restore"]);
        command.args(["--default-address-pool", &format!("base=10.{subnet}.0.0/16,size=24")]);
        command.env("PATH", path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn();
        let mut child = child.map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let log = Lines::collect(child.stderr.take().expect("stderr is piped"));
        let mut answer = Err("no answer".to_owned());
        comes_true(PATIENCE, || {
            answer = self.run(&["version"]);
            answer.is_ok() || !matches!(child.try_wait(), Ok(None))
        });
        self.running = Some((child, log.clone()));
        answer
            .map(drop)
            .map_err(|said| format!("the engine does not answer: {said}\n{}", log.tail()))
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// Stops the engine and leaves its containers running; [`Self::resume`] starts it again.
    ///
    /// # Panics
    /// When it does not end.
    pub fn suspend(&mut self) {
        let (mut child, log) = self.running.take().expect("the engine runs");
        terminate(&child);
        let has_ended = comes_true(PATIENCE, || !matches!(child.try_wait(), Ok(None)));
        assert!(has_ended, "the engine does not end:\n{}", log.tail());
    }

    /// Runs `docker` with these arguments and returns what it prints.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[track_caller]
    pub fn docker(&self, arguments: &[&str]) -> String {
        match self.run(arguments) {
            Ok(said) => said,
            Err(said) => panic!("docker {}: {said}", arguments.join(" ")),
        }
    }

    /// Runs `docker-compose` in `folder`.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[track_caller]
    pub fn compose(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut command = self.command("docker-compose");
        match said(command.current_dir(folder).args(arguments)) {
            Ok(said) => said,
            Err(said) => panic!("docker-compose {}: {said}", arguments.join(" ")),
        }
    }

    /// A command that speaks to this engine, for what the other methods do not say.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DOCKER_HOST", format!("unix://{}", self.socket().display()));
        // The builder without a plugin of its own, which is the one that Debian has.
        command.env("DOCKER_BUILDKIT", "0").env("COMPOSE_DOCKER_CLI_BUILD", "0");
        command.env("PATH", path()).stdin(Stdio::null());
        command
    }

    /// Makes the image `name` with Python in it, of this machine's Debian packages, unpacked.
    ///
    /// # Panics
    /// When they cannot be fetched.
    pub fn import_python(&self, name: &str) {
        self.docker(&["import", &base::python().display().to_string(), name]);
    }

    /// Makes an image of a folder's files and nothing else.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn import_folder(&self, folder: &Path, name: &str) {
        let archive = self.directory.path().join("folder.tar");
        let mut pack = Command::new("tar");
        pack.arg("-C").arg(folder).arg("-cf").arg(&archive).arg(".");
        let packed = said(&mut pack);
        assert!(packed.is_ok(), "{packed:?}");
        self.docker(&["import", &archive.display().to_string(), name]);
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        said(self.command("docker").args(arguments))
    }
}

/// What a command prints, or why it fails.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr)))
}

/// The search path, with the places where the engine's parts are installed.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin:/usr/bin")
}

fn terminate(child: &Child) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        self.end();
        mounts::unmount_below(self.directory.path());
    }
}

impl DockerEngine {
    /// Ends the engine, after its containers and their networks, which would outlive it.
    fn end(&mut self) {
        if self.running.is_none() && self.launch().is_err() {
            return;
        }
        let Some((mut child, _log)) = self.running.take() else { return };
        // A failure to tidy up must not turn a passed test into a failed one.
        if let Ok(ids) = self.run(&["ps", "--all", "--quiet"]) {
            let ids = ids.split_whitespace();
            let remove: Vec<&str> = ["rm", "--force", "--volumes"].into_iter().chain(ids).collect();
            let _ = self.run(&remove);
        }
        let _ = self.run(&["network", "prune", "--force"]);
        terminate(&child);
        if !comes_true(PATIENCE, || !matches!(child.try_wait(), Ok(None))) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
