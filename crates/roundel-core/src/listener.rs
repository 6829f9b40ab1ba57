//! What an operator decides about a listener, and the listener in a snapshot.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use crate::name::Name;

/// A bound listener as workers see it.
#[derive(Debug)]
pub struct Listener {
    /// Its name.
    pub name: Name,
    /// The address it is bound to; a configured port 0 is resolved here.
    pub address: SocketAddr,
    /// Owned by the control plane; shared by all snapshots that keep the listener.
    pub sockets: Arc<ListenerSockets>,
    /// How connections and requests are treated.
    pub settings: Arc<ListenerSettings>,
}

/// The sockets of a listener, and how many of the connections that came by them are open.
#[derive(Debug)]
pub struct ListenerSockets {
    each: Box<[TcpListener]>,
    connections: AtomicU32,
}

impl ListenerSockets {
    /// One listening socket for each worker, in worker order, bound with `SO_REUSEPORT` and
    /// non-blocking.
    pub fn new(each: Vec<TcpListener>) -> Self {
        Self { each: each.into(), connections: AtomicU32::new(0) }
    }

    /// All of them.
    pub fn each(&self) -> &[TcpListener] {
        &self.each
    }

    /// The one of a worker.
    pub fn of_worker(&self, worker: usize) -> Option<&TcpListener> {
        self.each.get(worker)
    }

    /// Counts a connection unless `limit` of them are open, over all workers. Returns whether it may
    /// stay; each that does is paired with one [`Self::close_one`].
    pub fn try_open_one(&self, limit: Option<u32>) -> bool {
        let open = self.connections.fetch_add(1, Relaxed);
        let is_full = limit.is_some_and(|limit| open >= limit);
        if is_full {
            self.close_one();
        }
        !is_full
    }

    /// Counts a connection no more.
    pub fn close_one(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }
}

/// How a listener treats its connections and requests.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerSettings {
    /// Bounds on what a client may send.
    pub limits: ListenerLimits,
    /// How long to wait downstream.
    pub timeouts: ListenerTimeouts,
    /// What is told upstream about the client.
    pub forwarded: ForwardedPolicy,
    /// What it means that a client has sent its last byte and waits.
    pub half_close: HalfClose,
}

/// What it means that a client has sent its last byte while its request is being served.
///
/// The bytes on the wire are the same for a client that still reads and for one that is gone; which
/// of the two is more likely depends on who the clients are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HalfClose {
    /// It wants its answer, as a script does that pipes a request into a socket.
    #[default]
    Serve,
    /// It has left, as a browser does whose page was closed: the exchange ends, and the endpoint's
    /// connection with it.
    Cancel,
}

/// Bounds on what a client may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Request line and fields together; beyond it 431.
    pub head_bytes_max: usize,
    /// Number of fields; beyond it 431.
    pub fields_max: usize,
    /// Request target; beyond it 414.
    pub target_bytes_max: usize,
    /// Request body; beyond it 413; `None` for no limit, since bodies are streamed.
    pub body_bytes_max: Option<u64>,
    /// Connections at once, over all workers; beyond it new ones are closed. `None` for what the
    /// process allows all listeners together.
    pub max_connections: Option<u32>,
    /// Requests on one connection before it is closed.
    pub requests_per_connection_max: u64,
}

/// How long to wait downstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTimeouts {
    /// A whole request head, from its first byte or from the connection's start.
    pub request_head: Duration,
    /// Between bytes of a request body.
    pub body_idle: Duration,
    /// A body slower than this over `body_idle` is given up, whichever side is slow; 0 switches the
    /// check off.
    pub body_bytes_per_second_min: u32,
    /// A client that takes no byte of a response for so long is given up.
    pub write_idle: Duration,
    /// A connection between two requests.
    pub keep_alive: Duration,
}

/// What is told upstream about the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedPolicy {
    /// What happens to `X-Forwarded-For`, `-Proto` and `-Host`.
    pub mode: ForwardedMode,
    /// Peers whose own `X-Forwarded-*` are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Adds `Via: 1.1 roundel` in both directions.
    pub via: bool,
    /// Keeps a client's `X-Request-Id`, else makes one, and sends it upstream.
    pub request_id: bool,
}

/// What happens to `X-Forwarded-For`, `-Proto` and `-Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedMode {
    /// Replaced by what the socket says; from a trusted proxy, appended to.
    Replace,
    /// Always appended to. A client can then claim any address: for use behind another proxy.
    Append,
    /// Left alone.
    Off,
}

/// A block of IP addresses, as in `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: u128,
    mask: u128,
    v4: bool,
}

impl Cidr {
    /// Reads `address/prefix` or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u32 = match prefix {
            Some(p) => p.parse().ok().filter(|p| *p <= width)?,
            None => width,
        };
        let mask = u128::MAX.checked_shl(width - prefix).unwrap_or(0);
        Some(Self { network: bits(address) & mask, mask, v4: address.is_ipv4() })
    }

    /// Whether `address` lies in the block. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.v4 && bits(address) & self.mask == self.network
    }
}

/// As [`Cidr::parse`] reads it, with the prefix always written out.
impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.v4 {
            // Only the low 32 bits of an IPv4 block say something.
            let (network, mask) = (self.network as u32, self.mask as u32);
            write!(f, "{}/{}", Ipv4Addr::from_bits(network), mask.count_ones())
        } else {
            write!(f, "{}/{}", Ipv6Addr::from_bits(self.network), self.mask.count_ones())
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_contain_what_their_prefix_says() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("192.168.0.0/16", "::ffff:192.168.1.1", "::ffff:192.169.1.1"),
        ] {
            let cidr = Cidr::parse(block).unwrap();
            assert!(cidr.contains(inside.parse().unwrap()), "{block} {inside}");
            assert!(!cidr.contains(outside.parse().unwrap()), "{block} {outside}");
        }
        for (text, shown) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("fd12::1/8", "fd00::/8"),
        ] {
            assert_eq!(Cidr::parse(text).unwrap().to_string(), shown);
        }
        for bad in ["", "10.0.0.0/33", "x/8", "::/129", "10.0.0.0/-1"] {
            assert!(Cidr::parse(bad).is_none(), "{bad}");
        }
    }
}
