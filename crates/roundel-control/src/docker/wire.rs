//! What the engine's API says, as JSON, and what of it is taken over.
//!
//! Only the fields used here are named, every one of them may be missing or null (Go's empty maps
//! and lists are), and unknown ones are passed over: the API grows with each release, and Podman
//! speaks a dialect. Source: Docker Engine API 1.41, `ContainerList`, `ContainerInspect`,
//! `SystemEvents`, `SystemVersion`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use super::container::{
    Condition, Container, ContainerPort, EngineEvent, LABEL_PREFIXES, StopFacts,
};

/// Longest grace period that is believed; a year of waiting is no plan.
const GRACE_MAX: Duration = Duration::from_hours(24);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawContainer {
    id: String,
    names: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    state: Option<String>,
    status: Option<String>,
    ports: Option<Vec<RawPort>>,
    host_config: Option<RawHostConfig>,
    network_settings: Option<RawNetworks>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawPort {
    #[serde(rename = "IP")]
    ip: Option<String>,
    private_port: Option<u16>,
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawHostConfig {
    network_mode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawNetworks {
    networks: Option<BTreeMap<String, Option<RawNetwork>>>,
}

#[derive(Debug, Deserialize)]
struct RawNetwork {
    #[serde(rename = "IPAddress")]
    v4: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    v6: Option<String>,
}

/// Reads `GET /containers/json`. Containers that neither run nor are paused are left out.
pub(super) fn containers(body: &[u8]) -> Result<Vec<Container>, serde_json::Error> {
    let raw: Vec<RawContainer> = serde_json::from_slice(body)?;
    Ok(raw.into_iter().filter_map(container).collect())
}

fn container(raw: RawContainer) -> Option<Container> {
    let is_starting = raw.status.as_deref().is_some_and(|it| it.contains("(health: starting)"));
    let condition = match raw.state.as_deref() {
        Some("running") if is_starting => Condition::Starting,
        Some("running") => Condition::Running,
        Some("paused") => Condition::Paused,
        _ => return None,
    };
    // A container that others link to has further names, with a slash inside.
    let mut names = raw.names.into_iter().flatten().map(|it| it.trim_start_matches('/').to_owned());
    let name = names.find(|it| !it.contains('/')).unwrap_or_else(|| short(&raw.id).to_owned());
    let is_known = |label: &str| LABEL_PREFIXES.iter().any(|prefix| label.starts_with(prefix));
    let mode = raw.host_config.and_then(|it| it.network_mode);
    let networks = raw.network_settings.and_then(|it| it.networks).unwrap_or_default();
    let networks = networks.into_iter().filter_map(|(name, it)| Some((name, address(&it?)?)));
    Some(Container {
        id: raw.id,
        name,
        labels: raw.labels.into_iter().flatten().filter(|(name, _)| is_known(name)).collect(),
        condition,
        is_on_host: mode.as_deref() == Some("host"),
        networks: networks.collect(),
        ports: raw.ports.into_iter().flatten().filter_map(|it| port(&it)).collect(),
    })
}

/// The first twelve characters of an identifier, as the engine prints it.
pub(super) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn address(network: &RawNetwork) -> Option<IpAddr> {
    let read = |text: &Option<String>| text.as_deref()?.parse::<IpAddr>().ok();
    read(&network.v4).or_else(|| read(&network.v6)).filter(|ip| !ip.is_unspecified())
}

fn port(raw: &RawPort) -> Option<ContainerPort> {
    if raw.protocol.as_deref().is_some_and(|it| it != "tcp") {
        return None;
    }
    let published = raw.public_port.filter(|port| *port > 0).map(|port| {
        let ip = raw.ip.as_deref().and_then(|ip| ip.parse().ok());
        // Published on all addresses is published on this one.
        let ip = match ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, port)
    });
    Some(ContainerPort { port: raw.private_port.filter(|port| *port > 0)?, published })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawDetails {
    config: Option<RawConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    stop_signal: Option<String>,
    stop_timeout: Option<u64>,
}

/// Reads `GET /containers/ID/json`.
pub(super) fn stop_facts(body: &[u8]) -> Result<StopFacts, serde_json::Error> {
    let raw: RawDetails = serde_json::from_slice(body)?;
    let usual = StopFacts::default();
    let Some(config) = raw.config else { return Ok(usual) };
    Ok(StopFacts {
        signal: config.stop_signal.as_deref().and_then(signal_number).unwrap_or(usual.signal),
        grace: config.stop_timeout.map_or(usual.grace, Duration::from_secs).min(GRACE_MAX),
    })
}

/// Reads "SIGTERM", "TERM" or "15". Real-time signals are counted from 34, as glibc and Docker do.
fn signal_number(text: &str) -> Option<u8> {
    const NAMES: [(&str, u8); 12] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ABRT", 6),
        ("KILL", 9),
        ("USR1", 10),
        ("USR2", 12),
        ("PIPE", 13),
        ("ALRM", 14),
        ("TERM", 15),
        ("WINCH", 28),
        ("PWR", 30),
    ];
    const RTMIN: u8 = 34;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let text = text.to_ascii_uppercase();
    let name = text.strip_prefix("SIG").unwrap_or(&text);
    if let Some(offset) = name.strip_prefix("RTMIN+") {
        return RTMIN.checked_add(offset.parse().ok()?);
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

#[derive(Debug, Deserialize)]
struct RawEvent {
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Action")]
    action: Option<String>,
    #[serde(rename = "Actor")]
    actor: Option<RawActor>,
}

#[derive(Debug, Deserialize)]
struct RawActor {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(rename = "Attributes")]
    attributes: Option<BTreeMap<String, String>>,
}

/// Reads one line of `GET /events`.
pub(super) fn event(line: &[u8]) -> Result<EngineEvent, serde_json::Error> {
    let raw: RawEvent = serde_json::from_slice(line)?;
    let RawActor { id, attributes } = raw.actor.unwrap_or(RawActor { id: None, attributes: None });
    let is_container = raw.kind.as_deref() == Some("container");
    let (Some(id), true) = (id, is_container) else { return Ok(EngineEvent::Other) };
    let signal = || attributes.as_ref()?.get("signal").and_then(|it| signal_number(it));
    Ok(match raw.action.as_deref() {
        Some("kill") => {
            signal().map_or(EngineEvent::Other, |signal| EngineEvent::Kill { id, signal })
        }
        Some("die") => EngineEvent::Die { id },
        Some("start") => EngineEvent::Start { id },
        _ => EngineEvent::Other,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawVersion {
    api_version: Option<String>,
    #[serde(rename = "MinAPIVersion")]
    min_api_version: Option<String>,
}

/// The API version that everything above was written for.
const WRITTEN_FOR: (u32, u32) = (1, 41);

/// Reads `GET /version`: the version to speak, [`WRITTEN_FOR`] or the nearest one that the engine
/// knows.
pub(super) fn api_version(body: &[u8]) -> Result<String, serde_json::Error> {
    let raw: RawVersion = serde_json::from_slice(body)?;
    let read = |text: &Option<String>| {
        let (major, minor) = text.as_deref()?.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    let newest = read(&raw.api_version).unwrap_or(WRITTEN_FOR);
    let oldest = read(&raw.min_api_version).unwrap_or(WRITTEN_FOR);
    let (major, minor) = WRITTEN_FOR.max(oldest).min(newest);
    Ok(format!("v{major}.{minor}"))
}

#[cfg(test)]
mod tests;
