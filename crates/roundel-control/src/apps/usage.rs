//! What the processes of all apps use, once in a while.

use std::collections::HashMap;

use roundel_supervisor::{Usage, usage_of};
use tokio::time::Instant;

/// What process groups used at one moment, by the group's leader.
#[derive(Debug)]
pub(super) struct Sample {
    at: Instant,
    usage: HashMap<u32, Usage>,
}

/// What a process group uses, as far as two samples tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    last: Option<(Instant, Usage)>,
    cpu_percent: Option<f64>,
}

/// Looks at all groups. Blocks for the time of a pass over `/proc`.
pub(super) fn sample(groups: &[u32]) -> Sample {
    Sample { at: Instant::now(), usage: usage_of(groups) }
}

impl Meter {
    /// Takes what a sample says of the group that `pid` leads.
    pub(super) fn take(&mut self, pid: u32, sample: &Sample) {
        let Some(usage) = sample.usage.get(&pid) else { return };
        if let Some((at, before)) = self.last {
            let wall = sample.at.saturating_duration_since(at).as_secs_f64();
            // What a process that ended unreaped had used is missing from the sum.
            let cpu = usage.cpu.saturating_sub(before.cpu).as_secs_f64();
            self.cpu_percent = (wall > 0.0).then(|| 100.0 * cpu / wall);
        }
        self.last = Some((sample.at, *usage));
    }

    /// Share of one processor between the last two samples.
    pub(super) fn cpu_percent(&self) -> Option<f64> {
        self.cpu_percent
    }

    /// Resident memory at the last sample.
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        self.last.map(|(_, usage)| usage.memory_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_share_is_of_the_time_between_two_samples() {
        let start = Instant::now();
        let sample = |seconds: u64, cpu_ms: u64| Sample {
            at: start + Duration::from_secs(seconds),
            usage: HashMap::from([(
                7,
                Usage { cpu: Duration::from_millis(cpu_ms), memory_bytes: cpu_ms, processes: 1 },
            )]),
        };
        let mut meter = Meter::default();
        assert_eq!((meter.cpu_percent(), meter.memory_bytes()), (None, None));
        meter.take(7, &sample(0, 500));
        assert_eq!((meter.cpu_percent(), meter.memory_bytes()), (None, Some(500)));
        meter.take(8, &sample(1, 900));
        meter.take(7, &sample(2, 1500));
        assert_eq!((meter.cpu_percent(), meter.memory_bytes()), (Some(50.0), Some(1500)));
        // A process of the group ended and took its count with it.
        meter.take(7, &sample(3, 100));
        assert_eq!(meter.cpu_percent(), Some(0.0));
        // The same sample twice says nothing.
        meter.take(7, &sample(3, 100));
        assert_eq!(meter.cpu_percent(), None);
    }
}
