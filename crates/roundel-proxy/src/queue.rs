//! A worker's part of a pool's line: which of its tasks holds which ticket.
//!
//! The order is the pool's, over all workers ([`Line`]). Whoever frees a place wakes the first in
//! line that can use it, here or by a note to the worker that it waits at.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use roundel_core::endpoint::EndpointId;
use roundel_core::line::{Line, Ticket};
use roundel_core::signal::DEMANDS_PER_SECOND_MAX;

use crate::deadline::Millis;
use crate::task::{TaskId, Tasks};

/// Tasks that wait, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: RefCell<VecDeque<(Ticket, TaskId)>>,
    /// When the control plane was last told that somebody waits for an endpoint.
    demand_told: Cell<Option<Millis>>,
}

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
        self.waiting.borrow_mut().push_back((ticket, task));
        Some(Waiting { queue: self, ticket, line })
    }

    /// Wakes the task that holds `ticket`, if it waits here.
    pub(crate) fn wake(&self, ticket: Ticket, tasks: &Tasks) {
        let queue = self.waiting.borrow();
        if let Ok(index) = queue.binary_search_by_key(&ticket, |(ticket, _)| *ticket)
            && let Some((_, task)) = queue.get(index)
        {
            tasks.wake(*task);
        }
    }

    /// Whether it is time to say again that somebody waits for an endpoint; notes that it is said.
    pub(crate) fn may_tell_demand(&self, now: Millis) -> bool {
        let told = self.demand_told.get();
        let is_due = told.is_none_or(|told| now >= told + 1000 / DEMANDS_PER_SECOND_MAX);
        if is_due {
            self.demand_told.set(Some(now));
        }
        is_due
    }

    /// Wakes all who wait here, as when the pool itself has changed.
    pub(crate) fn wake_all(&self, tasks: &Tasks) {
        self.waiting.borrow().iter().for_each(|(_, task)| tasks.wake(*task));
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
        self.queue.waiting.borrow_mut().retain(|(ticket, _)| *ticket != self.ticket);
    }
}
