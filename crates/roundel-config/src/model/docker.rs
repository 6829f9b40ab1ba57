//! A validated `[provider.docker]`, with what pools say of the containers they take.

use std::num::NonZeroU16;
use std::path::PathBuf;

use roundel_core::name::Name;

/// How containers become endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    /// The engine's socket. Not opened here.
    pub socket: PathBuf,
    /// Only containers of this Compose project; `None` for all containers.
    pub project: Option<String>,
    /// The network whose addresses are used where neither a pool nor a label names one.
    pub network: Option<String>,
    /// Where containers are reached.
    pub address: ContainerAddress,
    /// Pools that take containers, in the order of the file.
    pub pools: Vec<ContainerPool>,
}

/// Where a container is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContainerAddress {
    /// At its own address on a network.
    Network,
    /// At the port of the host that its port is published on.
    Published,
}

/// A pool that takes containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPool {
    /// Its name.
    pub name: Name,
    /// The Compose service whose containers it takes; `None` for those alone whose label names the
    /// pool.
    pub service: Option<String>,
    /// The port that containers listen on, unless a label says another; `None` for the only one
    /// that they expose.
    pub port: Option<NonZeroU16>,
    /// The network whose addresses are used, unless a label names another.
    pub network: Option<String>,
}
