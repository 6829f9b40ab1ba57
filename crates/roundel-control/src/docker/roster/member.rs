//! The endpoints that containers are, and what about them counts.
//!
//! Pure, and without a memory: what was before, and what follows from it, is the roster's.

use std::collections::BTreeSet;

use roundel_config::model::{EndpointConfig, EndpointSource};
use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::name::Name;

use super::super::container::{Condition, Container};
use super::super::place::{Misfit, Placed, Rules, unknown_labels};

/// Endpoints in all pools together; more are told and left out.
pub(super) const ENDPOINTS_MAX: usize = 4096;

/// Which containers have a place in a pool.
pub(super) fn place_all<'a>(
    containers: &'a [Container],
    rules: &Rules,
    misfits: &mut BTreeSet<Misfit>,
) -> Vec<(&'a Container, Placed)> {
    let own = rules.own(containers);
    let mut all = Vec::new();
    for container in containers {
        let found = rules.place(container, own);
        if !found.is_empty() {
            misfits.extend(unknown_labels(container));
        }
        for place in found {
            match place {
                Err(misfit) => {
                    misfits.insert(misfit);
                }
                Ok(_) if all.len() >= ENDPOINTS_MAX => {
                    let reason = format!("more than {ENDPOINTS_MAX} endpoints (limit)");
                    misfits.insert(Misfit { container: container.name.clone(), reason });
                }
                Ok(placed) => all.push((container, placed)),
            }
        }
    }
    all
}

/// The endpoint that a container is, as far as the engine can tell.
pub(super) fn endpoint(placed: &Placed, condition: Condition, is_stopping: bool) -> EndpointConfig {
    // A process that was told to end is not probed: that it stops answering is no news.
    let presence = match condition {
        _ if is_stopping => Presence::Absent,
        Condition::Running => Presence::Present,
        Condition::Starting => Presence::Starting,
        Condition::Paused => Presence::Absent,
    };
    EndpointConfig {
        name: placed.name.clone(),
        address: EndpointAddress::Ip(placed.address),
        weight: placed.weight,
        is_backup: placed.is_backup,
        admin_state: if is_stopping { AdminState::Draining } else { AdminState::Enabled },
        source: EndpointSource::Docker,
        presence,
    }
}

/// Whether it will take requests, or makes room for one that may.
pub(super) fn is_on_its_way(endpoint: &EndpointConfig) -> bool {
    endpoint.presence == Presence::Starting || endpoint.admin_state == AdminState::Draining
}

/// What changes when a container comes, pauses, is told to go, or goes.
pub(super) fn places(
    endpoints: &[EndpointConfig],
) -> impl Iterator<Item = (&Name, &EndpointAddress, bool)> {
    let is_absent = |it: &EndpointConfig| it.presence == Presence::Absent;
    endpoints.iter().map(move |it| (&it.name, &it.address, is_absent(it)))
}

/// What remains of an endpoint whose container is gone.
pub(super) fn gone(endpoint: EndpointConfig) -> EndpointConfig {
    EndpointConfig { admin_state: AdminState::Draining, presence: Presence::Absent, ..endpoint }
}

/// Whether one that is there leaves no room for one that was: the engine gives names and addresses
/// to the next container at once. Exchanges under way end well regardless, they are only no longer
/// shown.
pub(super) fn is_in_the_way(present: &EndpointConfig, old: &EndpointConfig) -> bool {
    present.name == old.name || present.address == old.address
}
