//! The latest entries of one worker, in memory that is reserved once.
//!
//! One writer, any number of readers, and none ever waits for the lock of another: a slot that
//! a reader is just copying is left to it, and the writer takes the next one; a reader that finds a
//! slot taken tries again a few times. A lock that nobody waits for costs no system call.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;

use super::entry::Entry;

/// Slots that a writer tries. More would need as many readers that hold one at the same moment.
const WRITER_TRIES: u64 = 4;

/// How often a reader tries a slot; the writer holds one for about a microsecond.
const READER_TRIES: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Ring {
    slots: Box<[Mutex<Slot>]>,
    /// The position of the next entry; positions count from 0 and are never used again.
    next: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    /// Position of the entry plus one; 0 while there is none.
    number: u64,
    entry: Entry,
}

/// What a reader finds at a position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// The entry.
    Entry(T),
    /// A later entry has taken its place.
    Overwritten,
    /// There never was one: the writer left the slot to a reader.
    Nothing,
}

impl Ring {
    /// A ring of `capacity` slots, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        let slots = (0..capacity.max(1)).map(|_| Mutex::default()).collect();
        Self { slots, next: AtomicU64::new(0) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Has `fill` overwrite the oldest entry. Returns whether there was a slot. Only the one writer
    /// calls it.
    pub(super) fn write(&self, fill: impl FnOnce(&mut Entry)) -> bool {
        let next = self.next.load(Acquire);
        for position in next..next + WRITER_TRIES {
            let Some(mut slot) = self.slot(position).and_then(try_lock) else { continue };
            // While it is filled it is nobody's, should filling it panic.
            slot.number = 0;
            fill(&mut slot.entry);
            slot.number = position + 1;
            drop(slot);
            self.next.store(position + 1, Release);
            return true;
        }
        false
    }

    /// The position of the next entry.
    pub(super) fn next_position(&self) -> u64 {
        self.next.load(Acquire)
    }

    /// The earliest position that may still have its entry.
    pub(super) fn first_position(&self) -> u64 {
        self.next_position().saturating_sub(self.slots.len() as u64)
    }

    /// Shows the entry at `position` to `look`.
    pub(super) fn read<T>(&self, position: u64, look: impl FnOnce(&Entry) -> T) -> Found<T> {
        let Some(slot) = self.slot(position).and_then(lock) else { return Found::Overwritten };
        match slot.number.cmp(&(position + 1)) {
            std::cmp::Ordering::Equal => Found::Entry(look(&slot.entry)),
            std::cmp::Ordering::Greater => Found::Overwritten,
            std::cmp::Ordering::Less => Found::Nothing,
        }
    }

    fn slot(&self, position: u64) -> Option<&Mutex<Slot>> {
        let index = position % self.slots.len() as u64;
        self.slots.get(usize::try_from(index).ok()?)
    }
}

/// Takes the lock if it is free. A panic while it was held left at worst a slot that is nobody's.
fn try_lock(slot: &Mutex<Slot>) -> Option<MutexGuard<'_, Slot>> {
    match slot.try_lock() {
        Ok(slot) => Some(slot),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Takes the lock within a few tries.
fn lock(slot: &Mutex<Slot>) -> Option<MutexGuard<'_, Slot>> {
    (0..READER_TRIES).find_map(|_| {
        let guard = try_lock(slot);
        if guard.is_none() {
            thread::yield_now();
        }
        guard
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(ring: &Ring, sequence: u64) -> bool {
        ring.write(|entry| entry.sequence = sequence)
    }

    fn sequences(ring: &Ring) -> Vec<u64> {
        let positions = ring.first_position()..ring.next_position();
        let found = positions.filter_map(|p| match ring.read(p, |entry| entry.sequence) {
            Found::Entry(sequence) => Some(sequence),
            Found::Overwritten | Found::Nothing => None,
        });
        found.collect()
    }

    #[test]
    fn the_latest_entries_are_there() {
        let ring = Ring::new(3);
        assert!(sequences(&ring).is_empty());
        for sequence in 0..5 {
            assert!(write(&ring, sequence));
        }
        assert_eq!(sequences(&ring), [2, 3, 4]);
        assert_eq!(ring.read(1, |_| ()), Found::Overwritten);
        assert_eq!(ring.read(9, |_| ()), Found::Nothing);
    }

    #[test]
    fn a_slot_that_is_being_read_is_left_alone() {
        let ring = Ring::new(3);
        (0..3).for_each(|sequence| assert!(write(&ring, sequence)));
        ring.read(0, |_| assert!(write(&ring, 3)));
        // What was read is still there, though its turn has passed; the next was overwritten.
        assert_eq!(sequences(&ring), [2, 3]);
        assert_eq!(ring.read(3, |_| ()), Found::Nothing);
        assert_eq!(ring.read(4, |entry| entry.sequence), Found::Entry(3));
    }

    #[test]
    fn with_every_slot_being_read_nothing_is_written_and_nobody_waits() {
        let ring = Ring::new(1);
        assert!(write(&ring, 0));
        ring.read(0, |_| assert!(!write(&ring, 1)));
        assert_eq!(sequences(&ring), [0]);
    }

    #[test]
    fn a_panic_while_an_entry_is_filled_costs_that_entry() {
        let ring = Ring::new(2);
        let panics = || ring.write(|_| panic!("as meant"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
        assert!(write(&ring, 7));
        assert_eq!(sequences(&ring), [7]);
    }

    #[test]
    fn readers_and_the_writer_race_and_every_entry_is_whole() {
        let ring = Ring::new(4);
        thread::scope(|scope| {
            let readers = [(); 2].map(|()| {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        for position in ring.first_position()..ring.next_position() {
                            ring.read(position, |entry| {
                                assert_eq!(entry.sequence, entry.at_unix_us);
                            });
                        }
                    }
                })
            });
            for n in 0..20_000 {
                ring.write(|entry| (entry.sequence, entry.at_unix_us) = (n, n));
            }
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }
}
