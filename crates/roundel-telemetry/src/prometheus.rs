//! What is exposed to Prometheus: every family of [`crate::family`], filled.
//!
//! Counters come from the registry; facts that a snapshot knows come from the view. A counter
//! appears with the first snapshot that a worker adopts, a fact at once.

use std::time::UNIX_EPOCH;

use crate::exposition::{Exposition, Table};
use crate::family as f;
use crate::registry::{Registry, Series};
use crate::shard::{ByAttemptFailure, ByEndReason, ByGiveUp, ByStatusClass, WorkerShard};
use crate::view::{ADMIN_STATES, HEALTHS, TIERS, View};

/// Content type of [`Registry::render_prometheus`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Registry {
    /// All metrics in the Prometheus text format ([`CONTENT_TYPE`]). Cost grows with the number of
    /// endpoints and workers; workers are not disturbed.
    pub fn render_prometheus(&self, view: &View<'_>) -> String {
        // A copy of the handles: summing under the lock would hold up a worker that adopts a
        // snapshot.
        let series = self.series().clone();
        let mut text = Exposition::default();
        self.render_process(&mut text, view);
        self.render_workers(&mut text);
        render_listeners(&mut text, &series);
        render_routes(&mut text, &series);
        render_pools(&mut text, &series, view);
        render_endpoint_counters(&mut text, &series);
        render_endpoint_facts(&mut text, view);
        render_apps(&mut text, view);
        text.finish()
    }

    fn render_process(&self, text: &mut Exposition, view: &View<'_>) {
        let started = self.start_time().duration_since(UNIX_EPOCH).unwrap_or_default();
        text.family(&f::BUILD_INFO).sample(&[env!("CARGO_PKG_VERSION")], 1);
        text.family(&f::START_TIME).sample(&[], started.as_secs_f64());
        text.family(&f::SNAPSHOT_GENERATION).sample(&[], view.generation);
        text.family(&f::WORKERS).sample(&[], self.workers());
    }

    fn render_workers(&self, text: &mut Exposition) {
        let metrics = self.worker();
        let indices: Vec<String> = (0..self.workers()).map(|i| i.to_string()).collect();
        let workers =
            Table::new(indices.iter().zip(metrics.shards()).map(|(i, s)| (vec![i.as_str()], s)));
        workers.numbers(text, &f::WORKER_PANICS, |w| w.panics.value());
        workers.numbers(text, &f::WORKER_ACCEPT_FAILURES, |w| w.accept_failures.value());
        workers.numbers(text, &f::WORKER_TURNS, |w| w.turns.value());

        let log = self.access_log();
        text.family(&f::ACCESS_LOG_WRITTEN).sample(&[], log.lines_written.value());
        text.family(&f::ACCESS_LOG_DROPPED).sample(&[], log.lines_dropped.value());
        text.family(&f::ACCESS_LOG_ERRORS).sample(&[], log.write_errors.value());

        let sum = |number: fn(&WorkerShard) -> u64| metrics.shards().map(number).sum::<u64>();
        text.family(&f::REQUEST_LOG_KEPT).sample(&[], sum(|w| w.requests_kept.value()));
        let sampled_out = sum(|w| w.requests_sampled_out.value());
        text.family(&f::REQUEST_LOG_SAMPLED_OUT).sample(&[], sampled_out);
    }
}

fn render_listeners(text: &mut Exposition, series: &Series) {
    let listeners =
        Table::new(series.listeners.iter().map(|(name, m)| (vec![name.as_str()], m.totals())));
    listeners.numbers(text, &f::LISTENER_CONNECTIONS, |l| l.connections);
    listeners.numbers(text, &f::LISTENER_CONNECTIONS_OPEN, |l| l.connections_open);
    listeners.numbers(text, &f::LISTENER_CONNECTIONS_REFUSED, |l| l.connections_refused);
    listeners.numbers(text, &f::LISTENER_REQUESTS, |l| l.requests);
    listeners.arrays(text, &f::LISTENER_EXCHANGES, ByEndReason::LABELS, |l| l.ends);
    listeners.numbers(text, &f::LISTENER_ERRORS, |l| l.errors);
    listeners.numbers(text, &f::LISTENER_TUNNELS_OPEN, |l| l.tunnels_open);
}

fn render_routes(text: &mut Exposition, series: &Series) {
    let routes = Table::new(series.routes.iter().map(|(name, m)| (vec![name.as_str()], m)));
    routes
        .numbers(text, &f::ROUTE_REQUESTS, |r| r.shards().map(|s| s.requests.value()).sum::<u64>());
}

