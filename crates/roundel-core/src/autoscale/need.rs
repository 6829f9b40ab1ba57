//! How many instances the load at hand needs, before any limit.

use std::time::Duration;

use super::window::Samples;
use super::{AutoscalePolicy, Basis, Target, View};

/// Instances may go while those left would be this busy at most, in percent of their capacity.
/// Waiting begins near 100, and the distance between the two is what keeps the number still.
const BUSY_PERCENT: f64 = 70.0;

/// How many are needed, and what that is concluded from.
pub(super) fn need(
    policy: &AutoscalePolicy,
    wanted: u32,
    view: &View,
    samples: &Samples,
    is_idle: bool,
) -> (Basis, u32) {
    let awake_min = policy.range.awake_min();
    if is_idle {
        let idle_after = policy.idle_after.unwrap_or_default();
        return (Basis::Idle { idle_after }, 0);
    }
    if wanted == 0 {
        return wake(policy, view);
    }
    if view.ready == 0 && view.demand() > 0 {
        let View { starting, failing, queued, .. } = *view;
        return (Basis::NoneReady { starting, failing, queued }, wanted.max(awake_min));
    }
    let (basis, needed) = match policy.target {
        Target::InFlight(target) => {
            let (demand, target) = (samples.demand(), f64::from(target.get()));
            let needed = shared_out(demand, target, wanted, policy.tolerance_percent);
            (Basis::InFlight { demand, wanted, target }, needed)
        }
        Target::Cpu { percent } => {
            let Some(total) = samples.cpu_percent() else {
                return (Basis::NoCpuReading { ready: view.ready }, wanted);
            };
            let target = f64::from(percent.get());
            let needed = shared_out(total, target, wanted, policy.tolerance_percent);
            (Basis::Cpu { percent: total, wanted, target }, needed)
        }
        Target::QueueTime { target, capacity } => {
            by_queue_time(policy, target, f64::from(capacity.get()), wanted, view, samples)
        }
    };
    (basis, needed.max(awake_min))
}

/// Nothing runs: somebody who waits needs an instance, at once.
fn wake(policy: &AutoscalePolicy, view: &View) -> (Basis, u32) {
    let waiting = view.demand();
    if waiting == 0 {
        return (Basis::Asleep, policy.range.min());
    }
    let each = match policy.target {
        Target::InFlight(target) => target.get(),
        Target::QueueTime { capacity, .. } => capacity.get(),
        Target::Cpu { .. } => u32::MAX,
    };
    (Basis::Wake { waiting }, waiting.div_ceil(each).max(policy.range.awake_min()))
}

/// The fewest instances among which `load` is at most `target` each; `wanted` when that is within
/// tolerance already.
fn shared_out(load: f64, target: f64, wanted: u32, tolerance_percent: u8) -> u32 {
    let ratio = load / (target * f64::from(wanted));
    if (ratio - 1.0).abs() <= f64::from(tolerance_percent) / 100.0 {
        return wanted;
    }
    ceil(load / target)
}

/// That exchanges wait says *that* more instances are needed, not how many: a wait grows without
/// measure once all are busy. How many follows from what has to be served. That nobody waits says
/// nothing about how many fewer would do, so that follows from how busy they are.
fn by_queue_time(
    policy: &AutoscalePolicy,
    target: Duration,
    capacity: f64,
    wanted: u32,
    view: &View,
    samples: &Samples,
) -> (Basis, u32) {
    let (queue_time, demand) = (samples.queue_time(), samples.demand());
    let basis = Basis::QueueTime { waited: queue_time, target, demand, wanted };
    let most = target.mul_f64(1.0 + f64::from(policy.tolerance_percent) / 100.0);
    if queue_time > most {
        // Those that start will take from the line before it is known whether they are enough.
        let at_least = if view.starting > 0 { wanted } else { wanted.saturating_add(1) };
        return (basis, ceil(demand / capacity).max(at_least));
    }
    (basis, ceil(demand / (capacity * BUSY_PERCENT / 100.0)).min(wanted))
}

/// Rounds up; what is no more than a rounding error above a whole number is that number.
fn ceil(instances: f64) -> u32 {
    // The cast saturates, and makes zero of what is negative or no number.
    #[allow(clippy::cast_sign_loss, reason = "negative numbers become zero, as they should")]
    let whole = (instances - 1e-9).ceil() as u32;
    whole
}
