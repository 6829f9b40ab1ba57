//! Getting a place at an endpoint: choosing one, and waiting for one when all are at their limit or
//! the first of them is only being started.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use roundel_core::end::EndReason;
use roundel_core::endpoint::EndpointId;
use roundel_core::line::Ticket;

use crate::awaited::{Awaited, avoids_silent, is_silent};
use crate::client::Client;
use crate::deadline::Millis;
use crate::view::{LocalEndpoint, LocalPool};
use crate::worker::Worker;

/// A place at an endpoint; given up when dropped.
pub(crate) struct Place {
    worker: Rc<Worker>,
    pub(crate) pool: Rc<LocalPool>,
    pub(crate) endpoint: Rc<LocalEndpoint>,
    /// The request's number at the endpoint.
    pub(crate) number: u64,
    awaited: Awaited,
}

impl Place {
    /// The whole request has been sent just now.
    pub(crate) fn note_sent(&self) {
        self.awaited.begin(&self.endpoint, self.worker.clock.micros());
    }

    /// A response head has come.
    pub(crate) fn note_answered(&self) {
        self.awaited.end(&self.endpoint, self.worker.clock.micros());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.awaited.give_up(&self.endpoint, self.worker.clock.micros());
        self.endpoint.shared.end();
        self.worker.note_room(&self.pool, self.endpoint.id);
    }
}

/// What kind of place is wanted.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) pool: &'a Rc<LocalPool>,
    /// What the `hash` balancer goes by.
    pub(crate) key_hash: Option<u64>,
    /// Endpoints that are the last choice.
    pub(crate) tried: &'a [EndpointId],
}

/// Why there is no place at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No endpoint takes traffic.
    NoEndpoint,
    /// Those that do are at their limit, or others came first.
    Full,
}

/// Gets a place at once, unless others wait for one already.
pub(crate) fn pick(worker: &Rc<Worker>, wanted: Wanted<'_>) -> Result<Place, Refusal> {
    let Wanted { pool, .. } = wanted;
    let is_limited = pool.pool.policy.limits.max_in_flight.is_some();
    if is_limited && pool.pool.shared.line.length() > 0 {
        return Err(Refusal::Full);
    }
    try_pick(worker, wanted, None)
}

/// Waits in the pool's line for a place, until `deadline` at most or until `client` has sent its last
/// byte and so is probably gone. Notes how long that took in `queue_us`.
///
/// A pool in which no endpoint takes traffic may expect one ([`PoolPolicy::endpoint_wait`]). The
/// control plane is told that somebody waits for it, and the time for it is its own: what was spent
/// on waiting for an endpoint is not taken from what there is for a place.
///
/// [`PoolPolicy::endpoint_wait`]: roundel_core::policy::PoolPolicy::endpoint_wait
pub(crate) async fn wait(
    worker: &Rc<Worker>,
    wanted: Wanted<'_>,
    client: &Client,
    deadline: Millis,
    queue_us: &mut Option<u64>,
) -> Result<Place, EndReason> {
    let pool = wanted.pool;
    let line = &pool.pool.shared.line;
    let who = (worker.current_task(), worker.index());
    let queue_max = pool.pool.policy.limits.queue;
    let waiting =
        pool.queue.join(who, line, wanted.tried, queue_max).ok_or(EndReason::QueueFull)?;
    let since_us = worker.clock.micros();
    let mut patience = None;
    let place = poll_fn(|_| {
        if client.has_finished() {
            return Poll::Ready(Err(EndReason::ClientClosed));
        }
        // The pool may have changed meanwhile, for instance by a new endpoint.
        let newest = worker.newest(pool);
        let policy = &newest.pool.policy;
        let tried = try_pick(worker, Wanted { pool: &newest, ..wanted }, Some(waiting.ticket));
        let (refusal, limit, late) = match (tried, policy.endpoint_wait) {
            (Ok(place), _) => return Poll::Ready(Ok(place)),
            (Err(Refusal::NoEndpoint), None) => return Poll::Ready(Err(EndReason::NoEndpoint)),
            (Err(refusal @ Refusal::NoEndpoint), Some(limit)) => {
                worker.tell_demand(&newest);
                (refusal, limit, EndReason::StartTimeout)
            }
            (Err(refusal @ Refusal::Full), _) => {
                (refusal, policy.limits.queue_timeout, EndReason::QueueTimeout)
            }
        };
        let until = match patience {
            Some((before, until)) if before == refusal => until,
            _ => worker.clock.after(limit),
        };
        patience = Some((refusal, until));
        let until = until.min(deadline);
        if worker.clock.millis() >= until {
            return Poll::Ready(Err(late));
        }
        worker.wake_at(until);
        Poll::Pending
    })
    .await;
    drop(waiting);
    *queue_us = Some(queue_us.unwrap_or(0) + worker.clock.micros() - since_us);
    // A place may have been freed in the name of this exchange that it did not take.
    worker.note_all_room(&worker.newest(pool));
    place
}

/// Tries to get a place. Who waits with `ticket` takes none that is for one before it.
fn try_pick(
    worker: &Rc<Worker>,
    wanted: Wanted<'_>,
    ticket: Option<Ticket>,
) -> Result<Place, Refusal> {
    let Wanted { pool, key_hash, tried } = wanted;
    if pool.pool.candidates.indices.is_empty() {
        return Err(Refusal::NoEndpoint);
    }
    let limit = pool.limit();
    let line = &pool.pool.shared.line;
    let admits = |index: usize| {
        pool.endpoints.get(index).is_some_and(|endpoint| {
            let can_use = |avoided: &[EndpointId]| pool.is_choice(endpoint.id, avoided);
            pool.has_room(endpoint)
                && can_use(tried)
                && ticket.is_none_or(|ticket| line.is_first_for(ticket, can_use))
        })
    };
    let is_heard =
        |index: usize| pool.endpoints.get(index).is_some_and(|it| !is_silent(worker, pool, it));
    let avoids_silent = avoids_silent(pool);
    loop {
        let mut random = worker.random.borrow_mut();
        let first_choice = |index: usize| admits(index) && (!avoids_silent || is_heard(index));
        let picked = pool.pool.pick(key_hash, &mut random, first_choice);
        // Where everyone is silent, the fault may be elsewhere.
        let picked = picked.or_else(|| {
            let last_choice = avoids_silent.then_some(admits)?;
            pool.pool.pick(key_hash, &mut random, last_choice)
        });
        let index = picked.ok_or(Refusal::Full)?;
        let endpoint = pool.endpoints.get(index).ok_or(Refusal::NoEndpoint)?;
        // Another worker may have taken the last place since the balancer looked.
        if let Some(number) = endpoint.shared.try_start(limit) {
            return Ok(Place {
                worker: worker.clone(),
                pool: pool.clone(),
                endpoint: endpoint.clone(),
                number,
                awaited: Awaited::default(),
            });
        }
    }
}
