//! What changed, and why: for logs, the live view and whoever subscribes.
//!
//! An event is about state. What happens to single requests is the access log's business.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use roundel_config::model::EndpointSource;
use roundel_core::endpoint::Health;
use roundel_core::name::Name;

use crate::apps::{InstanceState, RolloutState};
use crate::autoscaler::ScalingDecision;
use crate::compose::PassedOver;
use crate::report::{Changed, ReloadReport};

/// A change of state and when it was noticed.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at: SystemTime,
    /// The generation of the snapshot that shows it.
    pub generation: u64,
    /// What.
    pub change: Change,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Probes found an endpoint to be other than before.
    Health {
        /// Its pool.
        pool: Name,
        /// Its name.
        endpoint: Name,
        /// What it was.
        from: Health,
        /// What it is.
        to: Health,
        /// What led to the verdict.
        reason: String,
    },
    /// Traffic showed that an endpoint fails.
    Ejected {
        /// Its pool.
        pool: Name,
        /// Its name.
        endpoint: Name,
        /// For how long it is out.
        duration: Duration,
        /// What it did.
        reason: String,
    },
    /// An endpoint's ejection is over.
    EjectionEnded {
        /// Its pool.
        pool: Name,
        /// Its name.
        endpoint: Name,
    },
    /// Requests wait for an endpoint that answers none; it is the last choice until it does.
    Silent {
        /// Its pool.
        pool: Name,
        /// Its name.
        endpoint: Name,
        /// For how long it had answered nothing.
        silent: Duration,
    },
    /// An endpoint that was silent has answered.
    Heard {
        /// Its pool.
        pool: Name,
        /// Its name.
        endpoint: Name,
    },
    /// An endpoint's host name stands for a new address.
    Resolved {
        /// Its pool.
        pool: Name,
        /// Its name.
        endpoint: Name,
        /// The address.
        address: String,
    },
    /// An endpoint's host name cannot be resolved; the last address stays in use, if there is one.
    ResolutionFailed {
        /// Its pool.
        pool: Name,
        /// Its name.
        endpoint: Name,
        /// What the resolver says.
        reason: String,
    },
    /// A provider or the operator has other endpoints than before.
    Endpoints {
        /// Whose.
        source: EndpointSource,
        /// Which, as `pool/endpoint (address)`.
        changed: Changed,
    },
    /// An endpoint that a source has is not taken in.
    PassedOver(PassedOver),
    /// A provider cannot be asked: its endpoints stay as last known.
    ProviderLost {
        /// Which.
        source: EndpointSource,
        /// Why.
        reason: String,
    },
    /// A provider answers again, or for the first time after it did not.
    ProviderBack {
        /// Which.
        source: EndpointSource,
    },
    /// Something that a provider found is not what whoever set it up may have meant.
    Misfit {
        /// Which provider.
        source: EndpointSource,
        /// What, and what would help.
        reason: String,
    },
    /// An instance of an app is at another point of its life.
    Instance {
        /// Its app.
        app: Name,
        /// The app's pool, whose endpoint the instance is.
        pool: Name,
        /// Its name.
        instance: Name,
        /// Where it was.
        from: InstanceState,
        /// Where it is.
        to: InstanceState,
        /// What led there; may be empty.
        reason: String,
    },
    /// An operator chose another number of instances of an app.
    Scaled {
        /// The app.
        app: Name,
        /// The number before.
        from: u32,
        /// The number from now on.
        to: u32,
        /// Why.
        reason: String,
    },
    /// The autoscaler chose another number of instances of an app.
    Decided(Arc<ScalingDecision>),
    /// The replacement of all instances of an app begins or ends.
    Rollout {
        /// The app.
        app: Name,
        /// How it stands.
        state: RolloutState,
        /// Why.
        reason: String,
    },
    /// Another program has a port that an app's instances might listen on.
    PortTaken {
        /// The app.
        app: Name,
        /// The port.
        port: u16,
    },
    /// A new configuration is in force.
    Reloaded(Box<ReloadReport>),
    /// A new configuration was refused; the old one stays in force.
    ReloadFailed {
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether someone should look at a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As meant, or for the better.
    Info,
    /// Unexpected, but work goes on.
    Warn,
    /// An operator must act.
    Error,
}

