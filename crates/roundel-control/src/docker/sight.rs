//! What traffic and probes show of endpoints that are containers.
//!
//! The roster asks it of a snapshot: whether exchanges with an endpoint are under way, so that it is
//! shown until they have ended, and whether a probe found it well, so that it takes requests. Reads,
//! and decides nothing.

use std::collections::HashMap;
use std::sync::Arc;

use roundel_config::model::EndpointConfig;
use roundel_core::endpoint::{Endpoint, Health};
use roundel_core::name::Name;
use roundel_core::pool::Pool;
use roundel_core::snapshot::Snapshot;

use super::place::Rules;

/// What is seen of an endpoint where traffic and probes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Whether exchanges with it are under way.
    pub(crate) is_busy: bool,
    /// What probes found; `None` where the pool has no health check.
    pub(crate) health: Option<Health>,
}

/// What a snapshot shows of the pools that take containers.
pub(super) struct Sights<'a> {
    pools: HashMap<&'a Name, &'a Pool>,
    endpoints: HashMap<(&'a Name, &'a Name), &'a Endpoint>,
}

impl<'a> Sights<'a> {
    /// Costs a look at every endpoint of those pools, and none at each question afterwards.
    pub(super) fn of(snapshot: &'a Snapshot, rules: &Rules) -> Self {
        let takes = |pool: &&Arc<Pool>| rules.config.pools.iter().any(|it| it.name == pool.name);
        let pools = snapshot.pools.iter().filter(takes).map(|pool| (&pool.name, &**pool));
        let pools: HashMap<_, _> = pools.collect();
        let endpoints = pools.values().flat_map(|pool| {
            pool.endpoints.iter().map(|endpoint| ((&pool.name, &endpoint.name), endpoint))
        });
        Self { endpoints: endpoints.collect(), pools }
    }

    /// What there is to see of an endpoint, which the snapshot need not have.
    pub(super) fn of_endpoint(&self, pool: &Name, wanted: &EndpointConfig) -> Sight {
        let endpoint = self.endpoints.get(&(pool, &wanted.name));
        let has_check = self.pools.get(pool).is_some_and(|it| it.policy.health_check.is_some());
        let is_there = |it: &&&Endpoint| *it.authority == *wanted.address.to_string();
        let health = endpoint.filter(is_there).map(|it| it.facts.health).unwrap_or_default();
        Sight {
            is_busy: endpoint.is_some_and(|it| it.shared.in_flight() > 0),
            health: has_check.then_some(health),
        }
    }
}
