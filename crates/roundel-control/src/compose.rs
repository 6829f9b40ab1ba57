//! One configuration out of three: the file, what providers found, what the operator decided.
//!
//! Each of the three is kept whole and on its own, and the configuration in force is derived from
//! them anew whenever one changes. So nothing has to be undone: a provider says what there is now,
//! an operator takes a decision back by deleting it, a file is reloaded, and each time the result
//! is what it would be had the process just started with the same three.
//!
//! Precedence: the file names pools and their policies; providers and the operator add endpoints,
//! the first to claim a name or an address in a pool has it, in the order file, providers, operator.
//! The operator's admin state, weight and number of instances outrank the file's. What a provider is draining stays
//! drained: it is about to end, whatever else is wished for.
//!
//! Pure. Says nothing of who may change what, nor of how decisions survive a restart.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use roundel_config::model::{AppConfig, Config, EndpointConfig, EndpointSource, PoolConfig};
use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::AdminState;
use roundel_core::name::Name;
use roundel_core::policy::PoolPolicy;

/// Endpoints that a provider has for one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provided {
    /// The pool; one that the file does not name gets nothing.
    pub pool: Name,
    /// In the provider's order, which had better be stable: balancers go by position. Their
    /// `source` is set to the provider's.
    pub endpoints: Vec<EndpointConfig>,
    /// Whether more are to come by themselves or when somebody waits for one, so that requests may
    /// be held while there is none.
    pub expects_endpoint: bool,
}

/// What an operator decided at run time. Where it names what is not there, it has no effect until
/// it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay {
    /// By pool.
    pub pools: BTreeMap<Name, PoolOverlay>,
    /// By app.
    pub apps: BTreeMap<Name, AppOverlay>,
}

/// What an operator decided about one pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolOverlay {
    /// By endpoint.
    pub endpoints: BTreeMap<Name, EndpointOverlay>,
    /// Endpoints to have besides the others, in the order in which they were added.
    pub added: Vec<EndpointConfig>,
    /// Endpoints of the file or of providers to do without.
    pub removed: BTreeSet<Name>,
}

/// What an operator decided about one app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppOverlay {
    /// Instead of the configured number of instances, within its bounds; without effect where the
    /// autoscaler chooses.
    pub instances: Option<u32>,
    /// Instances that do not run until somebody starts them.
    pub stopped: BTreeSet<Name>,
}

/// What an operator decided about one endpoint; `None` leaves it to whoever else says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointOverlay {
    /// Instead of the configured one.
    pub admin_state: Option<AdminState>,
    /// Instead of the configured one, 1 to 1000.
    pub weight: Option<u32>,
}

impl Overlay {
    /// Whether nothing is decided.
    pub fn is_empty(&self) -> bool {
        self.pools.values().all(PoolOverlay::is_empty)
            && self.apps.values().all(AppOverlay::is_empty)
    }
}

impl AppOverlay {
    /// Whether nothing is decided.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PoolOverlay {
    /// Whether nothing is decided.
    pub fn is_empty(&self) -> bool {
        let decides = |endpoint: &EndpointOverlay| *endpoint != EndpointOverlay::default();
        !self.endpoints.values().any(decides) && self.added.is_empty() && self.removed.is_empty()
    }
}

/// The three sources of the configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sources {
    pub(crate) file: Config,
    /// By provider, in the order of precedence.
    pub(crate) provided: BTreeMap<EndpointSource, Vec<Provided>>,
    pub(crate) overlay: Overlay,
}

/// What follows from the sources.
#[derive(Debug, PartialEq)]
pub(crate) struct Composed {
    pub(crate) config: Config,
    /// What a source has that has no effect.
    pub(crate) passed_over: Vec<PassedOver>,
}

/// An endpoint that is not taken in, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PassedOver {
    /// Who has it.
    pub source: EndpointSource,
    /// The pool that it is for.
    pub pool: Name,
    /// Its name.
    pub endpoint: Name,
    /// What is in its way.
    pub obstacle: Obstacle,
}

/// Why an endpoint is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// The file has no such pool.
    NoPool,
    /// Another endpoint of the pool has its name.
    NameTaken,
    /// Another endpoint of the pool has its address.
    AddressTaken,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, pool, endpoint, obstacle } = self;
        let obstacle = match obstacle {
            Obstacle::NoPool => "the configuration file has no such pool",
            Obstacle::NameTaken => "another endpoint of the pool has its name",
            Obstacle::AddressTaken => "another endpoint of the pool has its address",
        };
        write!(f, "pool \"{pool}\": endpoint {endpoint} ({source}) is left out: {obstacle}")
    }
}

impl Sources {
    /// A file and nothing else.
    pub(crate) fn of(file: Config) -> Self {
        Self { file, provided: BTreeMap::new(), overlay: Overlay::default() }
    }

    /// The configuration that follows. Its cost grows with the number of endpoints.
    pub(crate) fn compose(&self) -> Composed {
        let mut passed_over = self.without_pool();
        let pools = self.file.pools.iter().map(|pool| self.pool(pool, &mut passed_over)).collect();
        let apps = self.file.apps.iter().map(|app| self.app(app)).collect();
        let config = Config { pools, apps, ..self.file.clone() };
        Composed { config, passed_over }
    }

