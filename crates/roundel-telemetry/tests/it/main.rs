//! Integration tests of the telemetry crate: what is exposed, written and documented.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access_log;
mod exposition;
mod golden;
mod reference;
mod state;
