//! Tunnels: after 101 (Switching Protocols) or a successful CONNECT, bytes pass both ways as they
//! are, until both sides have sent their last (RFC 9110 §7.8, §9.3.6).
//!
//! A tunnel starts only when the endpoint has agreed; until then no byte behind the request head
//! is sent on, and afterwards the connection is never used for anything else.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use roundel_core::end::EndReason;
use roundel_http::{BodyEncoder, Framing, KindSet, write_response};

use crate::attempt::{Answer, AnswerBytes};
use crate::buffers::{Buffers, Response};
use crate::client::LocalListener;
use crate::exchange::{Ending, Exchange};
use crate::flow::{FlowError, Step};
use crate::pace::{Pace, PaceLimit};
use crate::pick::Place;
use crate::serve::Next;
use crate::socket::Socket;

/// Counts a tunnel as open while it lives.
struct OpenTunnel(Rc<LocalListener>);

impl OpenTunnel {
    fn new(listener: &Rc<LocalListener>) -> Self {
        listener.metrics().tunnels_open.increment();
        Self(listener.clone())
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.0.metrics().tunnels_open.decrement();
    }
}

impl Exchange<'_> {
    /// Passes the answer's head on, then bytes both ways. The place is held as long as that takes.
    pub(crate) async fn tunnel(&mut self, place: Place, answer: Answer) -> Ending {
        let _counted = OpenTunnel::new(&self.client.listener);
        let idle = place.pool.pool.policy.timeouts.tunnel_idle;
        let limit = PaceLimit { idle, bytes_per_second_min: 0 };
        let mut progress = Pace::start(0, self.worker.clock.millis());
        let Answer { socket, bytes, .. } = answer;
        let started = self.start_tunnel(&bytes);
        drop(bytes);
        let mut ended = [false; 2];
        if started.is_ok() {
            poll_fn(|_| self.poll_tunnel(&socket, &mut ended, &mut progress, limit)).await;
        }
        let next = if ended == [true; 2] { Next::Close } else { Next::Reset };
        Ending { reason: EndReason::Tunnel, next }
    }

    /// Sends the head and what came behind it, in both directions.
    fn start_tunnel(&mut self, bytes: &AnswerBytes) -> Result<(), FlowError> {
        let Buffers { response, download, upload, request, .. } = &mut *self.buffers;
        let Response { head, bytes: buffered } = response;
        let bytes = bytes.of(buffered);
        let none = KindSet::EMPTY;
        let out = download.head_mut();
        write_response(out, bytes, head, Framing::None, false, false, none, |_| {});
        download.frame(Framing::UntilClose, BodyEncoder::Identity);
        let rest = bytes.get(head.len..).unwrap_or_default();
        download.take_input(rest, &self.client.socket, &mut Vec::new())?;
        download.flush(&self.client.socket)?;
        upload.reset();
        upload.frame(Framing::UntilClose, BodyEncoder::Identity);
        upload.feed(request.bytes.get(request.taken..).unwrap_or_default())?;
        request.taken = request.bytes.len();
        Ok(())
    }

    fn poll_tunnel(
        &mut self,
        endpoint: &Socket,
        ended: &mut [bool; 2],
        pace: &mut Pace,
        limit: PaceLimit,
    ) -> Poll<()> {
        let Buffers { upload, download, .. } = &mut *self.buffers;
        let client = &self.client.socket;
        let [up, down] = ended;
        for (flow, from, to, is_ended) in
            [(upload, client, endpoint, up), (download, endpoint, client, down)]
        {
            if *is_ended {
                continue;
            }
            match flow.pump(&self.worker.blocks, &self.worker.splicer, from, to, &mut Vec::new()) {
                Ok(Step::Done) => {
                    to.shutdown_write();
                    *is_ended = true;
                }
                Ok(Step::Yields) => self.worker.yield_now(),
                Ok(Step::WaitsForSource | Step::WaitsForSink) => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        if *ended == [true; 2] {
            return Poll::Ready(());
        }
        let Buffers { upload, download, .. } = &*self.buffers;
        let moved = upload.written_bytes() + download.written_bytes();
        match pace.check(moved, self.worker.clock.millis(), limit) {
            Some(wake_at) => {
                self.worker.wake_at(wake_at);
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}