fn render_pools(text: &mut Exposition, series: &Series, view: &View<'_>) {
    let pools = Table::new(series.pools.iter().map(|(name, m)| (vec![name.as_str()], m.totals())));
    let facts = Table::new(view.pools.iter().map(|pool| (vec![pool.name.as_str()], pool)));
    pools.arrays(text, &f::POOL_REQUESTS, ByStatusClass::LABELS, |p| p.requests);
    pools.arrays(text, &f::POOL_EXCHANGES, ByEndReason::LABELS, |p| p.ends);
    pools.numbers(text, &f::POOL_ERRORS, |p| p.errors);
    pools.numbers(text, &f::POOL_REQUEST_BYTES, |p| p.request_bytes);
    pools.numbers(text, &f::POOL_RESPONSE_BYTES, |p| p.response_bytes);
    pools.histograms(text, &f::POOL_DURATION, |p| &p.duration);
    pools.histograms(text, &f::POOL_QUEUE, |p| &p.queue_time);
    facts.numbers(text, &f::POOL_QUEUED, |p| p.queued);
    pools.numbers(text, &f::POOL_RETRIES, |p| p.retries);
    pools.numbers(text, &f::POOL_HEDGES, |p| p.hedges);
    pools.arrays(text, &f::POOL_GIVE_UPS, ByGiveUp::LABELS, |p| p.give_ups);
    let tiers = TIERS.map(|(_, word)| word);
    facts.arrays(text, &f::POOL_TIER, tiers, |p| TIERS.map(|(tier, _)| u64::from(tier == p.tier)));
}

fn render_endpoint_counters(text: &mut Exposition, series: &Series) {
    let endpoints = Table::new(
        series.endpoints.iter().map(|((p, e), m)| (vec![p.as_str(), e.as_str()], m.totals())),
    );
    endpoints.numbers(text, &f::ENDPOINT_ATTEMPTS, |e| e.attempts);
    endpoints.arrays(text, &f::ENDPOINT_RESPONSES, ByStatusClass::LABELS, |e| e.responses);
    endpoints.arrays(text, &f::ENDPOINT_FAILURES, ByAttemptFailure::LABELS, |e| e.failures);
    endpoints.numbers(text, &f::ENDPOINT_CONNECTIONS_MADE, |e| e.connections_made);
    endpoints.numbers(text, &f::ENDPOINT_CONNECTIONS_REUSED, |e| e.connections_reused);
    endpoints.numbers(text, &f::ENDPOINT_SILENCES, |e| e.silences);
    endpoints.histograms(text, &f::ENDPOINT_FIRST_BYTE, |e| &e.first_byte);
    endpoints.numbers(text, &f::ENDPOINT_IDLE_CONNECTIONS, |e| e.idle_connections);
}

fn render_endpoint_facts(text: &mut Exposition, view: &View<'_>) {
    let endpoints = Table::new(view.pools.iter().flat_map(|pool| {
        pool.endpoints.iter().map(|e| (vec![pool.name.as_str(), e.name.as_str()], e))
    }));
    endpoints.numbers(text, &f::ENDPOINT_ERRORS, |e| e.shared.errors());
    endpoints.numbers(text, &f::ENDPOINT_IN_FLIGHT, |e| e.shared.in_flight());
    endpoints.numbers(text, &f::ENDPOINT_WEIGHT, |e| e.effective_weight);
    endpoints.numbers(text, &f::ENDPOINT_ELIGIBLE, |e| u8::from(e.facts.is_eligible()));
    let states = ADMIN_STATES.map(|(_, word)| word);
    endpoints.arrays(text, &f::ENDPOINT_ADMIN_STATE, states, |e| {
        ADMIN_STATES.map(|(state, _)| u64::from(state == e.facts.admin_state))
    });
    let healths = HEALTHS.map(|(_, word)| word);
    endpoints.arrays(text, &f::ENDPOINT_HEALTH, healths, |e| {
        HEALTHS.map(|(health, _)| u64::from(health == e.facts.health))
    });
    endpoints.numbers(text, &f::ENDPOINT_EJECTED, |e| u8::from(e.facts.is_ejected));
    endpoints.numbers(text, &f::ENDPOINT_SILENT, |e| u8::from(e.shared.is_silent()));
}

fn render_apps(text: &mut Exposition, view: &View<'_>) {
    let apps = Table::new(view.apps.iter().map(|app| (vec![app.name.as_str()], app)));
    apps.numbers(text, &f::APP_WANTED, |app| app.wanted);
    let mut samples = text.family(&f::APP_INSTANCES);
    for app in &view.apps {
        for (state, count) in &app.instances {
            samples.sample(&[app.name.as_str(), state], count);
        }
    }
    apps.numbers(text, &f::APP_RESTARTS, |app| app.restarts);
    apps.arrays(text, &f::APP_DECISIONS, ["up", "down"], |app| {
        [app.decisions_up, app.decisions_down]
    });
}
