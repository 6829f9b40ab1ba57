//! What both yardsticks share: an edge-triggered epoll loop's sockets, and complete writes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};

/// Events taken in one turn.
pub const EVENTS: usize = 256;

/// A peer that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens on the loopback port, with the longest backlog that the kernel grants.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&listener, 16_384)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Makes a socket ready for the loop.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)
}

/// Connects and makes the socket ready for the loop.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    prepare(&stream)?;
    Ok(stream)
}

/// Has the loop tell when `socket` can be read.
pub fn register(poller: impl AsFd, socket: impl AsFd, key: u64) -> io::Result<()> {
    let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
    Ok(epoll::add(poller, socket, epoll::EventData::new_u64(key), flags)?)
}

/// Waits for events, also after a stop and a resumption of the process.
pub fn wait(
    poller: impl AsFd,
    events: &mut Vec<epoll::Event>,
    limit: Option<&Timespec>,
) -> io::Result<()> {
    rustix::io::retry_on_intr(|| {
        epoll::wait(&poller, rustix::buffer::spare_capacity(events), limit)
    })?;
    Ok(())
}

/// Writes all of `bytes`, waiting where the socket is full.
pub fn write_all(socket: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(socket, bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(rustix::io::Errno::AGAIN) => wait_for_room(socket)?,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait_for_room(socket: BorrowedFd<'_>) -> io::Result<()> {
    let limit = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::from_borrowed_fd(socket, PollFlags::OUT)], Some(&limit))?;
    if ready == 0 { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
}
