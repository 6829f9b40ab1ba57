//! Counters, histograms, access log and Prometheus: the only place that defines a metric or a log
//! field.
//!
//! A worker writes to its own [`shard`] of each thing's counters and to its own
//! [log buffer](access_log::LogBuffer): no lock prefix, no shared cache line and no system call
//! per exchange. Whoever wants to know sums the shards, which costs the reader, not
//! traffic.
//!
//! The crate decides nothing: it does not know what an exchange is allowed to do, when an endpoint
//! counts as failed, or where the answers to `/metrics` and `/stats` are served.

pub mod access_log;
pub mod cell;
mod escape;
mod exposition;
pub mod family;
pub mod histogram;
mod json;
pub mod prometheus;
pub mod registry;
pub mod request_log;
pub mod shard;
pub mod stats;
pub mod totals;
pub mod traffic;
pub mod view;

pub use access_log::{
    AccessLog, EndpointFields, ExchangeRecord, LogBuffer, LogFormat, LogTarget, RequestFields,
    Timing,
};
pub use cell::{Counter, Gauge, SharedCounter};
pub use histogram::{Histogram, HistogramSnapshot};
pub use registry::Registry;
pub use request_log::{
    Account, Attempt, AttemptOutcome, Followed, RequestDetail, RequestFilter, RequestFollower,
    RequestLog, RequestLogOptions, RequestLogWriter, RequestSummary, StatusFilter, Trail,
};
pub use shard::{
    AccessLogMetrics, EndpointMetrics, EndpointShard, ListenerMetrics, ListenerShard, PerWorker,
    PoolMetrics, PoolShard, RouteMetrics, RouteShard, WorkerMetrics, WorkerShard,
};
pub use totals::{EndpointTotals, ListenerTotals, PoolTotals};
pub use traffic::{
    EndpointFigures, Figures, History, Percentiles, Point, PoolFigures, Rate, Sampler, Traffic,
};
pub use view::{AppFacts, PoolView, View};
