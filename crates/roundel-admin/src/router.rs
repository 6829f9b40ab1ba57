//! Every endpoint of the surface, on one screen.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

use crate::guard::{self, Guard};
use crate::surface::Surface;
use crate::{assets, page, read};

/// More than any request here has a use for.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The surface as a service. What is not named here is 404; methods other than GET and HEAD are 405.
pub(crate) fn router(surface: Arc<Surface>, guard: Arc<Guard>) -> Router {
    // Asked by machines that know neither token nor name, and answered with one word.
    let open =
        Router::new().route("/healthz", get(read::healthz)).route("/readyz", get(read::readyz));
    let guarded = Router::new()
        .route("/", get(page::index))
        .route("/style.css", get(assets::style))
        .route("/icon.svg", get(assets::icon))
        .route("/stats", get(read::stats))
        .route("/metrics", get(read::metrics))
        .route_layer(from_fn_with_state(guard, guard::admit));
    open.merge(guarded)
        .fallback((StatusCode::NOT_FOUND, "nothing here: see / for what there is\n"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(guard::seal))
        .with_state(surface)
}
