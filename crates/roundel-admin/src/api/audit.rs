//! What operators did.

use axum::Json;
use axum::extract::State;

use crate::api::Shared;
use crate::contract::AuditLog;

/// The audit log
///
/// The last actions of operators, those that were refused too, each with the request that takes it
/// back where one can, and with what is in the way of that by now.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit",
    responses((status = 200, description = "Newest first, 500 at most.", body = AuditLog)))]
pub(crate) async fn audit(State(shared): State<Shared>) -> Json<AuditLog> {
    Json(AuditLog { entries: shared.audit.entries() })
}
