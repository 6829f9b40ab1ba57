//! The listening sockets of one worker, and accepting from them.
//!
//! Sockets are bound by the control plane and come with the snapshot; a worker takes its own of
//! each listener.
//!
//! **A listener goes in two steps.** Closing it resets every connection in its queue, and one
//! always slips in between the last look and the close. So first its door is shut: segments that
//! open a connection are dropped, handshakes under way are completed and accepted. A little later
//! it is closed. A client that comes in between repeats itself after a second, and is then refused
//! or reaches whoever listens there next.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use roundel_core::listener::Listener;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::{Registry, WorkerShard};
use rustix::io::Errno;
use rustix::net::{Shutdown, SocketFlags, acceptfrom_with, shutdown, sockopt};
use socket2::{SockFilter, SockRef};

use crate::client::{Client, LocalListener, OpenClients};
use crate::deadline::Millis;
use crate::reactor::{Owner, Reactor, Ready, Token};
use crate::socket::never_pace;

/// Connections accepted from one listener in one turn.
const ACCEPTS_PER_TURN: usize = 64;

/// From shutting a listener's door to closing it: a handshake takes one round trip.
const CLOSE_AFTER_MS: Millis = 300;

/// How often a listener that ran out of descriptors has another look: often enough for clients not
/// to notice when they are there again, too rarely to cost anything while they are not.
const STARVED_RETRY_MS: Millis = 100;

/// A classic BPF program that drops what opens a connection: a SYN without an ACK.
const SHUT: [SockFilter; 5] = [
    SockFilter::new(0x30, 0, 0, 13),   // load the byte of the TCP flags
    SockFilter::new(0x54, 0, 0, 0x12), // keep SYN (0x02) and ACK (0x10)
    SockFilter::new(0x15, 0, 1, 0x02), // if SYN alone is left
    SockFilter::new(0x06, 0, 0, 0),    // drop the segment
    SockFilter::new(0x06, 0, 0, u32::MAX), // else take all of it
];

/// The listeners of a worker.
#[derive(Debug)]
pub(crate) struct Listeners {
    worker: usize,
    clients: Rc<OpenClients>,
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
    /// Descriptors ran out while connections waited, of which no event will tell again: looks then.
    starved_until: Option<Millis>,
    /// Goes then, or as soon afterwards as its queue is empty.
    closes_at: Option<Millis>,
}

impl Listeners {
    /// Those of a worker that may have `clients_max` connections of listeners without a limit of
    /// their own.
    pub(crate) fn new(worker: usize, clients_max: u32) -> Self {
        let clients = Rc::new(OpenClients::up_to(clients_max));
        Self { worker, clients, open: Vec::new(), next_slot: 0, reserve: reserve() }
    }

    /// Whether there may be connections to accept.
    pub(crate) fn has_pending(&self) -> bool {
        self.open.iter().any(|open| open.is_ready)
    }

    /// Whether all have been closed.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// When the next one is to be looked at, event or not: to be closed, or because it starves.
    pub(crate) fn next_look(&self) -> Option<Millis> {
        self.open.iter().flat_map(|open| [open.closes_at, open.starved_until]).flatten().min()
    }

    pub(crate) fn note_ready(&mut self, slot: u32) {
        if let Some(open) = self.open.iter_mut().find(|open| open.slot == slot) {
            open.is_ready = true;
        }
    }

    /// Opens what `snapshot` adds, closes what it lacks, and takes over changed settings. Returns
    /// whether a listener goes that had not been about to go before.
    pub(crate) fn adopt(
        &mut self,
        snapshot: &Snapshot,
        reactor: &Reactor,
        registry: &Registry,
        now: Millis,
    ) -> bool {
        let is_same = |a: &Listener, b: &Listener| Arc::ptr_eq(&a.sockets, &b.sockets);
        let mut has_shut = false;
        for open in &mut self.open {
            if !snapshot.listeners.iter().any(|new| is_same(new, &open.listener)) {
                has_shut |= open.closes_at.is_none();
                open.shut(self.worker, now);
            }
        }
        for new in &snapshot.listeners {
            match self.open.iter_mut().find(|open| is_same(&open.listener, new)) {
                Some(open) => {
                    open.reopen(self.worker);
                    open.local.set_settings(&new.settings);
                    open.listener = new.clone();
                }
                None => self.add(new, reactor, registry),
            }
        }
        has_shut
    }

