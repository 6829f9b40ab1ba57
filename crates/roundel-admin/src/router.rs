//! Every path of the surface, on one screen.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

use crate::api::{self, Shared};
use crate::audit;
use crate::guard::{self, Guard};
use crate::{assets, dashboard, openapi, page, problem, read};

/// More than any request here has a use for, but a configuration to check.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The surface as a service. What is not named here is 404; methods that a path does not name are
/// 405.
pub(crate) fn router(shared: Shared, guard: Arc<Guard>) -> Router {
    // Asked by machines that know neither token nor name, and answered with one word.
    let open =
        Router::new().route("/healthz", get(read::healthz)).route("/readyz", get(read::readyz));
    // The same for everybody.
    let public = Router::new()
        .route("/", get(dashboard::index))
        .route("/assets/{*path}", get(dashboard::asset))
        .route("/style.css", get(assets::style))
        .route("/icon.svg", get(assets::icon))
        .route("/openapi.json", get(openapi::serve))
        .route_layer(from_fn_with_state(Arc::clone(&guard), guard::admit_public));
    let (operations, _) = api::operations().split_for_parts();
    let witness = from_fn_with_state(shared.clone(), audit::witness);
    let guarded = Router::new()
        .route("/status", get(page::index))
        .route("/stats", get(read::stats))
        .route("/metrics", get(read::metrics))
        .merge(operations)
        .route_layer(from_fn_with_state(guard, guard::admit))
        .route_layer(witness);
    open.merge(public)
        .merge(guarded)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(guard::seal))
        .with_state(shared)
}
