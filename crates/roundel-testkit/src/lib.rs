//! Test parts: origins that misbehave on demand, clients, a request ledger, deadlines.
//!
//! Everything here is blocking sockets and plain threads with deadlines, because a test that
//! fails must say what it waited for, and because a kit that shares no code with the product
//! cannot share its mistakes: the parser in [`message`] is deliberately another one.
//!
//! | part | question it answers |
//! |---|---|
//! | [`Origin`] | what does the balancer do when a server does *this*? |
//! | [`RawClient`] | what exactly comes back for these bytes? |
//! | [`Load`] | does any client notice while something happens? |
//! | [`Ledger`] | was any request lost, or processed twice? |
//! | [`Balancer`] | the same questions to the real binary, with signals and reload |
//! | [`exposition::check_format`] | would Prometheus take this? |
//! | [`DockerEngine`] | and with a real engine and `docker-compose`? |
//! | [`Python`] | and with real Flask servers and the `requests` client? |
//! | [`Program`] | and with the launchers, clients and scripts of a scenario? |
//!
//! The kit asserts nothing about timing. It panics, with a message that names what was awaited,
//! where a test could not go on anyway (an address that cannot be bound, a deadline missed).

pub mod balancer;
mod cache;
pub mod client;
pub mod deadline;
pub mod docker;
pub mod exposition;
pub mod ledger;
pub mod load;
pub mod message;
pub mod origin;
mod output;
pub mod ports;
pub mod program;
pub mod python;
pub mod temp_dir;
mod websocket;
mod wire;

pub use balancer::Balancer;
pub use client::RawClient;
pub use deadline::{Gate, eventually};
pub use docker::DockerEngine;
pub use ledger::Ledger;
pub use load::{Call, Load, Tally};
pub use message::{Fields, Request, Response, fingerprint, fingerprint_of_parts};
pub use origin::{Accept, Answer, Origin, Point, Step};
pub use program::Program;
pub use python::Python;
pub use temp_dir::TempDir;
