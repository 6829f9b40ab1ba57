//! What workers tell the control plane, apart from counters.
//!
//! Signals are rare by construction: a worker sends one when an endpoint's failures in a row reach
//! the outlier threshold or when a connection was refused, never per request. The channel is
//! bounded and lossy; the control plane also looks at the counters on its own tick, so a lost
//! signal only delays a verdict.

use crate::endpoint::EndpointId;

/// Something a worker noticed about an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Failures in a row reached the pool's threshold.
    ConsecutiveErrors(EndpointId),
    /// A connection could not be made: worth a probe at once.
    ConnectFailed(EndpointId),
}
