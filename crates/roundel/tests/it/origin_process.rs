//! An origin as a process of its own, to be killed, paused and started again as real servers are.
//!
//! What the kernel does with the sockets of a killed or stopped process cannot be imitated within
//! this one. The process is this test binary once more, told to run [`serve`] alone. It writes the
//! id of every request down before it answers, so that the ledger outlives it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::ports::Refusing;
use roundel_testkit::{Ledger, Origin, TempDir, eventually, ledger};
use rustix::process::{Pid, Signal, kill_process};

const NAME: &str = "ORIGIN_PROCESS_NAME";
const ADDRESS: &str = "ORIGIN_PROCESS_ADDRESS";
const RECEIVED: &str = "ORIGIN_PROCESS_RECEIVED";

/// What the process does, when other tests start this binary as one; nothing otherwise.
#[test]
fn serve() {
    let (Ok(name), Ok(address), Ok(path)) =
        (std::env::var(NAME), std::env::var(ADDRESS), std::env::var(RECEIVED))
    else {
        return;
    };
    let received = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let origin = Origin::start_at(&name, address.parse().unwrap());
    origin.respond(move |request| {
        if let Some(id) = request.fields.first(ledger::FIELD) {
            // One write, so that a kill leaves no half of a line.
            (&received).write_all(format!("{id}\n").as_bytes()).unwrap();
        }
        None
    });
    // The other end is held by the test: a process that is left alone ends.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// A process that runs an [`Origin`]; killed on drop.
pub(crate) struct OriginProcess {
    name: String,
    /// Holds the port while the process is dead.
    port: Refusing,
    directory: TempDir,
    child: Mutex<Child>,
}

impl OriginProcess {
    /// Starts one and waits until it accepts connections.
    pub(crate) fn start(name: &str) -> Self {
        let (port, directory) = (Refusing::bind(), TempDir::new());
        let child = Mutex::new(spawn(name, &port, &directory));
        Self { name: name.to_owned(), port, directory, child }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Ends it as a crash would; its connections are the kernel's to close.
    pub(crate) fn kill(&self) {
        end(&mut self.child.lock().unwrap());
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&self) {
        let mut child = self.child.lock().unwrap();
        end(&mut child);
        *child = spawn(&self.name, &self.port, &self.directory);
    }

    /// Stops it in the middle of whatever it does; the kernel goes on accepting in its name.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let state = format!("/proc/{}/stat", self.child.lock().unwrap().id());
        eventually(PATIENCE, "the process is stopped", || {
            std::fs::read_to_string(&state).is_ok_and(|state| state.contains(") T "))
        });
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.lock().unwrap().id().cast_signed();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// The ids of the requests it has received, over all its lives.
    pub(crate) fn received(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.path().join("received")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Enters what it has received in `ledger`.
    pub(crate) fn report_to(&self, ledger: &Ledger) {
        for id in self.received() {
            ledger.saw(&id, &self.name);
        }
    }
}

impl Drop for OriginProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(name: &str, port: &Refusing, directory: &TempDir) -> Child {
    let log = File::create(directory.path().join("output")).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "origin_process::serve", "--nocapture"])
        .env(NAME, name)
        .env(ADDRESS, port.address().to_string())
        .env(RECEIVED, directory.path().join("received"))
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let what = format!("{name} accepts connections");
    eventually(PATIENCE, &what, || TcpStream::connect(port.address()).is_ok());
    child
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
