//! What is known about one endpoint.

use std::sync::Arc;
use std::time::Duration;

use roundel_config::model::EndpointConfig;
use roundel_core::address::{ConnectAddress, EndpointAddress};
use roundel_core::endpoint::{
    AdminState, Endpoint, EndpointFacts, EndpointId, EndpointShared, Health, Presence,
};
use roundel_core::health::{HealthTracker, ProbeFailure, ProbeOutcome};
use roundel_core::outlier::{Moment, OutlierTracker, Seen, Window};

use super::schedule::Schedule;
use super::silence::Silence;
use crate::probe::nowhere;
use crate::resolve::{HostPort, Resolution};

/// Names are looked up again so often; what the resolver knows of validity is not passed on by the
/// system's interface.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(30);
/// The same after a failure of the look-up, or of the endpoint.
const LOOKUP_RETRY: Duration = Duration::from_secs(5);
/// What traffic meets leads to a probe at once, but not more often than this.
const EXTRA_PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// What is known about one endpoint.
#[derive(Debug)]
pub(super) struct EndpointState {
    pub(super) id: EndpointId,
    pub(super) config: EndpointConfig,
    pub(super) authority: Arc<str>,
    /// `None` while the name does not resolve.
    pub(super) address: Option<ConnectAddress>,
    /// All that its name stands for; `address` is one of them. Empty when it has no name.
    addresses: Vec<ConnectAddress>,
    /// Addresses of these that refused since one last did not.
    refusals: usize,
    moved_at: Moment,
    pub(super) tracker: HealthTracker,
    pub(super) outlier: OutlierTracker,
    /// As the last snapshot shows it: the tracker's answer changes by itself as time passes, this
    /// changes when the end is noticed.
    pub(super) is_ejected: bool,
    /// The last probe found nobody there.
    pub(super) is_gone: bool,
    /// Was out of service, and has not come back yet.
    pub(super) is_recovering: bool,
    /// When it came back into service; `None` when it always was there.
    pub(super) recovered_at: Option<Moment>,
    /// Counts at the start of the success-rate window.
    mark: Mark,
    pub(super) probing: Schedule,
    pub(super) probe_started: Moment,
    pub(super) lookup: Schedule,
    pub(super) lookup_ended: Moment,
    /// Look-ups in a row that failed.
    pub(super) lookup_failures: u32,
    pub(super) silence: Silence,
    pub(super) shared: Arc<EndpointShared>,
}

/// Attempts so far.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    ended: u64,
    errors: u64,
}

impl Mark {
    fn of(shared: &EndpointShared) -> Self {
        // Those that run have no outcome yet.
        let ended = shared.requests().saturating_sub(u64::from(shared.in_flight()));
        Self { ended, errors: shared.errors() }
    }

    /// What has ended since `earlier`.
    fn since(self, earlier: Self) -> Window {
        let errors = self.errors.saturating_sub(earlier.errors);
        let successes = self.ended.saturating_sub(earlier.ended).saturating_sub(errors);
        Window { successes, errors }
    }
}

impl EndpointState {
    /// An endpoint that nothing is known of but its configuration and, perhaps, what its name
    /// stands for.
    pub(super) fn new(
        id: EndpointId,
        config: &EndpointConfig,
        answer: Option<&Resolution>,
        now: Moment,
    ) -> Self {
        let (address, lookup) = match &config.address {
            EndpointAddress::Ip(address) => (Some(ConnectAddress::Ip(*address)), Schedule::Off),
            EndpointAddress::Unix(path) => {
                (Some(ConnectAddress::Unix(path.clone())), Schedule::Off)
            }
            EndpointAddress::Host(..) => match answer.and_then(|answer| first_of(answer, None)) {
                Some(address) => (Some(address), Schedule::Due(now.plus(LOOKUP_INTERVAL))),
                None => (None, Schedule::Due(now)),
            },
        };
        Self {
            id,
            config: config.clone(),
            authority: config.address.to_string().into(),
            address,
            addresses: answer.map(all_of).unwrap_or_default(),
            refusals: 0,
            moved_at: Moment::default(),
            tracker: HealthTracker::default(),
            outlier: OutlierTracker::default(),
            is_ejected: false,
            is_gone: false,
            is_recovering: false,
            recovered_at: None,
            mark: Mark::default(),
            probing: Schedule::Off,
            probe_started: now,
            lookup,
            lookup_ended: now,
            lookup_failures: 0,
            silence: Silence::default(),
            shared: Arc::default(),
        }
    }

