//! The Docker provider in words.

use crate::model::{ContainerAddress, DockerConfig, PoolConfig};

/// Which engine is asked, and how.
pub(super) fn engine(config: &DockerConfig) -> String {
    let of = match &config.project {
        None => String::new(),
        Some(project) => format!(" of project {project}"),
    };
    let at = match (config.address, &config.network) {
        (ContainerAddress::Published, _) => "their published ports".to_owned(),
        (ContainerAddress::Network, None) => "their own addresses".to_owned(),
        (ContainerAddress::Network, Some(network)) => format!("their addresses on {network}"),
    };
    format!("{}, containers{of} at {at}", config.socket.display())
}

/// Which containers are endpoints of the pool, if any are.
pub(super) fn containers_of(pool: &PoolConfig, docker: Option<&DockerConfig>) -> Option<String> {
    let taker = docker?.pools.iter().find(|taker| taker.name == pool.name)?;
    let port = taker.port.map_or_else(String::new, |port| format!(" (port {port})"));
    Some(match &taker.service {
        Some(service) => format!("containers of service {service}{port}"),
        None => format!("containers labelled roundel.pool={}{port}", pool.name),
    })
}
