//! Refusals of the control plane with the name that was probably meant.

use roundel_control::{AppError, IntentError};

use crate::picture::Sight;
use crate::problem::Problem;
use crate::surface::Surface;

/// The error as a problem.
pub(super) fn hinted(surface: &Surface, error: impl Into<IntentError>) -> Problem {
    let (sight, error) = (Sight::of(surface), error.into());
    match &error {
        IntentError::NoPool(name) => Problem::unknown("pool", name, sight.pool_names()),
        IntentError::NoEndpoint { pool, endpoint } => {
            let endpoints = sight.pool_called(pool).map(|pool| pool.endpoints).unwrap_or_default();
            let known = endpoints.iter().map(|endpoint| endpoint.name.as_str());
            Problem::unknown("endpoint", endpoint, known)
        }
        IntentError::App(AppError::NoApp(name)) => Problem::unknown("app", name, sight.app_names()),
        IntentError::App(AppError::NoInstance { app, instance }) => {
            let instances = sight.app_called(app).map(|app| app.instances).unwrap_or_default();
            let known = instances.iter().map(|instance| instance.name.as_str());
            Problem::unknown("instance", instance, known)
        }
        _ => error.into(),
    }
}
