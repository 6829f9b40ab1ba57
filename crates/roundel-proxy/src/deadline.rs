//! Deadlines, one per slot, in a dense array.
//!
//! Nearly every deadline is moved or dropped before it passes (each read pushes the next one out),
//! so setting must cost nothing and passing may cost a little: setting is one store, and a scan of
//! the array happens only when the earliest deadline ever set may have passed. A scan reads eight
//! bytes a slot; ten thousand slots take a few microseconds, a handful of times per second.
//! A timer wheel with lazy entries needs more code for the same effect.

/// A point in time: milliseconds since the worker started.
pub(crate) type Millis = u64;

const NEVER: Millis = Millis::MAX;

/// One optional deadline for each of a growing set of slots.
#[derive(Debug)]
pub(crate) struct Deadlines {
    at: Vec<Millis>,
    /// No deadline is earlier than this.
    earliest: Millis,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { at: Vec::new(), earliest: NEVER }
    }
}

impl Deadlines {
    /// Sets or moves the deadline of `slot`.
    pub(crate) fn set(&mut self, slot: u32, at: Millis) {
        let slot = slot as usize;
        if slot >= self.at.len() {
            self.at.resize(slot + 1, NEVER);
        }
        if let Some(entry) = self.at.get_mut(slot) {
            *entry = at;
        }
        self.earliest = self.earliest.min(at);
    }

    /// Drops the deadline of `slot`.
    pub(crate) fn clear(&mut self, slot: u32) {
        if let Some(entry) = self.at.get_mut(slot as usize) {
            *entry = NEVER;
        }
    }

    /// No deadline passes before this; [`None`] when there is none at all.
    pub(crate) fn earliest(&self) -> Option<Millis> {
        (self.earliest != NEVER).then_some(self.earliest)
    }

    /// Drops all deadlines that `now` has reached and appends their slots to `passed`.
    pub(crate) fn pass(&mut self, now: Millis, passed: &mut Vec<u32>) {
        if now < self.earliest {
            return;
        }
        let mut earliest = NEVER;
        for (entry, slot) in self.at.iter_mut().zip(0u32..) {
            if *entry <= now {
                *entry = NEVER;
                passed.push(slot);
            } else {
                earliest = earliest.min(*entry);
            }
        }
        self.earliest = earliest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_due_passes_and_only_once() {
        let mut deadlines = Deadlines::default();
        let mut passed = Vec::new();
        assert_eq!(deadlines.earliest(), None);
        deadlines.set(3, 30);
        deadlines.set(1, 10);
        deadlines.set(2, 20);
        assert_eq!(deadlines.earliest(), Some(10));
        deadlines.pass(9, &mut passed);
        assert!(passed.is_empty());
        deadlines.pass(20, &mut passed);
        assert_eq!(passed, [1, 2]);
        assert_eq!(deadlines.earliest(), Some(30));
        deadlines.pass(29, &mut passed);
        assert_eq!(passed, [1, 2]);
    }

    #[test]
    fn a_moved_deadline_passes_at_its_new_time() {
        let mut deadlines = Deadlines::default();
        let mut passed = Vec::new();
        deadlines.set(0, 10);
        deadlines.set(0, 50);
        deadlines.pass(10, &mut passed);
        assert!(passed.is_empty());
        assert_eq!(deadlines.earliest(), Some(50));
        deadlines.clear(0);
        deadlines.pass(50, &mut passed);
        assert!(passed.is_empty());
        assert_eq!(deadlines.earliest(), None);
    }
}
