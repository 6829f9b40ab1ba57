//! One endpoint, as the contract shows it.

use std::time::SystemTime;

use roundel_config::model::{EndpointConfig, EndpointSource};
use roundel_control::{EndpointOverlay, ProbeReport};
use roundel_core::address::{ConnectAddress, EndpointAddress};
use roundel_core::end::AttemptFailure;
use roundel_core::endpoint::Endpoint;
use roundel_telemetry::EndpointTotals;
use roundel_telemetry::shard::ByStatusClass;
use roundel_telemetry::traffic::EndpointFigures;

use super::{percentiles, words};
use crate::contract;

/// What the parts of the process know of an endpoint.
pub(super) struct Look<'a> {
    pub(super) metrics: EndpointTotals,
    pub(super) figures: Option<EndpointFigures>,
    pub(super) config: Option<&'a EndpointConfig>,
    pub(super) overlay: Option<EndpointOverlay>,
    pub(super) probe: Option<&'a ProbeReport>,
    pub(super) ejected_until: Option<SystemTime>,
    pub(super) weight_unit: f64,
}

impl Look<'_> {
    pub(super) fn at(self, endpoint: &Endpoint) -> contract::Endpoint {
        let figures = self.figures.unwrap_or_default();
        let source = self.config.map_or(EndpointSource::File, |config| config.source);
        let failures = &self.metrics.failures;
        contract::Endpoint {
            name: endpoint.name.to_string(),
            address: endpoint.authority.to_string(),
            resolved: self.resolved(endpoint),
            source: source.into(),
            weight: endpoint.weight,
            effective_weight: f64::from(endpoint.effective_weight) / self.weight_unit,
            is_backup: endpoint.is_backup,
            admin_state: endpoint.facts.admin_state.into(),
            presence: endpoint.facts.presence.into(),
            health: endpoint.facts.health.into(),
            ejected_until: self.ejected_until.map(Into::into),
            is_eligible: endpoint.facts.is_eligible(),
            is_silent: endpoint.shared.is_silent(),
            overridden: self.overridden(),
            last_probe: self.probe.map(last_probe),
            in_flight: endpoint.shared.in_flight().into(),
            requests_total: endpoint.shared.requests(),
            failures_total: failures.iter().sum(),
            failures: words::by_code(AttemptFailure::ALL, AttemptFailure::code, failures),
            responses: words::by_code(&ByStatusClass::LABELS, |l| l, &self.metrics.responses),
            connections: contract::Connections {
                made: self.metrics.connections_made,
                reused: self.metrics.connections_reused,
                idle: u64::try_from(self.metrics.idle_connections).unwrap_or(0),
            },
            requests_per_second: figures.traffic.requests_per_second,
            error_rate: figures.traffic.error_rate,
            share: figures.share,
            latency_ms: figures.traffic.latency.map(percentiles),
        }
    }

    fn overridden(&self) -> Vec<contract::Override> {
        let overlay = self.overlay.unwrap_or_default();
        let admin_state = overlay.admin_state.map(|_| contract::Override::AdminState);
        let weight = overlay.weight.map(|_| contract::Override::Weight);
        admin_state.into_iter().chain(weight).collect()
    }

    /// What a host name stands for, once it is known.
    fn resolved(&self, endpoint: &Endpoint) -> Option<String> {
        let is_name = matches!(self.config?.address, EndpointAddress::Host(..));
        match &endpoint.address {
            ConnectAddress::Ip(address) if is_name && address.port() != 0 => {
                Some(address.to_string())
            }
            ConnectAddress::Ip(_) | ConnectAddress::Unix(_) => None,
        }
    }
}

fn last_probe(probe: &ProbeReport) -> contract::LastProbe {
    contract::LastProbe {
        at: probe.at.into(),
        took_ms: probe.took.as_secs_f64() * 1000.0,
        ok: probe.failure.is_none(),
        reason: probe.failure.clone(),
    }
}

/// What a weight of one is in effective weights: more than one while any endpoint ramps.
pub(super) fn weight_unit(endpoints: &[Endpoint]) -> f64 {
    let ratio = |e: &Endpoint| f64::from(e.effective_weight) / f64::from(e.weight.max(1));
    endpoints.iter().map(ratio).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use roundel_core::endpoint::{EndpointFacts, EndpointId, Health};
    use roundel_core::name::Name;
    use roundel_telemetry::Registry;

    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            id: EndpointId(1),
            name: Name::parse("one").unwrap(),
            authority: "127.0.0.1:1".into(),
            address: ConnectAddress::Ip(([127, 0, 0, 1], 1).into()),
            weight: 1,
            effective_weight: 1,
            is_backup: false,
            facts: EndpointFacts { health: Health::Healthy, ..EndpointFacts::default() },
            shared: Arc::default(),
        }
    }

    fn picture(of: &Endpoint) -> contract::Endpoint {
        let pool = Name::parse("web").unwrap();
        let look = Look {
            metrics: Registry::new(1).endpoint(&pool, &of.name).totals(),
            figures: None,
            config: None,
            overlay: None,
            probe: None,
            ejected_until: None,
            weight_unit: 1.0,
        };
        look.at(of)
    }

    #[test]
    fn silence_is_shown_until_the_next_answer_and_leaves_the_facts_alone() {
        let endpoint = endpoint();
        let before = picture(&endpoint);
        assert!(before.is_eligible && !before.is_silent);
        endpoint.shared.note_silence();
        assert_eq!(picture(&endpoint), contract::Endpoint { is_silent: true, ..before.clone() });
        endpoint.shared.note_answer();
        assert_eq!(picture(&endpoint), before);
    }
}
