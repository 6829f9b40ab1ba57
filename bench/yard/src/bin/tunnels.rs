//! Keeps tunnels busy: `tunnels ADDRESS COUNT SECONDS` opens COUNT of them by an upgrade, sends a
//! small message through each, and sends the next one as soon as it is back. Prints how many
//! messages went round and how many tunnels failed.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::{Duration, Instant};

use roundel_yard::{EVENTS, connect, register, wait, write_all};
use rustix::event::{Timespec, epoll};

const MESSAGE: &[u8; 64] = &[b'm'; 64];
const OFFER: &[u8] =
    b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, count, seconds] = arguments.as_slice() else {
        eprintln!("usage: tunnels ADDRESS COUNT SECONDS");
        std::process::exit(2);
    };
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let count: usize = count.parse().map_err(io::Error::other)?;
    let seconds: u64 = seconds.parse().map_err(io::Error::other)?;
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    // By descriptor, with the bytes of the present message that are back.
    let mut tunnels: HashMap<u64, (TcpStream, usize)> = HashMap::new();
    for _ in 0..count {
        let tunnel = open(address)?;
        let key = tunnel.as_raw_fd() as u64;
        register(&poller, &tunnel, key)?;
        write_all(tunnel.as_fd(), MESSAGE)?;
        tunnels.insert(key, (tunnel, 0));
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut rounds, mut failed) = (0u64, 0u64);
    let mut events = Vec::with_capacity(EVENTS);
    let tick = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while Instant::now() < end && !tunnels.is_empty() {
        events.clear();
        wait(&poller, &mut events, Some(&tick))?;
        for event in &events {
            let key = event.data.u64();
            let Some((tunnel, back)) = tunnels.get_mut(&key) else { continue };
            match pass(tunnel, back) {
                Ok(whole) => rounds += whole,
                Err(_) => {
                    failed += 1;
                    tunnels.remove(&key);
                }
            }
        }
    }
    println!("{rounds} {failed}");
    Ok(())
}

/// Opens a tunnel and waits for its 101.
fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let mut tunnel = connect(address)?;
    tunnel.set_nonblocking(false)?;
    tunnel.set_read_timeout(Some(Duration::from_secs(10)))?;
    tunnel.write_all(OFFER)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tunnel.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()));
    }
    tunnel.set_nonblocking(true)?;
    Ok(tunnel)
}

/// Takes what is back of a message and sends the next one when it is whole.
fn pass(tunnel: &TcpStream, back: &mut usize) -> io::Result<u64> {
    let mut buffer = [0; 256];
    let read = match rustix::io::read(tunnel, &mut buffer) {
        Err(rustix::io::Errno::AGAIN) => return Ok(0),
        other => other?,
    };
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    *back += read;
    if *back < MESSAGE.len() {
        return Ok(0);
    }
    *back = 0;
    write_all(tunnel.as_fd(), MESSAGE)?;
    Ok(1)
}
