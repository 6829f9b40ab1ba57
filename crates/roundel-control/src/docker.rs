//! The Docker provider: containers become endpoints, and leave before they end.
//!
//! | part | does |
//! |---|---|
//! | `place` | decides which endpoints a container is, or why it is none; pure |
//! | `roster` | remembers who is there, about to go, or gone but busy; pure |
//! | `sight` | sees in a snapshot what traffic and probes know of endpoints |
//! | `container`, `wire` | what is known of a container; how the engine's API says it |
//! | `http`, `engine` | ask the engine over its Unix socket |
//! | `lists` | has the engine list its containers, when it is time |
//! | `follow` | listens to the engine and tells the control plane what follows |
//!
//! Every fact about what is there comes from a *list*; most events only say that it is time for
//! another. So a lost event, an engine that restarts and a socket that vanishes have one cure: listen
//! anew, then list anew. Until that succeeds endpoints stay as last known, since containers may
//! outlive their engine's absence, and probes find those that do not.
//!
//! Changes nothing in the engine, and knows no other provider.

mod container;
mod engine;
mod follow;
mod http;
mod lists;
mod place;
mod roster;
mod sight;
mod wire;

use crate::control::Control;
use follow::Follower;

/// Feeds the pools that take containers, for as long as the control plane runs. Follows reloads:
/// does nothing while the configuration has no `[provider.docker]`.
pub async fn provide_containers(control: Control) {
    let mut follower = Follower::new(control.clone());
    tokio::select! {
        () = control.ended() => {}
        () = follower.run() => {}
    }
}

#[cfg(test)]
mod tests;
