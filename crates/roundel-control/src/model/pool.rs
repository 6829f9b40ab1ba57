//! What is known about one pool, and the pool that workers see.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use roundel_config::model::{EndpointConfig, PoolConfig};
use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{Endpoint, EndpointId, Health, Presence};
use roundel_core::health::{HealthTracker, ProbeOutcome};
use roundel_core::outlier::Moment;
use roundel_core::policy::HealthCheck;
use roundel_core::pool::{Pool, PoolShared};
use roundel_core::slow_start;

use super::Ids;
use super::endpoint::{EndpointState, is_worth_probing};
use super::schedule::Schedule;
use crate::event::Change;
use crate::probe::ProbeTarget;
use crate::resolve::{HostPort, Resolution, Resolutions};

/// First probes are spread over so much time for each endpoint, so that a thousand of them do not
/// start in the same instant while six still answer at once.
const FIRST_PROBE_SPREAD: Duration = Duration::from_millis(1);

/// A process that starts is somebody's wait, and a refused connection costs next to nothing.
const STARTING_PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// What is known about one pool.
#[derive(Debug)]
pub(super) struct PoolState {
    pub(super) config: PoolConfig,
    pub(super) check: Option<Arc<HealthCheck>>,
    pub(super) endpoints: Vec<EndpointState>,
    /// The pool in the last snapshot; `None` before the first.
    pub(super) built: Option<Arc<Pool>>,
    /// Whether workers should see another pool than `built`.
    pub(super) is_stale: bool,
    /// When the success-rate window ends.
    pub(super) window_end: Moment,
    next_ramp_step: Option<Moment>,
    shared: Arc<PoolShared>,
}

/// What new endpoints start with.
pub(super) struct Fresh<'a> {
    pub(super) ids: &'a mut Ids,
    pub(super) random: &'a mut fastrand::Rng,
    pub(super) resolutions: &'a Resolutions,
    pub(super) now: Moment,
    /// How many endpoints there are, in all pools.
    pub(super) endpoints: usize,
}

impl Fresh<'_> {
    fn endpoint(&mut self, config: &EndpointConfig, check: Option<&HealthCheck>) -> EndpointState {
        let answer = match &config.address {
            EndpointAddress::Host(host, port) => self.resolutions.get(&(host.clone(), port.get())),
            EndpointAddress::Ip(_) | EndpointAddress::Unix(_) => None,
        };
        let mut endpoint = EndpointState::new(self.ids.take(), config, answer, self.now);
        restart_probes(&mut endpoint, check, self);
        endpoint
    }

    fn first_probe(&mut self, check: &HealthCheck) -> Schedule {
        let endpoints = u32::try_from(self.endpoints).unwrap_or(u32::MAX);
        let spread = FIRST_PROBE_SPREAD.saturating_mul(endpoints).min(check.interval);
        Schedule::Due(self.now.plus(spread.mul_f64(self.random.f64())))
    }
}

impl PoolState {
    /// The pool that `config` describes, with what is known of it from `before`.
    pub(super) fn next(before: Option<Self>, config: &PoolConfig, fresh: &mut Fresh<'_>) -> Self {
        let Some(before) = before else {
            let check = config.policy.health_check.clone().map(Arc::new);
            return Self {
                endpoints: endpoints_of(config, check.as_deref(), Vec::new(), fresh),
                config: config.clone(),
                check,
                built: None,
                is_stale: true,
                window_end: fresh.now,
                next_ramp_step: None,
                shared: Arc::default(),
            };
        };
        if before.config == *config {
            return before;
        }
        let is_same_check = config.policy.health_check.as_ref() == before.check.as_deref();
        let check = if is_same_check {
            before.check
        } else {
            config.policy.health_check.clone().map(Arc::new)
        };
        let outlier_detection = &config.policy.outlier_detection;
        let is_same_detection = *outlier_detection == before.config.policy.outlier_detection;
        let mut endpoints = endpoints_of(config, check.as_deref(), before.endpoints, fresh);
        for endpoint in &mut endpoints {
            if !is_same_check {
                restart_probes(endpoint, check.as_deref(), fresh);
            }
            if outlier_detection.is_none() {
                endpoint.outlier.pardon(fresh.now);
            }
            if !is_same_detection {
                endpoint.begin_window();
            }
        }
        let trigger = outlier_detection.as_ref().and_then(|o| o.success_rate.as_ref());
        let window_end = match trigger {
            Some(trigger) if !is_same_detection => fresh.now.plus(trigger.interval),
            _ => before.window_end,
        };
        Self { config: config.clone(), check, endpoints, is_stale: true, window_end, ..before }
    }

