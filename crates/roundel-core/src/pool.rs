//! A pool as workers see it: endpoints, policy, and a balancer prepared for the present facts.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::balance::Balancer;
use crate::endpoint::{AdminState, Endpoint, Health};
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
    /// Too few are eligible: all enabled ones, health and ejection ignored (fail-open).
    Panic,
    /// No endpoint was probed yet: those of unknown health.
    Unprobed,
    /// None.
    Empty,
}

/// Counts of a pool that all workers share and that a reload keeps.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct PoolShared {
    /// Ticket counter of `round_robin`.
    pub cursor: AtomicU64,
    /// Exchanges waiting for an endpoint, over all workers.
    pub queued: std::sync::atomic::AtomicU32,
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
}

impl Candidates {
    /// Derives the candidates from the facts: eligible primaries; else, when too few endpoints
    /// are eligible, everyone enabled; else eligible backups; else those never probed.
    pub fn of(endpoints: &[Endpoint], panic_threshold_percent: u8) -> Self {
        let select = |keep: &dyn Fn(&Endpoint) -> bool| -> Vec<u32> {
            endpoints.iter().zip(0u32..).filter(|(e, _)| keep(e)).map(|(_, i)| i).collect()
        };
        let enabled =
            endpoints.iter().filter(|e| e.facts.admin_state == AdminState::Enabled).count();
        let eligible = endpoints.iter().filter(|e| e.facts.is_eligible()).count();
        let unknown = |e: &Endpoint| {
            e.facts.admin_state == AdminState::Enabled && e.facts.health == Health::Unknown
        };
        let is_panic = eligible * 100 < enabled * usize::from(panic_threshold_percent)
            && !endpoints.iter().any(unknown);
        let tiers: [(Tier, Vec<u32>); 4] = [
            (Tier::Panic, if is_panic { select(&|e| is_enabled(e)) } else { Vec::new() }),
            (Tier::Primary, select(&|e| e.facts.is_eligible() && !e.is_backup)),
            (Tier::Backup, select(&|e| e.facts.is_eligible() && e.is_backup)),
            (Tier::Unprobed, select(&unknown)),
        ];
        tiers.into_iter().find(|(_, indices)| !indices.is_empty()).map_or(
            Self { indices: Vec::new(), tier: Tier::Empty },
            |(tier, indices)| Self { indices, tier },
        )
    }
}

fn is_enabled(endpoint: &Endpoint) -> bool {
    endpoint.facts.admin_state == AdminState::Enabled
}
