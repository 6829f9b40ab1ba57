//! The figures that people look at, as they are at one moment.
//!
//! Plain values: whoever has an `Arc<Figures>` can read it without a lock for as long as it likes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use roundel_core::name::Name;

use crate::histogram::HistogramSnapshot;

/// What [`Sampler`](super::Sampler) found at its last tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Wall-clock time of that tick.
    pub at: SystemTime,
    /// All exchanges, also those that reached no pool. Their latency is that of the ones that did.
    pub totals: Traffic,
    /// Request heads begun, by listener.
    pub listeners: BTreeMap<Name, Rate>,
    /// Requests, by the route chosen for them.
    pub routes: BTreeMap<Name, Rate>,
    /// Exchanges, by pool.
    pub pools: BTreeMap<Name, PoolFigures>,
    /// The totals of each second, oldest first, at most [`super::HISTORY_POINTS`].
    pub history: History,
}

/// One point for each second, the newest last.
pub type History = Arc<[Point]>;

/// How much traffic there is and how it fares. Rates and latency are over the last
/// [`super::WINDOW`]; when the process is younger, over its life.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    /// Exchanges ended (of an endpoint: attempts started) since the process began.
    pub requests_total: u64,
    /// Those that count as errors.
    pub errors_total: u64,
    /// Requests a second.
    pub requests_per_second: f64,
    /// Share of errors among requests, 0 to 1; 0 without requests.
    pub error_rate: f64,
    /// Attempts running now.
    pub in_flight: u64,
    /// How long exchanges took (of an endpoint: attempts until the response head); `None` when
    /// none ended.
    pub latency: Option<Percentiles>,
}

/// Times that so many hundredths of all do not exceed, in milliseconds, off by at most an eighth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentiles {
    /// The median.
    pub p50_ms: f64,
    /// 95 of 100 are no longer.
    pub p95_ms: f64,
    /// 99 of 100 are no longer.
    pub p99_ms: f64,
}

/// A count and how fast it grows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rate {
    /// Since the process began, or since the thing was configured.
    pub requests_total: u64,
    /// Over the last [`super::WINDOW`].
    pub requests_per_second: f64,
}

/// A pool's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolFigures {
    /// Its exchanges.
    pub traffic: Traffic,
    /// Attempts at its endpoints.
    pub endpoints: BTreeMap<Name, EndpointFigures>,
    /// Its seconds, the newest last; shorter than the totals' when the pool is younger.
    pub history: History,
}

/// An endpoint's figures.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EndpointFigures {
    /// Its attempts. Errors are those that outlier detection counts against it.
    pub traffic: Traffic,
    /// Its share of the pool's attempts, 0 to 1, over the last [`super::WINDOW`]; 0 when there are
    /// none.
    pub share: f64,
}

/// One second of history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Requests in that second.
    pub requests_per_second: f64,
    /// Share of errors among them, 0 to 1; 0 without requests.
    pub error_rate: f64,
    /// Attempts running at its end.
    pub in_flight: u64,
    /// How long the exchanges that ended in it took; `None` when none did.
    pub latency: Option<Percentiles>,
}

impl Percentiles {
    /// Those of `times`; `None` when there are none.
    pub fn of(times: &HistogramSnapshot) -> Option<Self> {
        let ms = |q| times.quantile(q).map(|us| us as f64 / 1000.0);
        Some(Self { p50_ms: ms(0.5)?, p95_ms: ms(0.95)?, p99_ms: ms(0.99)? })
    }
}
