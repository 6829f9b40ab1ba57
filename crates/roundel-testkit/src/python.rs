//! Real servers and a real client: Flask and `requests`, pinned, from PyPI; and what checks files
//! of kinds that Rust has no reader for.
//!
//! A virtual environment is made once and shared by every test process on the machine; a file
//! lock keeps two from making it at once, and a mark written last tells a finished one from one
//! whose making was interrupted. Changed requirements are another environment.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::cache::cache;
use crate::deadline::{PATIENCE, comes_true};
use crate::output::Lines;

const SERVERS: &str = include_str!("../python/requirements.txt");
const CHECKS: &str = include_str!("../python/checks.txt");
const API: &str = include_str!("../python/api.txt");
/// Written when an environment is complete.
const MARK: &str = "complete";

/// A Python with packages: Flask and `requests`, or those for checks.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// Finds the shared environment with Flask and `requests`, or makes it, which needs `python3`
    /// with `venv` and PyPI.
    ///
    /// # Panics
    /// When it cannot be made, with what the failing tool printed.
    pub fn prepare() -> Self {
        Self::prepare_with(SERVERS)
    }

    /// The same with what checks PowerShell scripts and Kubernetes manifests.
    ///
    /// # Panics
    /// When it cannot be made, with what the failing tool printed.
    pub fn for_checks() -> Self {
        Self::prepare_with(CHECKS)
    }

    /// The same with Schemathesis, which holds an API against its description.
    ///
    /// # Panics
    /// When it cannot be made, with what the failing tool printed.
    pub fn for_api() -> Self {
        Self::prepare_with(API)
    }

    fn prepare_with(requirements: &str) -> Self {
        let name = format!("python-{:016x}", crate::fingerprint(requirements.as_bytes()));
        let cache = cache();
        std::fs::create_dir_all(&cache)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", cache.display()));
        let guard = File::create(cache.join(format!("{name}.lock"))).expect("a lock file");
        guard.lock().expect("a lock on an own file");
        let home = cache.join(name);
        let interpreter = home.join("bin/python");
        if !home.join(MARK).exists() {
            install(&home, &interpreter, requirements);
        }
        Self { interpreter }
    }

    /// The folder with `python`, for the search path of scripts that start servers.
    ///
    /// # Panics
    /// Never: the interpreter's path has a folder.
    pub fn folder(&self) -> &Path {
        self.interpreter.parent().expect("an interpreter is in a folder")
    }

    /// Starts `server.py NAME 0` and waits until it listens.
    ///
    /// # Panics
    /// When it does not, with what it printed.
    pub fn serve(&self, name: &str) -> FlaskServer {
        self.serve_on(name, 0)
    }

    /// Starts `server.py NAME PORT` and waits until it listens.
    ///
    /// # Panics
    /// When it does not, with what it printed.
    pub fn serve_on(&self, name: &str, port: u16) -> FlaskServer {
        let mut command = Command::new(&self.interpreter);
        command.arg(script("server.py")).arg(name).arg(port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the environment's python starts");
        let stdout = Lines::collect(child.stdout.take().expect("stdout is piped"));
        let stderr = Lines::collect(child.stderr.take().expect("stderr is piped"));
        let mut server = FlaskServer { child, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        let mut port = None;
        comes_true(PATIENCE, || {
            let first = stdout.with(|lines| lines.first().cloned());
            port = first.and_then(|line| line.rsplit(':').next()?.parse().ok());
            port.is_some() || !matches!(server.child.try_wait(), Ok(None))
        });
        server.address.set_port(port.unwrap_or_else(|| panic!("no server:\n{}", stderr.tail())));
        server
    }

    /// Runs Python source with arguments, to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, source: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.interpreter);
        command.arg("-c").arg(source).args(arguments).stdin(Stdio::null());
        command.output().expect("the environment's python starts")
    }
}

/// A Flask server that answers `Hello from NAME`, and `/health`; killed on drop.
#[derive(Debug)]
pub struct FlaskServer {
    child: Child,
    address: SocketAddr,
}

impl FlaskServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for FlaskServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

fn install(home: &Path, interpreter: &Path, requirements: &str) {
    let mut make = Command::new("python3");
    run(make.args(["-m", "venv", "--clear"]).arg(home));
    let list = home.join("requirements.txt");
    std::fs::write(&list, requirements).expect("a file in an own directory");
    let mut fetch = Command::new(interpreter);
    fetch.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run(fetch.arg(list));
    std::fs::write(home.join(MARK), "").expect("a mark in an own directory");
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?} failed ({}):\n{}", output.status, said());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawClient;

    #[test]
    fn a_flask_server_greets_and_the_requests_client_reads_it() {
        let python = Python::prepare();
        let server = python.serve("Server 1");
        let mut client = RawClient::connect(server.address());
        assert_eq!(client.get("/").text().trim(), "Hello from Server 1");
        assert_eq!(RawClient::connect(server.address()).get("/health").status, 200);
        let source = "import requests, sys; print(requests.get(sys.argv[1]).text.strip())";
        let output = python.run(source, &[&format!("http://{}/", server.address())]);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "Hello from Server 1");
    }
}
