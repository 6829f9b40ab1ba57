//! Listening sockets.
//!
//! Each worker has a socket of its own on the same address (`SO_REUSEPORT`), so the kernel spreads
//! connections and no worker wakes for another's. The same option lets a second process of the same
//! user share the port silently, each getting half of the connections; so an address is first bound
//! without it, which fails when anybody else listens there.
//!
//! A reload keeps the sockets of every address that stays, so no connection waiting in a backlog is
//! lost. Those of an address that goes are closed by the workers and never used again, even if it
//! comes back while something still holds them: it then gets new ones.
//!
//! An IPv6 socket takes IPv6 connections only, whatever the system's default is, so that `[::]:8080`
//! and `0.0.0.0:8080` can be two listeners and neither depends on `net.ipv6.bindv6only`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Weak};

use roundel_config::model::ListenerConfig;
use roundel_core::listener::{Listener, ListenerSockets};
use roundel_core::name::Name;
use socket2::{Domain, Protocol, Socket, Type};

/// Asks for more than most kernels allow, which then cap it (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Why a listener could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("listener \"{listener}\": address {address}: {}", explain(source, *address))]
pub struct BindError {
    /// Its name.
    pub listener: Name,
    /// Its address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

fn explain(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("already in use by another process ({error})"),
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine does not have the address {} ({error})", address.ip())
        }
        io::ErrorKind::PermissionDenied if address.port() < 1024 => {
            format!(
                "not allowed: ports below 1024 take a privilege, CAP_NET_BIND_SERVICE ({error})"
            )
        }
        _ => error.to_string(),
    }
}

/// The sockets that are bound, by the address they were configured with.
#[derive(Debug)]
pub(crate) struct Bindings {
    workers: usize,
    bound: Vec<Binding>,
}

/// Sockets on one address, as long as any snapshot has them.
#[derive(Debug)]
struct Binding {
    name: Name,
    configured: SocketAddr,
    address: SocketAddr,
    sockets: Weak<ListenerSockets>,
    /// Whether the newest snapshot has them; workers close the others.
    is_current: bool,
}

