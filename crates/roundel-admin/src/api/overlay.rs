//! The overlay: what operators changed while Roundel ran, as a whole.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use roundel_control::Overlay;
use serde_json::{Value, json};

use crate::api::Shared;
use crate::audit::{Action, Done};
use crate::contract::{ReplaceOverlay, Undo};
use crate::extract::{Caller, TextOrBody};
use crate::problem::{Kind, Problem, ProblemDetails};
use crate::surface::Surface;

/// Where it is.
const PATH: &str = "/api/v1/config/overlay";

/// An overlay that is longer than this is not kept in the audit log, which has hundreds of entries.
const KEPT_BYTES_MAX: usize = 32 * 1024;

/// What operators changed while it ran
///
/// As TOML, on top of the configuration file.
#[utoipa::path(get, path = "/api/v1/config/overlay", tag = "config", operation_id = "overlay",
    responses((status = 200, description = "The overlay.", body = String,
               content_type = "application/toml")))]
pub(crate) async fn show(State(surface): State<Arc<Surface>>) -> Response {
    let text = surface.intent.overlay().to_text();
    ([(CONTENT_TYPE, "application/toml")], text).into_response()
}

/// Put other changes in force
///
/// Instead of all there are, as a whole or not at all: what the same path showed before is put back
/// by it. Endpoints that are no longer wanted finish what they have. What is about things that are
/// not there has no effect until they are.
#[utoipa::path(put, path = "/api/v1/config/overlay", tag = "config",
    operation_id = "replace_overlay",
    request_body(description = "TOML, by itself or in JSON.",
                 content((String = "application/toml"), (ReplaceOverlay = "application/json"))),
    responses(
        (status = 204, description = "It is in force."),
        (status = 409, description = "It decides too much.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 422, description = "It is no overlay; nothing is changed.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn replace(
    State(shared): State<Shared>,
    caller: Caller,
    overlay: TextOrBody<ReplaceOverlay>,
) -> Result<StatusCode, Problem> {
    let text = match overlay {
        TextOrBody::Text(text) => text,
        TextOrBody::Body(ReplaceOverlay { overlay }) => overlay,
    };
    // Reading a long text takes a while, in which the control plane's thread has other things to do.
    let parsed = tokio::task::spawn_blocking(move || Overlay::parse(&text)).await;
    let parsed = parsed.map_err(|_| Problem::new(Kind::Internal, "the overlay cannot be read"))?;
    let refused = |error: roundel_control::OverlayError| {
        Problem::new(Kind::Invalid, format!("the overlay: {error}"))
    };
    let overlay = parsed.map_err(refused);
    put(&shared, &caller, "overlay.replace", overlay).await
}

/// Take all changes back
///
/// The configuration file alone decides again. Endpoints that were added finish what they have.
#[utoipa::path(delete, path = "/api/v1/config/overlay", tag = "config",
    operation_id = "clear_overlay",
    responses((status = 204, description = "Nothing is left of it.")))]
pub(crate) async fn clear(
    State(shared): State<Shared>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    put(&shared, &caller, "overlay.clear", Ok(Overlay::default())).await
}

async fn put(
    shared: &Shared,
    caller: &Caller,
    name: &'static str,
    overlay: Result<Overlay, Problem>,
) -> Result<StatusCode, Problem> {
    let intent = &shared.surface.intent;
    let outcome = match overlay {
        Ok(overlay) => {
            let after = picture_of(&overlay);
            let before = intent.replace(overlay).await;
            before.map(|before| (before, after)).map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    let action = Action { caller, name, target: "overlay" };
    let done = |(before, after): &(Overlay, Value)| {
        let before = picture_of(before);
        let is_kept = before.is_null() || before["overlay"].is_string();
        let detail = (!is_kept).then(|| {
            format!("the overlay before is longer than {KEPT_BYTES_MAX} bytes and not kept here")
        });
        let undo = is_kept.then(|| undo_to(&before));
        Done { before, after: after.clone(), detail, undo }
    };
    shared.audit.record(action, outcome, done).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The overlay as the audit log has it: null when there is none, and only its length when it is
/// long.
fn picture_of(overlay: &Overlay) -> Value {
    if overlay.is_empty() {
        return Value::Null;
    }
    let text = overlay.to_text();
    if text.len() > KEPT_BYTES_MAX {
        return json!({ "overlay_bytes": text.len() });
    }
    json!({ "overlay": text })
}

/// The request that puts back what [`picture_of`] shows.
fn undo_to(before: &Value) -> Undo {
    let (method, body) = match before {
        Value::Null => ("DELETE", Value::Null),
        before => ("PUT", before.clone()),
    };
    Undo { method: method.to_owned(), path: PATH.to_owned(), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_overlay_is_not_kept_in_the_trail() {
        let overlay = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| format!("\"endpoint {n}\"")).collect();
            Overlay::parse(&format!("[pool.web]\nremoved = [{}]", names.join(", "))).unwrap()
        };
        let short = picture_of(&overlay(3));
        assert_eq!(undo_to(&short).method, "PUT");
        assert!(Overlay::parse(short["overlay"].as_str().unwrap()).is_ok(), "{short}");
        let long = picture_of(&overlay(5000));
        assert!(long["overlay_bytes"].as_u64().unwrap() > KEPT_BYTES_MAX as u64, "{long}");
        assert_eq!(picture_of(&overlay(0)), Value::Null);
        assert_eq!(undo_to(&Value::Null).method, "DELETE");
    }
}
