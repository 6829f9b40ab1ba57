//! A policy with the defaults, and an app under a load that follows a formula.
//!
//! The app is a fluid: requests arrive at a rate, each keeps an instance busy for a fixed time, an
//! instance takes a fixed number at once, and what finds no room waits. Instances get ready after a
//! delay. One step is one second.

#![allow(clippy::cast_sign_loss, reason = "loads are never negative")]

use std::num::NonZeroU32;
use std::time::Duration;

use super::{AutoscalePolicy, Autoscaler, CpuReading, Decision, InstanceRange, Pace, Target, View};
use crate::outlier::Moment;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn second(n: u64) -> Moment {
    Moment(SECOND * n as u32)
}

/// 20 in flight for each of `min` to `max` instances; the rest as the configuration's defaults.
pub(super) fn policy(min: u32, max: u32) -> AutoscalePolicy {
    AutoscalePolicy {
        range: InstanceRange::new(min, max).unwrap(),
        target: Target::InFlight(NonZeroU32::new(20).unwrap()),
        tolerance_percent: 10,
        up: Pace { instances: 4, percent: 100, period: SECOND * 15 },
        down: Pace { instances: 1, percent: 50, period: SECOND * 15 },
        scale_down_after: SECOND * 60,
        idle_after: (min == 0).then_some(SECOND * 300),
    }
}

/// `ready` instances with `in_flight` exchanges.
pub(super) fn ready(ready: u32, in_flight: u32) -> View {
    View { ready, in_flight, started: u64::from(in_flight), ..View::default() }
}

/// See the module.
pub(super) struct World {
    pub(super) scaler: Autoscaler,
    /// Requests a second, from the second.
    pub(super) rate: Box<dyn Fn(u64) -> f64>,
    /// How much the rate varies from second to second, as a share.
    pub(super) noise: f64,
    pub(super) service_seconds: f64,
    /// What an instance takes at once.
    pub(super) capacity: u32,
    pub(super) start_seconds: u64,
    /// Whether instances get ready at all.
    pub(super) is_broken: bool,
    pub(super) decisions: Vec<Decision>,
    random: fastrand::Rng,
    /// When each instance gets ready.
    instances: Vec<u64>,
    backlog: f64,
    now: u64,
}

impl World {
    pub(super) fn new(policy: AutoscalePolicy, rate: impl Fn(u64) -> f64 + 'static) -> Self {
        let wanted = policy.range.min();
        Self {
            scaler: Autoscaler::new(policy, wanted, Moment::default()),
            rate: Box::new(rate),
            noise: 0.0,
            service_seconds: 0.1,
            capacity: 1000,
            start_seconds: 3,
            is_broken: false,
            decisions: Vec::new(),
            random: fastrand::Rng::with_seed(0),
            instances: vec![0; wanted as usize],
            backlog: 0.0,
            now: 0,
        }
    }

    pub(super) fn seeded(mut self, seed: u64) -> Self {
        self.random.seed(seed);
        self
    }

    /// Lives through so many seconds.
    pub(super) fn run(&mut self, seconds: u64) -> &mut Self {
        for _ in 0..seconds {
            self.now += 1;
            let view = self.look();
            let decision = self.scaler.decide(view, second(self.now));
            let ready_at = self.now + self.start_seconds;
            self.instances.resize(decision.to as usize, ready_at);
            self.decisions.push(decision);
        }
        self
    }

    fn look(&mut self) -> View {
        let noise = 1.0 + self.noise * (self.random.f64() * 2.0 - 1.0);
        let rate = ((self.rate)(self.now) * noise).max(0.0);
        let is_ready = |at: &&u64| **at <= self.now;
        let ready = self.instances.iter().filter(is_ready).count() as u32;
        let ready = if self.is_broken { 0 } else { ready };
        let room = f64::from(ready * self.capacity);
        let throughput = room / self.service_seconds;
        let served = throughput.min(self.backlog + rate);
        self.backlog += rate - served;
        let in_flight = (served * self.service_seconds).min(room);
        let unready = self.instances.len() as u32 - ready;
        let (starting, failing) = if self.is_broken { (0, unready) } else { (unready, 0) };
        let wait = if served > 0.0 { self.backlog / served } else { 0.0 };
        View {
            ready,
            starting,
            failing,
            draining: 0,
            in_flight: in_flight.round() as u32,
            queued: self.backlog.round() as u32,
            started: served.round() as u64,
            waited: Duration::from_secs_f64(wait * served),
            cpu: NonZeroU32::new(ready)
                .map(|instances| CpuReading { percent: in_flight * 10.0, instances }),
        }
    }

    pub(super) fn wanted(&self) -> u32 {
        self.scaler.wanted()
    }

    /// The highest number of the last `seconds`.
    pub(super) fn most_of_last(&self, seconds: usize) -> u32 {
        self.decisions.iter().rev().take(seconds).map(|d| d.to).max().unwrap_or(0)
    }

    /// How often the number stopped growing and shrank, or the other way about.
    pub(super) fn turns(&self) -> usize {
        let changes = self.decisions.iter().filter(|d| d.is_change());
        let directions: Vec<bool> = changes.map(|d| d.to > d.from).collect();
        directions.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// The first second at which so many were wanted.
    pub(super) fn first(&self, wanted: u32) -> Option<usize> {
        self.decisions.iter().position(|d| d.to >= wanted).map(|index| index + 1)
    }
}
