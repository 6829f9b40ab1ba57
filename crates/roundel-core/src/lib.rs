//! Decisions without effects.
//!
//! Everything here is a value or a pure function: time, randomness and views of the world are
//! arguments. The crate opens no socket, reads no clock, logs nothing and knows no syntax.
//! The only shared mutable state is a handful of atomics in [`endpoint::EndpointShared`] and
//! [`pool::PoolShared`], and the [`line::Line`] of those who wait, which outlive snapshots so that a reload keeps counts.

pub mod address;
pub mod autoscale;
pub mod balance;
pub mod end;
pub mod endpoint;
pub mod health;
pub mod line;
pub mod listener;
pub mod name;
pub mod outlier;
pub mod policy;
pub mod pool;
pub mod retry;
pub mod route;
pub mod signal;
pub mod silence;
pub mod slow_start;
pub mod snapshot;
