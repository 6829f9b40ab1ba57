//! What the Docker provider and pools say of each other.

use std::time::Duration;

use roundel_core::name::Name;

use crate::diagnostic::Diagnostic;
use crate::kind::Item;
use crate::model::{ContainerPool, DockerConfig};
use crate::section::Reading;
use crate::sections::docker::{ContainerPoolKeys, DockerKeys, ProviderKeys};
use crate::sections::pool::PoolKeys;

/// How long requests may wait for containers that take the place of others: to stop, start and be
/// probed is a matter of seconds.
pub(super) const ENDPOINT_WAIT: Duration = Duration::from_secs(20);

/// The provider with the pools that take containers; `None` when there is no engine to ask.
pub(super) fn resolve(
    provider: ProviderKeys,
    pools: &[Item<PoolKeys>],
    reading: &mut Reading<'_>,
) -> Option<DockerConfig> {
    let takers = pools.iter().filter_map(|pool| Some((pool, pool.keys.docker.as_ref()?)));
    let Some(keys) = provider.docker else {
        for (pool, keys) in takers {
            let message =
                format!("pool {:?} takes containers, but no Docker engine is asked", pool.name);
            let help = "add `[provider.docker]`; empty, it asks at /var/run/docker.sock";
            reading.report(Diagnostic::error(keys.span.clone(), message).help(help));
        }
        return None;
    };
    let pools: Vec<ContainerPool> =
        takers.filter_map(|(pool, keys)| container_pool(&pool.name, &keys.value)).collect();
    if pools.is_empty() && reading.found.is_empty() {
        let message = "no pool takes containers";
        let help = "add `docker = {}` to a pool for containers with the label `roundel.pool`, or \
                    `docker = { service = \"web\" }` for those of a Compose service";
        reading.report(Diagnostic::warning(keys.span.clone(), message).help(help));
    }
    let DockerKeys { socket, project, network, address } = keys.value;
    Some(DockerConfig { socket, project, network, address, pools })
}

fn container_pool(name: &str, keys: &ContainerPoolKeys) -> Option<ContainerPool> {
    let ContainerPoolKeys { service, port, network } = keys.clone();
    // A name that is wrong is reported where pools are.
    Some(ContainerPool { name: Name::parse(name).ok()?, service, port, network })
}
