//! Idle upstream connections of one endpoint and one worker.
//!
//! Last in, first out: the connection used last is the least likely to have been closed by the
//! endpoint, and those that a peak left behind age out. An endpoint that closes an idle connection
//! is seen by the reactor, so a connection is handed out only when nothing has been heard on it:
//! bytes on an idle connection are an answer to nobody (RFC 9112 §9.2 has no unsolicited
//! responses) and would poison the next exchange.

use std::cell::RefCell;

use crate::deadline::Millis;
use crate::reactor::{Owner, Ready};
use crate::socket::Socket;

#[derive(Debug)]
struct IdleConnection {
    socket: Socket,
    since: Millis,
}

/// A stack of idle connections.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections(RefCell<Vec<IdleConnection>>);

impl IdleConnections {
    /// Takes the connection used last, if one is still sound. Also returns how many were found
    /// closed on the way.
    pub(crate) fn take(&self) -> (Option<Socket>, usize) {
        let mut closed = 0;
        let mut connections = self.0.borrow_mut();
        while let Some(IdleConnection { socket, .. }) = connections.pop() {
            if !socket.ready().has_any(Ready::READ) {
                return (Some(socket), closed);
            }
            closed += 1;
        }
        (None, closed)
    }

    /// Keeps a connection, unless there are `max` already. Returns whether it was kept.
    pub(crate) fn keep(&self, socket: Socket, now: Millis, max: u32) -> bool {
        let mut connections = self.0.borrow_mut();
        if connections.len() >= max as usize || socket.ready().has_any(Ready::READ) {
            return false;
        }
        socket.set_owner(Owner::Nobody);
        connections.push(IdleConnection { socket, since: now });
        true
    }

    /// Closes connections idle since before `oldest`, and those that the endpoint has closed.
    /// Returns how many.
    pub(crate) fn sweep(&self, oldest: Millis) -> usize {
        let mut connections = self.0.borrow_mut();
        let before = connections.len();
        connections.retain(|c| c.since >= oldest && !c.socket.ready().has_any(Ready::READ));
        before - connections.len()
    }

    /// Closes all. Returns how many.
    pub(crate) fn clear(&self) -> usize {
        self.0.borrow_mut().drain(..).count()
    }
}