    /// Notes what a probe found.
    pub(super) fn probed(
        &mut self,
        index: usize,
        target: &ProbeTarget,
        outcome: &ProbeOutcome,
        random_unit: f64,
        now: Moment,
    ) -> Option<Change> {
        let endpoint = self.endpoints.get_mut(index)?;
        let check = self.check.as_ref()?;
        // The endpoint has moved, or another check is wanted by now: what was found is old.
        if endpoint.address.as_ref() != Some(&target.address) || !Arc::ptr_eq(check, &target.check)
        {
            endpoint.probing.finish(now, Duration::ZERO);
            return None;
        }
        // Probing was switched off meanwhile, or off and on again.
        if endpoint.probing != Schedule::Running {
            return None;
        }
        if let Some(is_answered) = outcome.is_answered(&check.probe) {
            endpoint.note_sign(is_answered);
        }
        let is_new = endpoint.note_presence(outcome);
        // A name with several addresses fails when all of them do.
        if endpoint.is_gone && endpoint.move_on(now) {
            endpoint.probing.finish(now, Duration::ZERO);
            self.is_stale = true;
            return None;
        }
        let transition = endpoint.tracker.on_probe(outcome, check);
        let is_starting = endpoint.config.presence == Presence::Starting;
        let longest = if is_starting { STARTING_PROBE_INTERVAL } else { Duration::MAX };
        let interval = endpoint.tracker.next_probe_in(check, random_unit).min(longest);
        let since_start = now.since(endpoint.probe_started);
        endpoint.probing.finish(now, interval.saturating_sub(since_start));
        if matches!(outcome, ProbeOutcome::Failure(_)) {
            endpoint.doubt_address();
        }
        let is_well_again = transition.as_ref().is_some_and(|t| t.to == Health::Healthy);
        if is_well_again || (is_new && endpoint.tracker.health() == Health::Healthy) {
            endpoint.forget_failures(now);
        }
        let transition = transition?;
        self.is_stale = true;
        // That a process does not answer while it starts is no news.
        if is_starting && transition.to == Health::Unhealthy {
            return None;
        }
        Some(Change::Health {
            pool: self.config.name.clone(),
            endpoint: endpoint.config.name.clone(),
            from: transition.from,
            to: transition.to,
            reason: reason_of(outcome, transition.in_a_row),
        })
    }

    /// Notes what an endpoint's name stands for.
    pub(super) fn resolved(
        &mut self,
        index: usize,
        answer: &Resolution,
        now: Moment,
    ) -> Option<Change> {
        let endpoint = self.endpoints.get_mut(index)?;
        let (pool, name) = (self.config.name.clone(), endpoint.config.name.clone());
        let is_first_failure = endpoint.lookup_failures == 0;
        match (endpoint.resolve(answer, now), answer) {
            (Some(address), _) => {
                self.is_stale = true;
                if self.check.is_some() && endpoint.is_probed() {
                    endpoint.probing.begin(now);
                }
                Some(Change::Resolved { pool, endpoint: name, address: address.to_string() })
            }
            (None, Err(reason)) if is_first_failure => {
                Some(Change::ResolutionFailed { pool, endpoint: name, reason: reason.clone() })
            }
            (None, _) => None,
        }
    }

    /// A worker could not connect: probes sooner, unless the endpoint is known to be down.
    pub(super) fn connect_failed(&mut self, index: usize, now: Moment) {
        let Some(endpoint) = self.endpoints.get_mut(index) else { return };
        endpoint.probe_sooner(now);
        endpoint.doubt_address();
        // Where nobody probes, traffic has to find the right address.
        if self.check.is_none() && endpoint.move_on_by_traffic(now) {
            self.is_stale = true;
        }
    }

    pub(super) fn due_probes(&mut self, now: Moment) -> Vec<(EndpointId, ProbeTarget)> {
        let Some(check) = &self.check else { return Vec::new() };
        let start = |endpoint: &mut EndpointState| {
            let address = endpoint.address.clone()?;
            endpoint.probing.start(now).then(|| {
                endpoint.probe_started = now;
                let authority = Arc::clone(&endpoint.authority);
                (endpoint.id, ProbeTarget { check: Arc::clone(check), address, authority })
            })
        };
        self.endpoints.iter_mut().filter_map(start).collect()
    }

    pub(super) fn due_lookups(&mut self, now: Moment) -> Vec<(EndpointId, HostPort)> {
        let start = |endpoint: &mut EndpointState| {
            let name = endpoint.host_name()?;
            endpoint.lookup.start(now).then_some((endpoint.id, name))
        };
        self.endpoints.iter_mut().filter_map(start).collect()
    }

