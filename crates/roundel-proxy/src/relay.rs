//! Passing a response on.
//!
//! Once a response head has gone to the client there is no way back: what fails from here on ends
//! the exchange, and the client's connection in such a way that it can't take a part for the
//! whole.

use std::future::poll_fn;
use std::task::Poll;

use roundel_core::end::{AttemptFailure, EndReason};
use roundel_http::{BodyEncoder, FieldKind, Framing, KindSet, Method, write_response};

use crate::attempt::{Answer, AnswerBytes, via};
use crate::buffers::{Buffers, Response};
use crate::deadline::Millis;
use crate::exchange::{Ending, Exchange};
use crate::flow::{FlowError, Step};
use crate::pace::{Pace, PaceLimit};
use crate::pick::Place;
use crate::reactor::Ready;
use crate::serve::Next;
use crate::socket::Socket;

/// The state of a response on its way.
struct Relaying {
    endpoint: Option<InUse>,
    is_upload_cut: bool,
    endpoint_pace: Pace,
    client_pace: Pace,
}

/// The endpoint's connection; given back as soon as the endpoint has sent everything, so that a
/// slow client does not hold it.
struct InUse {
    place: Place,
    socket: Socket,
}

impl Exchange<'_> {
    /// Passes `answer` on to the client.
    pub(crate) async fn relay(&mut self, place: Place, answer: Answer) -> Ending {
        let head = &self.buffers.response.head;
        let status = head.status;
        self.record.status = status;
        let is_connect = self.buffers.request.head.method == Method::Connect;
        if status == 101 || (is_connect && status / 100 == 2) {
            return self.tunnel(place, answer).await;
        }
        let Answer { socket, bytes, is_upload_cut } = answer;
        // What the client has not sent by now stands between this response and its next request.
        let keeps_client = self.keeps_client() && self.buffers.upload.is_done();
        let (to, encoder) = self.response_framing();
        let closes = !keeps_client || to == Framing::UntilClose;
        let now = self.worker.clock.millis();
        let mut relaying = Relaying {
            endpoint: Some(InUse { place, socket }),
            is_upload_cut,
            endpoint_pace: Pace::start(0, now),
            client_pace: Pace::start(0, now),
        };
        self.client.is_mid_response.set(true);
        let started = self.start_response(&bytes, to, encoder, closes);
        drop(bytes);
        let moved = match started {
            Ok(()) => poll_fn(|_| self.poll_relay(&mut relaying)).await,
            Err(error) => Err(end_of_download(error)),
        };
        self.client.is_mid_response.set(false);
        match moved {
            Ok(()) if closes => Ending { reason: EndReason::Ok, next: self.farewell() },
            Ok(()) => Ending { reason: EndReason::Ok, next: Next::Keep },
            Err(reason) => {
                if let Some(InUse { place, .. }) = &relaying.endpoint {
                    self.note_broken_response(place, reason);
                }
                Ending { reason, next: Next::Reset }
            }
        }
    }

    /// How the response's body goes to the client.
    fn response_framing(&self) -> (Framing, BodyEncoder) {
        match self.buffers.response.head.framing {
            // An HTTP/1.0 client knows no chunks (RFC 9112 §7.1).
            Framing::Chunked | Framing::UntilClose if self.is_http10() => {
                (Framing::UntilClose, BodyEncoder::Identity)
            }
            Framing::Chunked | Framing::UntilClose => (Framing::Chunked, BodyEncoder::Chunked),
            framing => (framing, BodyEncoder::Identity),
        }
    }

    /// Writes the head, and sends it together with what was read behind it.
    fn start_response(
        &mut self,
        bytes: &AnswerBytes,
        to: Framing,
        encoder: BodyEncoder,
        closes: bool,
    ) -> Result<(), FlowError> {
        let keeps_http10 = self.is_http10() && !closes;
        let has_via = self.settings.forwarded.via;
        let clock = &self.worker.clock;
        let Buffers { response, download, request, .. } = &mut *self.buffers;
        let Response { bytes: buffered, head } = response;
        let bytes = bytes.of(buffered);
        let keep_length = request.head.method == Method::Head || head.status == 304;
        download.frame(head.framing, encoder);
        let out = download.head_mut();
        write_response(out, bytes, head, to, keep_length, closes, KindSet::EMPTY, |out| {
            // RFC 9110 §6.6.1: who has a clock dates what came without a date.
            if !head.fields.iter().any(|field| field.kind == FieldKind::Date) {
                out.extend_from_slice(b"Date: ");
                clock.write_date(out);
                out.extend_from_slice(b"\r\n");
            }
            if has_via {
                out.extend_from_slice(via(head.version));
            }
            if keeps_http10 {
                out.extend_from_slice(b"Connection: keep-alive\r\n");
            }
        });
        let body = bytes.get(head.len..).unwrap_or_default();
        download.take_input(body, &self.client.socket, &mut Vec::new())
    }

    fn poll_relay(&mut self, relaying: &mut Relaying) -> Poll<Result<(), EndReason>> {
        if let Err(error) = self.push_download(relaying) {
            return Poll::Ready(Err(end_of_download(error)));
        }
        if self.buffers.download.is_done() {
            return Poll::Ready(Ok(()));
        }
        self.push_late_upload(relaying);
        // Once the endpoint has sent everything, the rest is on its way to whoever still takes it.
        let client = self.client;
        if client.socket.is_broken() || relaying.endpoint.is_some() && client.has_left() {
            return Poll::Ready(Err(EndReason::ClientClosed));
        }
        match self.check_relay_pace(relaying) {
            Ok(wake_at) => {
                self.worker.wake_at(wake_at);
                Poll::Pending
            }
            Err(reason) => Poll::Ready(Err(reason)),
        }
    }

    /// Moves the response on, and gives the endpoint's connection back when it has sent all.
    fn push_download(&mut self, relaying: &mut Relaying) -> Result<(), FlowError> {
        let download = &mut self.buffers.download;
        let Some(InUse { socket, .. }) = &relaying.endpoint else {
            return download.flush(&self.client.socket);
        };
        let to = &self.client.socket;
        if download.pump(&self.worker.blocks, &self.worker.splicer, socket, to, &mut Vec::new())?
            == Step::Yields
        {
            self.worker.yield_now();
        }
        if download.has_whole_body()
            && let Some(in_use) = relaying.endpoint.take()
        {
            self.give_back(in_use);
        }
        Ok(())
    }

    /// Keeps the endpoint's connection for later if it is at a message boundary for certain.
    fn give_back(&self, InUse { place, socket }: InUse) {
        let Buffers { response, download, upload, .. } = &*self.buffers;
        let is_reusable = response.head.keep_alive
            && response.head.framing != Framing::UntilClose
            && upload.is_done()
            && !download.has_extra()
            && place.endpoint.keeps_connections();
        let max = place.pool.pool.policy.limits.max_idle_connections;
        let now = self.worker.clock.millis();
        if download.has_extra() {
            place.endpoint.idle.note_unasked(now);
        }
        if is_reusable && place.endpoint.idle.keep(socket, now, max) {
            place.endpoint.metrics().idle_connections.increment();
        }
    }

    /// A request whose response came early is still sent on, as far as the endpoint takes it.
    fn push_late_upload(&mut self, relaying: &mut Relaying) {
        let Buffers { upload, request, .. } = &mut *self.buffers;
        let Some(InUse { socket, .. }) = &relaying.endpoint else { return };
        if relaying.is_upload_cut || upload.is_done() {
            return;
        }
        let from = &self.client.socket;
        match upload.pump(
            &self.worker.blocks,
            &self.worker.splicer,
            from,
            socket,
            &mut request.bytes,
        ) {
            Ok(Step::Yields) => self.worker.yield_now(),
            Ok(_) => {}
            Err(_) => relaying.is_upload_cut = true,
        }
    }

    fn check_relay_pace(&self, relaying: &mut Relaying) -> Result<Millis, EndReason> {
        let now = self.worker.clock.millis();
        let download = &self.buffers.download;
        if let Some(InUse { place, .. }) = &relaying.endpoint
            && !download.has_unsent()
        {
            relaying.client_pace.excuse(now);
            let idle = place.pool.pool.policy.timeouts.body_idle;
            let limit = PaceLimit { idle, bytes_per_second_min: 0 };
            let checked = relaying.endpoint_pace.check(download.data_bytes(), now, limit);
            return checked.ok_or(EndReason::ResponseStalled);
        }
        relaying.endpoint_pace.excuse(now);
        let timeouts = &self.settings.timeouts;
        let limit = PaceLimit {
            idle: timeouts.write_idle,
            bytes_per_second_min: timeouts.body_bytes_per_second_min,
        };
        let checked = relaying.client_pace.check(download.written_bytes(), now, limit);
        checked.ok_or(EndReason::ClientWriteTimeout)
    }

    fn note_broken_response(&mut self, place: &Place, reason: EndReason) {
        let failure = match reason {
            EndReason::ResponseTruncated => AttemptFailure::Truncated,
            EndReason::ResponseMalformed => AttemptFailure::Malformed,
            EndReason::ResponseStalled => AttemptFailure::Stalled,
            _ => return,
        };
        self.note_failure(place, failure);
    }

    /// How to close after a whole response: at once if the client wanted it so and has nothing under
    /// way. One that did not may be sending its next request already.
    fn farewell(&self) -> Next {
        let is_quiet = !self.buffers.request.head.keep_alive
            && self.buffers.upload.is_done()
            && self.buffers.request.taken == self.buffers.request.bytes.len()
            && !self.client.socket.ready().has_any(Ready::READ);
        if is_quiet { Next::Close } else { Next::Linger }
    }
}

/// How an exchange ends when the response can't be passed on.
fn end_of_download(error: FlowError) -> EndReason {
    match error {
        FlowError::SinkClosed => EndReason::ClientClosed,
        FlowError::Truncated => EndReason::ResponseTruncated,
        FlowError::Malformed(_) | FlowError::TooLarge => EndReason::ResponseMalformed,
    }
}
