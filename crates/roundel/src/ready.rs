//! When the process is ready: whom to send to is known.
//!
//! A balancer that has just started knows nothing of its endpoints, and sends the first requests to
//! dead ones as well. So whoever waits for it (a service manager, a load balancer before it, a
//! script) is told to come only when each endpoint with a health check has had its first probe,
//! well or not; Envoy warms its clusters in the same way. The wait is bounded, since an endpoint
//! that never answers must not keep the others from serving, and nobody is turned away meanwhile.

use std::time::Duration;

use roundel_control::Control;
use roundel_core::endpoint::{AdminState, Health};
use roundel_core::snapshot::Snapshot;
use tokio::sync::broadcast::error::RecvError;

/// The longest wait for first probes; less when their own limit is less.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Waits until every endpoint that is probed has been, or for so long as is reasonable. Returns
/// whether all were.
pub(crate) async fn first_probes(control: &Control) -> bool {
    // From before the first look on, so that no change is missed.
    let mut changes = control.subscribe();
    let probed = async {
        while awaits_probe(&control.snapshot()) {
            // Falling behind loses nothing here: the snapshot is what counts.
            let is_over = matches!(changes.recv().await, Err(RecvError::Closed));
            if is_over {
                return;
            }
        }
    };
    tokio::time::timeout(WAIT_MAX, probed).await.is_ok()
}

/// Whether an endpoint that is to be probed was not yet.
fn awaits_probe(snapshot: &Snapshot) -> bool {
    let probed = snapshot.pools.iter().filter(|pool| pool.policy.health_check.is_some());
    probed.flat_map(|pool| &pool.endpoints).any(|endpoint| {
        let facts = endpoint.facts;
        facts.admin_state == AdminState::Enabled && facts.health == Health::Unknown
    })
}
