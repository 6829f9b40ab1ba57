//! Client connections, and those that wait for their next request.
//!
//! A waiting connection is a row in a table: no task, no buffer. When it has become readable and its
//! turn has come it is handed to a runner, and comes back after its exchange.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use roundel_core::listener::{HalfClose, Listener, ListenerSettings, ListenerSockets};
use roundel_core::name::Name;
use roundel_telemetry::{ListenerMetrics, ListenerShard};

use crate::deadline::{Deadlines, Millis};
use crate::reactor::{Owner, Reactor, Ready};
use crate::socket::Socket;

/// A listener's part in one worker: what its connections need to know of it.
#[derive(Debug)]
pub(crate) struct LocalListener {
    pub(crate) name: Name,
    /// A copy of this worker's own: counting references to a shared one would make every exchange
    /// write to a cache line that all workers use.
    settings: RefCell<Rc<ListenerSettings>>,
    metrics: Arc<ListenerMetrics>,
    worker: usize,
    /// They know how many connections all workers have of this listener.
    sockets: Arc<ListenerSockets>,
    /// Connections that this worker has of all listeners.
    all: Rc<OpenClients>,
    /// The listener was removed: its connections end as soon as their clients can take it.
    pub(crate) is_leaving: Cell<bool>,
}

/// How many client connections of one worker are open, over all listeners, and how many may be for
/// a listener that has no limit of its own.
#[derive(Debug)]
pub(crate) struct OpenClients {
    count: Cell<u32>,
    max: u32,
}

impl OpenClients {
    pub(crate) fn up_to(max: u32) -> Self {
        Self { count: Cell::new(0), max }
    }
}

impl LocalListener {
    pub(crate) fn new(
        listener: &Listener,
        metrics: Arc<ListenerMetrics>,
        worker: usize,
        all: Rc<OpenClients>,
    ) -> Self {
        Self {
            name: listener.name.clone(),
            settings: RefCell::new(Rc::new(listener.settings.as_ref().clone())),
            metrics,
            worker,
            sockets: Arc::clone(&listener.sockets),
            all,
            is_leaving: Cell::new(false),
        }
    }

    pub(crate) fn settings(&self) -> Rc<ListenerSettings> {
        self.settings.borrow().clone()
    }

    /// Takes new settings; exchanges that begin from now on see them.
    pub(crate) fn set_settings(&self, settings: &ListenerSettings) {
        if **self.settings.borrow() != *settings {
            *self.settings.borrow_mut() = Rc::new(settings.clone());
        }
    }

    pub(crate) fn metrics(&self) -> &ListenerShard {
        self.metrics.shard(self.worker)
    }

    /// Counts one more connection, unless there are as many as there may be. A limit of the listener's
    /// own counts over all workers; of what the process may have each worker has a share, which is
    /// large enough for the kernel to spread connections evenly.
    fn try_open_one(&self) -> bool {
        let limit = self.settings.borrow().limits.max_connections;
        let has_share = limit.is_some() || self.all.count.get() < self.all.max;
        let is_open = has_share && self.sockets.try_open_one(limit);
        if is_open {
            self.all.count.set(self.all.count.get() + 1);
            self.metrics().connections_open.increment();
        }
        is_open
    }

    fn close_one(&self) {
        self.sockets.close_one();
        self.all.count.set(self.all.count.get().saturating_sub(1));
        self.metrics().connections_open.decrement();
    }
}

/// A client connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) socket: Socket,
    pub(crate) peer: SocketAddr,
    pub(crate) listener: Rc<LocalListener>,
    /// Requests begun on it.
    pub(crate) requests: u64,
    /// The client has part of a response. Dropped now, by a panic or at the end of a stop, the
    /// connection is reset, so that the client can't take the part for the whole.
    pub(crate) is_mid_response: Cell<bool>,
}

impl Client {
    /// Takes over a connection that was accepted, unless the listener has as many as it may have.
    pub(crate) fn accept(
        fd: OwnedFd,
        peer: SocketAddr,
        listener: &Rc<LocalListener>,
        reactor: &Rc<Reactor>,
    ) -> Option<Self> {
        if !listener.try_open_one() {
            listener.metrics().connections_refused.increment();
            return None;
        }
        listener.metrics().connections.increment();
        let Ok(socket) = Socket::accepted(reactor, fd, Owner::Nobody) else {
            listener.close_one();
            return None;
        };
        let listener = listener.clone();
        Some(Self { socket, peer, listener, requests: 0, is_mid_response: Cell::new(false) })
    }

    /// Whether the client has left: it broke the connection, or it has sent its last byte and the
    /// listener takes that for leaving.
    pub(crate) fn has_left(&self) -> bool {
        self.socket.is_broken()
            || self.has_finished() && self.listener.settings().half_close == HalfClose::Cancel
    }

    /// Whether the client has sent its last byte. It may still want its answer; far more often it
    /// has given up. So what is under way for it goes on, but it takes no place from those who are
    /// there for certain, and nobody else is troubled for it after a long wait.
    pub(crate) fn has_finished(&self) -> bool {
        self.socket.ready().has_any(Ready::READ_CLOSED)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.is_mid_response.get() {
            self.socket.reset_on_close();
        }
        self.listener.close_one();
    }
}

/// Connections that wait for a request, each until its deadline.
#[derive(Debug, Default)]
pub(crate) struct IdleClients {
    slots: Vec<Option<Client>>,
    free: Vec<u32>,
    deadlines: Deadlines,
    count: usize,
    /// Slots of those that became readable, in the order of their turn.
    readable: VecDeque<u32>,
}

impl IdleClients {
    /// Keeps `client` until it is readable or `deadline` passes.
    pub(crate) fn park(&mut self, client: Client, deadline: Millis) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        client.socket.set_owner(Owner::IdleClient(slot));
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(client);
            self.count += 1;
            self.deadlines.set(slot, deadline);
        }
    }

    /// Notes that a connection became readable. From now on no deadline threatens it.
    pub(crate) fn note_readable(&mut self, slot: u32) {
        self.deadlines.clear(slot);
        self.readable.push_back(slot);
    }

    pub(crate) fn has_readable(&self) -> bool {
        !self.readable.is_empty()
    }

    /// Takes out the one that became readable first.
    pub(crate) fn take_readable(&mut self) -> Option<Client> {
        while let Some(slot) = self.readable.pop_front() {
            // A stop may have closed it, and the slot may belong to one that says nothing yet.
            let client = self.slots.get(slot as usize).and_then(Option::as_ref);
            if client.is_some_and(|client| client.socket.ready().has_any(Ready::READ)) {
                return self.take(slot);
            }
        }
        None
    }

    /// Takes a connection out.
    fn take(&mut self, slot: u32) -> Option<Client> {
        let client = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.deadlines.clear(slot);
        self.count -= 1;
        Some(client)
    }

    /// Closes the connections whose deadline `now` has reached.
    pub(crate) fn close_expired(&mut self, now: Millis, passed: &mut Vec<u32>) {
        self.deadlines.pass(now, passed);
        for slot in passed.drain(..) {
            self.take(slot);
        }
    }

    /// Brings the deadline of each that `is_meant` to `at`, as when the worker stops.
    pub(crate) fn hurry(&mut self, at: Millis, is_meant: impl Fn(&Client) -> bool) {
        for (slot, client) in (0u32..).zip(&self.slots) {
            if client.as_ref().is_some_and(&is_meant) {
                self.deadlines.set(slot, at);
            }
        }
    }

    pub(crate) fn earliest_deadline(&self) -> Option<Millis> {
        self.deadlines.earliest()
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }
}
