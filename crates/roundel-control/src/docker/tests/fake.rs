//! An engine that says what a test wants, and misbehaves on demand.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::PATIENCE;

/// How lists are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As they should be.
    Well,
    /// With what is not JSON.
    Garbage,
    /// With status 500.
    Refuse,
    /// Half, then the connection is closed.
    Cut,
    /// Without an end.
    Endless,
    /// Not at all.
    Silent,
}

struct State {
    list: String,
    manner: Manner,
    lists_asked: watch::Sender<usize>,
}

/// Listens until it is stopped or dropped.
pub(super) struct FakeEngine {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<String>,
    task: JoinHandle<()>,
}

/// A container of service "web", as a list shows it. Its label `roundel.x` is there to be replaced.
pub(super) fn container(id: &str, name: &str, last_number: u8) -> String {
    let service = "\"com.docker.compose.service\":\"web\"";
    let own = if id == "a" { ",\"roundel.x\":\"x\"" } else { "" };
    format!(
        r#"{{"Id":"{id}","Names":["/{name}"],"Labels":{{{service}{own}}},"State":"running",
            "Status":"Up","NetworkSettings":{{"Networks":{{"net":{{"IPAddress":"172.18.0.{last_number}"}}}}}}}}"#
    )
}

impl FakeEngine {
    pub(super) fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket in an own directory");
        let manner = Manner::Well;
        let lists_asked = watch::Sender::new(0);
        let state = State { list: "[]".to_owned(), manner, lists_asked };
        let state = Arc::new(Mutex::new(state));
        let events = broadcast::Sender::new(64);
        let task = tokio::spawn(serve(listener, Arc::clone(&state), events.clone()));
        Self { socket: socket.to_owned(), state, events, task }
    }

    /// Closes every connection and takes the socket away.
    pub(super) fn stop(self) {
        self.task.abort();
        let socket = self.socket.clone();
        drop(self);
        std::fs::remove_file(socket).expect("the socket is there");
    }

    /// What lists show from now on, with an event that makes whoever listens ask for one.
    pub(super) fn set(&self, containers: &[String]) {
        self.state.lock().unwrap().list = format!("[{}]", containers.join(","));
        self.event("rename", "nobody", &[]);
    }

    pub(super) fn behave(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    pub(super) fn event(&self, action: &str, id: &str, attributes: &[(&str, &str)]) {
        let attributes: Vec<String> =
            attributes.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        self.line(&format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"{id}","Attributes":{{{}}}}}}}"#,
            attributes.join(",")
        ));
    }

    pub(super) fn line(&self, line: &str) {
        // Fails when nobody listens.
        let _ = self.events.send(format!("{line}\n"));
    }

    /// How many lists were asked for so far.
    pub(super) fn lists_asked(&self) -> usize {
        *self.state.lock().unwrap().lists_asked.borrow()
    }

    /// Waits until at least so many lists were asked for.
    pub(super) async fn asked(&self, times: usize) {
        let mut asked = self.state.lock().unwrap().lists_asked.subscribe();
        let enough = asked.wait_for(|asked| *asked >= times);
        let is_enough = tokio::time::timeout(PATIENCE, enough).await.is_ok_and(|it| it.is_ok());
        assert!(is_enough, "lists are asked for");
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: UnixListener,
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<String>,
) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&state), events.subscribe()));
    }
}

async fn answer(
    mut stream: UnixStream,
    state: Arc<Mutex<State>>,
    events: broadcast::Receiver<String>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    if path == "/version" {
        return whole(&mut stream, 200, r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12"}"#).await;
    }
    if path.starts_with("/v1.41/events?filters=%7B") {
        return stream_events(&mut stream, events).await;
    }
    if path != "/v1.41/containers/json" {
        return whole(&mut stream, 200, r#"{"Config":{"StopSignal":"SIGTERM"}}"#).await;
    }
    let (list, manner) = {
        let state = state.lock().unwrap();
        state.lists_asked.send_modify(|asked| *asked += 1);
        (state.list.clone(), state.manner)
    };
    match manner {
        Manner::Well => whole(&mut stream, 200, &list).await,
        Manner::Garbage => whole(&mut stream, 200, "<html>").await,
        Manner::Refuse => whole(&mut stream, 500, r#"{"message":"no"}"#).await,
        Manner::Cut => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[{").await,
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n[").await?;
            loop {
                stream.write_all(&[b' '; 16 * 1024]).await?;
            }
        }
        Manner::Silent => std::future::pending().await,
    }
}

async fn whole(stream: &mut UnixStream, status: u16, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await
}

async fn stream_events(
    stream: &mut UnixStream,
    mut events: broadcast::Receiver<String>,
) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
    while let Ok(line) = events.recv().await {
        // In two chunks, as a busy engine may send it.
        let (first, second) = line.split_at(line.len() / 2);
        for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
            let chunk = format!("{:x}\r\n{part}\r\n", part.len());
            stream.write_all(chunk.as_bytes()).await?;
        }
    }
    Ok(())
}
