//! The replacement of all instances of an app: at a restart, and when a reload changes what it is.
//!
//! One additional instance goes first. Only when it is found to answer is an old one drained and
//! replaced, then the next, each time after the one before answers; at last the additional one goes.
//! So there is never one instance less than wanted, and a program that does not start never replaces
//! one that serves. Where there is no room for an additional instance, as when every port of the
//! range is used, each is drained and ended before its successor starts.
//!
//! The first new instance that ends, or does not become ready, stops the rollout: the old ones serve
//! on, and the failed one becomes again what it was. Instances that do not serve anyway are replaced
//! first, without ado; when nothing serves there is nothing to protect, and all are replaced at once.

use std::sync::Arc;

use roundel_config::model::{AppSpec, Listen};
use roundel_core::outlier::Moment;

use super::instance::{Instance, Wish};
use super::model::AppModel;
use super::view::{InstanceState, RolloutState, RolloutView};
use crate::event::Change;

/// The last rollout of an app.
#[derive(Debug)]
pub(super) struct Rollout {
    state: RolloutState,
    reason: Option<String>,
    /// What is replaced, and by which version.
    from: (Arc<AppSpec>, u64),
    to: u64,
    /// The additional instance, until it is told to leave.
    pub(super) surge: Option<u32>,
    /// There turned out to be no port for it.
    has_no_room: bool,
    /// The instance that must become ready before the next one is replaced.
    current: Option<u32>,
}

impl AppModel {
    /// Begins to replace all instances of a version before the present one by what the configuration
    /// says.
    pub(super) fn begin_rollout(&mut self, now: Moment) {
        if let Some(surge) = self.rollout.take().and_then(|rollout| rollout.surge) {
            // What it was to prove is not asked any more.
            self.dismiss(surge, now);
        }
        let (to, from) = (self.version, self.proven.clone());
        let (state, reason) = (RolloutState::Running, None);
        self.rollout = Some(Rollout {
            state,
            reason,
            from,
            to,
            surge: None,
            has_no_room: false,
            current: None,
        });
        self.tell_rollout(RolloutState::Running, "every instance is replaced".to_owned());
    }

    /// How the last rollout stands.
    pub(super) fn rollout_view(&self) -> Option<RolloutView> {
        let rollout = self.rollout.as_ref()?;
        let is_updated = |i: &&Instance| i.version() >= rollout.to && !i.is_changing();
        Some(RolloutView {
            state: rollout.state,
            updated: self.members().filter(is_updated).count() as u32,
            total: self.members().count() as u32,
            reason: rollout.reason.clone(),
        })
    }

    /// Takes the next step, if it is time.
    pub(super) fn step_rollout(&mut self, now: Moment) {
        let Some(rollout) = &self.rollout else { return };
        if rollout.state != RolloutState::Running {
            return self.retire_surge(now);
        }
        if rollout.current.is_some_and(|current| self.is_awaited(current)) {
            return;
        }
        let to = rollout.to;
        if let Some(rollout) = &mut self.rollout {
            rollout.current = None;
        }
        let outdated: Vec<u32> =
            self.members().filter(|i| i.version() < to).map(|i| i.index).collect();
        let (serving, idle): (Vec<u32>, Vec<u32>) =
            outdated.into_iter().partition(|index| self.is_serving(*index));
        if serving.is_empty() {
            for index in idle {
                self.replace(index, now);
            }
            return self.finish_if_ready(now);
        }
        if let Some(index) = idle.first() {
            return self.update(*index, now);
        }
        if self.add_surge(now) {
            return;
        }
        // Whatever else is on its way counts when it has arrived.
        if self.members().any(|i| i.wish == Wish::Run && !i.is_ready()) {
            return;
        }
        if let Some(index) = serving.first() {
            self.update(*index, now);
        }
    }

    /// Whether the instance is new and still on its way to be ready.
    fn is_awaited(&self, index: u32) -> bool {
        self.instances.get(&index).is_some_and(|instance| {
            !instance.is_ready() && matches!(instance.wish, Wish::Run | Wish::Replace)
        })
    }

    fn is_serving(&self, index: u32) -> bool {
        self.instances.get(&index).is_some_and(Instance::is_ready)
    }

