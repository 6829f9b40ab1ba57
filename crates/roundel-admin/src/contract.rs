//! The public JSON contract: every shape that the API answers with or takes.
//!
//! These types are the source of truth. The OpenAPI document, the dashboard's types and the command
//! line's tables all follow from them, so a change here is a change for everybody. Rules that hold
//! throughout: names in snake_case, times as RFC 3339 in UTC with milliseconds, durations in
//! milliseconds with `_ms` at the end, rates per second, shares from 0 to 1. What is absent is
//! `null`, never a missing key.
//!
//! Holds data alone. Where it comes from is the business of [`crate::picture`] and its siblings.

mod app;
mod config;
mod edit;
mod journal;
mod pool;
mod request;
mod state;
mod time;
mod traffic;

pub use app::{App, AppAction, Apps, Autoscale, AutoscaleMetric, Decision, Exit, Instance};
pub use app::{InstanceState, Output, Rollout, RolloutState};
pub use config::{CheckedConfig, ConfigFault, ConfigPicture, Reloaded, Severity};
pub use edit::{AddEndpoint, Edit, ReplaceOverlay, ScaleApp, UpdateEndpoint};
pub use journal::{AuditEntry, AuditLog, Change, ChangeSeverity, Lagged};
pub use journal::{Obstacle, ObstacleReason, Undo};
pub use pool::{
    AdminState, Connections, Endpoint, Health, Hold, LastProbe, Override, Pool, Pools, Presence,
    Source, Tier,
};
pub use request::{
    RequestAttempt, RequestCandidate, RequestDetail, RequestPick, RequestSummary, Requests,
    SampledOut,
};
pub use state::{Listener, Phase, Provider, ReloadOutcome, Route, RouteAction, State};
pub use time::Time;
pub use traffic::{History, Percentiles, Series, Traffic};
