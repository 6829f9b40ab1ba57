//! Addresses that behave in a known way without anyone serving them.
//!
//! A port number that was merely free a moment ago may be another test's by now, so both kinds here
//! are held by a live socket for as long as the value lives.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// A socket on a loopback port of its own, bound but not listening.
///
/// The reuse flag lets a listener of this kit share the port later; nobody else can be given it.
///
/// # Panics
/// When no port can be had.
pub(crate) fn reserve(address: SocketAddr) -> Socket {
    let open = || -> std::io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        Ok(socket)
    };
    open().unwrap_or_else(|error| panic!("cannot bind {address}: {error}"))
}

/// The address `socket` is bound to.
pub(crate) fn bound_address(socket: &Socket) -> SocketAddr {
    let address = socket.local_addr().ok().and_then(|address| address.as_socket());
    address.expect("a bound internet socket has an address")
}

/// Loopback, any port.
pub(crate) const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// An address that refuses every connection at once.
#[derive(Debug)]
pub struct Refusing(Socket);

impl Refusing {
    /// Takes a port and never listens on it.
    pub fn bind() -> Self {
        Self(reserve(ANY))
    }

    /// The refusing address.
    pub fn address(&self) -> SocketAddr {
        bound_address(&self.0)
    }
}

/// An address that never completes a connection: its accept queue is full and nobody empties it, so
/// a further SYN is dropped, as behind a dead host.
#[derive(Debug)]
pub struct BlackHole {
    listener: Socket,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    /// Listens with the shortest queue and fills it.
    ///
    /// # Panics
    /// When the queue cannot be filled.
    pub fn bind() -> Self {
        let listener = reserve(ANY);
        listener.listen(0).expect("a bound socket can listen");
        let address = bound_address(&listener);
        let mut queued = Vec::new();
        // A queue of length zero holds one; some kernels let a few more in.
        for _ in 0..64 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => queued.push(stream),
                Err(_) => return Self { listener, _queued: queued },
            }
        }
        panic!("the accept queue of {address} takes everything");
    }

    /// The address that swallows connections.
    pub fn address(&self) -> SocketAddr {
        bound_address(&self.listener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn a_refusing_address_refuses() {
        let refusing = Refusing::bind();
        let error = TcpStream::connect(refusing.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_black_hole_never_answers() {
        let hole = BlackHole::bind();
        let limit = Duration::from_millis(100);
        let error = TcpStream::connect_timeout(&hole.address(), limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
