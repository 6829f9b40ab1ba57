//! A pool as workers see it: endpoints, policy, and a balancer prepared for the present facts.
//!
//! Which endpoints may be chosen is decided once for each change of a fact, by
//! [`Candidates::of`], not once for each request: workers read the result.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::balance::{Balancer, Pick};
use crate::endpoint::{AdminState, Endpoint, EndpointFacts, Health, Presence};
use crate::line::Line;
use crate::name::Name;
use crate::policy::PoolPolicy;

/// A pool in a snapshot. Immutable; the control plane makes a new one when a fact changes.
#[derive(Debug)]
pub struct Pool {
    /// Its name.
    pub name: Name,
    /// What the operator decided.
    pub policy: Arc<PoolPolicy>,
    /// All endpoints, in configured order, eligible or not.
    pub endpoints: Vec<Endpoint>,
    /// Chooses among the candidates below.
    pub balancer: Balancer,
    /// Which endpoints may be chosen now, and why those.
    pub candidates: Candidates,
    /// Counts that outlive the snapshot.
    pub shared: Arc<PoolShared>,
}

/// Which endpoints of a pool may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// Indices into [`Pool::endpoints`], ascending; empty when nothing may be chosen.
    pub indices: Vec<u32>,
    /// Why those.
    pub tier: Tier,
}

/// Why the candidates are what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Eligible primary endpoints.
    Primary,
    /// No primary endpoint is eligible: the eligible backups.
    Backup,
    /// Too few are eligible: all enabled primaries (backups if there are none), health and
    /// ejection ignored (fail-open).
    Panic,
    /// No endpoint is known to be healthy: those that were not probed yet.
    Unprobed,
    /// None: there are no endpoints, none is enabled, or all failed and failing open is off.
    Empty,
}

/// What all workers share of a pool and a reload keeps.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct PoolShared {
    /// Ticket counter of `round_robin`.
    pub cursor: AtomicU64,
    /// Exchanges that wait for an endpoint below its limit.
    pub line: Line,
}

impl Pool {
    /// Prepares a pool for the present facts. Cost grows with the number of endpoints and their
    /// weights; done by the control plane, never by a worker.
    pub fn new(
        name: Name,
        policy: Arc<PoolPolicy>,
        endpoints: Vec<Endpoint>,
        shared: Arc<PoolShared>,
    ) -> Self {
        let candidates = Candidates::of(&endpoints, policy.panic_threshold_percent);
        let balancer = Balancer::new(&policy.balance, &endpoints, &candidates.indices);
        Self { name, policy, endpoints, balancer, candidates, shared }
    }

    /// Picks an index into [`Pool::endpoints`] for one attempt: a candidate that `admits` accepts,
    /// or `None` when it accepts none. `key_hash` is what the `hash` balancer goes by (see
    /// [`crate::balance::hash_key`]). Allocates nothing.
    pub fn pick(
        &self,
        key_hash: Option<u64>,
        random: &mut fastrand::Rng,
        admits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let in_flight = |i: usize| self.endpoints.get(i).map_or(u32::MAX, |e| e.shared.in_flight());
        let pick = Pick { cursor: &self.shared.cursor, key_hash, random };
        self.balancer.pick(pick, admits, in_flight)
    }
}

impl Candidates {
    /// Derives the candidates from the facts. The first that is not empty of: eligible primaries,
    /// eligible backups, those not probed yet (primaries first), everyone enabled (primaries
    /// first, and only if failing open is on).
    ///
    /// **Failing open.** When eligible endpoints are less than `panic_threshold_percent` of the
    /// enabled ones, the check is more likely wrong than the endpoints, or the few left would be
    /// overrun; so health and ejection are ignored. The share is counted within the tier that would
    /// take the traffic: that ten primaries are dead is no reason to doubt the one backup that is
    /// there for this case, and healthy backups do not help primaries that are overrun. Endpoints
    /// not probed yet count as well there: they are no evidence of failure, and a pool that is
    /// being scaled up must not panic. Source: Envoy's panic threshold, applied to each priority.
    pub fn of(endpoints: &[Endpoint], panic_threshold_percent: u8) -> Self {
        let select = |is_backup: bool, keep: fn(&Endpoint) -> bool| -> Vec<u32> {
            let indexed = endpoints.iter().zip(0u32..);
            indexed.filter(|(e, _)| e.is_backup == is_backup && keep(e)).map(|(_, i)| i).collect()
        };
        for (tier, is_backup) in [(Tier::Primary, false), (Tier::Backup, true)] {
            let eligible = select(is_backup, |e| e.facts.is_eligible());
            if eligible.is_empty() {
                continue;
            }
            let enabled = select(is_backup, is_enabled);
            let not_failed = eligible.len() + select(is_backup, is_unprobed).len();
            let is_panic = not_failed * 100 < enabled.len() * usize::from(panic_threshold_percent);
            return if is_panic {
                Self { indices: enabled, tier: Tier::Panic }
            } else {
                Self { indices: eligible, tier }
            };
        }
        let fails_open = panic_threshold_percent > 0;
        let last_resorts = [
            (Tier::Unprobed, select(false, is_unprobed)),
            (Tier::Unprobed, select(true, is_unprobed)),
            (Tier::Panic, select(false, is_enabled)),
            (Tier::Panic, select(true, is_enabled)),
        ];
        let (tier, indices) = last_resorts
            .into_iter()
            .find(|(tier, indices)| !indices.is_empty() && (fails_open || *tier != Tier::Panic))
            .unwrap_or((Tier::Empty, Vec::new()));
        Self { indices, tier }
    }
}

