//! What operators do to endpoints: enable, drain, disable, weigh, add, remove.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use roundel_control::{EndpointChange, NewEndpoint, Override};
use serde_json::{Value, json};

use super::hint::hinted;
use crate::api::Shared;
use crate::audit::{Action, Done};
use crate::contract::{self, AddEndpoint, Edit, Endpoint, Undo, UpdateEndpoint};
use crate::extract::{Body, Caller, Names};
use crate::picture::Sight;
use crate::problem::{Problem, ProblemDetails};
use crate::surface::Surface;

/// Change an endpoint
///
/// Its admin state, its weight, or both. The change outranks the configuration file and survives
/// restarts; `null` takes it back. What runs on a draining or disabled endpoint is finished.
#[utoipa::path(patch, path = "/api/v1/pools/{pool}/endpoints/{endpoint}", tag = "endpoints",
    params(("pool" = String, Path, description = "Its pool."),
           ("endpoint" = String, Path, description = "Its name.")),
    request_body = UpdateEndpoint,
    responses(
        (status = 200, description = "As it is now.", body = Endpoint),
        (status = 404, description = "There is no such endpoint.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 409, description = "It is being removed.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn update(
    State(shared): State<Shared>,
    Names((pool, name)): Names<(String, String)>,
    caller: Caller,
    Body(update): Body<UpdateEndpoint>,
) -> Result<Json<Endpoint>, Problem> {
    let surface = &shared.surface;
    let before = endpoint_now(surface, &pool, &name);
    let change =
        EndpointChange { admin_state: asked(update.admin_state), weight: asked(update.weight) };
    let outcome = match surface.intent.update(&pool, &name, change).await {
        Ok(decided) => now_there(surface, &pool, &name).map(|endpoint| (decided, endpoint)),
        Err(error) => Err(hinted(surface, error)),
    };
    let target = format!("{pool}/{name}");
    let action = Action { caller: &caller, name: "endpoint.update", target: &target };
    let done = |(decided, after): &(EndpointChange, Endpoint)| Done {
        before: before.as_ref().map_or(Value::Null, intent_of),
        after: intent_of(after),
        detail: None,
        undo: Some(Undo {
            method: "PATCH".to_owned(),
            path: path_of(&pool, Some(&name)),
            body: json!(update_of(*decided)),
        }),
    };
    let (_, endpoint) = shared.audit.record(action, outcome, done).await?;
    Ok(Json(endpoint))
}

/// Add an endpoint
///
/// Besides those of the configuration file. An endpoint of the file that was removed comes back when
/// it is added with the same name and address.
#[utoipa::path(post, path = "/api/v1/pools/{pool}/endpoints", tag = "endpoints",
    params(("pool" = String, Path, description = "Its pool.")),
    request_body = AddEndpoint,
    responses(
        (status = 201, description = "It is there.", body = Endpoint),
        (status = 404, description = "There is no such pool.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 409, description = "Another has its name or address.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn add(
    State(shared): State<Shared>,
    Names(pool): Names<String>,
    caller: Caller,
    Body(new): Body<AddEndpoint>,
) -> Result<(StatusCode, Json<Endpoint>), Problem> {
    let surface = &shared.surface;
    let target = format!("{pool}/{}", new.name.as_ref().unwrap_or(&new.address));
    let AddEndpoint { address, name, weight, backup } = new;
    let new = NewEndpoint { address, name, weight, is_backup: backup };
    let outcome = match surface.intent.add(&pool, new).await {
        Ok(name) => now_there(surface, &pool, name.as_str()),
        Err(error) => Err(hinted(surface, error)),
    };
    let action = Action { caller: &caller, name: "endpoint.add", target: &target };
    let done = |endpoint: &Endpoint| Done {
        after: json!(new_of(endpoint)),
        undo: Some(Undo {
            method: "DELETE".to_owned(),
            path: path_of(&pool, Some(&endpoint.name)),
            body: Value::Null,
        }),
        ..Done::default()
    };
    let endpoint = shared.audit.record(action, outcome, done).await?;
    Ok((StatusCode::CREATED, Json(endpoint)))
}

/// Remove an endpoint
///
/// It takes nothing new from now on, finishes what it has, and then goes. Instances of apps and
/// containers cannot be removed this way.
#[utoipa::path(delete, path = "/api/v1/pools/{pool}/endpoints/{endpoint}", tag = "endpoints",
    params(("pool" = String, Path, description = "Its pool."),
           ("endpoint" = String, Path, description = "Its name.")),
    responses(
        (status = 204, description = "It is on its way out."),
        (status = 404, description = "There is no such endpoint.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 409, description = "It is not the operator's to remove, or leaves already.",
         body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    Names((pool, name)): Names<(String, String)>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    let surface = &shared.surface;
    let before = endpoint_now(surface, &pool, &name).as_ref().map(new_of);
    let removed = surface.intent.remove(&pool, &name).await;
    let outcome = removed.map_err(|error| hinted(surface, error));
    let target = format!("{pool}/{name}");
    let action = Action { caller: &caller, name: "endpoint.remove", target: &target };
    let done = |_: &_| Done {
        before: json!(before),
        undo: before.as_ref().map(|endpoint| Undo {
            method: "POST".to_owned(),
            path: path_of(&pool, None),
            body: json!(endpoint),
        }),
        ..Done::default()
    };
    shared.audit.record(action, outcome, done).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn asked<T, U: From<T>>(edit: Edit<T>) -> Option<Override<U>> {
    match edit {
        Edit::Keep => None,
        Edit::TakeBack => Some(Override(None)),
        Edit::Set(value) => Some(Override(Some(value.into()))),
    }
}

/// The request that makes overrides what they were.
fn update_of(decided: EndpointChange) -> UpdateEndpoint {
    UpdateEndpoint {
        admin_state: decided
            .admin_state
            .map_or(Edit::Keep, |Override(state)| state.map(contract::AdminState::from).into()),
        weight: decided.weight.map_or(Edit::Keep, |Override(weight)| weight.into()),
    }
}

/// The request that makes an endpoint what it is.
fn new_of(endpoint: &Endpoint) -> AddEndpoint {
    AddEndpoint {
        address: endpoint.address.clone(),
        name: Some(endpoint.name.clone()),
        weight: endpoint.weight,
        backup: endpoint.is_backup,
    }
}

fn intent_of(endpoint: &Endpoint) -> Value {
    json!({ "admin_state": endpoint.admin_state, "weight": endpoint.weight })
}

fn endpoint_now(surface: &Surface, pool: &str, name: &str) -> Option<Endpoint> {
    let pool = Sight::of(surface).pool_called(pool)?;
    pool.endpoints.into_iter().find(|endpoint| endpoint.name == name)
}

/// The endpoint after a change; a reload may have taken it away in the same moment.
fn now_there(surface: &Surface, pool: &str, name: &str) -> Result<Endpoint, Problem> {
    endpoint_now(surface, pool, name).ok_or_else(|| Problem::unknown("endpoint", name, []))
}

/// The path of a pool's endpoints, or of one of them, with what a path cannot hold encoded.
fn path_of(pool: &str, endpoint: Option<&str>) -> String {
    let all = format!("/api/v1/pools/{}/endpoints", encoded(pool));
    endpoint.map_or(all.clone(), |endpoint| format!("{all}/{}", encoded(endpoint)))
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3).
pub fn encoded(segment: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    segment.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_any_name() {
        assert_eq!(path_of("web", None), "/api/v1/pools/web/endpoints");
        let path = path_of("a b", Some("unix:/run/ä"));
        assert_eq!(path, "/api/v1/pools/a%20b/endpoints/unix%3A%2Frun%2F%C3%A4");
    }
}
