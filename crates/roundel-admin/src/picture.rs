//! Puts the state together from what the parts of the process know at one moment.
//!
//! A [`Sight`] takes one look at each of them, so that a picture is of one snapshot; everything
//! below is translation into the [contract](crate::contract), without decisions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use roundel_config::Config;
use roundel_config::model::{EndpointConfig, EndpointSource, PoolConfig};
use roundel_control::{AppView, Overlay, ProbeReport};
use roundel_core::end::EndReason;
use roundel_core::endpoint::EndpointId;
use roundel_core::listener::Listener;
use roundel_core::name::Name;
use roundel_core::pool::Pool;
use roundel_core::route::{Action, Route};
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::traffic::{self, Figures};

use crate::contract::{self, Phase, Time};
use crate::process::{self, ProcessStatus};
use crate::surface::Surface;

mod app;
mod endpoint;
mod words;

pub(crate) use app::decision_of;

/// One look at everything.
pub(crate) struct Sight<'a> {
    surface: &'a Surface,
    snapshot: Arc<Snapshot>,
    config: Arc<Config>,
    overlay: Arc<Overlay>,
    figures: Arc<Figures>,
    probes: HashMap<EndpointId, ProbeReport>,
    ejections: HashMap<EndpointId, SystemTime>,
    apps: Arc<Vec<AppView>>,
}

impl<'a> Sight<'a> {
    pub(crate) fn of(surface: &'a Surface) -> Self {
        let control = &surface.control;
        Self {
            snapshot: control.snapshot(),
            config: control.config(),
            overlay: surface.intent.overlay(),
            figures: Arc::clone(&surface.figures.borrow()),
            probes: control.probes().into_iter().map(|probe| (probe.id, probe)).collect(),
            ejections: control.ejections(),
            apps: control.apps(),
            surface,
        }
    }

    /// Everything.
    pub(crate) fn state(&self) -> contract::State {
        let ProcessStatus { phase, last_reload } = self.surface.process.borrow().clone();
        contract::State {
            version: self.surface.version.to_owned(),
            started_at: self.surface.registry.start_time().into(),
            now: Time::now(),
            generation: self.snapshot.generation,
            workers: self.surface.registry.workers() as u64,
            phase: phase.into(),
            last_reload: last_reload.map(Into::into),
            has_overlay: !self.overlay.is_empty(),
            config_file: self.surface.config_file.as_ref().map(|file| file.path.clone()),
            providers: self.providers(),
            totals: traffic_of(&self.figures.totals),
            listeners: self.snapshot.listeners.iter().map(|l| self.listener(l)).collect(),
            routes: self.config.routes.iter().map(|route| self.route(route)).collect(),
            pools: self.pools(),
            apps: self.apps(),
        }
    }

    /// The only provider that is asked for endpoints, so far.
    fn providers(&self) -> Vec<contract::Provider> {
        let lost = self.surface.control.lost_providers();
        let lost = lost.into_iter().find(|lost| lost.source == EndpointSource::Docker);
        let provider = |_| contract::Provider {
            source: EndpointSource::Docker.into(),
            lost_since: lost.as_ref().map(|lost| lost.since.into()),
            reason: lost.as_ref().map(|lost| lost.reason.clone()),
        };
        self.config.docker.iter().map(provider).collect()
    }

    /// All pools, in configured order.
    pub(crate) fn pools(&self) -> Vec<contract::Pool> {
        self.snapshot.pools.iter().map(|pool| self.pool(pool)).collect()
    }

    /// The names of all pools.
    pub(crate) fn pool_names(&self) -> impl Iterator<Item = &str> {
        self.snapshot.pools.iter().map(|pool| pool.name.as_str())
    }

    /// The pool called `name`.
    pub(crate) fn pool_called(&self, name: &str) -> Option<contract::Pool> {
        let pool = self.snapshot.pools.iter().find(|pool| pool.name.as_str() == name)?;
        Some(self.pool(pool))
    }

