//! The folders below `examples`, run for real: their own files, with nothing changed but the ports.
//!
//! Each test copies a folder and replaces every port number in it by one of its own, so that tests
//! neither meet each other nor what else listens on this machine. The new ports are held by sockets
//! of this process for as long as the test runs.

mod autoscaling;
mod dashboard;
mod five_named_servers;
mod operating;
mod powershell;
mod six_flask_servers;
mod three_servers_failover;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::ports::Refusing;
use roundel_testkit::{Balancer, Program, Python, RawClient, Response, TempDir, eventually};

/// A copy of an example's folder with ports of its own, and a Python with what it needs.
pub(crate) struct Example {
    folder: TempDir,
    ports: BTreeMap<u16, Refusing>,
    python: Python,
}

impl Example {
    /// Copies the folder called `name`. Each of `ports`, wherever it is written in a file, becomes
    /// another.
    pub(crate) fn copy(name: &str, ports: impl IntoIterator<Item = u16>) -> Self {
        let ports = ports.into_iter().map(|port| (port, Refusing::bind())).collect();
        let example = Self { folder: TempDir::new(), ports, python: Python::prepare() };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        for entry in std::fs::read_dir(&root).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                let name = entry.file_name().into_string().unwrap();
                let path = example.folder.write(&name, &example.moved(&text));
                let permissions = entry.metadata().unwrap().permissions();
                std::fs::set_permissions(path, permissions).unwrap();
            }
        }
        example
    }

    /// `text` with every number that is a port of the example replaced. The range of an app's ports
    /// becomes any, since the ports of this test are no range.
    fn moved(&self, text: &str) -> String {
        let any = |line: &str| {
            let is_range = line.starts_with("ports = \"");
            if is_range { "ports = \"any\"\n".to_owned() } else { line.to_owned() }
        };
        let text: String = text.split_inclusive('\n').map(any).collect();
        let mut moved = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, digits) = rest.split_at(start);
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let (number, after) = digits.split_at(end);
            moved.push_str(before);
            let port = number.parse().ok().and_then(|port: u16| self.ports.get(&port));
            match port {
                Some(port) => moved.push_str(&port.address().port().to_string()),
                None => moved.push_str(number),
            }
            rest = after;
        }
        moved + rest
    }

    /// Where a port of the example is in this test.
    pub(crate) fn address(&self, port: u16) -> SocketAddr {
        self.ports[&port].address()
    }

    /// A file of the copy.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces text in a file of the copy, as an editor would.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(from), "no {from:?} in {name}:\n{text}");
        self.folder.write(name, &text.replace(from, to));
    }

    /// A command as it is typed in the example's folder, with its Python first in the search path.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut path = OsString::from(self.python.folder());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env("PATH", path);
        command.env("NO_COLOR", "1").env("PYTHONUNBUFFERED", "1");
        command
    }

    /// Starts such a command.
    pub(crate) fn start(&self, program: &str, arguments: &[&str]) -> Program {
        Program::start(self.command(program, arguments))
    }

    /// Starts the balancer with a file of the copy.
    pub(crate) fn balance(&self, config: &str) -> Balancer {
        let arguments = ["run", "--config", config];
        Balancer::start_as(self.command(env!("CARGO_BIN_EXE_roundel"), &arguments))
    }

    /// The answer of what listens on a port of the example.
    pub(crate) fn get(&self, port: u16, target: &str) -> Response {
        RawClient::connect(self.address(port)).get(target)
    }

    /// The text of so many answers, each on a connection of its own.
    #[track_caller]
    pub(crate) fn greetings(&self, port: u16, count: usize) -> Vec<String> {
        let greet = |_| {
            let response = self.get(port, "/");
            assert_eq!(response.status, 200, "{}", response.text());
            response.text().trim().to_owned()
        };
        (0..count).map(greet).collect()
    }

    /// Waits until every server on `ports` accepts connections.
    #[track_caller]
    pub(crate) fn wait_for_servers(&self, ports: impl IntoIterator<Item = u16>) {
        for port in ports {
            let address = self.address(port);
            eventually(PATIENCE * 2, &format!("a server listens on {address}"), || {
                std::net::TcpStream::connect(address).is_ok()
            });
        }
    }
}

/// Waits until `count` endpoints of the balancer take traffic.
#[track_caller]
pub(crate) fn wait_for_eligible(balancer: &Balancer, count: usize) {
    eventually(PATIENCE, &format!("{count} endpoints take traffic"), || {
        let mut client = RawClient::connect(balancer.admin());
        client.request("GET", "/stats", &[("Accept", "application/json")], b"").unwrap();
        let stats = client.read_response().unwrap().text();
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        let pools = stats["pools"].as_array().unwrap().iter();
        let endpoints = pools.flat_map(|pool| pool["endpoints"].as_array().unwrap());
        let is_up = |endpoint: &&serde_json::Value| {
            endpoint["eligible"] == true && endpoint["health"] == "healthy"
        };
        endpoints.filter(is_up).count() == count
    });
}
