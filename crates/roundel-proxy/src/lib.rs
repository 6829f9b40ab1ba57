//! The data plane: everything that touches a client's bytes.
//!
//! One thread per core (`worker`), each with its own listening sockets, its own idle upstream
//! connections and its own counters; threads share nothing but the snapshot and a few atomics in
//! it. `exchange::run` is one request from top to bottom.
//!
//! The crate reads no configuration, probes nobody and decides no health: a snapshot comes in
//! through [`Publisher::publish`], and signals and counters go out.

mod admit;
mod attempt;
mod awaited;
mod block;
mod buffers;
mod client;
mod clock;
mod connect;
mod deadline;
mod exchange;
mod flow;
mod forwarded;
mod hedge;
mod idle;
mod listen;
mod mailbox;
mod pace;
mod pick;
mod proxy;
mod queue;
mod reactor;
mod record;
mod relay;
mod reply;
mod request_id;
mod serve;
mod socket;
mod splice;
mod sys;
mod task;
mod tunnel;
mod view;
mod worker;

pub use proxy::{Drained, Proxy, ProxyOptions, Publisher};