    /// The snapshot that all of it is of.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn pool(&self, pool: &Pool) -> contract::Pool {
        let totals = self.surface.registry.pool(&pool.name).totals();
        let figures = self.figures.pools.get(&pool.name);
        let config = self.config.pools.iter().find(|config| config.name == pool.name);
        let configs = config.map(endpoints_by_name).unwrap_or_default();
        let overlay = self.overlay.pools.get(&pool.name);
        let unit = endpoint::weight_unit(&pool.endpoints);
        let endpoint = |endpoint: &roundel_core::endpoint::Endpoint| {
            let look = endpoint::Look {
                metrics: self.surface.registry.endpoint(&pool.name, &endpoint.name).totals(),
                figures: figures.and_then(|f| f.endpoints.get(&endpoint.name)).copied(),
                config: configs.get(&endpoint.name).copied(),
                overlay: overlay.and_then(|o| o.endpoints.get(&endpoint.name)).copied(),
                probe: self.probes.get(&endpoint.id),
                ejected_until: self.ejections.get(&endpoint.id).copied(),
                weight_unit: unit,
            };
            look.at(endpoint)
        };
        contract::Pool {
            name: pool.name.to_string(),
            balance: pool.policy.balance.to_string(),
            tier: pool.candidates.tier.into(),
            hold: self.hold(pool),
            queue_length: pool.shared.line.length().into(),
            queue_limit: pool.policy.limits.queue.into(),
            retries_total: totals.retries,
            hedges_total: totals.hedges,
            health_check: pool.policy.health_check.as_ref().map(words::health_check),
            app: self.feeder_of(pool.name.as_str()),
            traffic: figures.map_or_else(no_traffic, |f| traffic_of(&f.traffic)),
            ends: words::by_code(EndReason::ALL, EndReason::code, &totals.ends),
            endpoints: pool.endpoints.iter().map(endpoint).collect(),
        }
    }

    fn listener(&self, listener: &Listener) -> contract::Listener {
        let totals = self.surface.registry.listener(&listener.name).totals();
        let rate = self.figures.listeners.get(&listener.name);
        contract::Listener {
            name: listener.name.to_string(),
            address: listener.address.to_string(),
            connections_open: u64::try_from(totals.connections_open).unwrap_or(0),
            requests_total: totals.requests,
            requests_per_second: rate.map_or(0.0, |rate| rate.requests_per_second),
            tunnels_open: u64::try_from(totals.tunnels_open).unwrap_or(0),
        }
    }

    fn route(&self, route: &Route) -> contract::Route {
        let rate = self.figures.routes.get(&route.name).copied().unwrap_or_default();
        let pool = match route.action {
            Action::Pool(index) => self.config.pools.get(index).map(|pool| pool.name.to_string()),
            Action::Respond(_) | Action::Redirect { .. } | Action::Stats => None,
        };
        contract::Route {
            name: route.name.to_string(),
            hosts: route.matcher.hosts.iter().map(ToString::to_string).collect(),
            path: route.matcher.path.to_string(),
            methods: route.matcher.methods.iter().map(ToString::to_string).collect(),
            action: words::action(&route.action),
            pool,
            requests_total: rate.requests_total,
            requests_per_second: rate.requests_per_second,
        }
    }

    /// The last five minutes.
    pub(crate) fn history(&self) -> contract::History {
        let pools = self.figures.pools.iter();
        contract::History {
            interval_ms: traffic::INTERVAL.as_millis() as u64,
            at: self.figures.at.into(),
            totals: series(&self.figures.history),
            pools: pools.map(|(name, pool)| (name.to_string(), series(&pool.history))).collect(),
        }
    }
}

fn endpoints_by_name(config: &PoolConfig) -> HashMap<&Name, &EndpointConfig> {
    config.endpoints.iter().map(|endpoint| (&endpoint.name, endpoint)).collect()
}

fn traffic_of(traffic: &traffic::Traffic) -> contract::Traffic {
    contract::Traffic {
        requests_total: traffic.requests_total,
        errors_total: traffic.errors_total,
        requests_per_second: traffic.requests_per_second,
        error_rate: traffic.error_rate,
        in_flight: traffic.in_flight,
        latency_ms: traffic.latency.map(percentiles),
    }
}

/// That of a pool which is younger than the figures.
fn no_traffic() -> contract::Traffic {
    traffic_of(&traffic::Traffic::default())
}

fn percentiles(of: traffic::Percentiles) -> contract::Percentiles {
    contract::Percentiles { p50: of.p50_ms, p95: of.p95_ms, p99: of.p99_ms }
}

fn series(points: &[traffic::Point]) -> contract::Series {
    let latency = |pick: fn(&traffic::Percentiles) -> f64| {
        points.iter().map(|point| point.latency.as_ref().map(pick)).collect()
    };
    contract::Series {
        requests_per_second: points.iter().map(|point| point.requests_per_second).collect(),
        error_rate: points.iter().map(|point| point.error_rate).collect(),
        in_flight: points.iter().map(|point| point.in_flight).collect(),
        p50_ms: latency(|l| l.p50_ms),
        p95_ms: latency(|l| l.p95_ms),
        p99_ms: latency(|l| l.p99_ms),
    }
}

impl From<process::Phase> for Phase {
    fn from(phase: process::Phase) -> Self {
        match phase {
            process::Phase::Starting => Self::Starting,
            process::Phase::Ready => Self::Ready,
            process::Phase::Draining => Self::Draining,
        }
    }
}

impl From<process::Reload> for contract::ReloadOutcome {
    fn from(reload: process::Reload) -> Self {
        let ok = reload.outcome.is_ok();
        let message = reload.outcome.unwrap_or_else(|message| message);
        Self { at: reload.at.into(), ok, message }
    }
}
