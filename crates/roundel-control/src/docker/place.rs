//! From a container to the endpoints that it is, or why it is none.
//!
//! Pure. A pool takes containers only if the configuration file says so, whatever labels say:
//! whoever may start a container must not be able to have himself sent any pool's traffic.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use roundel_config::model::{ContainerAddress, ContainerPool, DockerConfig};
use roundel_config::nearest;
use roundel_core::name::Name;

use super::container::Container;

const POOL: &str = "roundel.pool";
const PORT: &str = "roundel.port";
const WEIGHT: &str = "roundel.weight";
const NAME: &str = "roundel.name";
const BACKUP: &str = "roundel.backup";
const NETWORK: &str = "roundel.network";

/// All labels that mean something.
const LABELS: [&str; 6] = [POOL, PORT, WEIGHT, NAME, BACKUP, NETWORK];

/// What decides which containers are endpoints of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// What the configuration says.
    pub(crate) config: DockerConfig,
    /// This process's own host name: inside of a container, the start of the container's
    /// identifier.
    pub(crate) host_name: Option<String>,
}

/// The container that this process runs in, if it does and the engine is the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a>(Option<&'a Container>);

/// A container's place in a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The pool.
    pub(crate) pool: Name,
    /// The endpoint's name.
    pub(crate) name: Name,
    /// Where it is reached.
    pub(crate) address: SocketAddr,
    /// 1 to 1000.
    pub(crate) weight: u32,
    /// Whether it waits for the others to fail.
    pub(crate) is_backup: bool,
}

/// Why a container that is meant for a pool is no endpoint of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Misfit {
    /// The container's name.
    pub(crate) container: String,
    /// What is wrong, with the value at fault and what would help.
    pub(crate) reason: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container \"{}\": {}", self.container, self.reason)
    }
}

impl Rules {
    /// Whether a container is meant for any pool, rightly or wrongly.
    pub(crate) fn concern(&self, container: &Container) -> bool {
        self.is_in_project(container)
            && (container.label(POOL).is_some() || self.pools_of(container).next().is_some())
    }

    /// The container that this process runs in, among all there are.
    pub(crate) fn own<'a>(&self, all: impl IntoIterator<Item = &'a Container>) -> Own<'a> {
        let is_id = |name: &&str| name.len() >= 12 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let Some(name) = self.host_name.as_deref().filter(is_id) else { return Own(None) };
        Own(all.into_iter().find(|container| container.id.starts_with(name)))
    }

    /// The endpoints that a container is. At most one in each pool.
    pub(crate) fn place(&self, container: &Container, own: Own<'_>) -> Vec<Result<Placed, Misfit>> {
        if !self.is_in_project(container) {
            return Vec::new();
        }
        let misfit = |reason| Misfit { container: container.name.clone(), reason };
        if let Some(label) = container.label(POOL) {
            let Some(pool) = self.pool(label) else {
                return vec![Err(misfit(self.no_pool(label)))];
            };
            return vec![self.place_in(pool, container, own).map_err(misfit)];
        }
        self.pools_of(container)
            .map(|pool| self.place_in(pool, container, own).map_err(misfit))
            .collect()
    }

    fn is_in_project(&self, container: &Container) -> bool {
        self.config.project.as_deref().is_none_or(|it| container.project() == Some(it))
    }

    fn pool(&self, name: &str) -> Option<&ContainerPool> {
        self.config.pools.iter().find(|pool| pool.name.as_str() == name)
    }

    fn no_pool(&self, label: &str) -> String {
        let names = || self.config.pools.iter().map(|pool| pool.name.as_str());
        let help = match nearest(label, names()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("pools that do: {}", listed(names())),
        };
        format!("label `{POOL}`: no pool {label:?} takes containers; {help}")
    }

    /// The pools that take the container for the service that it is of; a label outranks them.
    fn pools_of<'a>(&'a self, container: &'a Container) -> impl Iterator<Item = &'a ContainerPool> {
        let service = container.service();
        let takes = move |pool: &&ContainerPool| {
            pool.service.as_deref().is_some_and(|wanted| service == Some(wanted))
        };
        self.config.pools.iter().filter(takes)
    }

    fn place_in(
        &self,
        pool: &ContainerPool,
        container: &Container,
        own: Own<'_>,
    ) -> Result<Placed, String> {
        let port = port(pool, container)?;
        let address = match self.config.address {
            ContainerAddress::Published => published(container, port)?,
            ContainerAddress::Network if container.is_on_host => on_host(port, own)?,
            ContainerAddress::Network => {
                let wanted = container.label(NETWORK).or(pool.network.as_deref());
                let wanted = wanted.or(self.config.network.as_deref());
                SocketAddr::new(on_network(container, wanted, own)?, port)
            }
        };
        let name = container.label(NAME).unwrap_or(&container.name);
        let name = Name::parse(name).map_err(|fault| {
            format!("{name:?} cannot be an endpoint's name: {fault}; set the label `{NAME}`")
        })?;
        let weight = number_label(container, WEIGHT, 1000)?.map_or(1, u32::from);
        let is_backup = match container.label(BACKUP) {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(format!("label `{BACKUP}` is {other:?}, neither true nor false"));
            }
        };
        Ok(Placed { pool: pool.name.clone(), name, address, weight, is_backup })
    }
}