impl Change {
    /// Its stable short name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Health { .. } => "health",
            Self::Ejected { .. } => "ejected",
            Self::EjectionEnded { .. } => "ejection_ended",
            Self::Silent { .. } => "silent",
            Self::Heard { .. } => "heard",
            Self::Resolved { .. } => "resolved",
            Self::ResolutionFailed { .. } => "resolution_failed",
            Self::Endpoints { .. } => "endpoints",
            Self::PassedOver(_) => "passed_over",
            Self::ProviderLost { .. } => "provider_lost",
            Self::ProviderBack { .. } => "provider_back",
            Self::Misfit { .. } => "misfit",
            Self::Instance { .. } => "instance",
            Self::Scaled { .. } => "scaled",
            Self::Decided(_) => "decided",
            Self::Rollout { .. } => "rollout",
            Self::PortTaken { .. } => "port_taken",
            Self::Reloaded(_) => "reloaded",
            Self::ReloadFailed { .. } => "reload_failed",
        }
    }

    /// Whether someone should look; the level at which it is logged.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Health { to: Health::Unhealthy, .. }
            | Self::Ejected { .. }
            | Self::Silent { .. }
            | Self::ResolutionFailed { .. }
            | Self::PassedOver(_)
            | Self::ProviderLost { .. }
            | Self::Misfit { .. }
            | Self::Instance { to: InstanceState::BackOff, .. }
            | Self::PortTaken { .. } => Severity::Warn,
            Self::ReloadFailed { .. }
            | Self::Instance { to: InstanceState::Failed, .. }
            | Self::Rollout { state: RolloutState::Stopped, .. } => Severity::Error,
            Self::Health { .. }
            | Self::EjectionEnded { .. }
            | Self::Heard { .. }
            | Self::Resolved { .. }
            | Self::Endpoints { .. }
            | Self::ProviderBack { .. }
            | Self::Instance { .. }
            | Self::Scaled { .. }
            | Self::Decided(_)
            | Self::Rollout { .. }
            | Self::Reloaded(_) => Severity::Info,
        }
    }

    /// The pool and endpoint that it is about, if it is about one.
    pub fn place(&self) -> Option<(&Name, &Name)> {
        match self {
            Self::Health { pool, endpoint, .. }
            | Self::Ejected { pool, endpoint, .. }
            | Self::EjectionEnded { pool, endpoint }
            | Self::Silent { pool, endpoint, .. }
            | Self::Heard { pool, endpoint }
            | Self::Resolved { pool, endpoint, .. }
            | Self::ResolutionFailed { pool, endpoint, .. } => Some((pool, endpoint)),
            Self::PassedOver(passed) => Some((&passed.pool, &passed.endpoint)),
            Self::Instance { pool, instance, .. } => Some((pool, instance)),
            Self::Endpoints { .. }
            | Self::ProviderLost { .. }
            | Self::ProviderBack { .. }
            | Self::Misfit { .. }
            | Self::Scaled { .. }
            | Self::Decided(_)
            | Self::Rollout { .. }
            | Self::PortTaken { .. }
            | Self::Reloaded(_)
            | Self::ReloadFailed { .. } => None,
        }
    }

    /// The app that it is about, and the instance, if it is about one.
    pub fn app(&self) -> Option<(&Name, Option<&Name>)> {
        match self {
            Self::Instance { app, instance, .. } => Some((app, Some(instance))),
            Self::Scaled { app, .. } | Self::Rollout { app, .. } | Self::PortTaken { app, .. } => {
                Some((app, None))
            }
            _ => None,
        }
    }

    /// Writes it to the application log.
    pub(crate) fn log(&self) {
        // As text, a name is quoted; without an endpoint there is no field.
        let names = self.place().map(|(pool, endpoint)| (pool.as_str(), endpoint.as_str()));
        let (pool, endpoint) = names.unzip();
        match self {
            Self::Health { to: Health::Unhealthy, reason, .. } => {
                tracing::warn!(pool, endpoint, reason, "endpoint unhealthy");
            }
            Self::Health { reason, .. } => {
                tracing::info!(pool, endpoint, reason, "endpoint healthy");
            }
            Self::Ejected { duration, reason, .. } => {
                let seconds = duration.as_secs_f64();
                tracing::warn!(pool, endpoint, reason, seconds, "endpoint ejected");
            }
            Self::EjectionEnded { .. } => {
                tracing::info!(pool, endpoint, "ejection ended");
            }
            Self::Silent { silent, .. } => {
                let seconds = silent.as_secs_f64();
                tracing::warn!(
                    pool,
                    endpoint,
                    seconds,
                    "endpoint silent: requests wait, none answered"
                );
            }
            Self::Heard { .. } => tracing::info!(pool, endpoint, "endpoint answers again"),
            Self::Resolved { address, .. } => {
                tracing::info!(pool, endpoint, address, "endpoint resolved");
            }
            Self::ResolutionFailed { reason, .. } => {
                tracing::warn!(pool, endpoint, reason, "endpoint's host name does not resolve");
            }
            Self::Endpoints { source, changed } => {
                let changes = changed.of_kind("endpoint").join("; ");
                // Instances tell the same, and why.
                if *source == EndpointSource::App {
                    return tracing::debug!(source = source.code(), changes, "endpoints changed");
                }
                tracing::info!(source = source.code(), changes, "endpoints changed");
            }
            Self::PassedOver(passed) => tracing::warn!("{passed}"),
            Self::ProviderLost { source, reason } => {
                let source = source.code();
                tracing::warn!(source, reason, "provider lost: its endpoints stay as last known");
            }
            Self::ProviderBack { source } => {
                tracing::info!(source = source.code(), "provider answers");
            }
            Self::Misfit { source, reason } => tracing::warn!(source = source.code(), "{reason}"),
            Self::Instance { app, instance, to, reason, .. } => {
                let (app, instance, state) = (app.as_str(), instance.as_str(), to.code());
                match to {
                    InstanceState::Failed => {
                        tracing::error!(app, instance, state, reason, "instance given up");
                    }
                    InstanceState::BackOff => {
                        tracing::warn!(
                            app,
                            instance,
                            state,
                            reason,
                            "instance waits for its next start"
                        );
                    }
                    InstanceState::Ready => {
                        tracing::info!(app, instance, state, reason, "instance ready");
                    }
                    InstanceState::Stopped => {
                        tracing::info!(app, instance, state, reason, "instance stopped");
                    }
                    _ => tracing::debug!(app, instance, state, reason, "instance changed"),
                }
            }
            Self::Scaled { app, from, to, reason } => {
                tracing::info!(app = app.as_str(), from, to, reason, "app scaled");
            }
            Self::Decided(decision) => {
                let ScalingDecision { app, from, to, reason, inputs, .. } = &**decision;
                let inputs: Vec<String> = inputs.iter().map(|(n, v)| format!("{n}={v}")).collect();
                let (app, inputs) = (app.as_str(), inputs.join(" "));
                tracing::info!(app, from, to, reason, inputs, "autoscaler decided");
            }
            Self::Rollout { app, state, reason } => {
                let (app, code) = (app.as_str(), state.code());
                if *state == RolloutState::Stopped {
                    tracing::error!(app, state = code, reason, "rollout");
                } else {
                    tracing::info!(app, state = code, reason, "rollout");
                }
            }
            Self::PortTaken { app, port } => {
                tracing::warn!(app = app.as_str(), port, "port passed over: it is in use");
            }
            Self::Reloaded(report) => {
                tracing::info!(changes = report.to_string(), "configuration reloaded");
            }
            Self::ReloadFailed { reason } => {
                tracing::error!(reason, "reload rejected: the old configuration stays in force");
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Health { pool, endpoint, to, reason, .. } => {
                let health = match to {
                    Health::Unknown => "unknown",
                    Health::Healthy => "healthy",
                    Health::Unhealthy => "unhealthy",
                };
                write!(f, "pool \"{pool}\": endpoint {endpoint}: {health}: {reason}")
            }
            Self::Ejected { pool, endpoint, duration, reason } => {
                let seconds = duration.as_secs_f64();
                write!(f, "pool \"{pool}\": endpoint {endpoint}: ejected for {seconds} s: {reason}")
            }
            Self::EjectionEnded { pool, endpoint } => {
                write!(f, "pool \"{pool}\": endpoint {endpoint}: ejection ended")
            }
            Self::Silent { pool, endpoint, silent } => {
                let ms = silent.as_millis();
                write!(
                    f,
                    "pool \"{pool}\": endpoint {endpoint}: silent: requests wait, none answered for {ms} ms"
                )
            }
            Self::Heard { pool, endpoint } => {
                write!(f, "pool \"{pool}\": endpoint {endpoint}: answers again")
            }
            Self::Resolved { pool, endpoint, address } => {
                write!(f, "pool \"{pool}\": endpoint {endpoint}: is now at {address}")
            }
            Self::ResolutionFailed { pool, endpoint, reason } => {
                write!(f, "pool \"{pool}\": endpoint {endpoint}: does not resolve: {reason}")
            }
            Self::Endpoints { source, changed } => {
                write!(f, "{source}: {}", changed.of_kind("endpoint").join("; "))
            }
            Self::PassedOver(passed) => passed.fmt(f),
            Self::ProviderLost { source, reason } => {
                write!(f, "{source}: lost, its endpoints stay as last known: {reason}")
            }
            Self::ProviderBack { source } => write!(f, "{source}: answers"),
            Self::Misfit { source, reason } => write!(f, "{source}: {reason}"),
            Self::Instance { app, instance, to, reason, .. } if reason.is_empty() => {
                write!(f, "app \"{app}\": instance {instance}: {to}")
            }
            Self::Instance { app, instance, to, reason, .. } => {
                write!(f, "app \"{app}\": instance {instance}: {to}: {reason}")
            }
            Self::Scaled { app, from, to, reason } => {
                write!(f, "app \"{app}\": scaled from {from} to {to}: {reason}")
            }
            Self::Decided(decision) => {
                let ScalingDecision { app, from, to, reason, .. } = &**decision;
                write!(f, "app \"{app}\": scaled by load from {from} to {to}: {reason}")
            }
            Self::Rollout { app, state, reason } => {
                write!(f, "app \"{app}\": rollout {}: {reason}", state.code())
            }
            Self::PortTaken { app, port } => {
                write!(f, "app \"{app}\": port {port} is passed over: it is in use")
            }
            Self::Reloaded(report) => write!(f, "configuration reloaded: {report}"),
            Self::ReloadFailed { reason } => write!(f, "configuration refused: {reason}"),
        }
    }
}
