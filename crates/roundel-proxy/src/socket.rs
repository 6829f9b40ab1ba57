//! A non-blocking stream socket under a reactor.
//!
//! Reads and writes are attempted only when the socket is known to be ready, and readiness is
//! forgotten as soon as a short count says so: a request then needs no call that returns `EAGAIN`.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use roundel_core::address::ConnectAddress;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketAddrUnix,
    SocketFlags, SocketType, connect, recv, send, sendmsg, shutdown, socket_with, sockopt,
};
use rustix::pipe::{SpliceFlags, splice};

use crate::reactor::{Owner, Reactor, Ready, Token};
use crate::sys;

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes, at least one.
    Bytes(usize),
    /// The peer has sent its last byte.
    End,
    /// Nothing at present.
    Nothing,
}

/// A connected (or connecting) stream socket. Closing it is dropping it.
#[derive(Debug)]
pub(crate) struct Socket {
    reactor: Rc<Reactor>,
    fd: OwnedFd,
    token: Token,
}

impl Socket {
    /// Takes over an accepted connection.
    pub(crate) fn accepted(reactor: &Rc<Reactor>, fd: OwnedFd, owner: Owner) -> io::Result<Self> {
        let token = reactor.register(&fd, owner, Ready::WRITE)?;
        Ok(Self { reactor: reactor.clone(), fd, token })
    }

    /// Starts to connect; the socket becomes writable when that has succeeded or failed, and
    /// [`Self::connected`] tells which.
    pub(crate) fn connect(
        reactor: &Rc<Reactor>,
        address: &ConnectAddress,
        owner: Owner,
    ) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (fd, started) = match address {
            ConnectAddress::Ip(address) => {
                let family =
                    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
                let fd = socket_with(family, SocketType::STREAM, flags, None)?;
                // Small writes must not wait for acknowledgements of earlier ones (RFC 896).
                sockopt::set_tcp_nodelay(&fd, true)?;
                if address.ip().is_loopback() {
                    never_pace(&fd);
                }
                let started = connect(&fd, address);
                (fd, started)
            }
            ConnectAddress::Unix(path) => {
                let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
                let started = connect(&fd, &SocketAddrUnix::new(path.as_path())?);
                (fd, started)
            }
        };
        match started {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let token = reactor.register(&fd, owner, Ready::NONE)?;
        Ok(Self { reactor: reactor.clone(), fd, token })
    }

    /// Whether [`Self::connect`] failed for want of something here (descriptors, local ports or
    /// memory), which says nothing of whom it should connect to.
    pub(crate) fn is_own_shortage(error: &io::Error) -> bool {
        let shortages = [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::NOSPC,
            Errno::ADDRNOTAVAIL,
        ];
        Errno::from_io_error(error).is_some_and(|errno| shortages.contains(&errno))
    }

    /// Whether a finished connection attempt succeeded.
    pub(crate) fn connected(&self) -> io::Result<()> {
        sockopt::socket_error(&self.fd)??;
        Ok(())
    }

    pub(crate) fn ready(&self) -> Ready {
        self.reactor.ready(self.token)
    }

    /// Whether the peer has closed or reset the connection in both directions.
    pub(crate) fn is_broken(&self) -> bool {
        self.ready().has_any(Ready::BROKEN)
    }

    pub(crate) fn set_owner(&self, owner: Owner) {
        self.reactor.set_owner(self.token, owner);
    }

    /// Reads into `buf`, which is not empty.
    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<Received> {
        let len = buf.len();
        let received =
            self.attempt_read(|| recv(&self.fd, &mut *buf, RecvFlags::empty()).map(|(_, n)| n))?;
        // epoll(7): a short read says that the socket is drained, unless the end was already
        // announced, for which no further event would come.
        if matches!(received, Received::Bytes(n) if n < len)
            && !self.ready().has_any(Ready::READ_CLOSED)
        {
            self.reactor.clear(self.token, Ready::READ);
        }
        Ok(received)
    }

    /// Moves at most `max` bytes into a pipe that is empty and non-blocking. A short count may mean
    /// that the pipe is full, and says nothing of the socket.
    pub(crate) fn splice_into(&self, pipe: &OwnedFd, max: usize) -> io::Result<Received> {
        self.attempt_read(|| splice(&self.fd, None, pipe, None, max, SpliceFlags::NONBLOCK))
    }