    /// Replaces an instance; the rollout waits for it.
    fn update(&mut self, index: u32, now: Moment) {
        if let Some(rollout) = &mut self.rollout {
            rollout.current = Some(index);
        }
        self.replace(index, now);
    }

    fn replace(&mut self, index: u32, now: Moment) {
        let (spec, version) = (Arc::clone(&self.config.spec), self.version);
        if let Some(instance) = self.instances.get_mut(&index) {
            instance.replace((&spec, version), &self.config, now, &mut self.out);
        }
    }

    /// Adds the additional instance, if there is none yet and there is room; tells whether it did.
    fn add_surge(&mut self, now: Moment) -> bool {
        let is_out = |rollout: &Rollout| rollout.surge.is_some() || rollout.has_no_room;
        let is_out = self.rollout.as_ref().is_none_or(is_out);
        let last = self.instances.keys().next_back().copied().unwrap_or(0);
        let index = last.saturating_add(1);
        let has_room = match &self.config.spec.listen {
            Listen::AnyPort | Listen::Socket(_) => true,
            Listen::Ports(range) => self.free_port(range, index, now).is_some(),
        };
        if is_out || !has_room {
            return false;
        }
        self.add(index, Arc::clone(&self.config.spec), self.version);
        if let Some(rollout) = &mut self.rollout {
            rollout.surge = Some(index);
            rollout.current = Some(index);
        }
        true
    }

    /// No port is free for the instance `index`: if it is the additional one, goes on without.
    pub(super) fn give_up_surge(&mut self, index: u32, now: Moment) {
        if let Some(rollout) = &mut self.rollout
            && rollout.surge == Some(index)
        {
            rollout.surge = None;
            rollout.current = None;
            rollout.has_no_room = true;
            self.dismiss(index, now);
        }
    }

    fn finish_if_ready(&mut self, now: Moment) {
        let is_on_its_way = |i: &Instance| i.wish != Wish::Stop && !i.is_ready();
        if self.members().any(is_on_its_way) {
            return;
        }
        self.proven = (Arc::clone(&self.config.spec), self.version);
        self.end_rollout(RolloutState::Done, None);
        self.retire_surge(now);
    }

    /// Sends the additional instance away, as soon as it is not needed.
    fn retire_surge(&mut self, now: Moment) {
        let Some(surge) = self.rollout.as_ref().and_then(|rollout| rollout.surge) else { return };
        let is_useful = self.is_serving(surge) && self.members().any(Instance::is_changing);
        if !is_useful {
            if let Some(rollout) = &mut self.rollout {
                rollout.surge = None;
            }
            self.dismiss(surge, now);
        }
    }

    /// An instance ended unasked, or did not become ready: stops the rollout if it is a new one.
    pub(super) fn note_failure(&mut self, index: u32, failure: &str, now: Moment) {
        let Some(rollout) = &self.rollout else { return };
        let Some(instance) = self.instances.get(&index) else { return };
        if rollout.state != RolloutState::Running || instance.version() < rollout.to {
            return;
        }
        let to = rollout.to;
        let name = instance.name.clone();
        let has_failed = instance.state() == InstanceState::Failed;
        let is_surge = rollout.surge == Some(index);
        let from = rollout.from.clone();
        let is_protected = self.members().any(|i| i.version() < to && i.is_ready());
        let reason = format!("new instance {name}: {failure}");
        if is_protected {
            self.end_rollout(RolloutState::Stopped, Some(reason));
            if is_surge {
                self.retire_surge(now);
            } else if let Some(instance) = self.instances.get_mut(&index) {
                instance.replace((&from.0, from.1), &self.config, now, &mut self.out);
            }
        } else if has_failed {
            // Nothing of before is left to go back to.
            self.proven = (Arc::clone(&self.config.spec), self.version);
            self.end_rollout(RolloutState::Stopped, Some(reason));
        }
    }

    fn end_rollout(&mut self, state: RolloutState, reason: Option<String>) {
        let told = reason.clone().unwrap_or_else(|| "every instance is new".to_owned());
        if let Some(rollout) = &mut self.rollout {
            rollout.state = state;
            rollout.reason = reason;
            rollout.current = None;
        }
        self.tell_rollout(state, told);
    }

    fn tell_rollout(&mut self, state: RolloutState, reason: String) {
        let app = self.config.name.clone();
        self.changes.push(Change::Rollout { app, state, reason });
    }
}
