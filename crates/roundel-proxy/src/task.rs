//! Running futures on one thread.
//!
//! A task is a future that waits only for sockets, deadlines and the queue of a pool; all of these
//! know the waiting task by [`TaskId`], so wakers are not needed and a wake-up is a push onto a
//! vector. Tasks are polled whenever anything they wait on may have changed and check for
//! themselves: waking too often is safe, too rarely is not.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Names a running task. Ids are reused after a task has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TaskId(pub(crate) u32);

/// How a poll of a task went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    /// It waits.
    Pending,
    /// It ended.
    Ended,
    /// It panicked and was dropped.
    Panicked,
}

type BoxedTask = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks of a worker.
#[derive(Default)]
pub(crate) struct Tasks {
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<TaskId>>,
    queue: RefCell<Vec<TaskId>>,
    current: Cell<Option<TaskId>>,
}

struct Slot {
    /// Absent while the task is being polled or after it has ended.
    future: Option<BoxedTask>,
    is_queued: bool,
}

impl Tasks {
    /// Adds a task and queues its first poll. `make` is told the task's id.
    pub(crate) fn spawn<F>(&self, make: impl FnOnce(TaskId) -> F) -> TaskId
    where
        F: Future<Output = ()> + 'static,
    {
        let id = self.free.borrow_mut().pop().unwrap_or_else(|| {
            let mut slots = self.slots.borrow_mut();
            let id = TaskId(u32::try_from(slots.len()).unwrap_or(u32::MAX));
            slots.push(Slot { future: None, is_queued: false });
            id
        });
        let future: BoxedTask = Box::pin(make(id));
        if let Some(slot) = self.slots.borrow_mut().get_mut(id.0 as usize) {
            slot.future = Some(future);
        }
        self.wake(id);
        id
    }

    /// Queues a poll of `id`, once.
    pub(crate) fn wake(&self, id: TaskId) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(id.0 as usize)
            && !slot.is_queued
        {
            slot.is_queued = true;
            self.queue.borrow_mut().push(id);
        }
    }

    /// The task being polled. Outside of a poll there is none.
    pub(crate) fn current(&self) -> Option<TaskId> {
        self.current.get()
    }

    /// How many wait to be polled.
    pub(crate) fn queued(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Moves the queued tasks into `batch`, to be polled with [`Self::poll`]. What is woken
    /// meanwhile waits for the next batch, so that sockets get their turn.
    pub(crate) fn take_queued(&self, batch: &mut Vec<TaskId>) {
        batch.append(&mut self.queue.borrow_mut());
    }

    /// Drops all tasks. What they do while they are dropped may wake others, which has no effect.
    pub(crate) fn clear(&self) {
        let futures: Vec<BoxedTask> =
            self.slots.borrow_mut().iter_mut().filter_map(|slot| slot.future.take()).collect();
        for future in futures {
            // One that panics must not keep the others from being accounted for.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
        }
    }

    /// Polls one task. A panic ends that task alone.
    pub(crate) fn poll(&self, id: TaskId) -> Polled {
        let mut future = {
            let mut slots = self.slots.borrow_mut();
            let Some(slot) = slots.get_mut(id.0 as usize) else { return Polled::Ended };
            slot.is_queued = false;
            // A stale wake-up of a task that has ended finds none.
            let Some(future) = slot.future.take() else { return Polled::Pending };
            future
        };
        self.current.set(Some(id));
        let mut context = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        self.current.set(None);
        match polled {
            Ok(Poll::Pending) => {
                if let Some(slot) = self.slots.borrow_mut().get_mut(id.0 as usize) {
                    slot.future = Some(future);
                }
                Polled::Pending
            }
            Ok(Poll::Ready(())) => {
                drop(future);
                self.free.borrow_mut().push(id);
                Polled::Ended
            }
            Err(_) => {
                // Dropping what panicked may panic again; that is the same bug, counted once.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
                self.free.borrow_mut().push(id);
                Polled::Panicked
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::rc::Rc;

    fn run_queued(tasks: &Tasks) -> Vec<Polled> {
        let mut batch = Vec::new();
        tasks.take_queued(&mut batch);
        batch.into_iter().map(|id| tasks.poll(id)).collect()
    }

    #[test]
    fn a_task_runs_when_woken_and_its_slot_is_reused() {
        let tasks = Tasks::default();
        let count = Rc::new(Cell::new(0));
        let seen = count.clone();
        let id = tasks.spawn(|_| {
            poll_fn(move |_| {
                seen.set(seen.get() + 1);
                if seen.get() < 2 { Poll::Pending } else { Poll::Ready(()) }
            })
        });
        assert_eq!(run_queued(&tasks), [Polled::Pending]);
        assert_eq!(tasks.queued(), 0);
        tasks.wake(id);
        tasks.wake(id);
        assert_eq!(run_queued(&tasks), [Polled::Ended]);
        assert_eq!(count.get(), 2);
        assert_eq!(tasks.spawn(|_| async {}), id);
    }

    #[test]
    fn a_panic_ends_one_task_alone() {
        let tasks = Tasks::default();
        tasks.spawn(|_| async { panic!("seen by nobody else") });
        tasks.spawn(|_| async {});
        assert_eq!(run_queued(&tasks), [Polled::Panicked, Polled::Ended]);
    }

    #[test]
    fn a_wake_up_during_its_own_poll_is_kept() {
        let tasks = Rc::new(Tasks::default());
        let inner = tasks.clone();
        let first = Cell::new(true);
        tasks.spawn(move |id| {
            poll_fn(move |_| {
                assert_eq!(inner.current(), Some(id));
                if first.replace(false) {
                    inner.wake(id);
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
        });
        assert_eq!(run_queued(&tasks), [Polled::Pending]);
        assert_eq!(run_queued(&tasks), [Polled::Ended]);
    }
}
