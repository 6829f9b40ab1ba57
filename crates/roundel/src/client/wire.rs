//! The connection to a running Roundel: one socket, every wait bounded.
//!
//! While it waits for the peer it also looks at standard output: whoever reads there may have gone
//! (`roundel requests --follow | head`), and then there is nothing to wait for any more.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::address::AdminAddress;

/// How long connecting may take, for each address that a name stands for.
const CONNECT: Duration = Duration::from_secs(3);

/// How long to wait for the peer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// Until then, for all of an answer.
    Until(Instant),
    /// So long for each next byte: a stream that is silent for longer than its signs of life are
    /// apart has lost its peer.
    Silence(Duration),
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: TcpStream,
    patience: Patience,
    /// Whether a reader of standard output who goes away ends the wait.
    watches_output: bool,
}

impl Wire {
    /// Connects to the first of the addresses that answers.
    pub(crate) fn connect(address: &AdminAddress, patience: Patience) -> io::Result<Self> {
        let mut last = io::Error::new(ErrorKind::NotFound, "the name stands for no address");
        for peer in address.resolve()?.into_iter().take(ADDRESSES_MAX) {
            match TcpStream::connect_timeout(&peer, CONNECT) {
                Ok(socket) => return Self::over(socket, patience),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn over(socket: TcpStream, patience: Patience) -> io::Result<Self> {
        socket.set_write_timeout(Some(CONNECT))?;
        let watches_output = matches!(patience, Patience::Silence(_));
        Ok(Self { socket, patience, watches_output })
    }

    /// Whom it leads to.
    pub(crate) fn peer(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Waits until there is something to read, or an end of the connection.
    fn wait(&self) -> io::Result<()> {
        let end = match self.patience {
            Patience::Until(end) => end,
            Patience::Silence(most) => Instant::now() + most,
        };
        let stdout = io::stdout();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            let mut fds = [
                PollFd::new(&self.socket, PollFlags::IN),
                PollFd::new(&stdout, PollFlags::empty()),
            ];
            let watched = if self.watches_output { &mut fds[..] } else { &mut fds[..1] };
            match poll(watched, Timespec::try_from(left).ok().as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) if fds[1].revents().is_empty() => return Ok(()),
                Ok(_) => return Err(ErrorKind::BrokenPipe.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A name that stands for more is somebody's mistake.
const ADDRESSES_MAX: usize = 8;

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        self.socket.read(buffer)
    }
}
