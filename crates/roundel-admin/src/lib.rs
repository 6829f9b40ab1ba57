//! The admin surface: what operators and their tools look at.
//!
//! A request takes one path: [`server`] accepts and bounds the connection, [`router`] names every
//! endpoint there is, [`guard`] decides whether the caller may have it, and one small handler
//! renders what [`Surface`] knows. All of it is read-only: GET and HEAD.
//!
//! Who may look is decided by three rules, each against one attack:
//!
//! - **The address.** Loopback, or a token is asked for ([`token`]): strangers on the network.
//! - **`Host`.** A name that is not ours is refused ([`host`]): DNS rebinding, where a page of
//!   another site has its own name resolve to this machine.
//! - **No CORS.** A page of another site may send a request but cannot read the answer.
//!
//! Decides nothing about traffic and changes no state.

mod accept;
mod assets;
mod guard;
mod host;
mod page;
mod process;
mod read;
mod router;
mod server;
mod surface;
mod token;

pub use process::{Phase, ProcessStatus, Reload};
pub use server::{Admin, BindError};
pub use surface::Surface;
pub use token::{Token, TokenError};