    /// The three facts. An endpoint without an address cannot be well, whatever probes found
    /// before; without a health check one that has an address is taken to be.
    pub(super) fn facts(&self, has_check: bool) -> EndpointFacts {
        let health = match &self.address {
            None => Health::Unhealthy,
            Some(_) if !has_check => Health::Healthy,
            Some(_) => self.tracker.health(),
        };
        EndpointFacts {
            admin_state: self.config.admin_state,
            health,
            is_ejected: self.is_ejected,
            presence: self.config.presence,
        }
    }

    /// Until when it is out, as long as that is in force: an end that has passed counts until it is
    /// noticed.
    pub(super) fn ejected_until(&self) -> Option<Moment> {
        // Asked as of the beginning of time, the tracker also tells an end that has passed.
        self.is_ejected.then(|| self.outlier.ejected_until(Moment::default())).flatten()
    }

    /// What outlier detection goes by.
    pub(super) fn seen(&self, has_check: bool) -> Seen {
        Seen {
            facts: self.facts(has_check),
            tracker: self.outlier,
            errors_in_a_row: self.shared.consecutive_errors(),
            window: Mark::of(&self.shared).since(self.mark),
        }
    }

    /// Begins a success-rate window.
    pub(super) fn begin_window(&mut self) {
        self.mark = Mark::of(&self.shared);
    }

    /// Probes find it well after they had not: its failures are those of the process that was
    /// there before, and must not keep the new one out.
    pub(super) fn forget_failures(&mut self, now: Moment) {
        self.outlier.pardon(now);
        self.shared.clear_consecutive_errors();
        self.begin_window();
    }

    /// Takes note of whether a probe could connect; tells whether it found somebody where the one
    /// before had found nobody. That is a new process even when the verdict did not change: a
    /// restart is often over before so many probes have failed, but not before traffic has.
    pub(super) fn note_presence(&mut self, outcome: &ProbeOutcome) -> bool {
        let was_gone = self.is_gone;
        self.is_gone = matches!(
            outcome,
            ProbeOutcome::Failure(ProbeFailure::Refused | ProbeFailure::Unreachable(_))
        );
        if !self.is_gone {
            self.refusals = 0;
        }
        was_gone && matches!(outcome, ProbeOutcome::Success { .. })
    }

    /// Takes note of whether a probe was answered by the process itself. If nobody waits there, an
    /// answer leaves nothing that would speak for a silence.
    pub(super) fn note_sign(&self, is_answered: bool) {
        self.shared.note_probe(is_answered);
        if is_answered && self.shared.in_flight() == 0 {
            self.shared.note_answer();
        }
    }

    /// Nobody is at the present address: moves on to the next one that the name stands for. `false`
    /// when there is none, or all of them have refused.
    ///
    /// A name such as `localhost` has an address of each family, and many servers listen on one.
    pub(super) fn move_on(&mut self, now: Moment) -> bool {
        self.refusals += 1;
        if self.refusals >= self.addresses.len() {
            self.refusals = 0;
            return false;
        }
        let is_present = |address: &ConnectAddress| self.address.as_ref() == Some(address);
        let next = self.addresses.iter().position(is_present).map_or(0, |at| at + 1);
        self.address = self.addresses.get(next).or(self.addresses.first()).cloned();
        self.moved_at = now;
        true
    }

    /// The same on what traffic says, which may still speak of the address before.
    pub(super) fn move_on_by_traffic(&mut self, now: Moment) -> bool {
        now >= self.moved_at.plus(EXTRA_PROBE_INTERVAL) && self.move_on(now)
    }