    fn app(&self, file: &AppConfig) -> AppConfig {
        let mut app = file.clone();
        let decided = self.overlay.apps.get(&app.name).and_then(|decided| decided.instances);
        // Where the load chooses, a number of yesterday says nothing about today.
        if let Some(wanted) = decided.filter(|_| app.autoscale.is_none()) {
            app.instances.initial = wanted.clamp(app.instances.min, app.instances.max);
        }
        app
    }

    fn pool(&self, file: &PoolConfig, passed_over: &mut Vec<PassedOver>) -> PoolConfig {
        let undecided = PoolOverlay::default();
        let overlay = self.overlay.pools.get(&file.name).unwrap_or(&undecided);
        let mut members = Members::default();
        for (source, endpoint) in self.claims(file, overlay) {
            if source != EndpointSource::Api && overlay.removed.contains(&endpoint.name) {
                continue;
            }
            if let Some(obstacle) = members.obstacle_for(endpoint) {
                let (pool, endpoint) = (file.name.clone(), endpoint.name.clone());
                passed_over.push(PassedOver { source, pool, endpoint, obstacle });
                continue;
            }
            let decision = overlay.endpoints.get(&endpoint.name).copied().unwrap_or_default();
            members.add(decided(endpoint, source, decision));
        }
        PoolConfig {
            name: file.name.clone(),
            policy: self.policy(file),
            endpoints: members.endpoints,
        }
    }

    /// The pool's policy. Exchanges wait for an endpoint only while a provider expects one.
    fn policy(&self, file: &PoolConfig) -> Arc<PoolPolicy> {
        let mut provided = self.provided.values().flatten();
        let is_expected = provided.any(|p| p.pool == file.name && p.expects_endpoint);
        if is_expected || file.policy.endpoint_wait.is_none() {
            return Arc::clone(&file.policy);
        }
        Arc::new(PoolPolicy { endpoint_wait: None, ..(*file.policy).clone() })
    }

    /// Every endpoint that a source has for a pool, in the order of precedence.
    fn claims<'a>(
        &'a self,
        file: &'a PoolConfig,
        overlay: &'a PoolOverlay,
    ) -> impl Iterator<Item = (EndpointSource, &'a EndpointConfig)> {
        let of_file = file.endpoints.iter().map(|e| (EndpointSource::File, e));
        let of_providers = self.provided.iter().flat_map(move |(source, provided)| {
            let here = provided.iter().filter(|p| p.pool == file.name);
            here.flat_map(|p| &p.endpoints).map(|e| (*source, e))
        });
        let of_operator = overlay.added.iter().map(|e| (EndpointSource::Api, e));
        of_file.chain(of_providers).chain(of_operator)
    }

    /// What providers and the operator have for pools that the file does not name.
    fn without_pool(&self) -> Vec<PassedOver> {
        let pools: HashSet<&Name> = self.file.pools.iter().map(|pool| &pool.name).collect();
        let of_providers = self.provided.iter().flat_map(|(source, provided)| {
            provided.iter().map(|p| (*source, &p.pool, &p.endpoints))
        });
        let of_operator = self
            .overlay
            .pools
            .iter()
            .map(|(pool, overlay)| (EndpointSource::Api, pool, &overlay.added));
        let strays = of_providers.chain(of_operator).filter(|(_, pool, _)| !pools.contains(pool));
        strays
            .flat_map(|(source, pool, endpoints)| {
                endpoints.iter().map(move |endpoint| PassedOver {
                    source,
                    pool: pool.clone(),
                    endpoint: endpoint.name.clone(),
                    obstacle: Obstacle::NoPool,
                })
            })
            .collect()
    }
}

/// A pool's endpoints as they gather, with what they claim.
#[derive(Default)]
struct Members {
    endpoints: Vec<EndpointConfig>,
    names: HashSet<Name>,
    addresses: HashSet<EndpointAddress>,
}

impl Members {
    fn obstacle_for(&self, endpoint: &EndpointConfig) -> Option<Obstacle> {
        if self.names.contains(&endpoint.name) {
            Some(Obstacle::NameTaken)
        } else if self.addresses.contains(&endpoint.address) {
            Some(Obstacle::AddressTaken)
        } else {
            None
        }
    }

    fn add(&mut self, endpoint: EndpointConfig) {
        self.names.insert(endpoint.name.clone());
        self.addresses.insert(endpoint.address.clone());
        self.endpoints.push(endpoint);
    }
}

/// The endpoint with the operator's decision.
fn decided(
    endpoint: &EndpointConfig,
    source: EndpointSource,
    decision: EndpointOverlay,
) -> EndpointConfig {
    let wished = decision.admin_state.unwrap_or(endpoint.admin_state);
    let admin_state = match source {
        EndpointSource::File | EndpointSource::Api => wished,
        EndpointSource::App | EndpointSource::Docker => stricter(wished, endpoint.admin_state),
    };
    EndpointConfig {
        source,
        admin_state,
        weight: decision.weight.unwrap_or(endpoint.weight),
        ..endpoint.clone()
    }
}

fn stricter(one: AdminState, other: AdminState) -> AdminState {
    match (one, other) {
        (AdminState::Disabled, _) | (_, AdminState::Disabled) => AdminState::Disabled,
        (AdminState::Draining, _) | (_, AdminState::Draining) => AdminState::Draining,
        (AdminState::Enabled, AdminState::Enabled) => AdminState::Enabled,
    }
}

#[cfg(test)]
mod tests;