    /// When something is due next, if at all.
    pub(super) fn next_wake(&self) -> Option<Moment> {
        let of_endpoint = |e: &EndpointState| {
            [e.probing.due(), e.lookup.due(), e.ejected_until()].into_iter().flatten().min()
        };
        let outlier_detection = self.config.policy.outlier_detection.as_ref();
        let window_end =
            outlier_detection.and_then(|o| o.success_rate.as_ref()).map(|_| self.window_end);
        let endpoints = self.endpoints.iter().filter_map(of_endpoint);
        endpoints.chain(window_end).chain(self.next_ramp_step).min()
    }

    /// Takes the next step of the ramps, when it is time.
    pub(super) fn step_ramps(&mut self, now: Moment) {
        self.is_stale |= self.next_ramp_step.is_some_and(|at| at <= now);
    }

    /// Makes the pool for workers anew if it is stale; tells whether it was.
    pub(super) fn rebuild_if_stale(&mut self, now: Moment) -> bool {
        if !self.is_stale {
            return false;
        }
        self.is_stale = false;
        let has_check = self.check.is_some();
        let mut ramps = HashMap::new();
        for endpoint in &mut self.endpoints {
            endpoint.note_service(endpoint.facts(has_check), now);
            if let Some(at) = endpoint.recovered_at {
                ramps.insert(endpoint.id, now.since(at));
            }
        }
        let mut endpoints: Vec<Endpoint> =
            self.endpoints.iter().map(|e| e.to_endpoint(has_check)).collect();
        let since_recovery = |e: &Endpoint| ramps.get(&e.id).copied();
        let next_step =
            slow_start::apply(&mut endpoints, self.config.policy.slow_start, since_recovery);
        self.next_ramp_step = next_step.map(|pause| now.plus(pause));
        self.built = Some(Arc::new(Pool::new(
            self.config.name.clone(),
            Arc::clone(&self.config.policy),
            endpoints,
            Arc::clone(&self.shared),
        )));
        true
    }
}

/// The endpoints that `config` lists, in its order: those of `before` that are the same, and new
/// ones. What is left of `before` is forgotten.
fn endpoints_of(
    config: &PoolConfig,
    check: Option<&HealthCheck>,
    before: Vec<EndpointState>,
    fresh: &mut Fresh<'_>,
) -> Vec<EndpointState> {
    let mut before: HashMap<_, EndpointState> = before
        .into_iter()
        .map(|e| ((e.config.name.clone(), e.config.address.clone()), e))
        .collect();
    let mut endpoints = Vec::with_capacity(config.endpoints.len());
    for new in &config.endpoints {
        let known = before.remove(&(new.name.clone(), new.address.clone()));
        let mut endpoint = known.unwrap_or_else(|| fresh.endpoint(new, check));
        let was_probed = is_worth_probing(&endpoint.config);
        let is_another = is_another_process(endpoint.config.presence, new.presence);
        endpoint.config = new.clone();
        if is_another {
            // What the one before did is not its fault, and not its merit.
            endpoint.tracker = HealthTracker::default();
            endpoint.forget_failures(fresh.now);
        }
        if is_another || was_probed != is_worth_probing(new) {
            restart_probes(&mut endpoint, check, fresh);
        }
        endpoints.push(endpoint);
    }
    endpoints
}

/// Whether a provider has seen one process take the place of another, as far as presence tells.
fn is_another_process(before: Presence, now: Presence) -> bool {
    match before {
        Presence::Absent => now != Presence::Absent,
        Presence::Present => now == Presence::Starting,
        Presence::Starting => false,
    }
}

/// Probes from now on if `check` and the endpoint's state say so, else never. Without probes there
/// is no verdict either: an old one would be believed when they begin again.
fn restart_probes(
    endpoint: &mut EndpointState,
    check: Option<&HealthCheck>,
    fresh: &mut Fresh<'_>,
) {
    match check {
        Some(check) if endpoint.is_probed() => endpoint.probing = fresh.first_probe(check),
        _ => {
            endpoint.probing = Schedule::Off;
            endpoint.tracker = HealthTracker::default();
        }
    }
}

fn reason_of(outcome: &ProbeOutcome, in_a_row: u32) -> String {
    let text = match outcome {
        ProbeOutcome::Success { took } => {
            format!("probe answered in {:.1} ms", took.as_secs_f64() * 1000.0)
        }
        ProbeOutcome::Failure(failure) => failure.to_string(),
    };
    if in_a_row > 1 { format!("{text} ({in_a_row} in a row)") } else { text }
}
