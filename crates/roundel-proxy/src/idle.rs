//! Idle upstream connections of one endpoint and one worker.
//!
//! Last in, first out: the connection used last is the least likely to have been closed by the
//! endpoint, and those that a peak left behind age out. An endpoint that closes an idle connection
//! is seen by the reactor, so a connection is handed out only when nothing has been heard on it:
//! bytes on an idle connection are an answer to nobody (RFC 9112 §9.2 has no unsolicited
//! responses) and would poison the next exchange.
//!
//! What arrives between the reactor's last look and the write of the next request can't be told
//! from its answer, by anyone: HTTP/1.1 numbers nothing. An endpoint that was heard speaking unasked
//! is therefore dealt with carefully for a while, whatever the method: the kernel is asked right
//! before each reuse, and only young connections are taken, since some endpoints announce the end
//! of an idle one by a 408. Asking always would cost 2 % of an exchange for endpoints that never
//! do that.
//!
//! An endpoint may still close in the very moment that a request is on its way. An idempotent one
//! is sent again; any other must not get there. So each stack learns how early its endpoint closes
//! idle connections, and what can't be sent twice goes only by connections that are much younger.

use std::cell::{Cell, RefCell};

use crate::deadline::Millis;
use crate::reactor::{Owner, Ready};
use crate::socket::{Received, Socket};

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
    /// When the endpoint last spoke unasked.
    spoke_at: Cell<Option<Millis>>,
}

impl IdleConnections {
    /// Takes the connection used last, if one is still sound. Also returns how many were found
    /// closed on the way. With `is_careful`, for what can't be sent twice, asks the kernel and not
    /// only the reactor, and takes none that the endpoint may be about to close; so it does for all
    /// where the endpoint speaks unasked.
    pub(crate) fn take(&self, now: Millis, is_careful: bool) -> (Option<Socket>, usize) {
        let is_careful = is_careful || self.speaks_unasked(now);
        let mut closed = 0;
        let mut connections = self.kept.borrow_mut();
        while let Some(connection) = connections.pop() {
            let IdleConnection { socket, since } = &connection;
            let age = now.saturating_sub(*since);
            let is_closed =
                if is_careful { socket.has_input() } else { socket.ready().has_any(Ready::READ) };
            if is_closed {
                self.note_input(socket, age, now);
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

    /// Notes that the endpoint was heard on a connection that had been idle for `age_ms`.
    fn note_input(&self, socket: &Socket, age_ms: Millis, now: Millis) {
        if matches!(socket.peek(), Received::Bytes(_)) {
            self.note_unasked(now);
        }
        self.note_closed(age_ms, now);
    }

    /// Notes that the endpoint sent what nobody had asked for.
    pub(crate) fn note_unasked(&self, now: Millis) {
        self.spoke_at.set(Some(now));
    }

    fn speaks_unasked(&self, now: Millis) -> bool {
        self.spoke_at.get().is_some_and(|at| now.saturating_sub(at) < LEARNED_FOR_MS)
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
            self.note_input(&socket, 0, now);
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
                self.note_input(&connection.socket, now.saturating_sub(connection.since), now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::rc::Rc;

    use crate::reactor::Reactor;

    /// A kept connection, and the endpoint's end of it. Nobody waits for the reactor, which
    /// therefore hears nothing.
    fn kept(reactor: &Rc<Reactor>, idle: &IdleConnections, since: Millis) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let socket = Socket::accepted(reactor, ours.into(), Owner::Nobody).unwrap();
        assert!(idle.keep(socket, since, 8));
        theirs
    }

    fn takes(idle: &IdleConnections, now: Millis, is_careful: bool) -> bool {
        idle.take(now, is_careful).0.is_some()
    }

    #[test]
    fn what_cannot_be_sent_twice_goes_by_no_connection_that_has_input() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let idle = IdleConnections::default();
        let sound = kept(&reactor, &idle, 9000);
        drop(kept(&reactor, &idle, 0));
        let (socket, gone) = idle.take(10_000, true);
        assert_eq!((socket.is_some(), gone), (true, 1));
        drop(sound);
    }

    #[test]
    fn an_endpoint_that_spoke_unasked_is_asked_each_time_for_a_while() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let idle = IdleConnections::default();
        let speak = |since| {
            let mut endpoint = kept(&reactor, &idle, since);
            endpoint.write_all(b"HTTP/1.1 408 \r\n\r\n").unwrap();
            endpoint
        };
        let unknown = speak(0);
        assert!(takes(&idle, 0, false), "the reactor has not looked");
        let heard = speak(5000);
        assert!(!takes(&idle, 9000, true), "the kernel knows");
        let again = speak(9000);
        assert!(!takes(&idle, 9000, false), "and is asked from now on");
        let late = LEARNED_FOR_MS + 9000;
        let forgotten = speak(late);
        assert!(takes(&idle, late, false));
        drop((unknown, heard, again, forgotten));
    }

    #[test]
    fn where_the_endpoint_closes_early_only_young_ones_are_taken() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let idle = IdleConnections::default();
        idle.note_closed(5000, 0);
        let endpoint = kept(&reactor, &idle, 0);
        assert!(!takes(&idle, 2000, true), "half of the life less the time to notice");
        assert!(takes(&idle, 1999, true));
        drop(endpoint);
    }
}
