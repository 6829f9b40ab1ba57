//! A container as far as a balancer needs to know it, and what the engine tells of its life.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Labels that mean something here start with one of these; others are forgotten as they are read.
pub(super) const LABEL_PREFIXES: [&str; 2] = ["roundel.", "com.docker.compose."];

const SERVICE: &str = "com.docker.compose.service";
const PROJECT: &str = "com.docker.compose.project";
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// A container that runs, or is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    /// The engine's identifier: the same until the container is removed, also over restarts.
    pub(crate) id: String,
    /// Its name, without the leading slash.
    pub(crate) name: String,
    /// Those with [`LABEL_PREFIXES`].
    pub(crate) labels: BTreeMap<String, String>,
    /// What it does.
    pub(crate) condition: Condition,
    /// Whether it has no network of its own but the host's.
    pub(crate) is_on_host: bool,
    /// Its addresses by network, in the order of the networks' names.
    pub(crate) networks: BTreeMap<String, IpAddr>,
    /// TCP ports that it exposes or publishes.
    pub(crate) ports: Vec<ContainerPort>,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It runs, and its `HEALTHCHECK`, if it has one, has given a verdict.
    Running,
    /// It runs, and its `HEALTHCHECK` has not given a verdict yet.
    Starting,
    /// Its processes are frozen.
    Paused,
}

/// A port of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContainerPort {
    /// Inside of the container.
    pub(crate) port: u16,
    /// Where the host publishes it, if it does.
    pub(crate) published: Option<SocketAddr>,
}

impl Container {
    /// The Compose service it is a replica of. A container of `docker-compose run` is none: it is
    /// there for whoever started it.
    pub(crate) fn service(&self) -> Option<&str> {
        let is_one_off = self.label(ONE_OFF).is_some_and(|it| it.eq_ignore_ascii_case("true"));
        self.label(SERVICE).filter(|_| !is_one_off)
    }

    /// Its Compose project.
    pub(crate) fn project(&self) -> Option<&str> {
        self.label(PROJECT)
    }

    /// A label's value.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

/// How the engine stops a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StopFacts {
    /// The signal that asks it to end.
    pub(crate) signal: u8,
    /// How long it may take before it is killed.
    pub(crate) grace: Duration,
}

impl Default for StopFacts {
    fn default() -> Self {
        Self { signal: signal::TERM, grace: Duration::from_secs(10) }
    }
}

impl StopFacts {
    /// Whether a container that gets this signal is about to end. Besides its own stop signal those
    /// count that end a program by convention; SIGHUP and SIGUSR1 make one reload.
    pub(crate) fn is_stop(self, signal: u8) -> bool {
        signal == self.signal
            || matches!(signal, signal::INT | signal::QUIT | signal::KILL | signal::TERM)
    }
}

/// Signal numbers, the same on every architecture that Linux containers run on.
pub(crate) mod signal {
    pub(crate) const INT: u8 = 2;
    pub(crate) const QUIT: u8 = 3;
    pub(crate) const KILL: u8 = 9;
    pub(crate) const TERM: u8 = 15;
}

/// What the engine says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EngineEvent {
    /// A signal was sent to a container; `docker stop` begins so.
    Kill {
        /// The container.
        id: String,
        /// The signal.
        signal: u8,
    },
    /// A container has ended.
    Die {
        /// The container.
        id: String,
    },
    /// A container has started.
    Start {
        /// The container.
        id: String,
    },
    /// Something else that changes what a list of containers shows.
    Other,
}
