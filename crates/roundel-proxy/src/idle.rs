//! Idle upstream connections of one endpoint and one worker.
//!
//! Last in, first out: the connection used last is the least likely to have been closed by the
//! endpoint, and those that a peak left behind age out. An endpoint that closes an idle connection
//! is seen by the reactor, so a connection is handed out only when nothing has been heard on it:
//! bytes on an idle connection are an answer to nobody (RFC 9112 §9.2 has no unsolicited
//! responses) and would poison the next exchange.
//!
//! An endpoint may still close in the very moment that a request is on its way. An idempotent one
//! is sent again; any other must not get there. So each stack learns how early its endpoint closes
//! idle connections, and what can't be sent twice goes only by connections that are much younger.

use std::cell::{Cell, RefCell};

use crate::deadline::Millis;
use crate::reactor::{Owner, Ready};
use crate::socket::Socket;

#[derive(Debug)]
struct IdleConnection {
    socket: Socket,
    since: Millis,
}

/// How long what was learned about an endpoint holds: one that was restarted closed everything
/// once, and means nothing by it.
const LEARNED_FOR_MS: Millis = 60_000;

/// A close is noticed when the connection is wanted, or by the next sweep at the latest.
const NOTICED_AFTER_MS: Millis = 1000;

/// The shortest time after which the endpoint was seen to close an idle connection.
#[derive(Debug, Clone, Copy)]
struct Life {
    ms: Millis,
    seen_at: Millis,
}

/// A stack of idle connections.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections {
    kept: RefCell<Vec<IdleConnection>>,
    shortest_life: Cell<Option<Life>>,
}

impl IdleConnections {
    /// Takes the connection used last, if one is still sound. Also returns how many were found
    /// closed on the way. With `is_careful`, for what can't be sent twice, asks the kernel and not
    /// only the reactor, and takes none that the endpoint may be about to close.
    pub(crate) fn take(&self, now: Millis, is_careful: bool) -> (Option<Socket>, usize) {
        let mut closed = 0;
        let mut connections = self.kept.borrow_mut();
        while let Some(connection) = connections.pop() {
            let IdleConnection { socket, since } = &connection;
            let age = now.saturating_sub(*since);
            let is_closed =
                if is_careful { socket.has_input() } else { socket.ready().has_any(Ready::READ) };
            if is_closed {
                self.note_closed(age, now);
                closed += 1;
            } else if is_careful && !self.is_young(age, now) {
                // Those below it are older still.
                connections.push(connection);
                break;
            } else {
                return (Some(connection.socket), closed);
            }
        }
        (None, closed)
    }

    /// Notes that the endpoint closed a connection that had been idle for `age_ms`.
    pub(crate) fn note_closed(&self, age_ms: Millis, now: Millis) {
        if self.life(now).is_none_or(|life| age_ms <= life.ms) {
            self.shortest_life.set(Some(Life { ms: age_ms, seen_at: now }));
        }
    }

    /// Whether a connection idle for `age_ms` is far from being closed, by all that is known: not
    /// half as old as the youngest one that was closed.
    fn is_young(&self, age_ms: Millis, now: Millis) -> bool {
        self.life(now).is_none_or(|life| age_ms < life.ms.saturating_sub(NOTICED_AFTER_MS) / 2)
    }

    fn life(&self, now: Millis) -> Option<Life> {
        self.shortest_life.get().filter(|life| now.saturating_sub(life.seen_at) < LEARNED_FOR_MS)
    }

    /// Keeps a connection, unless there are `max` already. Returns whether it was kept.
    pub(crate) fn keep(&self, socket: Socket, now: Millis, max: u32) -> bool {
        let mut connections = self.kept.borrow_mut();
        if socket.ready().has_any(Ready::READ) {
            self.note_closed(0, now);
            return false;
        }
        if connections.len() >= max as usize {
            return false;
        }
        socket.set_owner(Owner::Nobody);
        connections.push(IdleConnection { socket, since: now });
        true
    }

    /// Closes connections idle since before `oldest`, and those that the endpoint has closed.
    /// Returns how many.
    pub(crate) fn sweep(&self, oldest: Millis, now: Millis) -> usize {
        let mut connections = self.kept.borrow_mut();
        let before = connections.len();
        connections.retain(|connection| {
            let is_closed = connection.socket.ready().has_any(Ready::READ);
            if is_closed {
                self.note_closed(now.saturating_sub(connection.since), now);
            }
            !is_closed && connection.since >= oldest
        });
        before - connections.len()
    }

    /// Closes all. Returns how many.
    pub(crate) fn clear(&self) -> usize {
        self.kept.borrow_mut().drain(..).count()
    }
}
