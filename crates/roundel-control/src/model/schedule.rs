//! When a piece of work that repeats is due.

use std::time::Duration;

use roundel_core::outlier::Moment;

/// When a piece of work that repeats is due. It never runs twice at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schedule {
    /// Never.
    Off,
    /// At this moment.
    Due(Moment),
    /// Given out, not yet answered.
    Running,
}

impl Schedule {
    /// The moment at which it is due.
    pub(super) fn due(self) -> Option<Moment> {
        match self {
            Self::Due(at) => Some(at),
            Self::Off | Self::Running => None,
        }
    }

    /// Gives the work out if it is due.
    pub(super) fn start(&mut self, now: Moment) -> bool {
        let is_due = self.due().is_some_and(|at| at <= now);
        if is_due {
            *self = Self::Running;
        }
        is_due
    }

    /// Notes that the work was done and is due again after `pause`; nothing for work that was
    /// switched off meanwhile.
    pub(super) fn finish(&mut self, now: Moment, pause: Duration) {
        if *self == Self::Running {
            *self = Self::Due(now.plus(pause));
        }
    }

    /// Makes it due at once, also if it was off.
    pub(super) fn begin(&mut self, now: Moment) {
        match self {
            Self::Off => *self = Self::Due(now),
            Self::Due(_) | Self::Running => self.hasten(now),
        }
    }

    /// Brings the next time forward to `at`, if it is later.
    pub(super) fn hasten(&mut self, at: Moment) {
        if let Self::Due(due) = self {
            *due = at.min(*due);
        }
    }
}