impl Bindings {
    /// No sockets yet; each listener will have one for each of `workers`, at least one.
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers: workers.max(1), bound: Vec::new() }
    }

    /// Makes a listener of each of `configs`, in order, with the sockets that exist for its address
    /// or else with new ones. On failure everything stays as it was.
    pub(crate) fn bind(
        &mut self,
        configs: &[ListenerConfig],
    ) -> Result<Vec<Arc<Listener>>, BindError> {
        self.bound.retain(|binding| binding.sockets.strong_count() > 0);
        let mut new = Vec::new();
        let mut listeners = Vec::with_capacity(configs.len());
        for config in configs {
            let (address, sockets) = match self.existing(config) {
                Some(existing) => existing,
                None => self.bind_new(config).map_err(|source| BindError {
                    listener: config.name.clone(),
                    address: config.address,
                    source,
                })?,
            };
            new.push(Binding {
                name: config.name.clone(),
                configured: config.address,
                address,
                sockets: Arc::downgrade(&sockets),
                is_current: true,
            });
            listeners.push(Arc::new(Listener {
                name: config.name.clone(),
                address,
                sockets,
                settings: Arc::clone(&config.settings),
            }));
        }
        // Sockets of removed listeners live on while an exchange holds an old snapshot; they are
        // remembered, since binding their address again would clash with ourselves.
        self.bound.retain(|old| !new.iter().any(|new| Weak::ptr_eq(&old.sockets, &new.sockets)));
        self.bound.iter_mut().for_each(|old| old.is_current = false);
        self.bound.append(&mut new);
        Ok(listeners)
    }

    /// Sockets are reused by address, whatever the listener is called now; where the kernel chose
    /// the port the name decides, since there may be several of these.
    fn existing(&self, config: &ListenerConfig) -> Option<(SocketAddr, Arc<ListenerSockets>)> {
        let is_same = |old: &&Binding| {
            old.is_current
                && old.configured == config.address
                && (config.address.port() != 0 || old.name == config.name)
        };
        let old = self.bound.iter().find(is_same)?;
        Some((old.address, old.sockets.upgrade()?))
    }

    fn bind_new(&self, config: &ListenerConfig) -> io::Result<(SocketAddr, Arc<ListenerSockets>)> {
        // `127.0.0.1:80` may become `0.0.0.0:80`: then the clash is with our own old sockets.
        let is_ours = self.bound.iter().any(|old| old.address.port() == config.address.port());
        if config.address.port() != 0 && !is_ours {
            open(config.address, false)?;
        }
        let first = listen(config.address)?;
        let address = first.local_addr()?;
        let mut sockets = vec![first];
        for _ in 1..self.workers {
            sockets.push(listen(address)?);
        }
        tracing::info!(name = config.name.as_str(), %address, "listener bound");
        Ok((address, Arc::new(ListenerSockets::new(sockets))))
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(address, true)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn open(address: SocketAddr, is_shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier process in TIME_WAIT must not keep a new one from starting.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::listener;

    #[test]
    fn each_worker_has_a_socket_on_the_same_port() {
        let listeners = Bindings::new(3).bind(&[listener("web", "127.0.0.1:0")]).unwrap();
        let [web] = listeners.as_slice() else { panic!("one listener") };
        assert_ne!(web.address.port(), 0);
        assert_eq!(web.sockets.each().len(), 3);
        for socket in web.sockets.each() {
            assert_eq!(socket.local_addr().unwrap(), web.address);
        }
    }

    #[test]
    fn an_address_in_use_is_refused_even_if_its_holder_would_share_it() {
        for is_shared in [false, true] {
            let holder = open("127.0.0.1:0".parse().unwrap(), is_shared).unwrap();
            holder.listen(1).unwrap();
            let address = holder.local_addr().unwrap().as_socket().unwrap();
            let error =
                Bindings::new(2).bind(&[listener("web", &address.to_string())]).unwrap_err();
            let expected =
                format!("listener \"web\": address {address}: already in use by another process (");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn sockets_are_kept_by_address_and_a_failure_changes_nothing() {
        let mut bindings = Bindings::new(2);
        let first = bindings.bind(&[listener("a", "127.0.0.1:0")]).unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let clash = listener("b", &taken.local_addr().unwrap().to_string());
        bindings.bind(&[listener("new", "127.0.0.1:0"), clash]).unwrap_err();
        let second = bindings.bind(&[listener("a", "127.0.0.1:0")]).unwrap();
        assert!(Arc::ptr_eq(&first[0].sockets, &second[0].sockets));
        // The failed attempt left no socket behind that would be found again.
        assert_eq!(bindings.bound.len(), 1);
    }

    #[test]
    fn an_address_may_widen_while_old_sockets_live() {
        let mut bindings = Bindings::new(2);
        let narrow = bindings.bind(&[listener("a", "127.0.0.1:0")]).unwrap();
        let port = narrow[0].address.port();
        let wide = bindings.bind(&[listener("a", &format!("0.0.0.0:{port}"))]).unwrap();
        assert_eq!(wide[0].address.port(), port);
    }

    #[test]
    fn an_address_that_comes_back_gets_new_sockets_since_workers_closed_the_old() {
        let mut bindings = Bindings::new(2);
        let [any, other] = ["127.0.0.1:0", "127.0.0.2:0"];
        let first = bindings.bind(&[listener("a", any)]).unwrap();
        let fixed = first[0].address.to_string();
        let before = bindings.bind(&[listener("a", &fixed)]).unwrap();
        bindings.bind(&[listener("a", other)]).unwrap();
        let back = bindings.bind(&[listener("a", &fixed)]).unwrap();
        assert_eq!(back[0].address, before[0].address);
        assert!(!Arc::ptr_eq(&back[0].sockets, &before[0].sockets));
    }

    #[test]
    fn all_ipv6_addresses_and_all_ipv4_addresses_are_two_listeners_on_one_port() {
        let mut bindings = Bindings::new(2);
        let six = bindings.bind(&[listener("six", "[::]:0")]).unwrap();
        let port = six[0].address.port();
        let four = TcpListener::bind(("0.0.0.0", port));
        assert!(four.is_ok(), "{four:?}");
    }
}
