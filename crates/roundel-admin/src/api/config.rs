//! The configuration: what is in force, a check of another, a reload.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use roundel_config::{Diagnostics, Shown};
use serde_json::json;

use crate::api::Shared;
use crate::audit::{Action, Done};
use crate::contract::{CheckedConfig, ConfigFault, ConfigPicture, Reloaded, Severity};
use crate::diff;
use crate::extract::{Caller, Text};
use crate::problem::{Kind, Problem, ProblemDetails};
use crate::surface::Surface;

/// What a checked text is called in messages.
const CHECKED_NAME: &str = "configuration";

/// The configuration in force
#[utoipa::path(get, path = "/api/v1/config", tag = "config",
    responses((status = 200, description = "From each side.", body = ConfigPicture)))]
pub(crate) async fn config(State(surface): State<Arc<Surface>>) -> Json<ConfigPicture> {
    let control = &surface.control;
    let running = roundel_config::describe(&control.config());
    let of_file = roundel_config::describe(&control.file());
    let overlay = surface.intent.overlay();
    let file = surface.config_file.as_ref();
    Json(ConfigPicture {
        file: file.map(|file| file.path.clone()),
        source: file.map(|file| (file.source)()),
        overlay: (!overlay.is_empty()).then(|| overlay.to_text()),
        without_effect: overlay.without_effect(&control.config(), &control.file()),
        diff: diff::unified("file", &of_file, "running", &running),
        running,
    })
}

/// Check a configuration
///
/// Says what a configuration would do, or all that is wrong with it. Changes nothing. The answer is
/// 200 either way; `ok` tells. In `${VAR}` stand the variables that the file in force uses too;
/// others count as not set, so that nobody can read the environment this way.
#[utoipa::path(post, path = "/api/v1/config/check", tag = "config",
    request_body(content = String, content_type = "text/plain", description = "TOML."),
    responses((status = 200, description = "The verdict.", body = CheckedConfig)))]
pub(crate) async fn check(
    State(surface): State<Arc<Surface>>,
    Text(text): Text,
) -> Result<Json<CheckedConfig>, Problem> {
    let in_force = surface.config_file.as_ref().map(|file| (file.source)()).unwrap_or_default();
    // Reading a long text takes a while, in which the control plane's thread has other things to do.
    let checked = tokio::task::spawn_blocking(move || checked(&text, &in_force)).await;
    checked.map(Json).map_err(|_| Problem::new(Kind::Internal, "the check failed"))
}

fn checked(text: &str, in_force: &str) -> CheckedConfig {
    let is_used = |variable: &str| {
        let reference = format!("${{{variable}");
        let mut places = in_force.match_indices(&reference);
        places.any(|(at, _)| in_force[at + reference.len()..].starts_with(['}', ':']))
    };
    let variable = |name: &str| is_used(name).then(|| std::env::var(name).ok()).flatten();
    match roundel_config::load(text, CHECKED_NAME, &variable) {
        Ok(loaded) => CheckedConfig {
            ok: true,
            summary: roundel_config::describe(&loaded.config),
            errors: faults(&loaded.warnings),
        },
        Err(diagnostics) => {
            let errors = faults(&diagnostics);
            let summary = diagnostics.count().trim_end().to_owned();
            CheckedConfig { ok: false, summary, errors }
        }
    }
}

/// Diagnostics as the contract has them.
pub fn faults(diagnostics: &Diagnostics) -> Vec<ConfigFault> {
    let fault = |shown: Shown<'_>| ConfigFault {
        severity: match shown.diagnostic.severity {
            roundel_config::Severity::Error => Severity::Error,
            roundel_config::Severity::Warning => Severity::Warning,
        },
        line: shown.position.map(|(line, _)| line as u64),
        column: shown.position.map(|(_, column)| column as u64),
        message: shown.diagnostic.message.clone(),
        rendered: shown.rendered,
    };
    diagnostics.shown().map(fault).collect()
}

/// Take the configuration file anew
///
/// Done when the new configuration is in force. A file with an error changes nothing. What operators
/// changed while it ran stays on top of it.
#[utoipa::path(post, path = "/api/v1/config/reload", tag = "config",
    responses(
        (status = 200, description = "It is in force.", body = Reloaded),
        (status = 409, description = "There is no file.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 422, description = "It is refused; the one before stays in force.",
         body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn reload(
    State(shared): State<Shared>,
    caller: Caller,
) -> Result<Json<Reloaded>, Problem> {
    let before = json!({ "generation": shared.surface.control.snapshot().generation });
    let outcome = reload_now(&shared.surface).await;
    let target = shared.surface.config_file.as_ref().map_or("", |file| file.path.as_str());
    let action = Action { caller: &caller, name: "config.reload", target };
    let done = |reloaded: &Reloaded| Done {
        before,
        after: json!({ "generation": reloaded.generation }),
        detail: Some(reloaded.message.clone()),
        undo: None,
    };
    shared.audit.record(action, outcome, done).await.map(Json)
}

async fn reload_now(surface: &Surface) -> Result<Reloaded, Problem> {
    let Some(file) = &surface.config_file else {
        let detail = "there is nothing to reload: Roundel was started without a configuration file";
        return Err(Problem::new(Kind::Conflict, detail));
    };
    match (file.reload)().await {
        Ok(message) => {
            let generation = surface.control.snapshot().generation;
            Ok(Reloaded { message, generation })
        }
        Err(refused) => Err(Problem {
            errors: Some(refused.faults),
            ..Problem::new(Kind::Invalid, refused.reason)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.a]\n";

    #[test]
    fn a_check_says_what_would_be_or_where_it_is_wrong() {
        let good = checked(&format!("{GOOD}endpoints = [\"127.0.0.1:1\"]"), "");
        assert!(good.ok && good.summary.contains("pool a:") && good.errors.is_empty());
        let bad = checked(&format!("{GOOD}endpoint = []\nbalance = \"robin\""), "");
        assert!(!bad.ok && bad.summary.contains("errors"), "{}", bad.summary);
        let wrong_key = bad.errors.iter().find(|fault| fault.line == Some(4)).unwrap();
        assert_eq!((wrong_key.column, wrong_key.severity), (Some(1), Severity::Error));
        assert!(wrong_key.rendered.contains("endpoint = []"), "{}", wrong_key.rendered);
    }

    #[test]
    fn only_variables_of_the_file_in_force_are_looked_up() {
        for (in_force, written, is_seen) in [
            ("", "${CARGO_PKG_NAME}", false),
            ("x = \"${CARGO_PKG_NAMES}\"", "${CARGO_PKG_NAME:-none}", false),
            ("x = \"${CARGO_PKG_NAME}\"", "${CARGO_PKG_NAME}", true),
            ("x = \"${CARGO_PKG_NAME:-y}\"", "${CARGO_PKG_NAME}", true),
        ] {
            let endpoint = format!("{{ address = \"127.0.0.1:1\", name = \"{written}\" }}");
            let verdict = checked(&format!("{GOOD}endpoints = [{endpoint}]"), in_force);
            let is_shown = verdict.summary.contains("roundel-admin");
            assert_eq!(is_shown, is_seen, "{in_force} {written}: {verdict:?}");
        }
    }
}
