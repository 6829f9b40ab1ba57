//! Who waits for an endpoint of a pool, over all workers, in order of arrival.
//!
//! One line for all workers: with a line each, a worker that always has someone waiting would hand
//! every place it frees to its own, and those of the others would starve. Only exchanges that find
//! no place come here, so a lock is cheap enough; whether anyone waits at all is one load.
//!
//! **No wake-up is lost.** Who joins does so before looking for a place once more, and who frees a
//! place does so before looking whether anyone waits. Both pairs are sequentially consistent, hence
//! at least one of the two sees the other. Who leaves the line looks for room afterwards and tells
//! the next, since a place may have been freed in its name.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A position in a line: smaller came earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// See the module.
#[derive(Debug, Default)]
pub struct Line {
    length: AtomicU32,
    next: AtomicU64,
    /// Tickets, ascending, with the worker that each waits at.
    waiting: Mutex<VecDeque<(Ticket, usize)>>,
}

impl Line {
    /// How many wait.
    pub fn length(&self) -> u32 {
        self.length.load(SeqCst)
    }

    /// Joins at the end, unless `max` wait already. Every ticket is given back by [`Self::leave`].
    pub fn join(&self, worker: usize, max: u32) -> Option<Ticket> {
        let mut waiting = self.waiting();
        if waiting.len() >= max as usize {
            return None;
        }
        let ticket = Ticket(self.next.fetch_add(1, Relaxed));
        waiting.push_back((ticket, worker));
        self.length.fetch_add(1, SeqCst);
        Some(ticket)
    }

    /// Leaves, whether served or not.
    pub fn leave(&self, ticket: Ticket) {
        let mut waiting = self.waiting();
        if let Ok(index) = waiting.binary_search_by_key(&ticket, |(ticket, _)| *ticket) {
            waiting.remove(index);
            self.length.fetch_sub(1, SeqCst);
        }
    }

    /// Who is first, and at which worker.
    pub fn first(&self) -> Option<(Ticket, usize)> {
        self.waiting().front().copied()
    }

    /// Every change is complete before the lock is given up, so a poisoned one is as good.
    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Ticket, usize)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_is_first_whatever_the_worker() {
        let line = Line::default();
        let [a, b, c] = [1, 0, 1].map(|worker| line.join(worker, 3).unwrap());
        assert_eq!(line.first(), Some((a, 1)));
        line.leave(a);
        assert_eq!(line.first(), Some((b, 0)));
        line.leave(c);
        line.leave(b);
        assert_eq!((line.first(), line.length()), (None, 0));
    }

    #[test]
    fn a_full_line_takes_nobody_until_one_leaves() {
        let line = Line::default();
        assert_eq!(line.join(0, 0), None);
        let first = line.join(0, 1).unwrap();
        assert_eq!(line.join(1, 1), None);
        line.leave(first);
        line.leave(first);
        assert_eq!(line.length(), 0);
        assert!(line.join(1, 1) > Some(first));
    }
}
