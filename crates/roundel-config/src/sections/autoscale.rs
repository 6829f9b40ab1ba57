//! `[app.NAME.autoscale]`: keys, ranges and defaults, and how they become an [`AutoscalePolicy`].
//!
//! Whether the numbers make sense together with the app's bounds and its pool's limits is told here
//! as well, since nothing else needs to know.

use std::num::NonZeroU32;
use std::time::Duration;

use roundel_core::autoscale::{AutoscalePolicy, InstanceRange, Pace, Target};
use roundel_core::policy::PoolLimits;

use super::{DAY, TIMEOUT};
use crate::diagnostic::Diagnostic;
use crate::kind::{Count, INSTANCES_MAX, duration, located, optional, percent, percents, whole};
use crate::model::InstanceCount;
use crate::section::{Located, Reading, section};

/// In flight for each instance when no target is given: what a server of a few threads or an
/// asynchronous one takes without its latency growing.
const IN_FLIGHT: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// More instances at once: this many or as many as there are, whichever is more, as in the
/// Kubernetes HPA.
const UP: Pace = Pace { instances: 4, percent: 100, period: Duration::ZERO };

/// Fewer at once: one or half, whichever is more. What is left must be able to carry the load while
/// it is seen whether it can.
const DOWN: Pace = Pace { instances: 1, percent: 50, period: Duration::ZERO };

section! {
    /// How many instances there are, by what they have to do. Needs `instances = { min, max }`.
    struct AutoscaleKeys {
        /// Exchanges in flight or waiting for each instance. The target when no other is given.
        target_in_flight: Option<Located<NonZeroU32>>
            = optional(located(whole(1..=1 << 20)), "20 unless another target is given", "20")
            => None,
        /// How long an exchange may wait for a place on average. Needs the pool's
        /// `limits.max_in_flight`, below which nobody waits.
        target_queue_time: Option<Located<Duration>>
            = optional(located(duration(TIMEOUT)), "not the target", "\"50ms\"").alternative()
            => None,
        /// Processor time of each instance, in percent of one processor.
        target_cpu: Option<Located<NonZeroU32>>
            = optional(located(percents(1..=100_000)), "not the target", "\"70%\"").alternative()
            => None,
        /// A load within this of the target changes nothing.
        tolerance: u8 = percent(0..=50) => 10,
        /// An instance that was needed is kept for this long.
        scale_down_after: Duration = duration(Duration::ZERO..=DAY) => Duration::from_mins(1),
        /// Without a request for this long there is no instance; the next request is held while
        /// one is started. Needs `instances = { min = 0, … }`.
        scale_to_zero_after: Option<Located<Duration>> = optional(
            located(duration(Duration::from_secs(1)..=DAY)),
            "at least one instance is kept",
            "\"5m\"",
        ).alternative() => None,
        /// So many more within `step_period` at most.
        max_step_up: Option<NonZeroU32> = optional(
            whole(1..=INSTANCES_MAX as u64),
            "4, or as many as there are",
            "4",
        ) => None,
        /// So many fewer within `step_period` at most.
        max_step_down: Option<NonZeroU32> = optional(
            whole(1..=INSTANCES_MAX as u64),
            "1, or half of what there is",
            "1",
        ) => None,
        /// The stretch of time that the largest steps are for.
        step_period: Duration = duration(TIMEOUT) => Duration::from_secs(15),
    }
}

/// The app that the keys are of, as far as it matters here.
#[derive(Clone, Copy)]
pub(crate) struct Scaled<'a> {
    pub(crate) app: &'a str,
    pub(crate) instances: &'a Located<Count>,
    pub(crate) count: InstanceCount,
    /// Those of its pool; `None` when the pool is wrong, which is reported elsewhere.
    pub(crate) limits: Option<&'a PoolLimits>,
}

