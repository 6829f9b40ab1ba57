//! Who waits for an endpoint of a pool, over all workers, in order of arrival.
//!
//! One line for all workers: with a line each, a worker that always has someone waiting would hand
//! every place it frees to its own, and those of the others would starve. Only exchanges that find
//! no place come here, so a lock is cheap enough; whether anyone waits at all is one load.
//!
//! **A place goes to the first who can use it.** Who waits to try again avoids the endpoints it has
//! tried, and must not hold back those behind it from one of these. So each ticket tells what it
//! avoids, and turns are taken per endpoint: see [`Line::first_for`] and [`Line::is_first_for`].
//!
//! **No wake-up is lost.** Who joins does so before looking for a place once more, and who frees a
//! place does so before looking whether anyone waits. Both pairs are sequentially consistent, hence
//! at least one of the two sees the other. Who leaves the line looks for room afterwards and tells
//! the next, since a place may have been freed in its name.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::endpoint::EndpointId;

/// A position in a line: smaller came earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// See the module.
#[derive(Debug, Default)]
pub struct Line {
    length: AtomicU32,
    next: AtomicU64,
    /// Ascending by ticket.
    waiting: Mutex<VecDeque<Waiting>>,
}

/// One who waits.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    worker: usize,
    /// What it has tried, and takes only when there is nothing else.
    avoided: Box<[EndpointId]>,
}

impl Line {
    /// How many wait.
    pub fn length(&self) -> u32 {
        self.length.load(SeqCst)
    }

    /// Joins at the end, unless `max` wait already. Every ticket is given back by [`Self::leave`].
    pub fn join(&self, worker: usize, avoided: &[EndpointId], max: u32) -> Option<Ticket> {
        let mut waiting = self.waiting();
        if waiting.len() >= max as usize {
            return None;
        }
        let ticket = Ticket(self.next.fetch_add(1, Relaxed));
        waiting.push_back(Waiting { ticket, worker, avoided: avoided.into() });
        self.length.fetch_add(1, SeqCst);
        Some(ticket)
    }

    /// Leaves, whether served or not.
    pub fn leave(&self, ticket: Ticket) {
        let mut waiting = self.waiting();
        if let Ok(index) = waiting.binary_search_by_key(&ticket, |it| it.ticket) {
            waiting.remove(index);
            self.length.fetch_sub(1, SeqCst);
        }
    }

    /// The first who `can_use` a certain endpoint, told what each avoids, and the worker it waits
    /// at.
    pub fn first_for(&self, can_use: impl Fn(&[EndpointId]) -> bool) -> Option<(Ticket, usize)> {
        let waiting = self.waiting();
        let first = waiting.iter().find(|it| can_use(&it.avoided))?;
        Some((first.ticket, first.worker))
    }

    /// Whether nobody before `ticket` `can_use` a certain endpoint: then it is the turn of `ticket`.
    pub fn is_first_for(&self, ticket: Ticket, can_use: impl Fn(&[EndpointId]) -> bool) -> bool {
        let waiting = self.waiting();
        !waiting.iter().take_while(|it| it.ticket < ticket).any(|it| can_use(&it.avoided))
    }

    /// Every change is complete before the lock is given up, so a poisoned one is as good.
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: fn(&[EndpointId]) -> bool = |_| true;

    #[test]
    fn who_came_first_is_first_whatever_the_worker() {
        let line = Line::default();
        let [a, b, c] = [1, 0, 1].map(|worker| line.join(worker, &[], 3).unwrap());
        assert_eq!(line.first_for(ANY), Some((a, 1)));
        assert_eq!([a, b, c].map(|it| line.is_first_for(it, ANY)), [true, false, false]);
        line.leave(a);
        assert_eq!(line.first_for(ANY), Some((b, 0)));
        line.leave(c);
        line.leave(b);
        assert_eq!((line.first_for(ANY), line.length()), (None, 0));
    }

    #[test]
    fn an_endpoint_goes_to_the_first_that_does_not_avoid_it() {
        let line = Line::default();
        let (tried, other) = (EndpointId(7), EndpointId(8));
        let a = line.join(0, &[tried], 9).unwrap();
        let b = line.join(1, &[], 9).unwrap();
        let c = line.join(0, &[], 9).unwrap();
        let wants = |endpoint| move |avoided: &[EndpointId]| !avoided.contains(&endpoint);
        assert_eq!(line.first_for(wants(tried)), Some((b, 1)));
        assert_eq!(line.first_for(wants(other)), Some((a, 0)));
        assert_eq!([a, b, c].map(|it| line.is_first_for(it, wants(tried))), [true, true, false]);
        assert_eq!([a, b, c].map(|it| line.is_first_for(it, wants(other))), [true, false, false]);
    }

    #[test]
    fn a_full_line_takes_nobody_until_one_leaves() {
        let line = Line::default();
        assert_eq!(line.join(0, &[], 0), None);
        let first = line.join(0, &[], 1).unwrap();
        assert_eq!(line.join(1, &[], 1), None);
        line.leave(first);
        line.leave(first);
        assert_eq!(line.length(), 0);
        assert!(line.join(1, &[], 1) > Some(first));
    }
}
