//! What an operator's wish does to what is decided. Pure.

use roundel_config::Config;
use roundel_config::model::{EndpointConfig, EndpointSource, PoolConfig};
use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::name::Name;

use super::{Decided, IntentError};
use crate::compose::{AppOverlay, EndpointOverlay, Overlay, PoolOverlay};

/// A change of an endpoint's overrides: for each, what it becomes, or `None` to leave it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointChange {
    /// The admin state; `Override(None)` takes it back.
    pub admin_state: Option<Override<AdminState>>,
    /// The weight; the same.
    pub weight: Option<Override<u32>>,
}

/// An override, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override<T>(pub Option<T>);

/// An endpoint to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Its address, as in the configuration file.
    pub address: String,
    /// Its name; its address when there is none.
    pub name: Option<String>,
    /// Its weight.
    pub weight: u32,
    /// Takes traffic only when no primary is eligible.
    pub is_backup: bool,
}

impl Decided {
    pub(super) fn update(
        &mut self,
        config: &Config,
        pool: &str,
        endpoint: &str,
        change: EndpointChange,
    ) -> Result<EndpointChange, IntentError> {
        let pool = pool_called(config, pool)?;
        let endpoint = endpoint_called(pool, endpoint)?;
        self.refuse_leaving(pool, endpoint)?;
        if let Some(Override(Some(weight))) = change.weight {
            check_weight(weight)?;
        }
        let overlay = self.overlay.pools.entry(pool.name.clone()).or_default();
        let decision = overlay.endpoints.entry(endpoint.name.clone()).or_default();
        let before = EndpointChange {
            admin_state: change.admin_state.map(|_| Override(decision.admin_state)),
            weight: change.weight.map(|_| Override(decision.weight)),
        };
        if let Some(Override(admin_state)) = change.admin_state {
            decision.admin_state = admin_state;
        }
        if let Some(Override(weight)) = change.weight {
            decision.weight = weight;
        }
        Ok(before)
    }

    pub(super) fn add(
        &mut self,
        config: &Config,
        file: &Config,
        pool: &str,
        new: NewEndpoint,
    ) -> Result<Name, IntentError> {
        let pool = pool_called(config, pool)?;
        let new = checked(new)?;
        let key = (pool.name.clone(), new.name.clone());
        if self.leaving.get(&key).is_some_and(|leaving| leaving.address == new.address) {
            self.leaving.remove(&key);
        } else if let Some(other) = pool
            .endpoints
            .iter()
            .find(|other| other.name == new.name || other.address == new.address)
        {
            return Err(IntentError::Taken {
                pool: pool.name.clone(),
                endpoint: other.name.clone(),
                address: other.address.to_string(),
            });
        }
        let overlay = self.overlay.pools.entry(pool.name.clone()).or_default();
        let of_file = file.pools.iter().find(|p| p.name == pool.name);
        let known = of_file.and_then(|p| p.endpoints.iter().find(|e| e.name == new.name));
        let name = new.name.clone();
        match known {
            Some(known) if known.address == new.address => {
                overlay.removed.remove(&name);
                let weight = (known.weight != new.weight).then_some(new.weight);
                let decision = EndpointOverlay { weight, admin_state: None };
                overlay.endpoints.insert(name.clone(), decision);
            }
            _ => overlay.added.push(new),
        }
        Ok(name)
    }

    pub(super) fn remove(
        &mut self,
        config: &Config,
        pool: &str,
        endpoint: &str,
    ) -> Result<EndpointConfig, IntentError> {
        let pool = pool_called(config, pool)?;
        let endpoint = endpoint_called(pool, endpoint)?;
        self.refuse_leaving(pool, endpoint)?;
        let overlay = self.overlay.pools.entry(pool.name.clone()).or_default();
        match endpoint.source {
            EndpointSource::Api => overlay.added.retain(|added| added.name != endpoint.name),
            EndpointSource::File => drop(overlay.removed.insert(endpoint.name.clone())),
            origin @ (EndpointSource::App | EndpointSource::Docker) => {
                return Err(IntentError::Provided { endpoint: endpoint.name.clone(), origin });
            }
        }
        overlay.endpoints.remove(&endpoint.name);
        self.leaving.insert((pool.name.clone(), endpoint.name.clone()), endpoint.clone());
        Ok(endpoint.clone())
    }

