//! How weight grows after a recovery.
//!
//! An endpoint that was away has cold caches, an unwarmed runtime, empty connection pools; its full
//! share at once often takes it down again. So its share grows linearly over a window, as in
//! HAProxy (`slowstart`) and Envoy (`slow_start_config`, aggression 1), from a tenth to all of it.
//! It does not begin at zero since an endpoint warms up only by serving; a tenth is Envoy's
//! default.
//!
//! The share grows in ten steps, not continuously: each step is a new snapshot, and shares in whole
//! tenths keep the balancer's schedule short. When the whole pool is new all ramp alike and shares
//! stay as configured.

use std::time::Duration;

use crate::endpoint::Endpoint;

/// Steps of a ramp, and the number of units that make one configured unit of weight while an
/// endpoint of the pool ramps.
const STEPS: u32 = 10;

/// The part of `weight` that an endpoint takes `since_recovery` into a ramp of length `window`: all
/// of it after the window or if the window is zero, at least a tenth and at least 1.
pub fn effective_weight(weight: u32, since_recovery: Duration, window: Duration) -> u32 {
    let steps = steps_done(since_recovery, window);
    let share = u64::from(weight) * u64::from(steps) / u64::from(STEPS);
    (share as u32).max(1)
}

/// Sets the effective weight of all endpoints of a pool, and tells after how long to do so again:
/// at the next step of any of them, or `None` when none ramps.
///
/// `since_recovery` tells how long ago an endpoint recovered, or joined a pool that was running;
/// `None` when it did neither, so that a start of the process is no recovery. While any endpoint
/// ramps, effective weights of the whole pool are ten times as large, since a weight of 1 could not
/// grow otherwise; only their proportions mean anything.
pub fn apply(
    endpoints: &mut [Endpoint],
    window: Duration,
    since_recovery: impl Fn(&Endpoint) -> Option<Duration>,
) -> Option<Duration> {
    let until_next_step =
        |e: &Endpoint| since_recovery(e).and_then(|since| next_step(since, window));
    let next = endpoints.iter().filter_map(until_next_step).min();
    let unit = if next.is_some() { STEPS } else { 1 };
    for endpoint in endpoints {
        let since = since_recovery(endpoint).unwrap_or(Duration::MAX);
        endpoint.effective_weight =
            effective_weight(endpoint.weight.saturating_mul(unit), since, window);
    }
    next
}

/// Tenths of the window that have passed, from 1 to 10.
fn steps_done(since_recovery: Duration, window: Duration) -> u32 {
    let steps = since_recovery
        .as_nanos()
        .saturating_mul(u128::from(STEPS))
        .checked_div(window.as_nanos())
        .unwrap_or(u128::MAX);
    steps.clamp(1, u128::from(STEPS)) as u32
}

/// How long until the share grows next; `None` when it is full. Rounded up to a whole nanosecond,
/// so that the step is done when the time has come.
fn next_step(since_recovery: Duration, window: Duration) -> Option<Duration> {
    let done = steps_done(since_recovery, window);
    if done == STEPS {
        return None;
    }
    let at = (window.as_nanos() * u128::from(done + 1)).div_ceil(u128::from(STEPS));
    // `at` is at most the window, so its seconds fit.
    let at = Duration::new((at / 1_000_000_000) as u64, (at % 1_000_000_000) as u32);
    Some(at.saturating_sub(since_recovery))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::fixture::endpoint;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn weight_grows_from_a_tenth_to_all() {
        for (weight, seconds, window, expected) in [
            (100, 0, 10, 10),
            (100, 1, 10, 10),
            (100, 2, 10, 20),
            (100, 9, 10, 90),
            (100, 10, 10, 100),
            (100, 11, 10, 100),
            (100, 0, 0, 100),
            (7, 5, 10, 3),
            (1, 0, 10, 1),
            (1, 5, 10, 1),
            (u32::MAX, u64::MAX, u64::MAX, u32::MAX),
            (u32::MAX, 0, u64::MAX, u32::MAX / 10),
        ] {
            let window = Duration::from_secs(window);
            let got = effective_weight(weight, Duration::from_secs(seconds), window);
            assert_eq!(got, expected, "{weight} at {seconds} s of {window:?}");
        }
    }

    #[test]
    fn a_pool_without_a_ramp_keeps_its_configured_weights() {
        let mut endpoints = [endpoint("a", 1), endpoint("b", 7)];
        assert_eq!(apply(&mut endpoints, SECOND, |_| None), None);
        assert_eq!(endpoints.map(|e| e.effective_weight), [1, 7]);
        let mut endpoints = [endpoint("a", 1), endpoint("b", 7)];
        assert_eq!(apply(&mut endpoints, SECOND, |_| Some(SECOND)), None);
        assert_eq!(endpoints.map(|e| e.effective_weight), [1, 7]);
    }

    #[test]
    fn an_endpoint_of_weight_one_ramps_too() {
        let mut endpoints = [endpoint("a", 1), endpoint("b", 2)];
        let since = |e: &Endpoint| (e.name.as_str() == "a").then_some(SECOND * 3);
        assert_eq!(apply(&mut endpoints, SECOND * 10, since), Some(SECOND));
        assert_eq!(endpoints.map(|e| e.effective_weight), [3, 20]);
    }

    #[test]
    fn a_zero_window_means_no_ramp() {
        let mut endpoints = [endpoint("a", 3)];
        assert_eq!(apply(&mut endpoints, Duration::ZERO, |_| Some(Duration::ZERO)), None);
        assert_eq!(endpoints.map(|e| e.effective_weight), [3]);
    }

    proptest! {
        #[test]
        fn following_the_steps_ends_the_ramp(nanos in 1u64..=u64::MAX, seconds in 0u64..1000) {
            let window = Duration::from_nanos(nanos).saturating_add(SECOND * seconds as u32);
            let mut since = Duration::ZERO;
            let mut shares = vec![effective_weight(1000, since, window)];
            while let Some(wait) = next_step(since, window) {
                prop_assert!(wait > Duration::ZERO);
                since += wait;
                shares.push(effective_weight(1000, since, window));
                prop_assert!(shares.len() <= STEPS as usize);
            }
            prop_assert_eq!(since, window);
            prop_assert!(shares.is_sorted_by(|a, b| a < b), "{:?}", shares);
            prop_assert_eq!(shares.last(), Some(&1000));
        }
    }
}
