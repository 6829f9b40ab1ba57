//! One direction of a message on its way through: head, then body; read, find the end, frame anew,
//! write.
//!
//! Uploads, downloads and tunnels are all flows; there is one copy loop. A flow reads only when
//! everything it read before has been written, so a slow sink stops its source, and memory stays
//! bounded by one block.
//!
//! A flow can also keep the body it has sent, up to a bound, so that an upload can be replayed to
//! another endpoint. Body bytes still to be written and body bytes kept are one buffer.

use roundel_http::{BodyDecoder, BodyEncoder, BodyError, Framing};

use crate::block::Blocks;
use crate::socket::{Received, Socket};
use crate::splice::{Broken, Spliced, Splicer};

/// Blocks moved before other tasks get their turn.
const BLOCKS_PER_TURN: u32 = 16;

/// Buffers above this are given back after use.
const BUFFER_KEPT_BYTES: usize = 16 * 1024;

/// Copying less than this behind a head costs less than a second slice for the kernel to walk.
const COPY_MAX: usize = 4 * 1024;

/// Data that comes in pieces of at least this size, and of which as much is still to come, is
/// spliced. Below, copying costs less than the two calls more; measured, it breaks even at 64 KiB in
/// all.
const SPLICE_MIN: usize = 32 * 1024;

/// One direction of a message.
#[derive(Debug)]
pub(crate) struct Flow {
    decoder: BodyDecoder,
    encoder: BodyEncoder,
    /// The head, as written by the caller.
    head: Vec<u8>,
    head_sent: usize,
    /// Encoded body: all of it while it is kept for replay, else what is not yet written.
    pending: Vec<u8>,
    /// How much of `pending` the present sink has taken.
    sent: usize,
    /// Keeps the sent body while it is at most so long; `None` once it is longer.
    keep_max: Option<usize>,
    /// Refuses more data than this.
    data_max: u64,
    data_bytes: u64,
    written_bytes: u64,
    /// The source's last piece was a large one.
    is_bulk: bool,
    is_finished: bool,
    has_extra: bool,
}

/// How far a flow got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The message has been written to its end.
    Done,
    /// The source has nothing at present.
    WaitsForSource,
    /// The sink takes nothing at present.
    WaitsForSink,
    /// There is more to do, but others come first.
    Yields,
}

/// Why a flow can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowError {
    /// The source ended or broke before the body did.
    Truncated,
    /// The sink is gone.
    SinkClosed,
    /// The source's framing is malformed.
    Malformed(BodyError),
    /// There is more data than allowed.
    TooLarge,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            decoder: BodyDecoder::new(Framing::None),
            encoder: BodyEncoder::Identity,
            head: Vec::new(),
            head_sent: 0,
            pending: Vec::new(),
            sent: 0,
            keep_max: None,
            data_max: u64::MAX,
            data_bytes: 0,
            written_bytes: 0,
            is_bulk: false,
            is_finished: true,
            has_extra: false,
        }
    }
}

impl Flow {
    /// Forgets the last message, keeping the buffers' memory.
    pub(crate) fn reset(&mut self) {
        self.head.clear();
        self.pending.clear();
        *self = Self {
            head: std::mem::take(&mut self.head),
            pending: std::mem::take(&mut self.pending),
            ..Self::default()
        };
    }

    /// Says how the body that follows is framed at its source, and how it is written on.
    pub(crate) fn frame(&mut self, from: Framing, to: BodyEncoder) {
        self.decoder = BodyDecoder::new(from);
        self.encoder = to;
        // A message without a body needs no end either.
        self.is_finished = from == Framing::None;
    }

    /// Keeps the sent body for replay while it is at most `max` bytes.
    pub(crate) fn keep_for_replay(&mut self, max: usize) {
        self.keep_max = Some(max);
    }

    /// Refuses more than `max` bytes of data.
    pub(crate) fn limit_data(&mut self, max: u64) {
        self.data_max = max;
    }

    /// Starts over towards another sink.
    pub(crate) fn rewind(&mut self) {
        self.head.clear();
        self.head_sent = 0;
        self.sent = 0;
        self.written_bytes = 0;
    }

    /// Where the caller appends the head, before any of the body is written.
    pub(crate) fn head_mut(&mut self) -> &mut Vec<u8> {
        &mut self.head
    }

    /// Whether the source has given the whole body, written on or not.
    pub(crate) fn has_whole_body(&self) -> bool {
        self.is_finished
    }