/// Whether it could be sent something if need be. Where nothing runs, no need helps.
fn is_enabled(endpoint: &Endpoint) -> bool {
    let EndpointFacts { admin_state, presence, .. } = endpoint.facts;
    admin_state == AdminState::Enabled && presence == Presence::Present
}

/// Whether nothing is known of the endpoint, good or bad. One that traffic already got ejected is
/// known to fail.
fn is_unprobed(endpoint: &Endpoint) -> bool {
    is_enabled(endpoint) && endpoint.facts.health == Health::Unknown && !endpoint.facts.is_ejected
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;
    use crate::address::ConnectAddress;
    use crate::endpoint::EndpointId;
    use crate::policy::{Balance, HostPolicy, PoolLimits, PoolTimeouts, RetryPolicy};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    /// A healthy, enabled primary endpoint.
    pub(crate) fn endpoint(name: &str, weight: u32) -> Endpoint {
        Endpoint {
            id: EndpointId(0),
            name: Name::parse(name).unwrap(),
            authority: name.into(),
            address: ConnectAddress::Ip(SocketAddr::from((Ipv4Addr::LOCALHOST, 80))),
            weight,
            effective_weight: weight,
            is_backup: false,
            facts: EndpointFacts { health: Health::Healthy, ..EndpointFacts::default() },
            shared: Arc::default(),
        }
    }

    /// A policy of which only `balance` matters, and half as the panic threshold.
    pub(crate) fn policy(balance: Balance) -> PoolPolicy {
        let second = Duration::from_secs(1);
        PoolPolicy {
            balance,
            health_check: None,
            outlier_detection: None,
            retry: RetryPolicy {
                attempts: 0,
                budget_percent: 0,
                statuses: Vec::new(),
                non_idempotent: false,
                hedge: true,
                body_bytes_max: 0,
            },
            timeouts: PoolTimeouts {
                connect: second,
                response_head: second,
                body_idle: second,
                total: second,
                tunnel_idle: second,
                idle: second,
            },
            limits: PoolLimits {
                max_in_flight: None,
                queue: 0,
                queue_timeout: second,
                max_idle_connections: 0,
            },
            slow_start: Duration::ZERO,
            silent_after: Duration::ZERO,
            panic_threshold_percent: 50,
            endpoint_wait: None,
            host: HostPolicy::Preserve,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Balance;

    /// Endpoints written one letter each, upper case for backups: `h`ealthy, `u`nknown, `f`ailed
    /// its probes, `e`jected while healthy, `x` ejected while unknown, `d`raining, `o` disabled,
    /// `s`tarting though its probes went well already, `a`bsent.
    fn endpoints(facts: &str) -> Vec<Endpoint> {
        let parse = |letter: char| {
            let mut endpoint = fixture::endpoint("e", 1);
            endpoint.is_backup = letter.is_ascii_uppercase();
            let letter = letter.to_ascii_lowercase();
            endpoint.facts.health = match letter {
                'u' | 'x' => Health::Unknown,
                'f' => Health::Unhealthy,
                _ => Health::Healthy,
            };
            endpoint.facts.is_ejected = matches!(letter, 'e' | 'x');
            endpoint.facts.admin_state = match letter {
                'd' => AdminState::Draining,
                'o' => AdminState::Disabled,
                _ => AdminState::Enabled,
            };
            endpoint.facts.presence = match letter {
                's' => Presence::Starting,
                'a' => Presence::Absent,
                _ => Presence::Present,
            };
            endpoint
        };
        facts.chars().map(parse).collect()
    }

    #[test]
    fn candidates_follow_from_the_facts() {
        use Tier::{Backup, Empty, Panic, Primary, Unprobed};
        for (facts, threshold, tier, indices) in [
            // Eligible primaries take all.
            ("hhh", 50, Primary, vec![0, 1, 2]),
            ("hHh", 50, Primary, vec![0, 2]),
            ("hfed", 0, Primary, vec![0]),
            // Draining and disabled ones are no failures.
            ("hddo", 50, Primary, vec![0]),
            // The threshold itself is no panic; below it is.
            ("hhff", 50, Primary, vec![0, 1]),
            ("hfff", 50, Panic, vec![0, 1, 2, 3]),
            ("hfee", 50, Panic, vec![0, 1, 2, 3]),
            ("hfdff", 50, Panic, vec![0, 1, 3, 4]),
            ("hf", 100, Panic, vec![0, 1]),
            ("hfff", 0, Primary, vec![0]),
            // Healthy backups neither count as primaries nor join them.
            ("hfffHHHH", 50, Panic, vec![0, 1, 2, 3]),
            ("hFFFF", 50, Primary, vec![0]),
            // Backups take over when no primary is eligible, however many primaries failed.
            ("ffffH", 50, Backup, vec![4]),
            ("ddH", 50, Backup, vec![2]),
            ("eH", 50, Backup, vec![1]),
            ("ffHFFF", 50, Panic, vec![2, 3, 4, 5]),
            // Unknown health: in use only while nobody is healthy, and no reason to panic.
            ("uuu", 50, Unprobed, vec![0, 1, 2]),
            ("uuU", 50, Unprobed, vec![0, 1]),
            ("duU", 50, Unprobed, vec![1]),
            ("dU", 50, Unprobed, vec![1]),
            ("uH", 50, Backup, vec![1]),
            ("huuu", 50, Primary, vec![0]),
            ("hufff", 50, Panic, vec![0, 1, 2, 3, 4]),
            ("uffff", 50, Unprobed, vec![0]),
            ("uffff", 0, Unprobed, vec![0]),
            ("ux", 50, Unprobed, vec![0]),
            // All failed: everyone, unless failing open is off.
            ("ffe", 50, Panic, vec![0, 1, 2]),
            ("ff", 1, Panic, vec![0, 1]),
            ("xx", 50, Panic, vec![0, 1]),
            ("ffF", 50, Panic, vec![0, 1]),
            ("dFF", 50, Panic, vec![1, 2]),
            ("ffF", 0, Empty, vec![]),
            // Where nothing runs or something only starts, nothing is sent, however dire the need.
            ("has", 50, Primary, vec![0]),
            ("asss", 50, Empty, vec![]),
            ("faa", 50, Panic, vec![0]),
            ("aaH", 50, Backup, vec![2]),
            // Nobody is enabled.
            ("ddd", 50, Empty, vec![]),
            ("doDO", 100, Empty, vec![]),
            ("", 50, Empty, vec![]),
        ] {
            let candidates = Candidates::of(&endpoints(facts), threshold);
            assert_eq!(candidates, Candidates { indices, tier }, "{facts} at {threshold} %");
        }
    }

    fn pool(balance: Balance, endpoints: Vec<Endpoint>) -> Pool {
        let name = Name::parse("web").unwrap();
        Pool::new(name, Arc::new(fixture::policy(balance)), endpoints, Arc::default())
    }

    #[test]
    fn picks_name_endpoints_and_not_candidates() {
        let pool = pool(Balance::RoundRobin, endpoints("fhHhdh"));
        let mut random = fastrand::Rng::with_seed(1);
        let picked: Vec<_> =
            (0..4).filter_map(|_| pool.pick(None, &mut random, |_| true)).collect();
        assert_eq!(picked, [1, 3, 5, 1]);
    }

    #[test]
    fn the_turn_survives_a_new_snapshot_of_the_pool() {
        let old = pool(Balance::RoundRobin, endpoints("hhh"));
        let mut random = fastrand::Rng::with_seed(1);
        assert_eq!(old.pick(None, &mut random, |_| true), Some(0));
        let new = Pool::new(old.name, old.policy, endpoints("hhh"), old.shared);
        assert_eq!(new.pick(None, &mut random, |_| true), Some(1));
    }

    #[test]
    fn picks_see_the_attempts_in_flight() {
        let pool = pool(Balance::LeastRequest, endpoints("hhh"));
        let mut random = fastrand::Rng::with_seed(1);
        for busy in [0, 2] {
            pool.endpoints[busy].shared.try_start(None);
        }
        assert_eq!(pool.pick(None, &mut random, |_| true), Some(1));
    }
}