/// Labels that look like ours and are none.
pub(crate) fn unknown_labels(container: &Container) -> Vec<Misfit> {
    let ours = container.labels.keys().filter(|label| label.starts_with("roundel."));
    ours.filter(|label| !LABELS.contains(&label.as_str()))
        .map(|label| {
            let help = match nearest(label, LABELS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the labels are: {}", LABELS.join(", ")),
            };
            let reason = format!("there is no label `{label}`; {help}");
            Misfit { container: container.name.clone(), reason }
        })
        .collect()
}

/// A label with a number from 1 to `max`.
fn number_label(container: &Container, label: &str, max: u16) -> Result<Option<u16>, String> {
    let Some(text) = container.label(label) else { return Ok(None) };
    match text.parse::<u16>() {
        Ok(number) if (1..=max).contains(&number) => Ok(Some(number)),
        _ => Err(format!("label `{label}` is {text:?}, not a number from 1 to {max}")),
    }
}

/// The port: the label's, else the pool's, else the only one there is.
fn port(pool: &ContainerPool, container: &Container) -> Result<u16, String> {
    if let Some(port) = number_label(container, PORT, u16::MAX)? {
        return Ok(port);
    }
    if let Some(port) = pool.port {
        return Ok(port.get());
    }
    let exposed: BTreeSet<u16> = container.ports.iter().map(|it| it.port).collect();
    let help = format!("say which port it listens on: label `{PORT}`, or `port` of the pool");
    match exposed.iter().collect::<Vec<_>>().as_slice() {
        [port] => Ok(**port),
        [] => Err(format!("it exposes no TCP port; {help}")),
        several => {
            let several = several.iter().map(ToString::to_string).collect::<Vec<_>>();
            Err(format!("it exposes the ports {}; {help}", several.join(", ")))
        }
    }
}

fn published(container: &Container, port: u16) -> Result<SocketAddr, String> {
    let found = container.ports.iter().filter(|it| it.port == port).filter_map(|it| it.published);
    // IPv4 sorts first: Docker may publish on both, and IPv6 is what more hosts lack.
    found.min().ok_or_else(|| {
        format!(
            "its port {port} is not published, and `[provider.docker] address` is \"published\""
        )
    })
}

/// A container without a network of its own is where this process is, if it has none either.
fn on_host(port: u16, Own(own): Own<'_>) -> Result<SocketAddr, String> {
    if own.is_some_and(|own| !own.is_on_host) {
        return Err(
            "it uses the host's network, where Roundel's own container does not reach it; \
                    let Roundel use the host's network, too"
                .to_owned(),
        );
    }
    Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}

/// The address on the network wanted; without a wish, on one that Roundel shares. From the host all
/// of the engine's networks are reached, so there any does, and the first by name is always the
/// same one.
fn on_network(
    container: &Container,
    wanted: Option<&str>,
    Own(own): Own<'_>,
) -> Result<IpAddr, String> {
    let networks = &container.networks;
    if networks.is_empty() {
        return Err("it has no address on any network".to_owned());
    }
    if let Some(wanted) = wanted {
        // Compose puts the project's name before a network's.
        let in_project = container.project().map(|project| format!("{project}_{wanted}"));
        let found = in_project.and_then(|name| networks.get(&name)).or(networks.get(wanted));
        return found.copied().ok_or_else(|| {
            let has = listed(networks.keys().map(String::as_str));
            format!("it is not on network {wanted:?}; its networks: {has}")
        });
    }
    let own = own.filter(|own| !own.is_on_host);
    let is_reached = |name: &str| own.is_none_or(|own| own.networks.contains_key(name));
    let found = networks.iter().find(|(name, _)| is_reached(name));
    found.map(|(_, ip)| *ip).ok_or_else(|| {
        let has = listed(networks.keys().map(String::as_str));
        let own = listed(own.iter().flat_map(|own| own.networks.keys()).map(String::as_str));
        format!("it shares no network with Roundel; its networks: {has}; Roundel's: {own}")
    })
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
