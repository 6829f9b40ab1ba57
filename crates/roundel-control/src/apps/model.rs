//! One app: which instances there are, and what is to become of each.
//!
//! Inputs are methods (what the operator or the autoscaler wants, what processes did, the passing of
//! time); what follows is taken out afterwards ([`AppModel::take_actions`],
//! [`AppModel::take_changes`], [`AppModel::endpoints`]). After each input the model brings the
//! instances there are in line with those wanted, goes on with a rollout, and starts what is due.
//!
//! Pure: the clock is the argument `now`, randomness is seeded, processes are numbers.
//!
//! Invariant: at most one instance more than wanted runs, not counting those that are ending.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use roundel_config::model::{AppConfig, AppSpec, EndpointConfig, Listen};
use roundel_core::name::Name;
use roundel_core::outlier::Moment;

use super::instance::{Action, Instance, Out, RunId, Wish};
use super::ports;
use super::rollout::Rollout;
use super::view::InstanceState;
use crate::event::Change;

/// How often a drained instance is looked at.
const POLL: Duration = Duration::from_millis(50);
/// A port that somebody else had is left alone for so long.
const TAKEN_FOR: Duration = Duration::from_secs(10);
/// Pause before another look when no port was free.
const PORT_PAUSE: Duration = Duration::from_secs(1);

/// One app.
#[derive(Debug)]
pub(super) struct AppModel {
    pub(super) config: AppConfig,
    pub(super) instances: BTreeMap<u32, Instance>,
    wanted: u32,
    /// Instances that an operator wants stopped.
    held: BTreeSet<Name>,
    /// Gone from the configuration; forgotten when nothing of it is left.
    is_leaving: bool,
    /// What new instances are when no rollout has proven anything else.
    pub(super) proven: (Arc<AppSpec>, u64),
    /// Of [`AppConfig::spec`].
    pub(super) version: u64,
    pub(super) rollout: Option<Rollout>,
    /// Ports that other programs had when last tried, and until when they are left alone.
    taken: HashMap<u16, Moment>,
    /// Whether it was told that no port is free, so that it is told once.
    is_out_of_ports: bool,
    last_run: u64,
    restarts: u64,
    random: fastrand::Rng,
    pub(super) out: Out,
    pub(super) changes: Vec<Change>,
}

/// A number of instances that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfBounds {
    pub(super) min: u32,
    pub(super) max: u32,
}

impl AppModel {
    /// An app whose instances are started, except those that are `held`.
    pub(super) fn new(config: AppConfig, held: BTreeSet<Name>, seed: u64, now: Moment) -> Self {
        let mut app = Self {
            wanted: config.instances.initial,
            held,
            instances: BTreeMap::new(),
            is_leaving: false,
            proven: (Arc::clone(&config.spec), 1),
            version: 1,
            rollout: None,
            taken: HashMap::new(),
            is_out_of_ports: false,
            last_run: 0,
            restarts: 0,
            random: fastrand::Rng::with_seed(seed),
            out: Out::default(),
            changes: Vec::new(),
            config,
        };
        app.settle(now);
        app
    }

