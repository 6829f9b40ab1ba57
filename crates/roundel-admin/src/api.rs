//! The management API: every operation there is, on one screen.
//!
//! Each handler is a few lines: take what was sent, ask the part that knows or decides, answer in
//! the [contract](crate::contract). The OpenAPI document is made of these very handlers and their
//! docs (see [`crate::openapi`]), so it cannot lag behind them.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRef};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::AuditLog;
use crate::hub::Hub;
use crate::openapi;
use crate::surface::Surface;

mod actions;
mod apps;
mod audit;
mod config;
mod endpoints;
mod events;
mod hint;
mod overlay;
mod requests;
mod state;

pub(crate) use actions::action_of;
pub use config::faults;
pub use endpoints::encoded;

/// The longest configuration that can be checked, and the longest overlay that can be put in force.
const CONFIG_BYTES_MAX: usize = 1024 * 1024;

/// What handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) surface: Arc<Surface>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) audit: Arc<AuditLog>,
}

impl FromRef<Shared> for Arc<Surface> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.surface)
    }
}

/// All operations.
pub(crate) fn operations() -> OpenApiRouter<Shared> {
    let long = OpenApiRouter::new()
        .routes(routes!(config::check))
        .routes(routes!(overlay::show, overlay::replace, overlay::clear))
        .layer(DefaultBodyLimit::max(CONFIG_BYTES_MAX));
    OpenApiRouter::with_openapi(openapi::preamble())
        .routes(routes!(state::state))
        .routes(routes!(state::history))
        .routes(routes!(state::pools))
        .routes(routes!(state::pool))
        .routes(routes!(events::events))
        .routes(routes!(endpoints::update, endpoints::remove))
        .routes(routes!(endpoints::add))
        .routes(routes!(apps::apps))
        .routes(routes!(apps::app))
        .routes(routes!(apps::scale))
        .routes(routes!(apps::restart))
        .routes(routes!(apps::operate))
        .routes(routes!(apps::output))
        .routes(routes!(config::config))
        .routes(routes!(config::reload))
        .routes(routes!(requests::requests))
        .routes(routes!(requests::request))
        .routes(routes!(audit::audit))
        .merge(long)
}
