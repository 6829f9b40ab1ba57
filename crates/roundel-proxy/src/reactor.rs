//! Readiness of sockets, on a bare epoll.
//!
//! Every socket is registered once, edge-triggered, for both directions, and never modified again:
//! the hot path costs no `epoll_ctl`. The reactor remembers what is ready and who cares
//! ([`Owner`]); it moves no bytes itself.
//!
//! Why not a general runtime: a worker's whole business is sockets and deadlines, an idle
//! connection must cost a hundred bytes and no task, and each wake-up is paid per request. See
//! `docs/decisions/0003-own-reactor.md` for the measurements.
//!
//! Invariant: a source's slot is reused only under a new generation, so an event that was fetched
//! before its socket was closed can never reach the slot's next tenant.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};

use crate::task::TaskId;

/// Events fetched by one `epoll_wait`.
const EVENTS_MAX: usize = 256;

/// What a socket can do without blocking, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ready(u8);

impl Ready {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const READ: Self = Self(1);
    pub(crate) const WRITE: Self = Self(2);
    /// The peer has sent its last byte: a short read does not mean that nothing more will come.
    pub(crate) const READ_CLOSED: Self = Self(4);
    /// The connection is broken or fully closed.
    pub(crate) const BROKEN: Self = Self(8);

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn of(flags: epoll::EventFlags) -> Self {
        let mut ready = Self::NONE;
        if flags.contains(epoll::EventFlags::IN) {
            ready = ready.with(Self::READ);
        }
        if flags.contains(epoll::EventFlags::OUT) {
            ready = ready.with(Self::WRITE);
        }
        if flags.contains(epoll::EventFlags::RDHUP) {
            ready = ready.with(Self::READ).with(Self::READ_CLOSED);
        }
        if flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP) {
            // Whoever waits finds the error by trying.
            ready = ready.with(Self::READ).with(Self::WRITE).with(Self::READ_CLOSED);
            ready = ready.with(Self::BROKEN);
        }
        ready
    }
}

/// Who is told when a source becomes ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody; readiness is only remembered, as for idle upstream connections.
    Nobody,
    /// A task waits on it.
    Task(TaskId),
    /// A client connection between two requests, by its place among them.
    IdleClient(u32),
    /// A listening socket, by its place in the worker.
    Listener(u32),
    /// The worker's own wake-up descriptor.
    Wake,
}

/// Names a registered source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(u32);

/// An event for an owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) owner: Owner,
    pub(crate) token: Token,
    /// What the source can do by now.
    pub(crate) ready: Ready,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    generation: u32,
    ready: Ready,
    owner: Owner,
}

/// The epoll instance of a worker and what is known about its sources.
#[derive(Debug)]
pub(crate) struct Reactor {
    epoll: OwnedFd,
    sources: RefCell<Sources>,
}

#[derive(Debug, Default)]
struct Sources {
    slots: Vec<Source>,
    free: Vec<u32>,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, sources: RefCell::default() })
    }

    /// Registers a non-blocking descriptor for both directions. A fresh connection counts as
    /// writable, which saves waiting for the first event.
    pub(crate) fn register(&self, fd: impl AsFd, owner: Owner, ready: Ready) -> io::Result<Token> {
        let mut sources = self.sources.borrow_mut();
        let slot = if let Some(slot) = sources.free.pop() {
            slot
        } else {
            let slot = u32::try_from(sources.slots.len()).map_err(io::Error::other)?;
            sources.slots.push(Source { generation: 0, ready, owner });
            slot
        };
        let Some(source) = sources.slots.get_mut(slot as usize) else {
            return Err(io::Error::other("source slot out of range"));
        };
        source.generation = source.generation.wrapping_add(1);
        source.ready = ready;
        source.owner = owner;
        let data = u64::from(source.generation) << 32 | u64::from(slot);
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        if let Err(error) = epoll::add(&self.epoll, fd, epoll::EventData::new_u64(data), flags) {
            sources.free.push(slot);
            return Err(error.into());
        }
        Ok(Token(slot))
    }

    /// Frees a source whose descriptor is about to be closed, which also removes it from epoll.
    pub(crate) fn release(&self, token: Token) {
        let mut sources = self.sources.borrow_mut();
        if let Some(source) = sources.slots.get_mut(token.0 as usize) {
            source.generation = source.generation.wrapping_add(1);
            source.owner = Owner::Nobody;
        }
        sources.free.push(token.0);
    }

    /// Frees a source whose descriptor stays open elsewhere, as a listening socket does.
    pub(crate) fn deregister(&self, fd: impl AsFd, token: Token) {
        // Failing means that the kernel has forgotten it already.
        let _ = epoll::delete(&self.epoll, fd);
        self.release(token);
    }

    pub(crate) fn ready(&self, token: Token) -> Ready {
        self.sources.borrow().slots.get(token.0 as usize).map_or(Ready::NONE, |s| s.ready)
    }

    pub(crate) fn clear(&self, token: Token, ready: Ready) {
        if let Some(source) = self.sources.borrow_mut().slots.get_mut(token.0 as usize) {
            source.ready = source.ready.without(ready);
        }
    }

    pub(crate) fn set_owner(&self, token: Token, owner: Owner) {
        if let Some(source) = self.sources.borrow_mut().slots.get_mut(token.0 as usize) {
            source.owner = owner;
        }
    }

    /// Waits for events for at most `timeout`, notes them, and appends who cares to `events`.
    pub(crate) fn wait(&self, timeout: Duration, events: &mut Vec<Event>) -> io::Result<()> {
        let mut buffer = [const { MaybeUninit::<epoll::Event>::uninit() }; EVENTS_MAX];
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let fetched = match epoll::wait(&self.epoll, &mut buffer[..], Some(&timeout)) {
            Ok((fetched, _)) => fetched,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut sources = self.sources.borrow_mut();
        for event in fetched {
            let data = { event.data }.u64();
            let (generation, slot) = ((data >> 32) as u32, data as u32);
            let Some(source) = sources.slots.get_mut(slot as usize) else { continue };
            if source.generation != generation {
                continue;
            }
            source.ready = source.ready.with(Ready::of(event.flags));
            if source.owner != Owner::Nobody {
                let Source { owner, ready, .. } = *source;
                events.push(Event { owner, token: Token(slot), ready });
            }
        }
        Ok(())
    }
}
