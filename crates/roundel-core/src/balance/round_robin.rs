//! Each endpoint in turn: predictable, explains itself in a log, needs no load figures.
//!
//! All workers draw tickets from one counter of the pool, and ticket n is slot n of the
//! [`Schedule`]. So the order is exact over all workers and connections: the next request goes to
//! the next endpoint, whichever worker it came by. (A cursor for each worker, as most
//! thread-per-core balancers have it, is in order only as seen from one worker; few requests then
//! pile up on the first endpoints.) The price is one relaxed add on a shared cache line for each
//! pick.
//!
//! An endpoint that is not admitted passes its turn: the pick draws the next *ticket*, it does not
//! just walk on to the next slot. Otherwise the endpoint after a full one would get its
//! own turns and its neighbour's as well; so they are shared among all who are left.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::schedule::{Candidate, Schedule};

/// Tickets drawn by one pick before it falls back to [`Schedule::select`]: enough to pass over a
/// few full endpoints in fair order, few enough that a heavy one cannot hold a pick up for its
/// whole share of the period.
const TICKETS_MAX: usize = 16;

/// Takes the next turn of an admitted candidate; `None` when none is admitted.
pub(super) fn pick(
    schedule: &Schedule,
    cursor: &AtomicU64,
    random: &mut fastrand::Rng,
    admits: impl Fn(usize) -> bool,
) -> Option<Candidate> {
    for _ in 0..schedule.period().min(TICKETS_MAX) {
        let candidate = schedule.at(cursor.fetch_add(1, Relaxed))?;
        if admits(candidate.index()) {
            return Some(candidate);
        }
    }
    schedule.select(random, admits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(weights: &[u32]) -> Schedule {
        Schedule::new((0..).zip(weights).map(|(i, &w)| Candidate::new(i, w)).collect())
    }

    fn picks(weights: &[u32], count: usize, admits: impl Fn(usize) -> bool) -> Vec<usize> {
        let (schedule, cursor) = (schedule(weights), AtomicU64::new(0));
        let mut random = fastrand::Rng::with_seed(1);
        (0..count)
            .filter_map(|_| pick(&schedule, &cursor, &mut random, &admits))
            .map(Candidate::index)
            .collect()
    }

    #[test]
    fn each_takes_its_turn_in_order() {
        assert_eq!(picks(&[1, 1, 1], 7, |_| true), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(picks(&[2, 1], 6, |_| true), [0, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn turns_passed_on_are_shared_by_all_others() {
        assert_eq!(picks(&[1, 1, 1], 6, |i| i != 0), [1, 2, 1, 2, 1, 2]);
        let mut seen = [0; 5];
        for i in picks(&[100, 1, 1, 1, 1], 4000, |i| i != 0) {
            seen[i] += 1;
        }
        assert!(seen[1..].iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
    }

    #[test]
    fn shares_are_exact_over_all_workers() {
        let (schedule, cursor) = (schedule(&[3, 2, 1]), AtomicU64::new(0));
        let counts: Vec<usize> = std::thread::scope(|scope| {
            let workers = [(); 4].map(|()| {
                scope.spawn(|| {
                    let mut random = fastrand::Rng::with_seed(1);
                    let picked = (0..600).filter_map(|_| {
                        pick(&schedule, &cursor, &mut random, |_| true).map(Candidate::index)
                    });
                    picked.collect::<Vec<_>>()
                })
            });
            let all: Vec<usize> = workers.into_iter().flat_map(|w| w.join().unwrap()).collect();
            (0..3).map(|i| all.iter().filter(|&&p| p == i).count()).collect()
        });
        assert_eq!(counts, [1200, 800, 400]);
    }

    #[test]
    fn the_counter_may_wrap() {
        let (schedule, cursor) = (schedule(&[1, 1]), AtomicU64::new(u64::MAX));
        let mut random = fastrand::Rng::with_seed(1);
        let mut next = || pick(&schedule, &cursor, &mut random, |_| true).map(Candidate::index);
        assert_eq!([next(), next(), next()], [Some(1), Some(0), Some(1)]);
    }
}
