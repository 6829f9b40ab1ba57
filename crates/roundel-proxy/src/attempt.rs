//! One try at one endpoint: get a connection, send the request, read the response head.
//!
//! Sending and reading run side by side, because an endpoint may answer before it has read
//! everything, and may stop reading because it has answered (RFC 9112 §9.5).

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use roundel_core::address::ConnectAddress;
use roundel_core::end::{AttemptFailure, EndReason};
use roundel_core::policy::HostPolicy;
use roundel_http::{
    FieldKind, Framing, HeadLimits, KindSet, Parse, Version, write_request, write_response,
};

use crate::block::Block;
use crate::buffers::{Buffers, Response};
use crate::deadline::Millis;
use crate::exchange::{Exchange, end_of_upload};
use crate::flow::{FlowError, Step};
use crate::hedge::Hedge;
use crate::pace::{Pace, PaceLimit};
use crate::pick::Place;
use crate::reactor::Ready;
use crate::socket::{Received, Socket};

/// Bounds on a response head. Endpoints are trusted more than clients, but not with memory.
const RESPONSE_LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 64 * 1024, fields_max: 256, target_bytes_max: 0 };

/// Interim responses passed on in one exchange.
const INTERIM_MAX: u32 = 16;

/// A client that expects 100 (Continue) gets it from Roundel when the endpoint keeps silent for so
/// long: an endpoint that does not know the expectation waits for the body.
const CONTINUE_AFTER: Duration = Duration::from_secs(1);

/// A request of which nothing was acknowledged for so long has not arrived, and neither have several
/// repetitions of it (RFC 6298): the endpoint's machine or the way to it is gone, which no reset
/// will ever tell. An endpoint that merely does not read has a kernel that acknowledges.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);

/// An endpoint's final response head, in the buffers, and where the bytes after it are.
pub(crate) struct Answer {
    pub(crate) socket: Socket,
    pub(crate) bytes: AnswerBytes,
    /// The endpoint takes no more of the request.
    pub(crate) is_upload_cut: bool,
}

/// Where a response head and what was read with it lie.
pub(crate) enum AnswerBytes {
    /// So many bytes of a block: the head came in one piece.
    Block(Block, usize),
    /// The response buffer.
    Buffer,
}

impl AnswerBytes {
    /// All bytes from the head's first on; `buffer` is the response buffer.
    pub(crate) fn of<'a>(&'a self, buffer: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Block(block, n) => block.bytes().get(..*n).unwrap_or_default(),
            Self::Buffer => buffer,
        }
    }
}

/// Why an attempt has no answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failed {
    /// The endpoint's side failed; another attempt may be made.
    Upstream {
        failure: AttemptFailure,
        /// Certainly nothing of the request was processed.
        is_unprocessed: bool,
    },
    /// The client's side failed.
    Downstream(EndReason),
}

impl Failed {
    pub(crate) fn upstream(failure: AttemptFailure, is_unprocessed: bool) -> Self {
        Self::Upstream { failure, is_unprocessed }
    }
}

/// The state of an attempt whose request is on its way.
pub(crate) struct Sending<'p> {
    pub(crate) place: &'p mut Place,
    pub(crate) socket: Socket,
    pub(crate) is_reused: bool,
    started: Millis,
    pub(crate) started_us: u64,
    client_pace: Pace,
    endpoint_pace: Pace,
    /// Set when the request has been sent, or the endpoint has stopped taking it: an answer may
    /// still come.
    pub(crate) sent: Option<Sent>,
    pub(crate) is_upload_cut: bool,
    interim_count: u32,
    is_continue_due: bool,
    /// Something of the request was acknowledged, or no kernel would tell.
    pub(crate) has_arrived: bool,
    /// Since when the endpoint has seemed to have stopped.
    pub(crate) stopped_since: Option<Millis>,
    pub(crate) hedge: Option<Box<Hedge>>,
}

impl Sending<'_> {
    /// Whether an interim response has come.
    pub(crate) fn has_interim(&self) -> bool {
        self.interim_count > 0
    }
}

