//! The immutable view that workers read.
//!
//! One pointer, swapped whole: a worker can never see new routes with old pools. An exchange keeps
//! the snapshot it started with.

use std::sync::Arc;

use crate::listener::Listener;
use crate::pool::Pool;
use crate::route::RouteTable;

/// Everything a worker needs to decide, at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Grows by one with each snapshot.
    pub generation: u64,
    /// In configured order; a worker matches them to its own by address.
    pub listeners: Vec<Arc<Listener>>,
    /// Which request goes where; pools are named by index into [`Snapshot::pools`]. Shared with
    /// the snapshot before unless a reload changed them.
    pub routes: Arc<RouteTable>,
    /// All pools.
    pub pools: Vec<Arc<Pool>>,
}
