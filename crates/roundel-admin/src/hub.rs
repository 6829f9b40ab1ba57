//! What is told to those who listen: the state once a second, and what happens when it happens.
//!
//! Everything is written once and shared by all: a [`Frame`] holds the bytes of an event, and each
//! subscriber gets a handle to them. The state is put together only while someone listens for it,
//! and only the newest is kept, so a slow reader gets fewer of them, never a queue. Changes go into
//! a [`Journal`], a ring of fixed size; a reader that falls behind the ring is told how much it
//! missed. So memory is bounded whatever readers do.
//!
//! Knows nothing of what a state is: the caller hands in a function that makes one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::contract::Lagged;

/// Frames kept for those who come back and those who fall behind.
const JOURNAL_FRAMES: usize = 1000;

/// Subscribers at once, of all streams; a browser tab is one or two.
const SUBSCRIBERS_MAX: usize = 64;

/// Frames that one subscriber takes at once, so that a slow one holds few that the journal has
/// dropped.
const BATCH: usize = 64;

/// From one state to the next.
const TICK: Duration = Duration::from_secs(1);

/// What an event is about; a subscriber says which it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    State,
    Change,
    Decision,
    Audit,
}

impl Topic {
    pub(crate) const ALL: [Self; 4] = [Self::State, Self::Change, Self::Decision, Self::Audit];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Change => "change",
            Self::Decision => "decision",
            Self::Audit => "audit",
        }
    }
}

/// The bytes of one event on a stream.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) topic: Topic,
    pub(crate) id: u64,
    pub(crate) bytes: Bytes,
}

/// Writes an event as a stream wants it (HTML §9.2.5). JSON has no line ends of its own.
pub(crate) fn frame_bytes(topic: &str, id: Option<u64>, data: &impl Serialize) -> Bytes {
    let mut text = format!("event: {topic}\n").into_bytes();
    if let Some(id) = id {
        text.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    text.extend_from_slice(b"data: ");
    // Maps with string keys and plain values always serialise.
    let written = serde_json::to_writer(&mut text, data);
    debug_assert!(written.is_ok(), "{written:?}");
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// The ring of what happened. Ids go up by one.
#[derive(Debug)]
pub(crate) struct Journal {
    next_id: u64,
    first_id: u64,
    frames: VecDeque<Frame>,
}

impl Journal {
    /// An empty one whose first frame gets the id `first`.
    fn new(first: u64) -> Self {
        Self { next_id: first, first_id: first, frames: VecDeque::new() }
    }

    fn push(&mut self, topic: Topic, write: impl FnOnce(u64) -> Bytes) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if self.frames.len() == JOURNAL_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(Frame { topic, id, bytes: write(id) });
        id
    }

    /// The first of what came after `last`, and how much before that is no longer there. An id of another life of
    /// the process, or 0, asks for all there is and has missed nothing that could be counted.
    fn after(&self, last: u64) -> (u64, Vec<Frame>) {
        let oldest = self.frames.front().map_or(self.next_id, |frame| frame.id);
        let missed = if last < self.first_id.saturating_sub(1) {
            0
        } else {
            oldest.saturating_sub(last.saturating_add(1))
        };
        let skip = self.frames.partition_point(|frame| frame.id <= last);
        (missed, self.frames.iter().skip(skip).take(BATCH).cloned().collect())
    }
}

/// Where events come together and go out from.
#[derive(Debug)]
pub(crate) struct Hub {
    journal: Mutex<Journal>,
    /// The id of the newest frame.
    newest: watch::Sender<u64>,
    /// The newest state; empty before the first.
    state: watch::Sender<Bytes>,
    is_wanted: Notify,
    slots: Arc<Semaphore>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        // Milliseconds grow faster than frames are written, so ids grow over restarts too.
        let first = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let first = u64::try_from(first).unwrap_or(1).max(1);
        Self {
            journal: Mutex::new(Journal::new(first)),
            newest: watch::Sender::new(first - 1),
            state: watch::Sender::new(Bytes::new()),
            is_wanted: Notify::new(),
            slots: Arc::new(Semaphore::new(SUBSCRIBERS_MAX)),
        }
    }

    /// Tells what happened. `write` gets the id.
    pub(crate) fn tell<T: Serialize>(&self, topic: Topic, write: impl FnOnce(u64) -> T) -> T {
        let mut made = None;
        let mut journal = self.journal();
        let id = journal.push(topic, |id| {
            let data = made.insert(write(id));
            frame_bytes(topic.word(), Some(id), data)
        });
        self.newest.send_replace(id);
        drop(journal);
        made.expect("the journal writes each frame")
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place among the subscribers; `None` when all are taken.
    pub(crate) fn seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// Listens from now on, or from after the frame `last`.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        topics: Vec<Topic>,
        last: Option<u64>,
        seat: OwnedSemaphorePermit,
    ) -> Subscription {
        let newest = self.newest.subscribe();
        let last = last.unwrap_or_else(|| *newest.borrow());
        let mut state = topics.contains(&Topic::State).then(|| self.state.subscribe());
        if let Some(state) = &mut state {
            state.mark_changed();
            self.is_wanted.notify_one();
        }
        let mut newest = newest;
        newest.mark_changed();
        Subscription {
            hub: Arc::clone(self),
            topics,
            last,
            backlog: VecDeque::new(),
            newest,
            state,
            _seat: seat,
        }
    }

    /// Makes a state each second while someone listens for it. Never ends.
    pub(crate) async fn tick<T: Serialize>(&self, make: impl Fn() -> T) {
        loop {
            // What was kept is as old as the last listener.
            self.state.send_replace(Bytes::new());
            while self.state.receiver_count() == 0 {
                self.is_wanted.notified().await;
            }
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while self.state.receiver_count() > 0 {
                ticks.tick().await;
                self.state.send_replace(frame_bytes(Topic::State.word(), None, &make()));
            }
        }
    }
}

/// One listener's place in the stream.
#[derive(Debug)]
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    topics: Vec<Topic>,
    last: u64,
    backlog: VecDeque<Bytes>,
    newest: watch::Receiver<u64>,
    state: Option<watch::Receiver<Bytes>>,
    _seat: OwnedSemaphorePermit,
}

/// So often something is sent even if nothing happens, which shows both sides that the other is
/// there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl Subscription {
    /// The next bytes to send. What happened goes before the state that shows it.
    pub(crate) async fn next(&mut self) -> Bytes {
        loop {
            if let Some(bytes) = self.backlog.pop_front() {
                return bytes;
            }
            tokio::select! {
                biased;
                Ok(()) = self.newest.changed() => self.catch_up(),
                bytes = newest_state(&mut self.state) => return bytes,
                () = tokio::time::sleep(KEEP_ALIVE) => return Bytes::from_static(b":\n\n"),
            }
        }
    }

    fn catch_up(&mut self) {
        self.newest.mark_unchanged();
        let (missed, frames) = self.hub.journal().after(self.last);
        if missed > 0 {
            self.backlog.push_back(frame_bytes("lagged", None, &Lagged { missed }));
        }
        if frames.len() == BATCH {
            self.newest.mark_changed();
        }
        for frame in frames {
            self.last = frame.id;
            if self.topics.contains(&frame.topic) {
                self.backlog.push_back(frame.bytes);
            }
        }
    }
}

/// The next state that is not yet sent; never, for one who does not want it.
async fn newest_state(state: &mut Option<watch::Receiver<Bytes>>) -> Bytes {
    if let Some(state) = state {
        while state.changed().await.is_ok() {
            let bytes = state.borrow_and_update().clone();
            if !bytes.is_empty() {
                return bytes;
            }
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests;
