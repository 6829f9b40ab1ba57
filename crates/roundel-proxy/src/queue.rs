//! Exchanges of one pool and one worker that wait for an endpoint below its limit.
//!
//! First in, first out within a worker. The bound counts waiting exchanges over all workers.
//! Whoever frees a place wakes the first waiting task; a task that got its place wakes the next,
//! so a wake-up that stood for several places is not lost.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

use roundel_core::pool::PoolShared;

use crate::task::{TaskId, Tasks};

/// Tasks that wait, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Queue(RefCell<VecDeque<TaskId>>);

impl Queue {
    /// Joins the queue unless `max` exchanges of the pool wait already. Leaving is dropping.
    pub(crate) fn join<'a>(
        &'a self,
        task: TaskId,
        shared: &'a PoolShared,
        max: u32,
    ) -> Option<Waiting<'a>> {
        if shared.queued.fetch_add(1, Relaxed) >= max {
            shared.queued.fetch_sub(1, Relaxed);
            return None;
        }
        self.0.borrow_mut().push_back(task);
        Some(Waiting { queue: self, task, shared })
    }

    /// Wakes the first waiting task. Returns whether there was one.
    pub(crate) fn wake_first(&self, tasks: &Tasks) -> bool {
        let first = self.0.borrow().front().copied();
        first.inspect(|task| tasks.wake(*task)).is_some()
    }
}

/// A place in the queue; given up when dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    queue: &'a Queue,
    task: TaskId,
    shared: &'a PoolShared,
}

impl Waiting<'_> {
    /// Whether it is this task's turn.
    pub(crate) fn is_first(&self) -> bool {
        self.queue.0.borrow().front() == Some(&self.task)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.queued.fetch_sub(1, Relaxed);
        self.queue.0.borrow_mut().retain(|task| *task != self.task);
    }
}
