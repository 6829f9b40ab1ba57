//! The backend of every measurement: as little work for an answer as there can be.
//!
//! `responder PORT NAME [DELAY_MS]` answers
//! - `/N` with N bytes and a Content-Length, `/` with 128,
//! - `/chunked/N` with N bytes in chunks of 16 KiB,
//! - a request with a body after reading and dropping all of it,
//! - an upgrade with 101, after which every byte is echoed.
//!
//! It trusts its peer: a length is a length, a head fits the buffer. With a delay it is a slow
//! server that answers one request at a time.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use roundel_yard::{EVENTS, listen, prepare, register, wait, write_all};
use rustix::event::epoll;

const BUFFER: usize = 256 * 1024;
const CHUNK: usize = 16 * 1024;
const SMALL: usize = 128;
/// The answer to the one offer that the yard's `tunnels` makes (RFC 6455 §4.2.2).
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

/// What the next bytes of a connection are.
#[derive(Default)]
struct Peer {
    /// The beginning of a head.
    head: Vec<u8>,
    /// Bytes of a request body still to come, and the target that it is for.
    body: Option<(u64, Vec<u8>)>,
    is_tunnel: bool,
}

struct Responder {
    name: String,
    delay: Duration,
    /// Answers by target, made once.
    answers: HashMap<Vec<u8>, Vec<u8>>,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, name, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: responder PORT NAME [DELAY_MS]");
        std::process::exit(2);
    };
    let port = port.parse().map_err(io::Error::other)?;
    let delay_ms = rest.first().map_or(Ok(0), |ms| ms.parse()).map_err(io::Error::other)?;
    let delay = Duration::from_millis(delay_ms);
    let responder = Responder { name: name.clone(), delay, answers: HashMap::new() };
    serve(port, responder)
}

fn serve(port: u16, mut responder: Responder) -> io::Result<()> {
    let listener = listen(port)?;
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    register(&poller, &listener, u64::MAX)?;
    let mut peers: HashMap<u64, (TcpStream, Peer)> = HashMap::new();
    let mut events = Vec::with_capacity(EVENTS);
    let mut buffer = vec![0; BUFFER];
    loop {
        events.clear();
        wait(&poller, &mut events, None)?;
        for event in &events {
            let key = event.data.u64();
            if key == u64::MAX {
                while let Ok((stream, _)) = listener.accept() {
                    prepare(&stream)?;
                    let key = stream.as_raw_fd() as u64;
                    register(&poller, &stream, key)?;
                    peers.insert(key, (stream, Peer::default()));
                }
            } else if let Some((stream, peer)) = peers.get_mut(&key)
                && responder.attend(stream, peer, &mut buffer).is_err()
            {
                // Dropping the stream takes it out of the loop, too.
                peers.remove(&key);
            }
        }
    }
}

impl Responder {
    /// Answers what has arrived. An error ends the connection; so does its end.
    fn attend(&mut self, stream: &TcpStream, peer: &mut Peer, buffer: &mut [u8]) -> io::Result<()> {
        let read = match rustix::io::read(stream, &mut *buffer) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(()),
            other => other?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = &buffer[..read];
        while !bytes.is_empty() {
            bytes = if peer.is_tunnel {
                write_all(stream.as_fd(), bytes)?;
                &[]
            } else if let Some((left, target)) = peer.body.take() {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                match left - taken as u64 {
                    0 => self.answer(stream, &target)?,
                    left => peer.body = Some((left, target)),
                }
                &bytes[taken..]
            } else {
                self.take_head(stream, peer, bytes)?
            };
        }
        Ok(())
    }

    /// Takes a head, or its beginning, and returns what follows it.
    fn take_head<'a>(
        &mut self,
        stream: &TcpStream,
        peer: &mut Peer,
        bytes: &'a [u8],
    ) -> io::Result<&'a [u8]> {
        let known = peer.head.len();
        peer.head.extend_from_slice(bytes);
        let Some(end) = memchr::memmem::find(&peer.head, b"\r\n\r\n").map(|at| at + 4) else {
            return Ok(&[]);
        };
        let head = std::mem::take(&mut peer.head);
        let head = &head[..end];
        let target = head.split(|byte| *byte == b' ').nth(1).unwrap_or(b"/").to_vec();
        if field(head, b"upgrade").is_some() {
            peer.is_tunnel = true;
            write_all(stream.as_fd(), SWITCH)?;
        } else {
            match field(head, b"content-length").and_then(|text| text.parse().ok()) {
                None | Some(0) => self.answer(stream, &target)?,
                Some(length) => peer.body = Some((length, target)),
            }
        }
        Ok(&bytes[end - known..])
    }

    fn answer(&mut self, stream: &TcpStream, target: &[u8]) -> io::Result<()> {
        if !self.delay.is_zero() {
            std::thread::sleep(self.delay);
        }
        if !self.answers.contains_key(target) {
            let answer = self.compose(target)?;
            self.answers.insert(target.to_vec(), answer);
        }
        write_all(stream.as_fd(), &self.answers[target])
    }

    fn compose(&self, target: &[u8]) -> io::Result<Vec<u8>> {
        let path = String::from_utf8_lossy(target);
        let (is_chunked, size) = match path.strip_prefix("/chunked/") {
            Some(size) => (true, size),
            None => (false, path.trim_start_matches('/')),
        };
        let size = size.parse().unwrap_or(SMALL);
        let mut answer = Vec::with_capacity(size + 256);
        write!(
            answer,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Responder: {}\r\n",
            self.name
        )?;
        if is_chunked {
            answer.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in vec![b'x'; size].chunks(CHUNK) {
                write!(answer, "{:x}\r\n", chunk.len())?;
                answer.extend_from_slice(chunk);
                answer.extend_from_slice(b"\r\n");
            }
            answer.extend_from_slice(b"0\r\n\r\n");
        } else {
            write!(answer, "Content-Length: {size}\r\n\r\n")?;
            answer.resize(answer.len() + size, b'x');
        }
        Ok(answer)
    }
}

/// The value of a field of `head`; `name` in lower case.
fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let is_it = line[..colon].eq_ignore_ascii_case(name);
        is_it.then(|| std::str::from_utf8(&line[colon + 1..]).unwrap_or_default().trim())
    })
}
