//! How much traffic there is, and how it fares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// Traffic of the whole or of a part. Rates and percentiles are those of the last five seconds. An
/// error is an exchange that ended with a status of 500 or more, or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// Exchanges since the start.
    pub requests_total: u64,
    /// Exchanges since the start that were errors.
    pub errors_total: u64,
    /// Exchanges a second.
    pub requests_per_second: f64,
    /// The share of errors, 0 to 1; 0 without traffic.
    pub error_rate: f64,
    /// Attempts running at this moment.
    pub in_flight: u64,
    /// From the first byte of the request to the last of the response; null without traffic.
    pub latency_ms: Option<Percentiles>,
}

/// Times that a share of the exchanges did not exceed, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Percentiles {
    /// Half of them.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
}

/// The last five minutes, a point a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// From one point to the next.
    pub interval_ms: u64,
    /// When the newest point was taken.
    pub at: Time,
    /// All traffic.
    pub totals: Series,
    /// Traffic by pool.
    pub pools: BTreeMap<String, Series>,
}

/// Points in order of time, the newest last; all lists are of one length, 300 at most.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// Exchanges a second.
    pub requests_per_second: Vec<f64>,
    /// Share of errors.
    pub error_rate: Vec<f64>,
    /// Attempts running.
    pub in_flight: Vec<u64>,
    /// Percentile 50 of the duration; null for a second without traffic.
    pub p50_ms: Vec<Option<f64>>,
    /// Percentile 95.
    pub p95_ms: Vec<Option<f64>>,
    /// Percentile 99.
    pub p99_ms: Vec<Option<f64>>,
}
