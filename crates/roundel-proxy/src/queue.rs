//! A worker's part of a pool's line: which of its tasks holds which ticket.
//!
//! The order is the pool's, over all workers ([`Line`]). Whoever frees a place wakes the first in
//! line, here or by a note to the worker that it waits at.

use std::cell::RefCell;
use std::collections::VecDeque;

use roundel_core::line::{Line, Ticket};

use crate::task::{TaskId, Tasks};

/// Tasks that wait, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Queue(RefCell<VecDeque<(Ticket, TaskId)>>);

impl Queue {
    /// Joins the line unless `max` exchanges of the pool wait already. Leaving is dropping.
    pub(crate) fn join<'a>(
        &'a self,
        task: TaskId,
        worker: usize,
        line: &'a Line,
        max: u32,
    ) -> Option<Waiting<'a>> {
        let ticket = line.join(worker, max)?;
        self.0.borrow_mut().push_back((ticket, task));
        Some(Waiting { queue: self, ticket, line })
    }

    /// Wakes the first task that waits here.
    pub(crate) fn wake_first(&self, tasks: &Tasks) {
        let first = self.0.borrow().front().copied();
        if let Some((_, task)) = first {
            tasks.wake(task);
        }
    }
}

/// A place in the line; given up when dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    queue: &'a Queue,
    ticket: Ticket,
    line: &'a Line,
}

impl Waiting<'_> {
    /// Whether it is this task's turn.
    pub(crate) fn is_first(&self) -> bool {
        self.line.first().is_some_and(|(ticket, _)| ticket == self.ticket)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.leave(self.ticket);
        self.queue.0.borrow_mut().retain(|(ticket, _)| *ticket != self.ticket);
    }
}
