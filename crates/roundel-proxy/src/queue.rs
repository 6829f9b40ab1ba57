//! A worker's part of a pool's line: which of its tasks holds which ticket.
//!
//! The order is the pool's, over all workers ([`Line`]). Whoever frees a place wakes the first in
//! line that can use it, here or by a note to the worker that it waits at.

use std::cell::RefCell;
use std::collections::VecDeque;

use roundel_core::endpoint::EndpointId;
use roundel_core::line::{Line, Ticket};

use crate::task::{TaskId, Tasks};

/// Tasks that wait, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Queue(RefCell<VecDeque<(Ticket, TaskId)>>);

impl Queue {
    /// Joins the line unless `max` exchanges of the pool wait already. Leaving is dropping.
    pub(crate) fn join<'a>(
        &'a self,
        (task, worker): (TaskId, usize),
        line: &'a Line,
        avoided: &[EndpointId],
        max: u32,
    ) -> Option<Waiting<'a>> {
        let ticket = line.join(worker, avoided, max)?;
        self.0.borrow_mut().push_back((ticket, task));
        Some(Waiting { queue: self, ticket, line })
    }

    /// Wakes the task that holds `ticket`, if it waits here.
    pub(crate) fn wake(&self, ticket: Ticket, tasks: &Tasks) {
        let queue = self.0.borrow();
        if let Ok(index) = queue.binary_search_by_key(&ticket, |(ticket, _)| *ticket)
            && let Some((_, task)) = queue.get(index)
        {
            tasks.wake(*task);
        }
    }

    /// Wakes all who wait here, as when the pool itself has changed.
    pub(crate) fn wake_all(&self, tasks: &Tasks) {
        self.0.borrow().iter().for_each(|(_, task)| tasks.wake(*task));
    }
}

/// A place in the line; given up when dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    queue: &'a Queue,
    pub(crate) ticket: Ticket,
    line: &'a Line,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.leave(self.ticket);
        self.queue.0.borrow_mut().retain(|(ticket, _)| *ticket != self.ticket);
    }
}
