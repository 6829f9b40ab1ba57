//! The listening sockets of one worker, and accepting from them.
//!
//! Sockets are bound by the control plane and come with the snapshot; a worker takes its own of
//! each listener. When a listener goes, what its queue still holds is accepted and served first.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use roundel_core::listener::Listener;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::{Registry, WorkerShard};
use rustix::io::Errno;
use rustix::net::{Shutdown, SocketFlags, acceptfrom_with, shutdown, sockopt};

use crate::client::{Client, LocalListener};
use crate::reactor::{Owner, Reactor, Ready, Token};
use crate::socket::Socket;

/// Connections accepted from one listener in one turn.
const ACCEPTS_PER_TURN: usize = 64;

/// The listeners of a worker.
#[derive(Debug)]
pub(crate) struct Listeners {
    worker: usize,
    open: Vec<Open>,
    next_slot: u32,
    /// Kept open so that it can be given up when descriptors run out: without it a connection
    /// could neither be accepted nor refused, and the listener would stay ready for ever.
    reserve: Option<OwnedFd>,
}

#[derive(Debug)]
struct Open {
    slot: u32,
    listener: Arc<Listener>,
    local: Rc<LocalListener>,
    token: Token,
    /// The socket may hold connections to accept.
    is_ready: bool,
    /// Descriptors ran out while connections waited, of which no event will tell again.
    is_starved: bool,
    /// Goes as soon as its queue is empty.
    is_closing: bool,
}

impl Listeners {
    pub(crate) fn new(worker: usize) -> Self {
        Self { worker, open: Vec::new(), next_slot: 0, reserve: reserve() }
    }

    /// Whether there may be connections to accept.
    pub(crate) fn has_pending(&self) -> bool {
        self.open.iter().any(|open| open.is_ready)
    }

    pub(crate) fn note_ready(&mut self, slot: u32) {
        if let Some(open) = self.open.iter_mut().find(|open| open.slot == slot) {
            open.is_ready = true;
        }
    }

    /// Has another look at sockets that could be neither served nor cleared when last looked at.
    pub(crate) fn retry_starved(&mut self) {
        for open in &mut self.open {
            open.is_ready |= std::mem::take(&mut open.is_starved);
        }
    }

    /// Opens what `snapshot` adds, closes what it lacks, and takes over changed settings.
    pub(crate) fn adopt(&mut self, snapshot: &Snapshot, reactor: &Reactor, registry: &Registry) {
        let is_same = |a: &Listener, b: &Listener| Arc::ptr_eq(&a.sockets, &b.sockets);
        for open in &mut self.open {
            if !snapshot.listeners.iter().any(|new| is_same(new, &open.listener)) {
                open.close();
            }
        }
        for new in &snapshot.listeners {
            match self.open.iter_mut().find(|open| is_same(&open.listener, new)) {
                Some(open) => {
                    open.local.set_settings(&new.settings);
                    open.listener = new.clone();
                }
                None => self.add(new, reactor, registry),
            }
        }
    }

    /// Closes all listeners.
    pub(crate) fn close(&mut self) {
        self.open.iter_mut().for_each(Open::close);
    }

    fn add(&mut self, listener: &Arc<Listener>, reactor: &Reactor, registry: &Registry) {
        let Some(socket) = listener.sockets.get(self.worker) else { return };
        // Accepted connections inherit this, which saves a call for each.
        let _ = sockopt::set_tcp_nodelay(socket, true);
        let slot = self.next_slot;
        self.next_slot = self.next_slot.wrapping_add(1);
        match reactor.register(socket, Owner::Listener(slot), Ready::NONE) {
            Ok(token) => {
                let metrics = registry.listener(&listener.name);
                let local = Rc::new(LocalListener::new(listener, metrics, self.worker));
                let listener = listener.clone();
                self.open.push(Open {
                    slot,
                    listener,
                    local,
                    token,
                    is_ready: true,
                    is_starved: false,
                    is_closing: false,
                });
            }
            Err(error) => {
                tracing::error!(listener = %listener.name, %error, "a worker cannot listen");
            }
        }
    }

    /// Accepts what waits, up to a share per turn, and passes each client on.
    pub(crate) fn accept(
        &mut self,
        reactor: &Rc<Reactor>,
        metrics: &WorkerShard,
        mut admit: impl FnMut(Client),
    ) {
        for open in &mut self.open {
            let Some(socket) = open.listener.sockets.get(self.worker) else { continue };
            for _ in 0..ACCEPTS_PER_TURN {
                if !open.is_ready {
                    break;
                }
                match accept_one(socket) {
                    Ok((fd, peer)) => {
                        if let Some(client) = admitted(fd, peer, &open.local, reactor) {
                            admit(client);
                        }
                    }
                    Err(Errno::AGAIN) => open.is_ready = false,
                    // The client gave up while it waited in the queue.
                    Err(Errno::CONNABORTED | Errno::INTR) => {}
                    Err(error) => {
                        metrics.accept_failures.increment();
                        open.is_ready = turn_one_away(&mut self.reserve, socket);
                        open.is_starved = !open.is_ready;
                        tracing::warn!(%error, "a connection could not be accepted");
                    }
                }
            }
        }
        let worker = self.worker;
        self.open.retain(|open| {
            let is_over = open.is_closing && !open.is_ready;
            if is_over && let Some(socket) = open.listener.sockets.get(worker) {
                reactor.deregister(socket, open.token);
                // From here on the kernel refuses connections, so that clients go elsewhere,
                // although others still hold the descriptor.
                let _ = shutdown(socket, Shutdown::Read);
            }
            !is_over
        });
    }
}

impl Open {
    /// Accepts what the queue holds already, then no more.
    fn close(&mut self) {
        self.is_closing = true;
        self.is_ready = true;
    }
}

fn accept_one(socket: &TcpListener) -> Result<(OwnedFd, SocketAddr), Errno> {
    let (fd, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).ok_or(Errno::CONNABORTED)?;
    Ok((fd, peer))
}

/// Admits a connection unless the listener has its fill.
fn admitted(
    fd: OwnedFd,
    peer: SocketAddr,
    local: &Rc<LocalListener>,
    reactor: &Rc<Reactor>,
) -> Option<Client> {
    if local.is_full() {
        local.metrics().connections_refused.increment();
        return None;
    }
    local.metrics().connections.increment();
    let socket = Socket::accepted(reactor, fd, Owner::Nobody).ok()?;
    Some(Client::new(socket, peer, local.clone()))
}

/// Gives up the reserve descriptor to accept one connection and close it, then takes it back.
/// Returns whether accepting may go on at once.
fn turn_one_away(reserve_fd: &mut Option<OwnedFd>, socket: &TcpListener) -> bool {
    drop(reserve_fd.take());
    let was_accepted = accept_one(socket).is_ok();
    *reserve_fd = reserve();
    was_accepted
}

fn reserve() -> Option<OwnedFd> {
    rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).ok()
}