/// The policy, unless something in it is wrong.
pub(crate) fn resolve(
    keys: Located<AutoscaleKeys>,
    scaled: Scaled<'_>,
    reading: &mut Reading<'_>,
) -> Option<AutoscalePolicy> {
    let Located { value: keys, span } = keys;
    let Scaled { app, instances, count, .. } = scaled;
    if matches!(instances.value, Count::Number(_)) {
        let at = if instances.span.is_empty() { span } else { instances.span.clone() };
        let message = format!("app {app:?}: autoscaling needs bounds");
        let help = "write `instances = { min = 1, max = 10 }`, say";
        return reading.refuse(Diagnostic::error(at, message).help(help));
    }
    let range = InstanceRange::new(count.min, count.max)?;
    let fits = fits_bounds(keys.scale_to_zero_after.as_ref(), &span, scaled, reading);
    let target = target(&keys, scaled, reading);
    fits?;
    let pace = |default: Pace, most: Option<NonZeroU32>| match most {
        Some(most) => Pace { instances: most.get(), percent: 0, period: keys.step_period },
        None => Pace { period: keys.step_period, ..default },
    };
    Some(AutoscalePolicy {
        range,
        target: target?,
        tolerance_percent: keys.tolerance,
        up: pace(UP, keys.max_step_up),
        down: pace(DOWN, keys.max_step_down),
        scale_down_after: keys.scale_down_after,
        idle_after: keys.scale_to_zero_after.map(|key| key.value),
    })
}

/// The one target that is given, or else the default.
fn target(keys: &AutoscaleKeys, scaled: Scaled<'_>, reading: &mut Reading<'_>) -> Option<Target> {
    let places = [
        keys.target_in_flight.as_ref().map(|key| &key.span),
        keys.target_queue_time.as_ref().map(|key| &key.span),
        keys.target_cpu.as_ref().map(|key| &key.span),
    ];
    let mut places = places.into_iter().flatten().cloned().collect::<Vec<_>>();
    places.sort_by_key(|place| place.start);
    if let [first, second, ..] = places.as_slice() {
        let message = format!("app {:?}: autoscaling goes by one target", scaled.app);
        let diagnostic = Diagnostic::error(second.clone(), message).label("another one");
        return reading.refuse(diagnostic.related(first.clone(), "first one here"));
    }
    if let Some(wait) = &keys.target_queue_time {
        let limits = scaled.limits?;
        let Some(capacity) = limits.max_in_flight else {
            let message = format!("app {:?}: nobody waits in a pool without a limit", scaled.app);
            let help = "set `limits.max_in_flight` of the pool to what one instance takes at once";
            return reading.refuse(Diagnostic::error(wait.span.clone(), message).help(help));
        };
        return Some(Target::QueueTime { target: wait.value, capacity });
    }
    if let Some(cpu) = &keys.target_cpu {
        return Some(Target::Cpu { percent: cpu.value });
    }
    Some(Target::InFlight(keys.target_in_flight.as_ref().map_or(IN_FLIGHT, |key| key.value)))
}

/// Reports an idle time that does not fit the app's bounds or its pool, or the lack of one.
fn fits_bounds(
    idle_after: Option<&Located<Duration>>,
    table: &std::ops::Range<usize>,
    scaled: Scaled<'_>,
    reading: &mut Reading<'_>,
) -> Option<()> {
    let Scaled { app, instances, count, limits } = scaled;
    match idle_after {
        None if count.min == 0 => {
            let message = format!("app {app:?}: it may have no instance, but never will");
            let help = "set `autoscale.scale_to_zero_after`, or `min` to 1";
            reading.refuse(Diagnostic::error(instances.span.clone(), message).help(help))
        }
        Some(key) if count.min > 0 => {
            let message = format!("app {app:?}: `min` keeps it from going to zero");
            let diagnostic = Diagnostic::error(key.span.clone(), message);
            let help = "set `min` to 0";
            reading.refuse(diagnostic.related(instances.span.clone(), "its bounds").help(help))
        }
        Some(_) if limits.is_some_and(|limits| limits.queue == 0) => {
            let message = format!("app {app:?}: requests can't wait for an instance");
            let help = "set `limits.queue` of the pool to more than 0";
            reading.refuse(Diagnostic::error(table.clone(), message).help(help))
        }
        _ => Some(()),
    }
}
