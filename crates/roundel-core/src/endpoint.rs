//! One address in a pool.
//!
//! Three facts about an endpoint stay apart, because operators ask for each by name and because
//! merging them loses information: **admin state** is what the operator wants, **health** is what
//! probes found, **ejection** is what traffic taught. Beside them stands **presence**, what a provider
//! that runs the process behind the endpoint knows of it. [`EndpointFacts::is_eligible`] derives from
//! them; nobody stores the result beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use crate::address::ConnectAddress;
use crate::name::Name;

/// Identifies an endpoint of a pool for the life of the process: the same (pool, endpoint name,
/// address) keeps its id over reloads, a new one gets a new id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub u32);

/// What the operator wants of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdminState {
    /// Takes traffic.
    #[default]
    Enabled,
    /// Finishes what it has; takes nothing new.
    Draining,
    /// Takes nothing, and is not probed.
    Disabled,
}

/// What probes found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not probed yet. Takes traffic only while no endpoint of its pool is healthy.
    #[default]
    Unknown,
    /// Takes traffic.
    Healthy,
    /// Takes none, unless the pool fails open.
    Unhealthy,
}

/// What the provider of an endpoint knows of the process behind it. An endpoint of the file is
/// always present: only probes can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Presence {
    /// Something should answer there.
    #[default]
    Present,
    /// A process is starting: probed, but not to be sent anything until its provider says so.
    Starting,
    /// Nothing runs there: neither probed nor sent anything, not even when the pool fails open.
    Absent,
}

/// The three facts, apart, and what its provider adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointFacts {
    /// What the operator wants.
    pub admin_state: AdminState,
    /// What probes found.
    pub health: Health,
    /// Whether outlier detection keeps it out at this moment.
    pub is_ejected: bool,
    /// Whether there is anything to send to.
    pub presence: Presence,
}

impl EndpointFacts {
    /// Whether it takes new exchanges in normal operation.
    pub fn is_eligible(self) -> bool {
        self.admin_state == AdminState::Enabled
            && self.presence == Presence::Present
            && self.health == Health::Healthy
            && !self.is_ejected
    }
}

/// An endpoint as a snapshot shows it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Process-wide identity.
    pub id: EndpointId,
    /// Its name: the operator's, or the configured address.
    pub name: Name,
    /// The address as configured, for people, for `Host` and for logs.
    pub authority: Arc<str>,
    /// Where to connect.
    pub address: ConnectAddress,
    /// Relative share of traffic, 1 to 1000, before slow start.
    pub weight: u32,
    /// Weight after slow start, at least 1, in a unit that all endpoints of the pool share (see
    /// [`crate::slow_start::apply`]).
    pub effective_weight: u32,
    /// Takes traffic only when no primary endpoint is eligible.
    pub is_backup: bool,
    /// The three facts.
    pub facts: EndpointFacts,
    /// Counts that outlive the snapshot.
    pub shared: Arc<EndpointShared>,
}

/// Counts of one endpoint that all workers share and that a reload keeps.
///
/// On its own cache lines: every exchange touches it from every worker. Attempts in flight are
/// counted in one order with the pool's [line](crate::line): see there.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct EndpointShared {
    in_flight: AtomicU32,
    consecutive_errors: AtomicU32,
    requests: AtomicU64,
    errors: AtomicU64,
    is_silent: AtomicBool,
    /// The last probe was answered, and since the silence began if there is one.
    answers_probes: AtomicBool,
    /// The last probe was not.
    ignores_probes: AtomicBool,
}

