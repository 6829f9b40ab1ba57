//! What an operator decides about an app's number of instances. Defaults live in the configuration.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Pace;

/// What an operator decides about an app's number of instances.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoscalePolicy {
    /// Never fewer, never more.
    pub range: InstanceRange,
    /// The load meant for one instance.
    pub target: Target,
    /// A load within this many percent of the target changes nothing.
    pub tolerance_percent: u8,
    /// How fast the number may grow.
    pub up: Pace,
    /// How fast it may shrink.
    pub down: Pace,
    /// An instance that was needed is kept for this long.
    pub scale_down_after: Duration,
    /// Without any request for this long, no instance is needed; `None` keeps one at least. Means
    /// something only when the range begins at zero.
    pub idle_after: Option<Duration>,
}

/// From how many to how many instances. Never empty: `min <= max` and `max >= 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceRange {
    min: u32,
    max: NonZeroU32,
}

/// The load meant for one instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Exchanges in flight or waiting.
    InFlight(NonZeroU32),
    /// Mean wait for a place at an instance.
    QueueTime {
        /// Longer is too long; positive.
        target: Duration,
        /// What one instance takes at once; nobody waits below it.
        capacity: NonZeroU32,
    },
    /// Processor time in percent of one processor.
    Cpu {
        /// Positive; over 100 for an instance of several threads.
        percent: NonZeroU32,
    },
}

impl InstanceRange {
    /// From `min` to `max`; `None` when that is no range or could never hold an instance.
    pub fn new(min: u32, max: u32) -> Option<Self> {
        let max = NonZeroU32::new(max)?;
        (min <= max.get()).then_some(Self { min, max })
    }

    /// Never fewer.
    pub fn min(self) -> u32 {
        self.min
    }

    /// Never more.
    pub fn max(self) -> u32 {
        self.max.get()
    }

    /// The nearest number within.
    pub fn clamp(self, instances: u32) -> u32 {
        instances.clamp(self.min, self.max.get())
    }

    /// Whether it allows that many.
    pub fn contains(self, instances: u32) -> bool {
        (self.min..=self.max.get()).contains(&instances)
    }

    /// The fewest while there is anything to do.
    pub(super) fn awake_min(self) -> u32 {
        self.min.max(1)
    }
}