    /// Decides `next` instead of everything. What is there and not wanted any more leaves; what
    /// leaves and is wanted stays.
    pub(super) fn replace(&mut self, config: &Config, next: Overlay) -> Overlay {
        let undecided = PoolOverlay::default();
        for pool in &config.pools {
            let overlay = next.pools.get(&pool.name).unwrap_or(&undecided);
            for endpoint in &pool.endpoints {
                let is_wanted = match endpoint.source {
                    EndpointSource::Api => overlay.added.iter().any(|added| {
                        added.name == endpoint.name && added.address == endpoint.address
                    }),
                    EndpointSource::File => !overlay.removed.contains(&endpoint.name),
                    EndpointSource::App | EndpointSource::Docker => true,
                };
                let key = (pool.name.clone(), endpoint.name.clone());
                if is_wanted {
                    self.leaving.remove(&key);
                } else {
                    self.leaving.entry(key).or_insert_with(|| endpoint.clone());
                }
            }
        }
        std::mem::replace(&mut self.overlay, next)
    }

    fn refuse_leaving(
        &self,
        pool: &PoolConfig,
        endpoint: &EndpointConfig,
    ) -> Result<(), IntentError> {
        if self.leaving.contains_key(&(pool.name.clone(), endpoint.name.clone())) {
            return Err(IntentError::Leaving(endpoint.name.clone()));
        }
        Ok(())
    }
}

impl Overlay {
    /// Drops what decides nothing.
    pub(super) fn tidy(&mut self) {
        for pool in self.pools.values_mut() {
            pool.endpoints.retain(|_, decision| *decision != EndpointOverlay::default());
        }
        self.pools.retain(|_, pool| !pool.is_empty());
        self.apps.retain(|_, app| !app.is_empty());
    }

    /// How much is decided.
    pub(super) fn decisions(&self) -> usize {
        let of_pool = |p: &PoolOverlay| p.endpoints.len() + p.added.len() + p.removed.len();
        let of_app = |app: &AppOverlay| usize::from(app.instances.is_some()) + app.stopped.len();
        let pools = self.pools.values().map(of_pool).sum::<usize>();
        pools + self.apps.values().map(of_app).sum::<usize>()
    }

    /// Decisions about what is not there, each in words.
    pub fn without_effect(&self, config: &Config, file: &Config) -> Vec<String> {
        let mut found = self.apps_without_effect(file);
        for (name, overlay) in &self.pools {
            let Some(pool) = config.pools.iter().find(|pool| pool.name == *name) else {
                found.push(format!("pool \"{name}\": there is no such pool"));
                continue;
            };
            let is_there = |wanted: &Name| pool.endpoints.iter().any(|e| e.name == *wanted);
            let of_file = file.pools.iter().find(|pool| pool.name == *name);
            let is_in_file = |wanted: &Name| {
                of_file.is_some_and(|p| p.endpoints.iter().any(|e| e.name == *wanted))
            };
            let changed = overlay.endpoints.keys().filter(|wanted| !is_there(wanted));
            let removed = overlay.removed.iter().filter(|wanted| !is_in_file(wanted));
            for endpoint in changed.chain(removed) {
                found.push(format!("pool \"{name}\": endpoint {endpoint} is not there"));
            }
            for added in &overlay.added {
                let is_in =
                    |e: &EndpointConfig| e.source == EndpointSource::Api && e.name == added.name;
                if !pool.endpoints.iter().any(is_in) {
                    let words = "was added, but another has its name or address";
                    found.push(format!("pool \"{name}\": endpoint {} {words}", added.name));
                }
            }
        }
        found
    }
}

fn pool_called<'a>(config: &'a Config, name: &str) -> Result<&'a PoolConfig, IntentError> {
    let pool = config.pools.iter().find(|pool| pool.name.as_str() == name);
    pool.ok_or_else(|| IntentError::NoPool(name.to_owned()))
}

fn endpoint_called<'a>(
    pool: &'a PoolConfig,
    name: &str,
) -> Result<&'a EndpointConfig, IntentError> {
    let endpoint = pool.endpoints.iter().find(|endpoint| endpoint.name.as_str() == name);
    endpoint.ok_or_else(|| IntentError::NoEndpoint {
        pool: pool.name.to_string(),
        endpoint: name.to_owned(),
    })
}

fn check_weight(weight: u32) -> Result<(), IntentError> {
    if (1..=1000).contains(&weight) { Ok(()) } else { Err(IntentError::Weight(weight)) }
}

/// The same rules as in the configuration file.
pub(super) fn checked(new: NewEndpoint) -> Result<EndpointConfig, IntentError> {
    check_weight(new.weight)?;
    let address = EndpointAddress::parse(&new.address)?;
    let name = new.name.unwrap_or_else(|| address.to_string());
    let name = Name::parse(&name).map_err(|fault| IntentError::Name { name, fault })?;
    Ok(EndpointConfig {
        name,
        address,
        weight: new.weight,
        is_backup: new.is_backup,
        admin_state: AdminState::Enabled,
        source: EndpointSource::Api,
        presence: Presence::Present,
    })
}
