//! Apps, their instances, and what the autoscaler decided about them.

use roundel_control::{AppView, InstanceView, RolloutView, ScalingDecision};
use roundel_core::autoscale::{AutoscalePolicy, Target};
use roundel_core::pool::{Pool, Tier};

use super::Sight;
use crate::contract::{self, AutoscaleMetric, Exit, Hold, InstanceState, RolloutState};

impl Sight<'_> {
    /// All apps, in the order of the file.
    pub(crate) fn apps(&self) -> Vec<contract::App> {
        self.apps.iter().map(|app| self.app(app)).collect()
    }

    /// The names of all apps.
    pub(crate) fn app_names(&self) -> impl Iterator<Item = &str> {
        self.apps.iter().map(|app| app.name.as_str())
    }

    /// The app called `name`.
    pub(crate) fn app_called(&self, name: &str) -> Option<contract::App> {
        self.apps.iter().find(|app| app.name.as_str() == name).map(|app| self.app(app))
    }

    /// The app that feeds the pool; the first of several.
    pub(super) fn feeder_of(&self, pool: &str) -> Option<String> {
        let feeder = self.apps.iter().find(|app| app.pool.as_str() == pool)?;
        Some(feeder.name.to_string())
    }

    /// Why requests of the pool are held, if no endpoint takes traffic and they are.
    pub(crate) fn hold(&self, pool: &Pool) -> Option<Hold> {
        if pool.candidates.tier != Tier::Empty || pool.policy.endpoint_wait.is_none() {
            return None;
        }
        let mut feeders = self.apps.iter().filter(|app| app.pool == pool.name);
        let is_asleep = |app: &AppView| {
            let config = self.config.apps.iter().find(|config| config.name == app.name);
            app.instances_wanted == 0 && config.is_some_and(|config| config.autoscale.is_some())
        };
        Some(if feeders.any(is_asleep) { Hold::Asleep } else { Hold::Expected })
    }

    fn app(&self, app: &AppView) -> contract::App {
        let config = self.config.apps.iter().find(|config| config.name == app.name);
        let autoscale = config.and_then(|config| config.autoscale.as_ref()).map(autoscale);
        let decisions = self.surface.control.scaling_decisions(&app.name).last;
        contract::App {
            name: app.name.to_string(),
            pool: app.pool.to_string(),
            command: app.command.clone(),
            instances_wanted: app.instances_wanted.into(),
            min: app.min.into(),
            max: app.max.into(),
            is_autoscaled: autoscale.is_some(),
            autoscale,
            instances: app.instances.iter().map(instance).collect(),
            rollout: app.rollout.as_ref().map(rollout),
            decisions: decisions.iter().map(|decision| decision_of(decision)).collect(),
        }
    }
}

fn autoscale(policy: &AutoscalePolicy) -> contract::Autoscale {
    let (metric, target) = match policy.target {
        Target::InFlight(each) => (AutoscaleMetric::InFlight, f64::from(each.get())),
        Target::QueueTime { target, .. } => {
            (AutoscaleMetric::QueueTime, target.as_secs_f64() * 1000.0)
        }
        Target::Cpu { percent } => (AutoscaleMetric::Cpu, f64::from(percent.get())),
    };
    contract::Autoscale { metric, target }
}

fn instance(instance: &InstanceView) -> contract::Instance {
    contract::Instance {
        name: instance.name.to_string(),
        index: instance.index.into(),
        state: instance.state.into(),
        pid: instance.pid,
        address: instance.address.clone().unwrap_or_default(),
        started_at: instance.started_at.map(Into::into),
        restarts: instance.restarts,
        cpu_percent: instance.cpu_percent,
        memory_bytes: instance.memory_bytes,
        last_exit: instance
            .last_exit
            .as_ref()
            .map(|exit| Exit { at: exit.at.into(), status: exit.status.clone() }),
        reason: instance.reason.clone(),
        output_lines: instance.output_lines,
    }
}

fn rollout(rollout: &RolloutView) -> contract::Rollout {
    contract::Rollout {
        state: match rollout.state {
            roundel_control::RolloutState::Running => RolloutState::Running,
            roundel_control::RolloutState::Stopped => RolloutState::Stopped,
            roundel_control::RolloutState::Done => RolloutState::Done,
        },
        updated: rollout.updated.into(),
        total: rollout.total.into(),
        reason: rollout.reason.clone(),
    }
}

/// A decision in the words of the contract.
pub(crate) fn decision_of(decision: &ScalingDecision) -> contract::Decision {
    contract::Decision {
        at: decision.at.into(),
        app: decision.app.to_string(),
        from: decision.from.into(),
        to: decision.to.into(),
        reason: decision.reason.clone(),
        inputs: decision.inputs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
    }
}

impl From<roundel_control::InstanceState> for InstanceState {
    fn from(state: roundel_control::InstanceState) -> Self {
        use roundel_control::InstanceState as S;
        match state {
            S::Starting => Self::Starting,
            S::Ready => Self::Ready,
            S::Draining => Self::Draining,
            S::Stopping => Self::Stopping,
            S::Stopped => Self::Stopped,
            S::BackOff => Self::Backoff,
            S::Failed => Self::Failed,
        }
    }
}
