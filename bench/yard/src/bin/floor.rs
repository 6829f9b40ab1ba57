//! The floor: a relay on bare epoll that does next to nothing, to show how far a proxy is from what
//! the machine could do at best.
//!
//! `floor PORT UPSTREAM...` reads a request's head, writes it anew with one field added, sends it
//! to the next upstream over a kept connection and relays the answer by its Content-Length. It has
//! no timeouts, no bodies, no errors to speak of: it is a yardstick and not a proxy.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};

use roundel_yard::{EVENTS, connect, listen, prepare, register, wait, write_all};
use rustix::event::epoll;

const BUFFER: usize = 64 * 1024;
/// More descriptors than any measurement opens.
const SOCKETS: usize = 32 * 1024;
const LISTENER: u64 = u64::MAX;

/// A socket, by its descriptor.
enum Peer {
    Client { stream: TcpStream },
    Upstream { stream: TcpStream, client: usize, at: usize, left: Option<usize> },
}

struct Floor {
    poller: rustix::fd::OwnedFd,
    peers: Vec<Option<Peer>>,
    upstreams: Vec<SocketAddr>,
    idle: Vec<Vec<usize>>,
    next: usize,
    out: Vec<u8>,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, upstreams @ ..] = arguments.as_slice() else {
        eprintln!("usage: floor PORT UPSTREAM...");
        std::process::exit(2);
    };
    let upstreams: Vec<SocketAddr> = upstreams
        .iter()
        .map(|text| text.parse().map_err(io::Error::other))
        .collect::<Result<_, _>>()?;
    let listener = listen(port.parse().map_err(io::Error::other)?)?;
    let mut floor = Floor {
        poller: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        peers: (0..SOCKETS).map(|_| None).collect(),
        idle: vec![Vec::new(); upstreams.len()],
        upstreams,
        next: 0,
        out: Vec::with_capacity(BUFFER),
    };
    register(&floor.poller, &listener, LISTENER)?;
    let mut events = Vec::with_capacity(EVENTS);
    let mut buffer = vec![0; BUFFER];
    loop {
        events.clear();
        wait(&floor.poller, &mut events, None)?;
        for event in &events {
            if event.data.u64() == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    prepare(&stream)?;
                    floor.add(|stream| Peer::Client { stream }, stream)?;
                }
            } else {
                let key = event.data.u64() as usize;
                if floor.attend(key, &mut buffer).is_err() {
                    floor.forget(key);
                }
            }
        }
    }
}

impl Floor {
    fn add(
        &mut self,
        peer: impl FnOnce(TcpStream) -> Peer,
        stream: TcpStream,
    ) -> io::Result<usize> {
        let key = stream.as_raw_fd() as usize;
        register(&self.poller, &stream, key as u64)?;
        self.peers[key] = Some(peer(stream));
        Ok(key)
    }

    fn forget(&mut self, key: usize) {
        if let Some(Peer::Upstream { at, .. }) = self.peers[key].take() {
            self.idle[at].retain(|idle| *idle != key);
        }
    }

    fn attend(&mut self, key: usize, buffer: &mut [u8]) -> io::Result<()> {
        let Some(peer) = &self.peers[key] else { return Ok(()) };
        let (Peer::Client { stream } | Peer::Upstream { stream, .. }) = peer;
        let read = match rustix::io::read(stream, &mut *buffer) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(()),
            other => other?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match peer {
            Peer::Client { .. } => self.forward(key, &buffer[..read]),
            Peer::Upstream { .. } => self.answer(key, &buffer[..read]),
        }
    }

    fn forward(&mut self, client: usize, bytes: &[u8]) -> io::Result<()> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut fields);
        let Ok(httparse::Status::Complete(_)) = request.parse(bytes) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let out = &mut self.out;
        out.clear();
        for part in [request.method.unwrap_or("GET"), " ", request.path.unwrap_or("/")] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        copy_fields(request.headers, out);
        out.extend_from_slice(b"X-Forwarded-For: 127.0.0.1\r\n\r\n");
        let at = self.next;
        self.next = (at + 1) % self.upstreams.len();
        let key = match self.idle[at].pop() {
            Some(key) => key,
            None => {
                let stream = connect(self.upstreams[at])?;
                let peer = |stream| Peer::Upstream { stream, client: 0, at, left: None };
                self.add(peer, stream)?
            }
        };
        if let Some(Peer::Upstream { stream, client: for_client, left, .. }) = &mut self.peers[key]
        {
            (*for_client, *left) = (client, None);
            write_all(stream.as_fd(), &self.out)?;
        }
        Ok(())
    }

    fn answer(&mut self, key: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(Peer::Upstream { client, at, left, .. }) = &self.peers[key] else { return Ok(()) };
        let (client, at) = (*client, *at);
        let (head, left) = match *left {
            Some(left) => (0, left),
            None => {
                let mut fields = [httparse::EMPTY_HEADER; 64];
                let mut response = httparse::Response::new(&mut fields);
                let Ok(httparse::Status::Complete(head)) = response.parse(bytes) else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                self.out.clear();
                self.out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
                copy_fields(response.headers, &mut self.out);
                self.out.extend_from_slice(b"\r\n");
                (head, length(response.headers))
            }
        };
        let body = &bytes[head..];
        if let Some(Peer::Client { stream }) = &self.peers[client] {
            if head > 0 {
                self.out.extend_from_slice(body);
                write_all(stream.as_fd(), &self.out)?;
            } else {
                write_all(stream.as_fd(), body)?;
            }
        }
        let still = left.saturating_sub(body.len());
        if let Some(Peer::Upstream { left, .. }) = &mut self.peers[key] {
            *left = (still > 0).then_some(still);
        }
        if still == 0 {
            self.idle[at].push(key);
        }
        Ok(())
    }
}

fn copy_fields(fields: &[httparse::Header<'_>], out: &mut Vec<u8>) {
    for field in fields.iter().filter(|field| !field.name.eq_ignore_ascii_case("connection")) {
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value);
        out.extend_from_slice(b"\r\n");
    }
}

fn length(fields: &[httparse::Header<'_>]) -> usize {
    let length = fields.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok()).unwrap_or(0)
}
