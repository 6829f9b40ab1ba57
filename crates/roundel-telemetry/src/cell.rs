//! Single numbers that one thread writes and any thread reads.
//!
//! **Invariant: one writer.** A [`Counter`] or [`Gauge`] belongs to one worker's shard and only
//! that worker's thread writes it. Then an addition needs no read-modify-write: a relaxed load, an
//! add and a relaxed store compile to plain moves, where `fetch_add` is a locked instruction of
//! some 20 cycles. Two writers would lose additions, never corrupt memory. What several threads
//! must write is a [`SharedCounter`].
//!
//! Relaxed is enough: each number stands for itself and nothing is published through it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// A number that only grows. One writer, any number of readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`; wraps after 2^64, which no counter here lives to see.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// The present value.
    #[inline]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down. One writer, any number of readers.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Takes one away.
    #[inline]
    pub fn decrement(&self) {
        self.add(-1);
    }

    /// Adds `n`, which may be negative.
    #[inline]
    pub fn add(&self, n: i64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed);
    }

    /// The present value.
    #[inline]
    pub fn value(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// A number that only grows and that any thread may write. For rare events only: each addition
/// moves a cache line between cores.
#[derive(Debug, Default)]
pub struct SharedCounter(AtomicU64);

impl SharedCounter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The present value.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_and_gauges_go_both_ways() {
        let counter = Counter::default();
        counter.increment();
        counter.add(41);
        assert_eq!(counter.value(), 42);

        let gauge = Gauge::default();
        gauge.increment();
        gauge.decrement();
        gauge.decrement();
        assert_eq!(gauge.value(), -1);
        gauge.set(7);
        gauge.add(3);
        assert_eq!(gauge.value(), 10);
    }

    #[test]
    fn a_shared_counter_loses_no_addition_of_any_thread() {
        let counter = SharedCounter::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| counter.add(1)));
            }
        });
        assert_eq!(counter.value(), 4000);
    }
}
