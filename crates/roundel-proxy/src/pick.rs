//! Getting a place at an endpoint: choosing one, and waiting for one when all are at their limit.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use roundel_core::end::EndReason;

use crate::deadline::Millis;
use crate::view::{LocalEndpoint, LocalPool};
use crate::worker::Worker;

/// A place at an endpoint; given up when dropped.
pub(crate) struct Place {
    worker: Rc<Worker>,
    pub(crate) pool: Rc<LocalPool>,
    pub(crate) endpoint: Rc<LocalEndpoint>,
    /// The endpoint's index in the pool.
    pub(crate) index: usize,
    /// The request's number at the endpoint.
    pub(crate) number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.endpoint.shared.end();
        self.worker.note_room(&self.pool);
    }
}

/// Why there is no place at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// No endpoint takes traffic.
    NoEndpoint,
    /// Those that do are at their limit.
    Full,
}

/// Gets a place at one endpoint of `pool`, if possible at one not in `tried`. Waits in the pool's
/// queue when all are at their limit, until `deadline` at most. Also tells how long it waited.
pub(crate) async fn pick(
    worker: &Rc<Worker>,
    pool: &Rc<LocalPool>,
    key_hash: Option<u64>,
    tried: &[usize],
    deadline: Millis,
) -> Result<(Place, Option<u64>), EndReason> {
    match try_pick(worker, pool, key_hash, tried) {
        Ok(place) => Ok((place, None)),
        Err(Refusal::NoEndpoint) => Err(EndReason::NoEndpoint),
        Err(Refusal::Full) => {
            let since = worker.clock.micros();
            let place = wait(worker, pool, key_hash, deadline).await?;
            Ok((place, Some(worker.clock.micros() - since)))
        }
    }
}

async fn wait(
    worker: &Rc<Worker>,
    pool: &Rc<LocalPool>,
    key_hash: Option<u64>,
    deadline: Millis,
) -> Result<Place, EndReason> {
    let limits = &pool.pool.policy.limits;
    let deadline = deadline.min(worker.clock.after(limits.queue_timeout));
    let waiting = pool
        .queue
        .join(worker.current_task(), &pool.pool.shared, limits.queue)
        .ok_or(EndReason::QueueFull)?;
    let place = poll_fn(|_| {
        if waiting.is_first() {
            // The pool may have changed meanwhile, for instance by a new endpoint.
            let view = worker.view();
            let newest = view.pools.iter().find(|new| new.pool.name == pool.pool.name);
            match try_pick(worker, newest.unwrap_or(pool), key_hash, &[]) {
                Ok(place) => return Poll::Ready(Ok(place)),
                Err(Refusal::NoEndpoint) => return Poll::Ready(Err(EndReason::NoEndpoint)),
                Err(Refusal::Full) => {}
            }
        }
        if worker.clock.millis() >= deadline {
            return Poll::Ready(Err(EndReason::QueueTimeout));
        }
        worker.wake_at(deadline);
        Poll::Pending
    })
    .await;
    drop(waiting);
    // The wake-up may have stood for more than one place, or come for naught.
    worker.pass_on_room(pool);
    place
}

fn try_pick(
    worker: &Rc<Worker>,
    pool: &Rc<LocalPool>,
    key_hash: Option<u64>,
    tried: &[usize],
) -> Result<Place, Refusal> {
    let candidates = &pool.pool.candidates.indices;
    if candidates.is_empty() {
        return Err(Refusal::NoEndpoint);
    }
    // With every candidate tried once, trying one again is better than giving up.
    let is_fresh = |index: &usize| !tried.contains(index);
    let tried = if candidates.iter().any(|i| is_fresh(&(*i as usize))) { tried } else { &[] };
    let limit = pool.pool.policy.limits.max_in_flight.map(u32::from);
    let admits = |index: usize| {
        !tried.contains(&index)
            && limit.is_none_or(|limit| {
                pool.endpoints.get(index).is_some_and(|e| e.shared.in_flight() < limit)
            })
    };
    loop {
        let mut random = worker.random.borrow_mut();
        let index = pool.pool.pick(key_hash, &mut random, admits).ok_or(Refusal::Full)?;
        let endpoint = pool.endpoints.get(index).ok_or(Refusal::NoEndpoint)?;
        // Another worker may have taken the last place since the balancer looked.
        if let Some(number) = endpoint.shared.try_start(limit) {
            return Ok(Place {
                worker: worker.clone(),
                pool: pool.clone(),
                endpoint: endpoint.clone(),
                index,
                number,
            });
        }
    }
}
