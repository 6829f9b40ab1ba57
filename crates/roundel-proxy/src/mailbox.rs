//! How other threads reach a worker: a note is left, and the worker's epoll is woken.
//!
//! Notes of one kind replace or join each other, so a mailbox cannot grow.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roundel_core::snapshot::Snapshot;
use rustix::event::{EventfdFlags, eventfd};

/// What a worker is told.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// The newest snapshot, when there is one it has not seen.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    /// Stop, and finish what runs within this time.
    pub(crate) drain: Option<Duration>,
    /// Another worker freed a place that exchanges may be waiting for.
    pub(crate) has_room: bool,
}

/// A worker's mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    mail: Mutex<Mail>,
    bell: OwnedFd,
}

impl Mailbox {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { mail: Mutex::default(), bell })
    }

    /// Leaves a note.
    pub(crate) fn leave(&self, note: impl FnOnce(&mut Mail)) {
        note(&mut self.mail.lock().unwrap_or_else(PoisonError::into_inner));
        // Fails only when the counter is full, and then the bell is ringing already.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Takes all notes and silences the bell.
    pub(crate) fn open(&self) -> Mail {
        let _ = rustix::io::read(&self.bell, &mut [0u8; 8]);
        std::mem::take(&mut self.mail.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
