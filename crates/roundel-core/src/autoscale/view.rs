//! What is seen of an app and its pool at one look.

use std::num::NonZeroU32;
use std::time::Duration;

/// What is seen of an app and its pool at one look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct View {
    /// Instances that take requests.
    pub ready: u32,
    /// Instances that will, if all goes well.
    pub starting: u32,
    /// Instances that crashed and wait for another start, or were given up.
    pub failing: u32,
    /// Instances that finish what they have.
    pub draining: u32,
    /// Exchanges at any instance at this moment.
    pub in_flight: u32,
    /// Exchanges that wait for an instance at this moment.
    pub queued: u32,
    /// Attempts begun since the last look.
    pub started: u64,
    /// How long those waited, together, that waited and began since the last look.
    pub waited: Duration,
    /// Processor time used since the last look; `None` when nothing could be read.
    pub cpu: Option<CpuReading>,
}

/// Processor use of some instances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuReading {
    /// Of all of them together, in percent of one processor.
    pub percent: f64,
    /// How many were read. Ready ones without a reading are taken to be like these.
    pub instances: NonZeroU32,
}

impl View {
    /// What has to be served, begun or not.
    pub fn demand(&self) -> u32 {
        self.in_flight.saturating_add(self.queued)
    }

    /// Names and values for logs and for the API. CPU only when it was read.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let mut named = vec![
            ("ready", f64::from(self.ready)),
            ("starting", f64::from(self.starting)),
            ("failing", f64::from(self.failing)),
            ("draining", f64::from(self.draining)),
            ("in_flight", f64::from(self.in_flight)),
            ("queued", f64::from(self.queued)),
            ("started", self.started as f64),
            ("waited_ms", self.waited.as_secs_f64() * 1e3),
        ];
        named.extend(self.cpu.map(|cpu| ("cpu_percent", cpu.percent)));
        named
    }
}