    /// Whether the message has been written to its end.
    pub(crate) fn is_done(&self) -> bool {
        self.is_finished && !self.has_unsent()
    }

    /// Whether the body can be sent again from its start.
    pub(crate) fn is_replayable(&self) -> bool {
        self.keep_max.is_some() || self.data_bytes == 0
    }

    /// Data bytes taken from the source so far.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Bytes written to the present sink so far, head and framing included.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Whether the source sent bytes after the body's end.
    pub(crate) fn has_extra(&self) -> bool {
        self.has_extra
    }

    /// Takes body bytes that were read together with the head. Returns how many of `input` belong
    /// to the body; the rest belongs to the next message.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<usize, FlowError> {
        let mut consumed = 0;
        while !self.decoder.is_end()
            && let Some(rest) = input.get(consumed..)
            && !rest.is_empty()
        {
            let decoded = self.decoder.decode(rest).map_err(FlowError::Malformed)?;
            let data = rest.get(decoded.data.0..decoded.data.1).unwrap_or_default();
            self.count_data(data.len())?;
            self.encoder.encode(&mut self.pending, data);
            consumed += decoded.consumed;
        }
        self.finish_at_end();
        if self.keep_max.is_some_and(|max| self.pending.len() > max) {
            self.keep_max = None;
            self.forget_sent();
        }
        Ok(consumed)
    }

    /// Takes `input` and writes what the sink takes. Bytes after the body's end go to `extra`.
    pub(crate) fn take_input(
        &mut self,
        input: &[u8],
        to: &Socket,
        extra: &mut Vec<u8>,
    ) -> Result<(), FlowError> {
        self.is_bulk = input.len() >= SPLICE_MIN;
        let is_small = input.len() <= COPY_MAX && self.has_unsent();
        let can_pass = self.encoder == BodyEncoder::Identity
            && self.keep_max.is_none()
            && self.unsent().is_empty();
        let consumed = if can_pass && !is_small && !self.decoder.is_end() {
            self.pass(input, to)?
        } else {
            let consumed = self.feed(input)?;
            self.flush(to)?;
            consumed
        };
        let rest = input.get(consumed..).unwrap_or_default();
        if self.decoder.is_end() && !rest.is_empty() {
            self.has_extra = true;
            extra.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Moves bytes from `from` to `to` until one of them has to be waited for. Bytes after the
    /// body's end go to `extra`.
    pub(crate) fn pump(
        &mut self,
        blocks: &Blocks,
        splicer: &Splicer,
        from: &Socket,
        to: &Socket,
        extra: &mut Vec<u8>,
    ) -> Result<Step, FlowError> {
        for _ in 0..BLOCKS_PER_TURN {
            self.flush(to)?;
            if self.has_unsent() {
                return Ok(Step::WaitsForSink);
            }
            if self.is_finished {
                return Ok(Step::Done);
            }
            let moved = if self.is_spliceable() { self.splice(splicer, from, to)? } else { None };
            let received = match moved {
                Some(received) => received,
                None => self.copy(blocks, from, to, extra)?,
            };
            match received {
                Received::Bytes(_) => {}
                Received::End => self.end()?,
                Received::Nothing => return Ok(Step::WaitsForSource),
            }
        }
        Ok(Step::Yields)
    }

    /// Moves one block, by way of memory.
    fn copy(
        &mut self,
        blocks: &Blocks,
        from: &Socket,
        to: &Socket,
        extra: &mut Vec<u8>,
    ) -> Result<Received, FlowError> {
        let mut block = blocks.take();
        let received = from.read(block.bytes_mut()).map_err(|_| FlowError::Truncated)?;
        if let Received::Bytes(n) = received {
            self.take_input(block.bytes().get(..n).unwrap_or_default(), to, extra)?;
        }
        Ok(received)
    }

    /// Whether what comes next is much, and needs no look.
    fn is_spliceable(&self) -> bool {
        self.is_bulk
            && self.encoder == BodyEncoder::Identity
            && self.keep_max.is_none()
            && self.decoder.unframed() >= SPLICE_MIN as u64
    }

    /// Moves about one block, without looking at it; `None` where that can't be done.
    fn splice(
        &mut self,
        splicer: &Splicer,
        from: &Socket,
        to: &Socket,
    ) -> Result<Option<Received>, FlowError> {
        let max = self.decoder.unframed();
        match splicer.splice(from, to, max, &mut self.pending) {
            Ok(Spliced::Bytes { taken, written }) => {
                self.is_bulk = taken >= SPLICE_MIN;
                self.decoder.skip(taken as u64);
                self.written_bytes += written as u64;
                self.count_data(taken)?;
                self.finish_at_end();
                // What comes behind the end would have been read with it.
                self.has_extra |= self.is_finished && matches!(from.peek(), Received::Bytes(_));
                Ok(Some(Received::Bytes(taken)))
            }
            Ok(Spliced::End) => Ok(Some(Received::End)),
            Ok(Spliced::Nothing) => Ok(Some(Received::Nothing)),
            Ok(Spliced::Unsupported) => Ok(None),
            Err(Broken::Source) => Err(FlowError::Truncated),
            Err(Broken::Sink) => Err(FlowError::SinkClosed),
        }
    }

    /// Writes what waits, as far as the sink takes it.
    pub(crate) fn flush(&mut self, to: &Socket) -> Result<(), FlowError> {
        if !self.has_unsent() {
            return Ok(());
        }
        let head_len = self.head.len();
        let body = self.pending.get(self.sent..).unwrap_or_default();
        let is_copied = self.head_sent < head_len && body.len() <= COPY_MAX;
        let written = if is_copied {
            self.head.extend_from_slice(body);
            let written = to.write(self.head.get(self.head_sent..).unwrap_or_default());
            self.head.truncate(head_len);
            written
        } else {
            to.write_both(self.head.get(self.head_sent..).unwrap_or_default(), body)
        };
        self.note_written(written.map_err(|_| FlowError::SinkClosed)?);
        Ok(())
    }

    /// Gives back memory that one large message took.
    pub(crate) fn shrink(&mut self) {
        for buffer in [&mut self.head, &mut self.pending] {
            if buffer.capacity() > BUFFER_KEPT_BYTES {
                *buffer = Vec::new();
            }
        }
    }

    /// Writes data without copying it: nothing of the body waits and nothing is kept.
    fn pass(&mut self, input: &[u8], to: &Socket) -> Result<usize, FlowError> {
        let mut consumed = 0;
        while !self.decoder.is_end()
            && let Some(rest) = input.get(consumed..)
            && !rest.is_empty()
        {
            let decoded = self.decoder.decode(rest).map_err(FlowError::Malformed)?;
            let data = rest.get(decoded.data.0..decoded.data.1).unwrap_or_default();
            self.count_data(data.len())?;
            consumed += decoded.consumed;
            if self.unsent().is_empty() {
                let head = self.head.get(self.head_sent..).unwrap_or_default();
                let head_len = head.len();
                let written = to.write_both(head, data).map_err(|_| FlowError::SinkClosed)?;
                self.head_sent += written.min(head_len);
                self.written_bytes += written as u64;
                let data_written = written.saturating_sub(head_len);
                self.pending.extend_from_slice(data.get(data_written..).unwrap_or_default());
            } else {
                self.pending.extend_from_slice(data);
            }
        }
        self.finish_at_end();
        Ok(consumed)
    }

    /// Whether bytes wait to be written.
    pub(crate) fn has_unsent(&self) -> bool {
        self.head_sent < self.head.len() || !self.unsent().is_empty()
    }

    fn unsent(&self) -> &[u8] {
        self.pending.get(self.sent..).unwrap_or_default()
    }

    fn note_written(&mut self, written: usize) {
        self.written_bytes += written as u64;
        let of_head = written.min(self.head.len() - self.head_sent);
        self.head_sent += of_head;
        self.sent = (self.sent + written - of_head).min(self.pending.len());
        self.forget_sent();
    }

    /// The source has sent its last byte.
    fn end(&mut self) -> Result<(), FlowError> {
        if !self.decoder.close() {
            return Err(FlowError::Truncated);
        }
        self.finish_at_end();
        Ok(())
    }

    fn finish_at_end(&mut self) {
        if !self.is_finished && self.decoder.is_end() {
            self.encoder.finish(&mut self.pending, self.decoder.trailers());
            self.is_finished = true;
        }
    }

    fn count_data(&mut self, len: usize) -> Result<(), FlowError> {
        self.data_bytes = self.data_bytes.saturating_add(len as u64);
        if self.data_bytes > self.data_max { Err(FlowError::TooLarge) } else { Ok(()) }
    }

    fn forget_sent(&mut self) {
        if self.keep_max.is_none() && self.sent > 0 {
            self.pending.drain(..self.sent);
            self.sent = 0;
        }
    }
}
