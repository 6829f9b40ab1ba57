//! A client that sends exactly the bytes it is given and shows exactly what comes back.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::deadline::PATIENCE;
use crate::message::{Fields, Framing, Head, Response, push_field};
pub use crate::wire::ReadError;
use crate::wire::Wire;

/// One connection to the thing under test. Every read and write has a deadline.
pub struct RawClient {
    wire: Wire<TcpStream>,
    peer: SocketAddr,
}

impl RawClient {
    /// Connects, with the kit's usual patience for every later read and write.
    ///
    /// # Panics
    /// When there is no connection.
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address, PATIENCE)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"))
    }

    /// Connects within `limit`, which is also the limit of every later read and write.
    pub fn try_connect(address: SocketAddr, limit: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        Ok(Self { wire: Wire::new(stream, true), peer: address })
    }

    fn stream(&self) -> &TcpStream {
        self.wire.source()
    }

    /// The client's own address.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.stream().local_addr()
    }

    /// Changes the limit of every later read.
    pub fn set_patience(&self, limit: Duration) -> io::Result<()> {
        self.stream().set_read_timeout(Some(limit))
    }

    /// Sends `bytes`, all of them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream().write_all(bytes.as_ref())
    }

    /// Sends a well-formed request with `Host`, the given fields and, unless it is empty, a body
    /// with its `Content-Length`.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.peer);
        for (name, value) in fields {
            push_field(&mut bytes, name, value);
        }
        if !body.is_empty() {
            push_field(&mut bytes, "Content-Length", &body.len().to_string());
        }
        let mut bytes = (bytes + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes)
    }

    /// Sends a GET for `target` and reads the answer.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        let sent = self.request("GET", target, &[], b"");
        assert!(sent.is_ok(), "cannot send GET {target}: {sent:?}");
        self.read_response().unwrap_or_else(|error| panic!("no answer to GET {target}: {error}"))
    }

    /// Reads the answer to a request that was not a HEAD.
    pub fn read_response(&mut self) -> Result<Response, ReadError> {
        self.read_response_to("GET")
    }

    /// Reads the final answer to a request of `method` and the informational ones before it. A 101
    /// is final: what follows is no longer HTTP, see [`RawClient::read_exact`].
    pub fn read_response_to(&mut self, method: &str) -> Result<Response, ReadError> {
        let mut interim = Vec::new();
        loop {
            let mut response = self.read_one(method)?;
            if response.status >= 200 || response.status == 101 {
                response.interim = interim;
                return Ok(response);
            }
            interim.push(response);
        }
    }

    /// Reads one response, which may be an informational one.
    pub fn read_one(&mut self, method: &str) -> Result<Response, ReadError> {
        self.wire.take_raw();
        let bytes = self.wire.read_head()?;
        let malformed = || ReadError::Malformed(String::from_utf8_lossy(&bytes).into_owned());
        let head = Head::parse(&bytes).ok_or_else(malformed)?;
        if !head.first.starts_with("HTTP/") {
            return Err(malformed());
        }
        let status = head.second.parse().map_err(|_| malformed())?;
        let framing = Framing::of_response(method, status, &head.fields);
        let mut body = Vec::new();
        let trailers = self.wire.read_body(framing, &mut |bytes| body.extend_from_slice(bytes))?;
        Ok(Response {
            version: head.first,
            status,
            reason: head.third,
            fields: head.fields,
            body,
            trailers,
            interim: Vec::new(),
            raw: self.wire.take_raw(),
            is_until_close: framing == Framing::UntilClose,
        })
    }

    /// Reads a head alone and leaves the body for [`RawClient::read_exact`] or to never be read.
    pub fn read_head(&mut self) -> Result<(u16, Fields), ReadError> {
        let bytes = self.wire.read_head()?;
        let malformed = || ReadError::Malformed(String::from_utf8_lossy(&bytes).into_owned());
        let head = Head::parse(&bytes).ok_or_else(malformed)?;
        Ok((head.second.parse().map_err(|_| malformed())?, head.fields))
    }

    /// Reads `count` bytes as they are.
    pub fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, ReadError> {
        let mut taken = Vec::new();
        self.wire.read_bytes(count as u64, &mut |bytes| taken.extend_from_slice(bytes))?;
        Ok(taken)
    }

    /// Reads everything up to the peer's orderly close.
    pub fn read_to_close(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut taken = Vec::new();
        self.wire.read_to_close(&mut |bytes| taken.extend_from_slice(bytes))?;
        Ok(taken)
    }

    /// Whether the peer has closed or reset the connection and left nothing to read. Looks without
    /// waiting: `false` also means "not yet".
    pub fn is_closed(&self) -> bool {
        if !self.wire.ahead().is_empty() {
            return false;
        }
        let stream = self.stream();
        if stream.set_nonblocking(true).is_err() {
            return true;
        }
        let seen = stream.peek(&mut [0]);
        let restored = stream.set_nonblocking(false);
        let is_open = match seen {
            Ok(count) => count > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        !is_open || restored.is_err()
    }

    /// A second handle on the connection, to send by from another thread while this one reads.
    pub fn duplicate(&self) -> io::Result<TcpStream> {
        self.stream().try_clone()
    }

    /// Says that nothing more will be sent, and goes on reading.
    pub fn half_close(&self) -> io::Result<()> {
        self.stream().shutdown(Shutdown::Write)
    }

    /// Ends the connection with a reset instead of an orderly close.
    pub fn reset(self) {
        let armed = SockRef::from(self.stream()).set_linger(Some(Duration::ZERO));
        debug_assert!(armed.is_ok(), "a connected socket takes SO_LINGER: {armed:?}");
    }
}