    /// Traffic has reason to doubt it: probes at once, unless it is known to be down.
    pub(super) fn probe_sooner(&mut self, now: Moment) {
        if self.tracker.health() != Health::Unhealthy {
            self.probing.hasten(now.max(self.probe_started.plus(EXTRA_PROBE_INTERVAL)));
        }
    }

    /// Whether probes make sense: the operator wants it in some way, it has an address, and
    /// something may be there.
    pub(super) fn is_probed(&self) -> bool {
        is_worth_probing(&self.config) && self.address.is_some()
    }

    /// Follows what is about to be published, to know when a ramp begins. The first address of a
    /// name and the first probe of a process are no recovery.
    pub(super) fn note_service(&mut self, facts: EndpointFacts, now: Moment) {
        let is_down = facts.health == Health::Unhealthy
            || facts.is_ejected
            || facts.presence == Presence::Absent;
        if is_down && self.address.is_some() {
            self.is_recovering = true;
            self.recovered_at = None;
        } else if facts.is_eligible() && self.is_recovering {
            self.is_recovering = false;
            self.recovered_at = Some(now);
        }
    }

    /// As a snapshot shows it, before slow start.
    pub(super) fn to_endpoint(&self, has_check: bool) -> Endpoint {
        Endpoint {
            id: self.id,
            name: self.config.name.clone(),
            authority: Arc::clone(&self.authority),
            address: self.address.clone().unwrap_or_else(nowhere),
            weight: self.config.weight,
            effective_weight: self.config.weight,
            is_backup: self.config.is_backup,
            facts: self.facts(has_check),
            shared: Arc::clone(&self.shared),
        }
    }

    /// Takes the resolver's answer: the new address, if it is another one. The present one is kept
    /// as long as the name stands for it, so that resolvers which rotate their answers do not move
    /// connections; and on failure, since a resolver fails more often than an address changes.
    pub(super) fn resolve(&mut self, answer: &Resolution, now: Moment) -> Option<ConnectAddress> {
        let pause = if answer.is_ok() { LOOKUP_INTERVAL } else { LOOKUP_RETRY };
        self.lookup.finish(now, pause);
        self.lookup_ended = now;
        self.lookup_failures =
            if answer.is_ok() { 0 } else { self.lookup_failures.saturating_add(1) };
        let address = first_of(answer, self.address.as_ref())?;
        self.addresses = all_of(answer);
        if self.address.as_ref() == Some(&address) {
            return None;
        }
        self.address = Some(address.clone());
        Some(address)
    }

    /// The endpoint failed: its name may stand for another address by now.
    pub(super) fn doubt_address(&mut self) {
        self.lookup.hasten(self.lookup_ended.plus(LOOKUP_RETRY));
    }

    /// The name to look up.
    pub(super) fn host_name(&self) -> Option<HostPort> {
        match &self.config.address {
            EndpointAddress::Host(host, port) => Some((host.clone(), port.get())),
            EndpointAddress::Ip(_) | EndpointAddress::Unix(_) => None,
        }
    }
}

/// Whether an endpoint that is configured so is probed.
pub(super) fn is_worth_probing(config: &EndpointConfig) -> bool {
    config.admin_state != AdminState::Disabled && config.presence != Presence::Absent
}

fn all_of(answer: &Resolution) -> Vec<ConnectAddress> {
    answer.iter().flatten().copied().map(ConnectAddress::Ip).collect()
}

/// The address to use of those that an answer gives: the present one if it is among them.
fn first_of(answer: &Resolution, present: Option<&ConnectAddress>) -> Option<ConnectAddress> {
    let addresses = answer.as_ref().ok()?;
    let is_present = addresses.iter().any(|a| present == Some(&ConnectAddress::Ip(*a)));
    if is_present { present.cloned() } else { addresses.first().map(|a| ConnectAddress::Ip(*a)) }
}
