//! What operators see of apps and do to them: scale, restart, and each instance on its own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use roundel_control::Operation;
use serde_json::{Value, json};

use super::endpoints::encoded;
use super::hint::hinted;
use crate::api::Shared;
use crate::audit::{Action, Done};
use crate::contract::{App, AppAction, Apps, Output, ScaleApp, Undo};
use crate::extract::{Body, Caller, Names};
use crate::picture::Sight;
use crate::problem::{Problem, ProblemDetails};
use crate::surface::Surface;

/// All apps
#[utoipa::path(get, path = "/api/v1/apps", tag = "apps",
    responses((status = 200, description = "In configured order.", body = Apps)))]
pub(crate) async fn apps(State(surface): State<Arc<Surface>>) -> Json<Apps> {
    Json(Apps { apps: Sight::of(&surface).apps() })
}

/// One app
#[utoipa::path(get, path = "/api/v1/apps/{app}", tag = "apps",
    params(("app" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The app.", body = App),
        (status = 404, description = "There is no such app.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn app(
    State(surface): State<Arc<Surface>>,
    Names(name): Names<String>,
) -> Result<Json<App>, Problem> {
    now(&surface, &name).map(Json)
}

/// Choose how many instances an app has
///
/// From its `min` to its `max`. Surplus instances are drained before they end. The autoscaler, if
/// there is one, goes on from the number chosen: it adds instances when the load needs more, and
/// takes some away when nothing has needed them for a while. Without one the number is kept in the
/// overlay and survives a restart.
#[utoipa::path(post, path = "/api/v1/apps/{app}/scale", tag = "apps",
    params(("app" = String, Path, description = "Its name.")),
    request_body = ScaleApp,
    responses(
        (status = 200, description = "As it is now.", body = App),
        (status = 404, description = "There is no such app.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 422, description = "The number is outside of the bounds.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn scale(
    State(shared): State<Shared>,
    Names(name): Names<String>,
    caller: Caller,
    Body(ScaleApp { instances }): Body<ScaleApp>,
) -> Result<Json<App>, Problem> {
    let surface = &shared.surface;
    let before = now(surface, &name).ok().map(|app| app.instances_wanted);
    let scaled = surface.intent.scale_app(&name, instances).await;
    let outcome = scaled.map_err(|error| hinted(surface, error));
    let action = Action { caller: &caller, name: "app.scale", target: &name };
    let done = |(): &()| Done {
        before: json!({ "instances": before }),
        after: json!({ "instances": instances }),
        detail: None,
        undo: before.map(|before| Undo {
            method: "POST".to_owned(),
            path: format!("/api/v1/apps/{}/scale", encoded(&name)),
            body: json!({ "instances": before }),
        }),
    };
    shared.audit.record(action, outcome, done).await?;
    now(surface, &name).map(Json)
}

/// Restart an app
///
/// One instance at a time, each only when the one before is ready, so that no request is lost.
#[utoipa::path(post, path = "/api/v1/apps/{app}/restart", tag = "apps",
    params(("app" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "It has begun.", body = App),
        (status = 404, description = "There is no such app.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn restart(
    State(shared): State<Shared>,
    Names(name): Names<String>,
    caller: Caller,
) -> Result<Json<App>, Problem> {
    let surface = &shared.surface;
    let restarted = surface.control.operate_app(&name, Operation::Restart).await;
    let outcome = restarted.map_err(|error| hinted(surface, error));
    let action = Action { caller: &caller, name: "app.restart", target: &name };
    shared.audit.record(action, outcome, |()| Done::default()).await?;
    now(surface, &name).map(Json)
}

/// Start, stop, kill or restart an instance
///
/// Answers when it is begun, not when it is done. A stopped instance is drained first and stays
/// stopped until somebody starts it, over restarts of Roundel too; a killed one is treated as one
/// that crashed.
#[utoipa::path(post, path = "/api/v1/apps/{app}/instances/{instance}/{action}", tag = "apps",
    params(("app" = String, Path, description = "Its app."),
           ("instance" = String, Path, description = "Its name."),
           ("action" = AppAction, Path, description = "What to do.")),
    responses(
        (status = 200, description = "Its app as it is now.", body = App),
        (status = 404, description = "There is no such app, instance or action.",
         body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn operate(
    State(shared): State<Shared>,
    Names((app, instance, action)): Names<(String, String, String)>,
    caller: Caller,
) -> Result<Json<App>, Problem> {
    let surface = &shared.surface;
    let Some(verb) = verb_called(&action) else {
        return Err(Problem::unknown("action", &action, ["start", "stop", "kill", "restart"]));
    };
    let operated = surface.intent.operate_instance(&app, &instance, verb.operation).await;
    let outcome = operated.map_err(|error| hinted(surface, error));
    let target = format!("{app}/{instance}");
    let action = Action { caller: &caller, name: verb.audited, target: &target };
    let place = format!("/api/v1/apps/{}/instances/{}", encoded(&app), encoded(&instance));
    let done = |(): &()| Done {
        undo: verb.opposite.map(|opposite| Undo {
            method: "POST".to_owned(),
            path: format!("{place}/{opposite}"),
            body: Value::Null,
        }),
        ..Done::default()
    };
    shared.audit.record(action, outcome, done).await?;
    now(surface, &app).map(Json)
}

/// The last lines of an instance
///
/// What it wrote to its standard output and standard error, over all its processes.
#[utoipa::path(get, path = "/api/v1/apps/{app}/instances/{instance}/output", tag = "apps",
    params(("app" = String, Path, description = "Its app."),
           ("instance" = String, Path, description = "Its name.")),
    responses(
        (status = 200, description = "The lines.", body = Output),
        (status = 404, description = "There is no such app or instance.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn output(
    State(surface): State<Arc<Surface>>,
    Names((app, instance)): Names<(String, String)>,
) -> Result<Json<Output>, Problem> {
    let output = surface.control.instance_output(&app, &instance);
    let output = output.map_err(|error| hinted(&surface, error))?;
    Ok(Json(Output {
        lines: output.lines(),
        lines_written: output.lines_written(),
        unfinished: output.unfinished(),
    }))
}

/// What can be done to an instance.
pub(super) struct Verb {
    operation: Operation,
    /// What the audit log calls it.
    pub(super) audited: &'static str,
    /// What takes it back.
    opposite: Option<&'static str>,
}

pub(super) fn verb_called(action: &str) -> Option<Verb> {
    let (operation, audited, opposite) = match action {
        "start" => (Operation::Start, "instance.start", Some("stop")),
        "stop" => (Operation::Stop, "instance.stop", Some("start")),
        "kill" => (Operation::Kill, "instance.kill", None),
        "restart" => (Operation::Restart, "instance.restart", None),
        _ => return None,
    };
    Some(Verb { operation, audited, opposite })
}

fn now(surface: &Surface, name: &str) -> Result<App, Problem> {
    let sight = Sight::of(surface);
    sight.app_called(name).ok_or_else(|| Problem::unknown("app", name, sight.app_names()))
}
