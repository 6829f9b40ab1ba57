//! Getting a connection for an attempt.

use std::future::poll_fn;
use std::task::Poll;

use roundel_core::end::{AttemptFailure, EndReason};

use crate::attempt::Failed;
use crate::deadline::Millis;
use crate::exchange::Exchange;
use crate::pick::Place;
use crate::reactor::{Owner, Ready};
use crate::socket::Socket;

impl Exchange<'_> {
    /// Takes an idle connection to the endpoint, or makes one. Returns whether it is an idle one.
    pub(crate) async fn connection(
        &mut self,
        place: &Place,
        started_us: u64,
    ) -> Result<(Socket, bool), Failed> {
        let (socket, is_reused) = self.open(place, self.must_be_fresh).map_err(unconnected)?;
        self.record.is_reused = is_reused;
        if is_reused {
            return Ok((socket, true));
        }
        let until = self.connect_until(place);
        poll_fn(|_| {
            if self.client.has_left() {
                return Poll::Ready(Err(Failed::Downstream(EndReason::ClientClosed)));
            }
            let late = |_| Failed::upstream(AttemptFailure::ConnectTimeout, true);
            self.worker.poll_ready(&socket, Ready::WRITE, until).map_err(late)
        })
        .await?;
        finish_connecting(place, &socket).map_err(unconnected)?;
        let connect_us = self.worker.clock.micros().saturating_sub(started_us);
        self.record.timing.connect_us = Some(connect_us);
        Ok((socket, false))
    }

    /// Begins an attempt at `place`: takes an idle connection unless it `must_be_fresh`, or starts to
    /// make one. Returns whether it is an idle one.
    pub(crate) fn open(
        &self,
        place: &Place,
        must_be_fresh: bool,
    ) -> Result<(Socket, bool), AttemptFailure> {
        let endpoint = &place.endpoint;
        endpoint.metrics().attempts.increment();
        let task = Owner::Task(self.worker.current_task());
        if !must_be_fresh {
            let is_careful = !self.buffers.request.head.method.is_idempotent();
            let (socket, closed) = endpoint.idle.take(self.worker.clock.millis(), is_careful);
            endpoint.note_idle_gone(closed + usize::from(socket.is_some()));
            if let Some(socket) = socket {
                socket.set_owner(task);
                endpoint.metrics().connections_reused.increment();
                return Ok((socket, true));
            }
        }
        let socket = Socket::connect(&self.worker.reactor, &endpoint.address, task);
        socket.map(|socket| (socket, false)).map_err(|error| connect_failure(&error))
    }

    /// When it is too late for a connection to `place`.
    pub(crate) fn connect_until(&self, place: &Place) -> Millis {
        let timeout = place.pool.pool.policy.timeouts.connect;
        self.deadline.min(self.worker.clock.after(timeout))
    }
}

/// Takes note of whether a connection that was to be made has been.
pub(crate) fn finish_connecting(place: &Place, socket: &Socket) -> Result<(), AttemptFailure> {
    socket.connected().map_err(|error| connect_failure(&error))?;
    place.endpoint.metrics().connections_made.increment();
    Ok(())
}

/// How an attempt failed that got no connection.
fn connect_failure(error: &std::io::Error) -> AttemptFailure {
    let is_ours = Socket::is_own_shortage(error);
    if is_ours { AttemptFailure::NoSocket } else { AttemptFailure::Connect }
}

/// An attempt that failed before anything was sent.
fn unconnected(failure: AttemptFailure) -> Failed {
    Failed::upstream(failure, true)
}
