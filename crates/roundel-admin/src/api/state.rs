//! What is and what was.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::contract;
use crate::extract::Names;
use crate::picture::Sight;
use crate::problem::{Problem, ProblemDetails};
use crate::surface::Surface;

/// The whole state
///
/// Everything at one moment. To follow it, listen to the topic `state` of `/api/v1/events` instead
/// of asking again and again.
#[utoipa::path(get, path = "/api/v1/state", tag = "state",
    responses((status = 200, description = "The state.", body = contract::State)))]
pub(crate) async fn state(State(surface): State<Arc<Surface>>) -> Json<contract::State> {
    Json(Sight::of(&surface).state())
}

/// The last five minutes
#[utoipa::path(get, path = "/api/v1/history", tag = "state",
    responses((status = 200, description = "A point for each second.", body = contract::History)))]
pub(crate) async fn history(State(surface): State<Arc<Surface>>) -> Json<contract::History> {
    Json(Sight::of(&surface).history())
}

/// All pools
#[utoipa::path(get, path = "/api/v1/pools", tag = "pools",
    responses((status = 200, description = "In configured order.", body = contract::Pools)))]
pub(crate) async fn pools(State(surface): State<Arc<Surface>>) -> Json<contract::Pools> {
    Json(contract::Pools { pools: Sight::of(&surface).pools() })
}

/// One pool
#[utoipa::path(get, path = "/api/v1/pools/{pool}", tag = "pools",
    params(("pool" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The pool.", body = contract::Pool),
        (status = 404, description = "There is no such pool.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn pool(
    State(surface): State<Arc<Surface>>,
    Names(name): Names<String>,
) -> Result<Json<contract::Pool>, Problem> {
    let sight = Sight::of(&surface);
    match sight.pool_called(&name) {
        Some(pool) => Ok(Json(pool)),
        None => Err(Problem::unknown("pool", &name, sight.pool_names())),
    }
}