    /// Shuts the doors of all listeners, and closes them soon.
    pub(crate) fn close(&mut self, now: Millis) {
        for open in &mut self.open {
            open.shut(self.worker, now);
        }
    }

    fn add(&mut self, listener: &Arc<Listener>, reactor: &Reactor, registry: &Registry) {
        let Some(socket) = listener.sockets.of_worker(self.worker) else { return };
        // Accepted connections inherit this, which saves a call for each.
        let _ = sockopt::set_tcp_nodelay(socket, true);
        if listener.address.ip().is_loopback() {
            never_pace(socket);
        }
        let slot = self.next_slot;
        self.next_slot = self.next_slot.wrapping_add(1);
        match reactor.register(socket, Owner::Listener(slot), Ready::NONE) {
            Ok(token) => {
                let metrics = registry.listener(&listener.name);
                let clients = Rc::clone(&self.clients);
                let local = Rc::new(LocalListener::new(listener, metrics, self.worker, clients));
                let listener = listener.clone();
                self.open.push(Open {
                    slot,
                    listener,
                    local,
                    token,
                    is_ready: true,
                    starved_until: None,
                    closes_at: None,
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
        now: Millis,
        mut admit: impl FnMut(Client),
    ) {
        for open in &mut self.open {
            let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
            open.is_ready |= is_due(open.closes_at) || is_due(open.starved_until);
            let Some(socket) = open.listener.sockets.of_worker(self.worker) else { continue };
            for _ in 0..ACCEPTS_PER_TURN {
                if !open.is_ready {
                    break;
                }
                match accept_one(socket) {
                    Ok((fd, peer)) => {
                        open.starved_until = None;
                        if let Some(client) = Client::accept(fd, peer, &open.local, reactor) {
                            admit(client);
                        }
                    }
                    Err(Errno::AGAIN) => {
                        open.is_ready = false;
                        open.starved_until = None;
                    }
                    // The client gave up while it waited in the queue.
                    Err(Errno::CONNABORTED | Errno::INTR) => {}
                    Err(error) => {
                        metrics.accept_failures.increment();
                        if open.starved_until.is_none() {
                            tracing::warn!(%error, "connections cannot be accepted");
                        }
                        open.is_ready = turn_one_away(&mut self.reserve, socket);
                        open.starved_until = Some(now.saturating_add(STARVED_RETRY_MS));
                    }
                }
            }
        }
        let worker = self.worker;
        self.open.retain(|open| {
            let is_over = open.closes_at.is_some_and(|at| at <= now) && !open.is_ready;
            if is_over {
                open.close(worker, reactor);
            }
            !is_over
        });
    }

    /// Closes all listeners at once, with what waits in their queues.
    pub(crate) fn end(&mut self, reactor: &Reactor) {
        for open in self.open.drain(..) {
            open.close(self.worker, reactor);
        }
    }
}

impl Open {
    /// Lets no new connection in, and closes a little later.
    fn shut(&mut self, worker: usize, now: Millis) {
        if self.closes_at.is_none()
            && let Some(socket) = self.listener.sockets.of_worker(worker)
        {
            // Where filters are forbidden, a connection or two may be reset at the end.
            let _ = SockRef::from(socket).attach_filter(&SHUT);
            self.closes_at = Some(now.saturating_add(CLOSE_AFTER_MS));
            self.local.is_leaving.set(true);
        }
    }

    /// From here on the kernel refuses connections, so that clients go elsewhere, although others
    /// still hold the descriptor.
    fn close(&self, worker: usize, reactor: &Reactor) {
        if let Some(socket) = self.listener.sockets.of_worker(worker) {
            reactor.deregister(socket, self.token);
            let _ = shutdown(socket, Shutdown::Read);
        }
    }

    /// Lets connections in again, when a listener that was about to go is wanted after all.
    fn reopen(&mut self, worker: usize) {
        if self.closes_at.take().is_some()
            && let Some(socket) = self.listener.sockets.of_worker(worker)
        {
            let _ = SockRef::from(socket).detach_filter();
            self.local.is_leaving.set(false);
        }
    }
}

fn accept_one(socket: &TcpListener) -> Result<(OwnedFd, SocketAddr), Errno> {
    let (fd, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).ok_or(Errno::CONNABORTED)?;
    Ok((fd, peer))
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
