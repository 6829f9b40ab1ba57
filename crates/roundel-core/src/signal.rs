//! What workers tell the control plane, apart from counters.
//!
//! Signals are rare by construction: a worker sends one when an endpoint's failures in a row reach
//! the outlier threshold, when a connection was refused, when an endpoint falls silent, or when an
//! exchange begins to wait for a pool without endpoints, and that not more than
//! [`DEMANDS_PER_SECOND_MAX`] times a second; never per request. The channel is bounded and lossy; the
//! control plane also looks at the counters and at the line on its own tick, so a lost signal only
//! delays a verdict.

use std::time::Duration;

use crate::endpoint::EndpointId;
use crate::name::Name;

/// So often, at most, does a worker say that exchanges wait for a pool.
pub const DEMANDS_PER_SECOND_MAX: u64 = 10;

/// Something a worker noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Failures in a row reached the pool's threshold.
    ConsecutiveErrors(EndpointId),
    /// A connection could not be made: worth a probe at once.
    ConnectFailed(EndpointId),
    /// Requests wait for an endpoint's answer, and none has come for so long that the endpoint counts
    /// as [silent](crate::silence): worth a probe at once.
    Silent(EndpointId, Duration),
    /// An exchange waits for a pool of this name in which no endpoint takes traffic.
    Demand(Name),
}
