//! One app as the autoscaler has it: the state of its policy, the number that was seen last, and the
//! decisions that changed it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use roundel_core::autoscale::{AutoscalePolicy, Autoscaler, View};
use roundel_core::name::Name;
use roundel_core::outlier::Moment;

/// Decisions of an app that are kept.
pub const DECISIONS_KEPT: usize = 20;

/// A decision that changed how many instances an app should have.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingDecision {
    /// When.
    pub at: SystemTime,
    /// The app.
    pub app: Name,
    /// Instances wanted before.
    pub from: u32,
    /// Instances wanted from then on.
    pub to: u32,
    /// Why, in words and numbers.
    pub reason: String,
    /// What was seen.
    pub inputs: Vec<(&'static str, f64)>,
}

/// What was decided about an app.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScalingDecisions {
    /// The last ones, newest first, at most [`DECISIONS_KEPT`].
    pub last: VecDeque<Arc<ScalingDecision>>,
    /// How many there were for more instances.
    pub up: u64,
    /// How many for fewer.
    pub down: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Scaler {
    autoscaler: Autoscaler,
    /// The number that the app had at the last look. It may lag behind what the app was told, so
    /// that only a change of it tells of somebody else's will.
    seen: u32,
    decisions: ScalingDecisions,
}

impl Scaler {
    /// Goes on from the number of instances that there should be now.
    pub(super) fn new(policy: AutoscalePolicy, wanted: u32, now: Moment) -> Self {
        let autoscaler = Autoscaler::new(policy, wanted, now);
        Self { autoscaler, seen: wanted, decisions: ScalingDecisions::default() }
    }

    /// Takes note of the policy in force, and of a number that somebody else has chosen.
    pub(super) fn follow(&mut self, policy: &AutoscalePolicy, wanted: u32, now: Moment) {
        if self.autoscaler.policy() != policy {
            self.autoscaler.set_policy(policy.clone());
        }
        if wanted != self.seen && wanted != self.autoscaler.wanted() {
            self.autoscaler.set_wanted(wanted, now);
        }
        self.seen = wanted;
    }

    /// Decides by what is `seen`; gives the decision when it is to change the number.
    pub(super) fn decide(
        &mut self,
        app: &Name,
        seen: View,
        now: Moment,
        at: SystemTime,
    ) -> Option<Arc<ScalingDecision>> {
        let decision = self.autoscaler.decide(seen, now);
        if !decision.is_change() {
            return None;
        }
        let decision = Arc::new(ScalingDecision {
            at,
            app: app.clone(),
            from: decision.from,
            to: decision.to,
            reason: decision.reason.to_string(),
            inputs: decision.inputs.named(),
        });
        self.decisions.last.push_front(Arc::clone(&decision));
        self.decisions.last.truncate(DECISIONS_KEPT);
        let is_up = decision.to > decision.from;
        *if is_up { &mut self.decisions.up } else { &mut self.decisions.down } += 1;
        Some(decision)
    }

    /// The app did not take what was decided: it still has `wanted`.
    pub(super) fn take_back(&mut self, wanted: u32, now: Moment) {
        self.autoscaler.set_wanted(wanted, now);
    }

    /// What was decided so far.
    pub(super) fn decisions(&self) -> &ScalingDecisions {
        &self.decisions
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use roundel_core::autoscale::{InstanceRange, Pace, Target};

    use super::*;
    use crate::apps::{AppView, InstanceState, InstanceView};
    use crate::model::fixture::name;

    pub(crate) fn instance(called: &str, state: InstanceState, cpu: Option<f64>) -> InstanceView {
        InstanceView {
            name: name(called),
            index: 1,
            state,
            pid: None,
            address: None,
            started_at: None,
            is_held: false,
            restarts: 0,
            cpu_percent: cpu,
            memory_bytes: None,
            last_exit: None,
            reason: None,
            output_lines: 0,
            output: crate::OutputTail::default(),
        }
    }

    pub(crate) fn app(instances: &[(&str, InstanceState, Option<f64>)]) -> AppView {
        AppView {
            name: name("web"),
            pool: name("web"),
            command: Vec::new(),
            instances_wanted: 1,
            min: 0,
            max: 10,
            instances: instances.iter().map(|(n, state, cpu)| instance(n, *state, *cpu)).collect(),
            restarts_total: 0,
            rollout: None,
        }
    }

    fn policy(max: u32) -> AutoscalePolicy {
        let pace = Pace { instances: 100, percent: 0, period: Duration::from_secs(1) };
        AutoscalePolicy {
            range: InstanceRange::new(1, max).unwrap(),
            target: Target::InFlight(NonZeroU32::new(10).unwrap()),
            tolerance_percent: 10,
            up: pace,
            down: pace,
            scale_down_after: Duration::from_mins(1),
            idle_after: None,
        }
    }

    fn second(n: u64) -> Moment {
        Moment(Duration::from_secs(n))
    }

    fn busy(ready: u32, in_flight: u32) -> View {
        View { ready, in_flight, started: 1, ..View::default() }
    }

    fn decide(scaler: &mut Scaler, view: View, at: u64) -> Option<Arc<ScalingDecision>> {
        scaler.decide(&name("web"), view, second(at), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_decision_is_told_once_even_if_the_app_lags_behind() {
        let mut scaler = Scaler::new(policy(9), 1, second(0));
        let decision = decide(&mut scaler, busy(1, 50), 1).unwrap();
        assert_eq!((decision.from, decision.to), (1, 5));
        for at in 2..5 {
            scaler.follow(&policy(9), 1, second(at));
            assert_eq!(decide(&mut scaler, busy(1, 50), at), None);
        }
        scaler.follow(&policy(9), 5, second(5));
        assert_eq!(decide(&mut scaler, busy(5, 50), 5), None);
    }

    #[test]
    fn an_operators_number_is_gone_on_from() {
        let mut scaler = Scaler::new(policy(9), 5, second(0));
        assert_eq!(decide(&mut scaler, busy(5, 50), 1), None);
        scaler.follow(&policy(9), 8, second(2));
        assert_eq!(decide(&mut scaler, busy(8, 50), 2), None);
        // After the window the load alone counts again.
        let decision = (3..100).find_map(|at| decide(&mut scaler, busy(8, 50), at));
        assert_eq!(decision.map(|d| (d.from, d.to)), Some((8, 5)));
    }

    #[test]
    fn other_bounds_are_entered_at_the_next_look() {
        let mut scaler = Scaler::new(policy(9), 8, second(0));
        scaler.follow(&policy(3), 8, second(1));
        assert_eq!(decide(&mut scaler, busy(8, 80), 1).map(|d| (d.from, d.to)), Some((8, 3)));
    }

    #[test]
    fn the_last_decisions_are_kept_newest_first() {
        let policy = AutoscalePolicy { tolerance_percent: 0, ..policy(1000) };
        let mut scaler = Scaler::new(policy, 1, second(0));
        for n in 1..=30 {
            let _ = decide(&mut scaler, busy(1, n * 200), u64::from(n) * 6);
        }
        let decisions = scaler.decisions();
        assert_eq!((decisions.up, decisions.down), (30, 0));
        let kept: Vec<_> = decisions.last.iter().collect();
        assert_eq!(kept.len(), DECISIONS_KEPT);
        assert!(kept.windows(2).all(|pair| pair[0].from == pair[1].to));
        assert!(kept[0].inputs.contains(&("in_flight", 6000.0)));
    }
}
