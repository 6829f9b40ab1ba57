//! The admin surface: what operators and their tools look at and act through.
//!
//! A request takes one path: [`server`] accepts and bounds the connection, [`crowd`] says who leaves
//! when there are too many, [`router`] names every
//! path there is, [`guard`] decides whether the caller may have it, and one small handler answers
//! with what [`Surface`] knows or has the control plane do what is asked. Operations of the [`api`]
//! speak the JSON of the [`contract`]; refusals are [`problem`] details; what happens goes out
//! through the [`hub`].
//!
//! Who may ask is decided by four rules, each against one attack:
//!
//! - **The address.** Loopback, or a token is asked for ([`token`]): strangers on the network.
//! - **`Host`.** A name that is not ours is refused ([`host`]): DNS rebinding, where a page of
//!   another site has its own name resolve to this machine.
//! - **`Origin` and `Sec-Fetch-Site`.** A page of another site may not change anything.
//! - **No CORS.** A page of another site may send a request but cannot read the answer.
//!
//! Decides nothing about traffic: it asks the control plane, which is the only writer.

mod accept;
mod api;
mod assets;
mod audit;
pub mod contract;
mod crowd;
mod dashboard;
mod diff;
mod extract;
mod guard;
mod host;
mod hub;
mod journal;
mod openapi;
mod page;
mod picture;
mod problem;
mod process;
mod rate;
mod read;
mod router;
mod server;
mod surface;
mod token;

pub use api::{encoded, faults};
pub use openapi::document;
pub use problem::ProblemDetails;
pub use process::{Phase, ProcessStatus, Reload};
pub use server::{Admin, BindError};
pub use surface::{ConfigFile, RefusedReload, Reloading, Surface};
pub use token::{Token, TokenError};
