//! From text to a validated configuration; the only place that knows syntax and defaults.

pub mod model;

pub use model::Config;
