//! The demo's servers: child processes, started again when they end.
//!
//! At the end each is told to end, and reaped: whoever started the demo finds no process of it, not
//! even a dead one. Should the demo be killed, the kernel kills the servers.

use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use roundel_supervisor::{Output, Process, ProcessSpec};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Long enough to watch the failover.
const RESTART_AFTER: Duration = Duration::from_secs(5);

/// How long the servers together may take to start.
const START_LIMIT: Duration = Duration::from_secs(5);

/// Pause between two looks at a server that starts.
const START_PAUSE: Duration = Duration::from_millis(5);

/// How long a server may take to end when told to; it has nothing to save.
const GRACE: Duration = Duration::from_secs(1);

/// A server to run.
#[derive(Debug, Clone)]
pub(crate) struct DemoServer {
    /// What it calls itself.
    pub(crate) name: String,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// What it calls itself.
    pub(crate) name: String,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    /// Its process.
    pub(crate) pid: u32,
}

/// All of them. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct DemoServers(Vec<(DemoServer, Process)>);

impl DemoServers {
    /// Starts all of them and waits until they listen, so that the first request finds them.
    pub(crate) fn start(servers: Vec<DemoServer>) -> anyhow::Result<Self> {
        let start = |server: DemoServer| spawn(&server).map(|process| (server, process));
        let servers = servers.into_iter().map(start).collect::<anyhow::Result<_>>().map(Self)?;
        let deadline = Instant::now() + START_LIMIT;
        for (server, process) in &servers.0 {
            // One that does not come up is not waited for: it shows as unhealthy.
            while process.exit_status().is_none()
                && TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).is_err()
                && Instant::now() < deadline
            {
                thread::sleep(START_PAUSE);
            }
        }
        Ok(servers)
    }

    /// Each with its process.
    pub(crate) fn running(&self) -> Vec<Running> {
        let running = |(server, process): &(DemoServer, Process)| Running {
            name: server.name.clone(),
            port: server.port,
            pid: process.pid(),
        };
        self.0.iter().map(running).collect()
    }

    /// Ends them all and waits until they are reaped, when there is nothing to serve for.
    pub(crate) async fn end(self) {
        for (_, process) in &self.0 {
            process.terminate(GRACE).await;
        }
    }

    /// Starts each again that ends, until told to end.
    pub(crate) fn supervise(self, runtime: &Runtime) -> Supervised {
        let (end, ending) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (server, process) in self.0 {
            tasks.spawn_on(supervise(server, process, ending.clone()), runtime.handle());
        }
        Supervised { end, tasks }
    }
}

/// Servers that are started again when they end.
#[derive(Debug)]
pub(crate) struct Supervised {
    end: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Supervised {
    /// Ends them all and waits until they are reaped.
    pub(crate) async fn end(self) {
        self.end.send_replace(true);
        self.tasks.join_all().await;
    }
}

async fn supervise(server: DemoServer, mut process: Process, mut ending: watch::Receiver<bool>) {
    tokio::select! {
        () = keep_running(&server, &mut process) => {}
        // An error means that nobody is left to say so, which says the same.
        _ = ending.wait_for(|is_ending| *is_ending) => {}
    }
    process.terminate(GRACE).await;
}

async fn keep_running(server: &DemoServer, process: &mut Process) {
    let DemoServer { name, port } = server;
    loop {
        let status = process.wait().await;
        let (pid, seconds) = (process.pid(), RESTART_AFTER.as_secs());
        tracing::warn!(name, pid, %status, "demo server ended; starts again in {seconds} s");
        tokio::time::sleep(RESTART_AFTER).await;
        match spawn(server) {
            Ok(started) => *process = started,
            Err(error) => return tracing::error!(name, "{error:#}"),
        }
        tracing::info!(name, port, pid = process.pid(), "demo server started");
    }
}

fn spawn(server: &DemoServer) -> anyhow::Result<Process> {
    let program = std::env::current_exe().context("cannot find the program's own file")?;
    let arguments =
        ["demo-server".into(), server.name.clone().into(), server.port.to_string().into()];
    Ok(Process::spawn(ProcessSpec {
        program: program.into_os_string(),
        arguments: arguments.into(),
        environment: Vec::new(),
        working_directory: None,
        output: Output::Inherit,
    })?)
}
