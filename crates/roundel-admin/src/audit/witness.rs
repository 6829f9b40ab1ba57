//! Sees to it that an action that no handler heard of is in the audit log all the same.
//!
//! It stands before the guard, so what the guard refuses and what an extractor cannot read pass it
//! on their way back. What a handler refuses it has written down itself, and says so.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::refusals::Refusal;
use crate::api::{Shared, action_of};
use crate::extract::Caller;
use crate::guard::Peer;
use crate::problem::Refused;

/// Passes a request on, and writes it down if it was for an action and refused before a handler.
pub(crate) async fn witness(
    State(shared): State<Shared>,
    caller: Caller,
    path: MatchedPath,
    names: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let names = names.ok();
    let names: Vec<&str> = names.iter().flatten().map(|(_, name)| name).collect();
    let action = action_of(request.method(), path.as_str(), &names);
    let target = action.map(|action| (action.name, action.target));
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let response = next.run(request).await;
    let refused = response.extensions().get::<Refused>().filter(|refused| !refused.is_audited);
    if let (Some((action, target)), Some(refused)) = (target, refused) {
        let detail = refused.detail.clone();
        let refusal = Refusal { who: caller.0, action, target, detail, count: 1 };
        let kind = refused.kind;
        Arc::clone(&shared.audit).refused(peer, kind, refusal).await;
    }
    response
}