/// A request that has been sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) at: Millis,
    /// How many bytes were written, head and framing included.
    pub(crate) bytes: u64,
}

impl Exchange<'_> {
    /// Sends the request to `place` and reads the head of the answer into the buffers. When a hedge
    /// has won, `place` is that hedge's.
    pub(crate) async fn attempt(&mut self, place: &mut Place) -> Result<Answer, Failed> {
        let started_us = self.worker.clock.micros();
        let (socket, is_reused) = self.connection(place, started_us).await?;
        self.write_request_head(place);
        let now = self.worker.clock.millis();
        let mut sending = Sending {
            has_arrived: is_near(place),
            place,
            socket,
            is_reused,
            started: now,
            started_us,
            client_pace: Pace::start(self.buffers.upload.data_bytes(), now),
            endpoint_pace: Pace::start(0, now),
            sent: None,
            is_upload_cut: false,
            interim_count: 0,
            is_continue_due: self.awaits_continue(),
            stopped_since: None,
            hedge: None,
        };
        self.buffers.response.bytes.clear();
        let answered = poll_fn(|_| self.poll_answer(&mut sending)).await;
        self.end_upload(&mut sending);
        let bytes = answered?;
        sending.place.note_answered();
        let first_byte_us = self.worker.clock.micros().saturating_sub(sending.started_us);
        self.record.timing.first_byte_us = Some(first_byte_us);
        self.record.endpoint_status = self.buffers.response.head.status;
        let metrics = sending.place.endpoint.metrics();
        metrics.first_byte.record(first_byte_us);
        metrics.responses.increment(self.record.endpoint_status);
        Ok(Answer { socket: sending.socket, bytes, is_upload_cut: sending.is_upload_cut })
    }

    pub(crate) fn write_request_head(&mut self, place: &Place) {
        let request = &self.buffers.request;
        let policy = &self.settings.forwarded;
        let host = match &place.pool.pool.policy.host {
            HostPolicy::Preserve => Some(request.head.authority.of(&request.bytes)),
            HostPolicy::Endpoint => Some(place.endpoint.authority.as_bytes()),
            HostPolicy::Fixed(host) => Some(host.as_bytes()),
        };
        // An HTTP/1.0 request may come without Host; HTTP/1.1 needs one, if only the endpoint's.
        let host = host.filter(|h| !h.is_empty()).unwrap_or(place.endpoint.authority.as_bytes());
        let made_id = self.record.request_id;
        let mut omit = self.forwarding.omitted();
        if made_id.is_some() {
            omit = omit.with(FieldKind::XRequestId);
        }
        let hops_left = request.hops_left().map(|hops| hops.saturating_sub(1));
        if hops_left.is_some() {
            omit = omit.with(FieldKind::MaxForwards);
        }
        self.buffers.upload.rewind();
        let out = self.buffers.upload.head_mut();
        let framing = request.head.framing;
        let forwarding = self.forwarding;
        write_request(out, &request.bytes, &request.head, Some(host), framing, omit, |out| {
            forwarding.write(out, request);
            if let Some(id) = made_id {
                out.extend_from_slice(b"X-Request-Id: ");
                out.extend_from_slice(id.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            if let Some(hops) = hops_left {
                out.extend_from_slice(b"Max-Forwards: ");
                out.extend_from_slice(itoa::Buffer::new().format(hops).as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            if policy.via {
                out.extend_from_slice(via(request.head.version));
            }
        });
    }

    fn poll_answer(&mut self, sending: &mut Sending<'_>) -> Poll<Result<AnswerBytes, Failed>> {
        loop {
            return match self.seek_answer(sending) {
                Ok(Some(bytes)) => Poll::Ready(Ok(bytes)),
                Ok(None) => Poll::Pending,
                Err(Failed::Upstream { failure, .. }) if self.falls_back(sending, failure) => {
                    continue;
                }
                Err(failed) => Poll::Ready(Err(failed)),
            };
        }
    }

    /// Moves the attempt on as far as it goes. Returns where the answer's head is, if it has come.
    fn seek_answer(&mut self, sending: &mut Sending<'_>) -> Result<Option<AnswerBytes>, Failed> {
        self.push_upload(sending)?;
        if let Some(bytes) = self.read_answer(sending)? {
            return Ok(Some(bytes));
        }
        if sending.hedge.is_some()
            && self.is_overtaken(sending)
            && let Some(bytes) = self.read_answer(sending)?
        {
            return Ok(Some(bytes));
        }
        if self.client.has_left() {
            return Err(Failed::Downstream(EndReason::ClientClosed));
        }
        let wake_at = self.check_time(sending)?;
        self.worker.wake_at(wake_at);
        Ok(None)
    }

    /// Sends what the endpoint takes.
    fn push_upload(&mut self, sending: &mut Sending<'_>) -> Result<(), Failed> {
        if sending.sent.is_some() {
            return Ok(());
        }
        let Buffers { upload, request, .. } = &mut *self.buffers;
        let (from, to) = (&self.client.socket, &sending.socket);
        match upload.pump(&self.worker.blocks, &self.worker.splicer, from, to, &mut request.bytes) {
            Ok(Step::Done) => {
                self.end_upload(sending);
                sending.place.note_sent();
            }
            Ok(Step::WaitsForSource) => {}
            Ok(Step::WaitsForSink) => sending.client_pace.excuse(self.worker.clock.millis()),
            Ok(Step::Yields) => self.worker.yield_now(),
            Err(FlowError::SinkClosed) => {
                sending.is_upload_cut = true;
                self.end_upload(sending);
            }
            Err(error) => return Err(Failed::Downstream(end_of_upload(error))),
        }
        Ok(())
    }

    /// From now on the exchange waits, if it goes on: the time until here was the upload's.
    fn end_upload(&mut self, sending: &mut Sending<'_>) {
        if sending.sent.is_none() {
            let now = self.worker.clock.millis();
            sending.sent = Some(Sent { at: now, bytes: self.buffers.upload.written_bytes() });
            let took = now.saturating_sub(sending.started);
            self.deadline = self.deadline.saturating_add(took);
        }
    }

    /// Reads what the endpoint sends, until there is a final head.
    fn read_answer(&mut self, sending: &mut Sending<'_>) -> Result<Option<AnswerBytes>, Failed> {
        loop {
            let mut block = self.worker.blocks.take();
            let received = sending.socket.read(block.bytes_mut());
            let n = match received {
                Ok(Received::Nothing) => return Ok(None),
                Ok(Received::Bytes(n)) => n,
                Ok(Received::End) => return Err(self.closed_early(sending, !sending.is_upload_cut)),
                Err(_) => return Err(self.closed_early(sending, false)),
            };
            if sending.hedge.is_some() {
                self.end_hedge(sending);
            }
            let method = self.buffers.request.head.method;
            let Response { bytes, head } = &mut self.buffers.response;
            let read = block.bytes().get(..n).unwrap_or_default();
            if bytes.is_empty() {
                match head.parse(read, method, &RESPONSE_LIMITS) {
                    Ok(Parse::Complete) if head.status >= 200 || head.status == 101 => {
                        self.check_upgrade()?;
                        return Ok(Some(AnswerBytes::Block(block, n)));
                    }
                    Ok(_) => {}
                    Err(_) => return Err(Failed::upstream(AttemptFailure::Malformed, false)),
                }
            }
            bytes.extend_from_slice(read);
            if self.take_interim(sending)? {
                return Ok(Some(AnswerBytes::Buffer));
            }
        }
    }

    /// Passes on interim responses that lie in the response buffer. Returns whether a final head
    /// follows them.
    fn take_interim(&mut self, sending: &mut Sending<'_>) -> Result<bool, Failed> {
        let malformed = || Failed::upstream(AttemptFailure::Malformed, false);
        loop {
            let method = self.buffers.request.head.method;
            let Response { bytes, head } = &mut self.buffers.response;
            match head.parse(bytes, method, &RESPONSE_LIMITS).map_err(|_| malformed())? {
                Parse::Partial => return Ok(false),
                Parse::Complete if head.status >= 200 || head.status == 101 => {
                    self.check_upgrade()?;
                    return Ok(true);
                }
                Parse::Complete => {}
            }
            sending.interim_count += 1;
            if sending.interim_count > INTERIM_MAX {
                return Err(malformed());
            }
            self.pass_interim(sending);
            let Response { bytes, head } = &mut self.buffers.response;
            bytes.drain(..head.len.min(bytes.len()));
        }
    }

    /// Passes one interim response on to a client that understands it (RFC 9110 §15.2): never to
    /// HTTP/1.0, and 100 only when it is awaited.
    fn pass_interim(&mut self, sending: &mut Sending<'_>) {
        let is_continue = self.buffers.response.head.status == 100;
        let is_unwanted = is_continue && !sending.is_continue_due;
        if is_continue {
            sending.is_continue_due = false;
        }
        if self.is_http10() || is_unwanted {
            return;
        }
        let Buffers { response, download, .. } = &mut *self.buffers;
        let out = download.head_mut();
        let (bytes, head) = (&response.bytes, &response.head);
        write_response(out, bytes, head, Framing::None, false, false, KindSet::EMPTY, |_| {});
        // A client that is gone is noticed by whoever writes next.
        let _ = download.flush(&self.client.socket);
    }

    /// A 101 that nobody asked for, or that comes before the whole request has gone, would turn the
    /// connection into something else in the middle of a message.
    fn check_upgrade(&self) -> Result<(), Failed> {
        let is_switch = self.buffers.response.head.status == 101;
        let is_expected =
            !self.buffers.request.head.upgrade.is_empty() && self.buffers.upload.is_done();
        if is_switch && !is_expected {
            return Err(Failed::upstream(AttemptFailure::Malformed, false));
        }
        Ok(())
    }

    /// The endpoint closed or reset the connection before a whole head came.
    fn closed_early(&self, sending: &Sending<'_>, is_orderly: bool) -> Failed {
        let has_answered = !self.buffers.response.bytes.is_empty() || sending.has_interim();
        if has_answered {
            return Failed::upstream(AttemptFailure::Malformed, false);
        }
        let failure =
            if sending.is_reused { AttemptFailure::ReusedClosed } else { AttemptFailure::Closed };
        // An orderly close acknowledges all that arrived before it: if it acknowledges nothing,
        // the endpoint had closed before. A reset proves nothing, since its acknowledgement is not
        // taken in, and the endpoint may have read the request and not yet said so.
        let written = sending.sent.map_or(self.buffers.upload.written_bytes(), |sent| sent.bytes);
        let is_unprocessed =
            written == 0 || is_orderly && sending.socket.unacknowledged() >= written;
        Failed::upstream(failure, is_unprocessed)
    }

    /// Checks what is late. Returns when to look again.
    fn check_time(&mut self, sending: &mut Sending<'_>) -> Result<Millis, Failed> {
        let now = self.worker.clock.millis();
        let timeouts = &sending.place.pool.pool.policy.timeouts;
        if let Some(sent) = sending.sent {
            let limit = u64::try_from(timeouts.response_head.as_millis()).unwrap_or(u64::MAX);
            let until = sent.at.saturating_add(limit).min(self.deadline);
            if now >= until {
                return Err(Failed::upstream(AttemptFailure::ResponseTimeout, false));
            }
            let arrives = check_arrival(sending, sent, now)?;
            return Ok(until.min(arrives).min(self.look_around(sending, sent.at, now)));
        }
        let upload = &self.buffers.upload;
        if upload.has_unsent() {
            let bytes_per_second_min = self.settings.timeouts.body_bytes_per_second_min;
            let limit = PaceLimit { idle: timeouts.body_idle, bytes_per_second_min };
            let checked = sending.endpoint_pace.check(upload.written_bytes(), now, limit);
            return checked.ok_or(Failed::upstream(AttemptFailure::WriteTimeout, false));
        }
        sending.endpoint_pace.excuse(now);
        let wake_at = self.check_client_pace(&mut sending.client_pace);
        let wake_at = wake_at.map_err(Failed::Downstream)?;
        Ok(wake_at.min(self.continue_when_due(sending, now)))
    }

    /// Whether the client sends its body fast enough. Returns when to look again.
    fn check_client_pace(&self, pace: &mut Pace) -> Result<Millis, EndReason> {
        let timeouts = &self.settings.timeouts;
        let limit = PaceLimit {
            idle: timeouts.body_idle,
            bytes_per_second_min: timeouts.body_bytes_per_second_min,
        };
        let now = self.worker.clock.millis();
        let checked = pace.check(self.buffers.upload.data_bytes(), now, limit);
        checked.ok_or(EndReason::ClientBodyTimeout)
    }

    /// Whether the client still waits for 100 (Continue): once it has begun to send it does not.
    fn awaits_continue(&self) -> bool {
        self.buffers.request.head.expects_continue && self.buffers.upload.data_bytes() == 0
    }

    /// Sends 100 (Continue) in the endpoint's stead when it is due. Returns when to look again.
    fn continue_when_due(&mut self, sending: &mut Sending<'_>, now: Millis) -> Millis {
        if !sending.is_continue_due {
            return Millis::MAX;
        }
        let due = sending.started + CONTINUE_AFTER.as_millis() as u64;
        if now < due {
            return due;
        }
        sending.is_continue_due = false;
        let download = &mut self.buffers.download;
        download.head_mut().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        let _ = download.flush(&self.client.socket);
        Millis::MAX
    }

    /// Waits for the rest of a short body, so that no endpoint waits for it.
    pub(crate) async fn receive_short_body(&mut self) -> Result<(), EndReason> {
        let mut pace = Pace::start(self.buffers.upload.data_bytes(), self.worker.clock.millis());
        while !self.buffers.upload.has_whole_body() {
            let mut block = self.worker.blocks.take();
            match self.client.socket.read(block.bytes_mut()) {
                Ok(Received::Bytes(n)) => {
                    let read = block.bytes().get(..n).unwrap_or_default();
                    let fed = self.buffers.upload.feed(read).map_err(end_of_upload)?;
                    let rest = read.get(fed..).unwrap_or_default();
                    self.buffers.request.bytes.extend_from_slice(rest);
                }
                Ok(Received::Nothing) => {
                    drop(block);
                    let until = self.check_client_pace(&mut pace)?;
                    // Being late is found out by the check.
                    let _ = self.worker.ready(&self.client.socket, Ready::READ, until).await;
                }
                Ok(Received::End) | Err(_) => return Err(EndReason::ClientClosed),
            }
        }
        Ok(())
    }
}

/// Whether `sent` has arrived. Returns when to look again.
fn check_arrival(sending: &mut Sending<'_>, sent: Sent, now: Millis) -> Result<Millis, Failed> {
    let due = sent.at + ACKNOWLEDGED_WITHIN.as_millis() as u64;
    if !sending.has_arrived && now < due {
        return Ok(due);
    }
    if !sending.has_arrived && sending.socket.unacknowledged() >= sent.bytes {
        // Acknowledgements may be what was lost, so it is not certain.
        return Err(Failed::upstream(AttemptFailure::WriteTimeout, false));
    }
    sending.has_arrived = true;
    Ok(Millis::MAX)
}

/// Whether what is sent to `place` arrives for certain: nothing is lost inside one machine's kernel,
/// and it would not tell.
pub(crate) fn is_near(place: &Place) -> bool {
    matches!(place.endpoint.address, ConnectAddress::Unix(_))
}

/// The `Via` of a message received in `version` (RFC 9110 §7.6.3).
pub(crate) fn via(version: Version) -> &'static [u8] {
    match version {
        Version::H10 => b"Via: 1.0 roundel\r\n",
        Version::H11 => b"Via: 1.1 roundel\r\n",
    }
}