impl EndpointShared {
    /// Attempts running at this moment, over all workers.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(SeqCst)
    }

    /// Attempts started since the process began.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Attempts that failed, as outlier detection counts failures.
    pub fn errors(&self) -> u64 {
        self.errors.load(Relaxed)
    }

    /// Failed attempts since the last good one.
    pub fn consecutive_errors(&self) -> u32 {
        self.consecutive_errors.load(Relaxed)
    }

    /// Starts an attempt unless `limit` attempts are running. Returns the request's number,
    /// counted from 1, which the access log prints. Every start is paired with one [`Self::end`].
    pub fn try_start(&self, limit: Option<u32>) -> Option<u64> {
        let running = self.in_flight.fetch_add(1, SeqCst);
        if limit.is_some_and(|limit| running >= limit) {
            self.in_flight.fetch_sub(1, SeqCst);
            return None;
        }
        Some(self.requests.fetch_add(1, Relaxed) + 1)
    }

    /// Ends an attempt.
    pub fn end(&self) {
        self.in_flight.fetch_sub(1, SeqCst);
    }

    /// Notes a good attempt. Writes only after a failure, so the common case stays read-only.
    pub fn note_success(&self) {
        if self.consecutive_errors.load(Relaxed) != 0 {
            self.consecutive_errors.store(0, Relaxed);
        }
    }

    /// Notes a failed attempt and returns the failures in a row.
    pub fn note_error(&self) -> u32 {
        self.errors.fetch_add(1, Relaxed);
        self.consecutive_errors.fetch_add(1, Relaxed) + 1
    }

    /// Whether some worker found the endpoint [silent](crate::silence) and none heard of it since.
    pub fn is_silent(&self) -> bool {
        self.is_silent.load(Relaxed)
    }

    /// Notes that the endpoint is silent. Returns whether that is news.
    pub fn note_silence(&self) -> bool {
        let is_news = !self.is_silent.swap(true, Relaxed);
        if is_news {
            self.answers_probes.store(false, Relaxed);
        }
        is_news
    }

    /// Notes whether the process behind the endpoint answered a probe.
    pub fn note_probe(&self, is_answered: bool) {
        self.answers_probes.store(is_answered, Relaxed);
        self.ignores_probes.store(!is_answered, Relaxed);
    }

    /// Whether the last probe since the silence began was answered: the endpoint is slow then, but
    /// not stopped.
    pub fn answers_probes(&self) -> bool {
        self.answers_probes.load(Relaxed)
    }

    /// Whether the last probe was not answered, by anybody.
    pub fn ignores_probes(&self) -> bool {
        self.ignores_probes.load(Relaxed)
    }

    /// Notes an answer, to a request or to a probe when none waits, which ends a silence. Writes only then.
    pub fn note_answer(&self) {
        if self.is_silent.load(Relaxed) {
            self.is_silent.store(false, Relaxed);
        }
    }

    /// Forgets failures in a row, as after an ejection has ended.
    pub fn clear_consecutive_errors(&self) {
        self.consecutive_errors.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eligibility_needs_all_three_facts() {
        let well = EndpointFacts {
            admin_state: AdminState::Enabled,
            health: Health::Healthy,
            is_ejected: false,
            presence: Presence::Present,
        };
        assert!(well.is_eligible());
        assert!(!EndpointFacts { admin_state: AdminState::Draining, ..well }.is_eligible());
        assert!(!EndpointFacts { health: Health::Unknown, ..well }.is_eligible());
        assert!(!EndpointFacts { is_ejected: true, ..well }.is_eligible());
        assert!(!EndpointFacts { presence: Presence::Starting, ..well }.is_eligible());
        assert!(!EndpointFacts { presence: Presence::Absent, ..well }.is_eligible());
    }

    #[test]
    fn a_new_silence_wants_a_new_probe() {
        let shared = EndpointShared::default();
        let probes = || (shared.answers_probes(), shared.ignores_probes());
        assert_eq!(probes(), (false, false));
        shared.note_probe(true);
        assert_eq!(probes(), (true, false));
        assert!(shared.note_silence());
        assert_eq!(probes(), (false, false));
        shared.note_probe(true);
        assert!(!shared.note_silence(), "it is the same silence");
        assert_eq!(probes(), (true, false));
        shared.note_probe(false);
        assert_eq!(probes(), (false, true));
    }

    #[test]
    fn start_respects_the_limit_and_counts_from_one() {
        let shared = EndpointShared::default();
        assert_eq!(shared.try_start(Some(2)), Some(1));
        assert_eq!(shared.try_start(Some(2)), Some(2));
        assert_eq!(shared.try_start(Some(2)), None);
        shared.end();
        assert_eq!(shared.try_start(Some(2)), Some(3));
        assert_eq!(shared.in_flight(), 2);
    }
}