    /// Writes the `len` bytes of a pipe, as far as [`Self::write`] would. To a peer that is gone this
    /// raises SIGPIPE, which splice(2) has no flag against; programs in Rust ignore it from the start.
    pub(crate) fn splice_from(&self, pipe: &OwnedFd, len: usize) -> io::Result<usize> {
        self.attempt_write(len, || splice(pipe, None, &self.fd, None, len, SpliceFlags::NONBLOCK))
    }

    /// Writes a prefix of `bytes` and returns its length, which is less than asked, perhaps 0,
    /// when the socket takes no more at present.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt_write(bytes.len(), || send(&self.fd, bytes, SendFlags::NOSIGNAL))
    }

    /// Writes a prefix of `first` followed by `second`, as [`Self::write`] does.
    pub(crate) fn write_both(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        if first.is_empty() || second.is_empty() {
            return self.write(if first.is_empty() { second } else { first });
        }
        let slices = [IoSlice::new(first), IoSlice::new(second)];
        self.attempt_write(first.len() + second.len(), || {
            let mut control = SendAncillaryBuffer::default();
            sendmsg(&self.fd, &slices, &mut control, SendFlags::NOSIGNAL)
        })
    }

    fn attempt_read(
        &self,
        mut read: impl FnMut() -> rustix::io::Result<usize>,
    ) -> io::Result<Received> {
        if !self.ready().has_any(Ready::READ) {
            return Ok(Received::Nothing);
        }
        loop {
            return match read() {
                Ok(0) => Ok(Received::End),
                Ok(n) => Ok(Received::Bytes(n)),
                Err(Errno::AGAIN) => {
                    self.reactor.clear(self.token, Ready::READ);
                    Ok(Received::Nothing)
                }
                Err(Errno::INTR) => continue,
                Err(error) => Err(error.into()),
            };
        }
    }

    fn attempt_write(
        &self,
        len: usize,
        mut write: impl FnMut() -> rustix::io::Result<usize>,
    ) -> io::Result<usize> {
        if len == 0 || !self.ready().has_any(Ready::WRITE) {
            return Ok(0);
        }
        loop {
            return match write() {
                Ok(n) => {
                    if n < len {
                        self.reactor.clear(self.token, Ready::WRITE);
                    }
                    Ok(n)
                }
                Err(Errno::AGAIN) => {
                    self.reactor.clear(self.token, Ready::WRITE);
                    Ok(0)
                }
                Err(Errno::INTR) => continue,
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Tells the peer that no more bytes will come.
    pub(crate) fn shutdown_write(&self) {
        // A connection that is already gone needs no farewell.
        let _ = shutdown(&self.fd, Shutdown::Write);
    }

    /// Makes closing send a reset, so that the peer can't take what it has for a whole message.
    pub(crate) fn reset_on_close(&self) {
        let _ = sockopt::set_socket_linger(&self.fd, Some(std::time::Duration::ZERO));
    }

    /// Whether bytes (or an end or an error) are waiting that the reactor may not know of yet.
    pub(crate) fn has_input(&self) -> bool {
        self.ready().has_any(Ready::READ) || self.peek() != Received::Nothing
    }

    /// What a read would find; asks the kernel. A broken connection counts as ended.
    pub(crate) fn peek(&self) -> Received {
        match recv(&self.fd, &mut [0u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) => {
                self.reactor.clear(self.token, Ready::READ);
                Received::Nothing
            }
            Err(Errno::INTR) => Received::Nothing,
            Ok((_, n)) if n > 0 => Received::Bytes(n),
            Ok(_) | Err(_) => Received::End,
        }
    }

    /// Bytes written that the peer's kernel has not acknowledged; 0 when that is unknown.
    pub(crate) fn unacknowledged(&self) -> u64 {
        sys::unacknowledged(self.fd.as_fd())
    }
}

/// Has a socket, and those accepted by it, send as fast as the peer takes. Between processes of one
/// machine nothing is congested, yet an algorithm that paces what it sends, such as BBR, sets a timer
/// for every few segments and comes back for the next. Reno does not, every kernel has it, and
/// anybody may choose it.
pub(crate) fn never_pace(socket: impl AsFd) {
    // Without it the data takes longer.
    let _ = sockopt::set_tcp_congestion(socket, "reno");
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reactor.release(self.token);
    }
}