    /// Starts of instances after their first, over the life of the app.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    pub(super) fn wanted(&self) -> u32 {
        if self.is_leaving { 0 } else { self.wanted }
    }

    /// Whether it may be forgotten.
    pub(super) fn is_over(&self) -> bool {
        self.is_leaving && self.instances.is_empty()
    }

    /// Puts another configuration in force. What is other than before is replaced one by one.
    pub(super) fn configure(&mut self, config: AppConfig, now: Moment) {
        let before = std::mem::replace(&mut self.config, config);
        let (count, old_count) = (self.config.instances, before.instances);
        let was_leaving = std::mem::take(&mut self.is_leaving);
        // What the autoscaler found out holds, whatever the least is.
        let is_operators = self.config.autoscale.is_none();
        if was_leaving || (count.initial != old_count.initial && is_operators) {
            self.wanted = count.initial;
        }
        self.wanted = self.wanted.clamp(count.min, count.max);
        if self.config.spec != before.spec {
            self.version += 1;
            self.confirm_those_that_are_right();
            self.begin_rollout(now);
        }
        self.settle(now);
    }

    /// After a way back, those that a rollout has not reached are what they should be already.
    fn confirm_those_that_are_right(&mut self) {
        for instance in self.instances.values_mut() {
            if instance.spec == self.config.spec {
                instance.confirm(self.version);
            }
        }
    }

    /// Drains and ends all instances, for good.
    pub(super) fn leave(&mut self, now: Moment) {
        self.is_leaving = true;
        self.settle(now);
    }

    /// Ends all instances without waiting for exchanges, for good.
    pub(super) fn end(&mut self, now: Moment) {
        self.is_leaving = true;
        for instance in self.instances.values_mut() {
            instance.end(&self.config, now, &mut self.out);
        }
        self.settle(now);
    }

    /// Changes how many instances there are; tells it with the `reason`, if there is one to tell.
    pub(super) fn scale(
        &mut self,
        wanted: u32,
        reason: Option<String>,
        now: Moment,
    ) -> Result<(), OutOfBounds> {
        let (min, max) = (self.config.instances.min, self.config.instances.max);
        if !(min..=max).contains(&wanted) {
            return Err(OutOfBounds { min, max });
        }
        if wanted != self.wanted {
            let (app, from) = (self.config.name.clone(), self.wanted);
            let scaled = reason.map(|reason| Change::Scaled { app, from, to: wanted, reason });
            self.changes.extend(scaled);
            self.wanted = wanted;
            self.settle(now);
        }
        Ok(())
    }

    /// Replaces every instance, one by one.
    pub(super) fn restart(&mut self, now: Moment) {
        self.version += 1;
        self.begin_rollout(now);
        self.settle(now);
    }

    /// Starts an instance that is stopped, failed or pausing.
    pub(super) fn start_instance(&mut self, index: u32, now: Moment) {
        self.release(index);
        self.want(index, Wish::Run, now);
    }

    /// Drains and ends an instance, until somebody starts it.
    pub(super) fn stop_instance(&mut self, index: u32, now: Moment) {
        self.held.extend(self.instances.get(&index).map(|instance| instance.name.clone()));
        self.want(index, Wish::Stop, now);
    }

    /// Stops the instances that are `held`, and starts those that were until now.
    pub(super) fn hold(&mut self, held: &BTreeSet<Name>, now: Moment) {
        let members: Vec<_> = self.members().map(|i| (i.index, i.name.clone(), i.wish)).collect();
        for (index, name, wish) in members {
            match (held.contains(&name), wish == Wish::Stop) {
                (true, false) => self.stop_instance(index, now),
                (false, true) => self.start_instance(index, now),
                (true, true) | (false, false) => {}
            }
        }
    }

    fn release(&mut self, index: u32) {
        if let Some(instance) = self.instances.get(&index) {
            self.held.remove(&instance.name);
        }
    }

    /// Drains and ends an instance, and starts it again; at once if it does not run.
    pub(super) fn restart_instance(&mut self, index: u32, now: Moment) {
        self.release(index);
        self.want(index, Wish::Replace, now);
    }

    /// Ends an instance's process violently; what then happens is what happens after a crash.
    pub(super) fn kill_instance(&mut self, index: u32) {
        if let Some(instance) = self.instances.get_mut(&index) {
            instance.kill(&mut self.out);
        }
    }

    fn want(&mut self, index: u32, wish: Wish, now: Moment) {
        if let Some(instance) = self.instances.get_mut(&index)
            && instance.wish != Wish::Leave
        {
            instance.want(wish, &self.config, now, &mut self.out);
        }
        self.settle(now);
    }

    /// A process listens, or will, on `port`.
    pub(super) fn spawned(&mut self, run: RunId, port: Option<u16>) {
        if let Some(port) = port {
            self.taken.remove(&port);
        }
        self.is_out_of_ports = false;
        if let Some(instance) = self.by_run(run) {
            instance.port = port;
        }
    }

    /// The port that a process was to listen on is somebody else's; there is no process.
    pub(super) fn port_taken(&mut self, run: RunId, port: u16, now: Moment) {
        if self.taken.insert(port, now.plus(TAKEN_FOR)).is_none() {
            let app = self.config.name.clone();
            self.changes.push(Change::PortTaken { app, port });
        }
        if let Some(index) = self.by_run(run).map(|instance| instance.index)
            && let Some(instance) = self.instances.get_mut(&index)
        {
            instance.lose_port(now, &mut self.out);
        }
        self.settle(now);
    }

    /// A process was found to answer.
    pub(super) fn answered(&mut self, run: RunId, now: Moment) {
        if let Some(index) = self.by_run(run).map(|instance| instance.index)
            && let Some(instance) = self.instances.get_mut(&index)
        {
            instance.answered(now, &mut self.out);
        }
        self.settle(now);
    }

    /// What the pool finds of the instances by now.
    pub(super) fn note_health(&mut self, is_unhealthy: impl Fn(&Name) -> bool, now: Moment) {
        for instance in self.instances.values_mut() {
            instance.note_health(is_unhealthy(&instance.name), now);
        }
    }

    /// A process has ended, or could not be started.
    pub(super) fn exited(&mut self, run: RunId, status: &str, now: Moment) {
        let random_unit = self.random.f64();
        let Some(index) = self.by_run(run).map(|instance| instance.index) else { return };
        if let Some(instance) = self.instances.get_mut(&index)
            && let Some(failure) =
                instance.exited(status, &self.config, random_unit, now, &mut self.out)
        {
            self.note_failure(index, &failure, now);
        }
        self.settle(now);
    }

    /// Does what is due. `in_flight` tells how much an instance has to finish.
    pub(super) fn tick(&mut self, now: Moment, in_flight: impl Fn(RunId) -> u32) {
        for instance in self.instances.values_mut() {
            instance.tick(&in_flight, &self.config, now, &mut self.out);
        }
        self.settle(now);
    }

    /// When something is due next; `None` when only an input can change anything.
    pub(super) fn next_wake(&self, now: Moment) -> Option<Moment> {
        self.instances.values().filter_map(|i| i.next_wake(&self.config, now, POLL)).min()
    }

    /// What is to be done since the last call, in order.
    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.out.actions)
    }

    /// What has changed since the last call, in order.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let (app, pool) = (&self.config.name, &self.config.pool);
        let transitions = self.out.transitions.drain(..).map(|t| Change::Instance {
            app: app.clone(),
            pool: pool.clone(),
            instance: t.instance,
            from: t.from,
            to: t.to,
            reason: t.reason,
        });
        let mut changes: Vec<Change> = transitions.collect();
        changes.append(&mut self.changes);
        changes
    }

    /// The endpoints that its instances are, by index.
    pub(super) fn endpoints(&self) -> Vec<EndpointConfig> {
        self.instances.values().filter_map(|i| i.endpoint(&self.config.name)).collect()
    }

    /// Whether there will be an endpoint without anybody's help, or as soon as somebody waits for
    /// one.
    pub(super) fn expects_endpoint(&self) -> bool {
        let policy = self.config.autoscale.as_ref();
        let wakes = self.wanted() == 0 && policy.is_some_and(|policy| policy.idle_after.is_some());
        (wakes && !self.is_leaving) || self.members().any(Instance::is_expected)
    }

    /// The instance of that name; of two, the one that stays.
    pub(super) fn by_name(&self, name: &str) -> Option<&Instance> {
        let named = self.instances.values().filter(|i| i.name.as_str() == name);
        named.max_by_key(|instance| instance.wish != Wish::Leave)
    }

    fn by_run(&mut self, run: RunId) -> Option<&mut Instance> {
        self.instances.values_mut().find(|instance| instance.live_run() == Some(run))
    }

    /// Brings everything in line after an input.
    fn settle(&mut self, now: Moment) {
        self.forget_gone();
        self.adjust_count(now);
        self.step_rollout(now);
        self.forget_gone();
        self.start_due(now);
        self.forget_gone();
    }

    fn forget_gone(&mut self) {
        self.instances.retain(|_, instance| !instance.is_gone());
    }

    /// The instances that count: all but those that leave, and the additional one of a rollout.
    pub(super) fn members(&self) -> impl Iterator<Item = &Instance> {
        let surge = self.rollout.as_ref().and_then(|rollout| rollout.surge);
        self.instances
            .values()
            .filter(move |instance| instance.wish != Wish::Leave && Some(instance.index) != surge)
    }

    fn adjust_count(&mut self, now: Moment) {
        let wanted = self.wanted() as usize;
        let members: Vec<u32> = self.members().map(|instance| instance.index).collect();
        if members.len() > wanted {
            let mut victims = members;
            victims.sort_by_key(|index| self.worth(*index));
            let surplus = victims.len() - wanted;
            for index in victims.into_iter().take(surplus) {
                self.dismiss(index, now);
            }
        } else {
            for _ in members.len()..wanted {
                self.add_member(now);
            }
        }
    }

    /// Those worth least go first: those that do not serve, then the youngest by number.
    fn worth(&self, index: u32) -> (u8, std::cmp::Reverse<u32>) {
        let state = self.instances.get(&index).map(Instance::state);
        let rank = match state {
            Some(InstanceState::Ready) => 2,
            Some(InstanceState::Starting) => 1,
            _ => 0,
        };
        (rank, std::cmp::Reverse(index))
    }

    pub(super) fn dismiss(&mut self, index: u32, now: Moment) {
        // One of the same number that comes later is another one.
        self.release(index);
        if let Some(instance) = self.instances.get_mut(&index) {
            instance.want(Wish::Leave, &self.config, now, &mut self.out);
        }
    }

    /// One more: rather one that was about to leave than a new one.
    fn add_member(&mut self, now: Moment) {
        let surge = self.rollout.as_ref().and_then(|rollout| rollout.surge);
        let leaving = self.instances.values_mut().find(|instance| {
            instance.wish == Wish::Leave
                && instance.state() == InstanceState::Draining
                && Some(instance.index) != surge
        });
        if let Some(instance) = leaving {
            instance.want(Wish::Run, &self.config, now, &mut self.out);
            return;
        }
        let free = (1..=u32::MAX).find(|index| !self.instances.contains_key(index));
        let (spec, version) = self.proven.clone();
        if let Some(index) = free {
            self.add(index, spec, version);
        }
    }

    pub(super) fn add(&mut self, index: u32, spec: Arc<AppSpec>, version: u64) {
        let mut instance = Instance::new(&self.config.name, index, spec, version);
        if self.held.contains(&instance.name) {
            instance.want(Wish::Stop, &self.config, Moment::default(), &mut self.out);
        }
        self.instances.insert(index, instance);
    }

    fn start_due(&mut self, now: Moment) {
        let due: Vec<u32> =
            self.instances.values().filter(|i| i.is_due(now)).map(|i| i.index).collect();
        for index in due {
            let Some(instance) = self.instances.get_mut(&index) else { continue };
            instance.renew(&self.config.name);
            let listen = instance.spec.listen.clone();
            let port = match &listen {
                Listen::Socket(_) => None,
                Listen::AnyPort => instance.port,
                Listen::Ports(range) => {
                    let Some(port) = self.free_port(range, index, now) else {
                        self.wait_for_port(index, now);
                        continue;
                    };
                    Some(port)
                }
            };
            self.last_run += 1;
            let run = RunId(self.last_run);
            if let Some(instance) = self.instances.get_mut(&index) {
                instance.spawn(run, port, now, &mut self.out);
                self.restarts += u64::from(instance.restarts() > 0);
            }
        }
    }

    /// A port that no other instance has and nobody else is known to have.
    pub(super) fn free_port(
        &self,
        range: &std::ops::RangeInclusive<u16>,
        index: u32,
        now: Moment,
    ) -> Option<u16> {
        let is_usable = |port: u16| {
            let is_used = self.instances.values().any(|i| i.index != index && i.holds(port));
            !is_used && self.taken.get(&port).is_none_or(|until| *until <= now)
        };
        ports::choose(range, index, self.wanted.max(1), is_usable)
    }

    fn wait_for_port(&mut self, index: u32, now: Moment) {
        let listen = &self.config.spec.listen;
        let mut taken: Vec<u16> = self.taken.keys().copied().collect();
        taken.sort_unstable();
        let reason = format!("none of {listen} is free; other programs have {taken:?}");
        if let Some(instance) = self.instances.get_mut(&index) {
            let mut silent = Out::default();
            let out = if self.is_out_of_ports { &mut silent } else { &mut self.out };
            instance.wait_for_port(now.plus(PORT_PAUSE), reason, out);
        }
        self.is_out_of_ports = true;
        self.give_up_surge(index, now);
    }
}

#[cfg(test)]
mod tests;
