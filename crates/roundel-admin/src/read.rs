//! The endpoints for machines: counts, metrics, and whether the process is alive and ready.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use roundel_control::{AppView, Control, InstanceState};
use roundel_telemetry::{AppFacts, View, stats};

use crate::accept::prefers_json;
use crate::process::Phase;
use crate::surface::Surface;

const TEXT: &str = "text/plain; charset=utf-8";

/// What Prometheus calls its text format; without the version some scrapers guess.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /stats`: requests by endpoint, as text or JSON.
pub(crate) async fn stats(State(surface): State<Arc<Surface>>, fields: HeaderMap) -> Response {
    let snapshot = surface.control.snapshot();
    let view = View::of(&snapshot);
    let accept = fields.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if prefers_json(accept) {
        let body = stats::render_json(&view);
        ([(CONTENT_TYPE, "application/json"), (VARY, "accept")], body).into_response()
    } else {
        ([(CONTENT_TYPE, TEXT), (VARY, "accept")], stats::render_text(&view)).into_response()
    }
}

/// `GET /metrics`: all counters for Prometheus.
pub(crate) async fn metrics(State(surface): State<Arc<Surface>>) -> Response {
    let snapshot = surface.control.snapshot();
    let apps = surface.control.apps();
    let apps = apps.iter().map(|app| facts(app, &surface.control)).collect();
    let text = surface.registry.render_prometheus(&View { apps, ..View::of(&snapshot) });
    ([(CONTENT_TYPE, PROMETHEUS)], text).into_response()
}

fn facts<'a>(app: &'a AppView, control: &Control) -> AppFacts<'a> {
    let count = |state| app.instances.iter().filter(|i| i.state == state).count() as u64;
    let decisions = control.scaling_decisions(&app.name);
    AppFacts {
        name: &app.name,
        wanted: app.instances_wanted,
        instances: InstanceState::ALL.iter().map(|state| (state.code(), count(*state))).collect(),
        restarts: app.restarts_total,
        decisions_up: decisions.up,
        decisions_down: decisions.down,
    }
}

/// `GET /healthz`: that this is answered at all is the answer.
pub(crate) async fn healthz() -> Response {
    ([(CONTENT_TYPE, TEXT)], "ok\n").into_response()
}

/// `GET /readyz`: whether traffic may be sent here.
pub(crate) async fn readyz(State(surface): State<Arc<Surface>>) -> Response {
    let phase = surface.process.borrow().phase;
    let status = match phase {
        Phase::Ready => StatusCode::OK,
        Phase::Starting | Phase::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, [(CONTENT_TYPE, TEXT)], format!("{}\n", phase.word())).into_response()
}
