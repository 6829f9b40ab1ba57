//! What clients and endpoints see of the data plane: HTTP/1.1 semantics, and behaviour when
//! endpoints, clients or the operator do their worst.
//!
//! Every test runs the whole data plane in this process, between origins and clients of the test
//! kit, and ends with the checks of [`scene::Scene`]'s tear-down: nothing in flight, nobody in the
//! queue, no connection unaccounted for, no panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod adoption;
mod bodies;
mod chaos;
mod clients;
mod connections;
mod descriptors;
mod drain;
mod early;
mod failover;
mod fields;
mod hedges;
mod holding;
mod interim;
mod limits;
mod malformed;
mod persistence;
mod refusals;
mod request_log;
mod routes;
mod scene;
mod silence;
mod timeouts;
mod tunnels;
mod versions;
