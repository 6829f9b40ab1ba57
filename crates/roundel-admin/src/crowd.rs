//! Who is connected to the admin surface, and who has to leave when there are too many.
//!
//! Whoever reaches the port can open connections and say nothing. If such strangers could fill the
//! surface, health would go unanswered, and whoever probes it would have a balancer killed that is
//! well. So nobody keeps a newcomer out by waiting: when all places are taken, the one leaves that
//! has waited longest, for a request head or with an answer that anybody may have. A probe sends
//! its head at once, and is answered long before its turn to leave comes.
//!
//! An exchange that the guard has let through, a stream of events for example, never has to leave.
//! While all places are taken by those, newcomers wait.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

/// From one eviction to the next, so that strangers who come back at once cannot keep a thread
/// busy. All places in turn still last longer than a request head needs on its way.
const PACE: Duration = Duration::from_millis(1);

/// All connections of the surface.
#[derive(Debug)]
pub(crate) struct Crowd {
    places: usize,
    guests: Mutex<Guests>,
    /// Somebody has left, or may be asked to.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Guests {
    /// Goes up with whatever happens, and so says what was first.
    count: u64,
    by_id: HashMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    standing: Standing,
    leave: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Since that count: for a head, or with an answer that anybody may have.
    Waiting(u64),
    /// With an exchange that the guard has let through.
    Admitted,
    /// Asked to leave; nothing more is begun for it.
    Leaving,
}

/// One connection; its place is free again when this and its exchange are dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    id: u64,
    crowd: Arc<Crowd>,
    leave: Arc<Notify>,
    is_heard: AtomicBool,
}

impl Crowd {
    pub(crate) fn new(places: usize) -> Self {
        Self { places, guests: Mutex::default(), changed: Notify::new() }
    }

    /// A place for one more, as soon as there is one. For one caller at a time.
    pub(crate) async fn enter(self: &Arc<Self>) -> Arc<Guest> {
        loop {
            if let Some(guest) = self.try_enter() {
                return guest;
            }
            if self.evict() {
                tokio::time::sleep(PACE).await;
            }
            self.changed.notified().await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<Arc<Guest>> {
        let mut guests = self.lock();
        if guests.by_id.len() >= self.places {
            return None;
        }
        let id = guests.next();
        let leave = Arc::new(Notify::new());
        let seat = Seat { standing: Standing::Waiting(id), leave: Arc::clone(&leave) };
        guests.by_id.insert(id, seat);
        let is_heard = AtomicBool::new(false);
        Some(Arc::new(Guest { id, crowd: Arc::clone(self), leave, is_heard }))
    }

    /// Asks the one to leave that has waited longest, unless somebody is leaving already. Whether
    /// somebody was asked.
    fn evict(&self) -> bool {
        let mut guests = self.lock();
        let seats = guests.by_id.values_mut();
        let Some(first) = seats.min_by_key(|seat| match seat.standing {
            Standing::Leaving => (0, 0),
            Standing::Waiting(since) => (1, since),
            Standing::Admitted => (2, 0),
        }) else {
            return false;
        };
        let is_waiting = matches!(first.standing, Standing::Waiting(_));
        if is_waiting {
            first.standing = Standing::Leaving;
            first.leave.notify_one();
        }
        is_waiting
    }

    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guests {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}

impl Guest {
    /// A request head is complete. The exchange ends when what is returned is dropped.
    pub(crate) async fn begin(self: &Arc<Self>) -> Exchange {
        self.is_heard.store(true, Ordering::Relaxed);
        self.stand(Standing::Waiting).await;
        Exchange(Arc::clone(self))
    }

    /// The guard lets the exchange through: it is not asked to leave before its end.
    pub(crate) async fn admit(&self) {
        self.stand(|_| Standing::Admitted).await;
    }

    /// Whether there was a complete request head.
    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Comes to an end when this one has to leave.
    pub(crate) async fn is_asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Who has to leave gets no further than this: its connection is about to be dropped, and
    /// nothing must be half done then.
    async fn stand(&self, standing: impl FnOnce(u64) -> Standing) {
        if !self.set(standing) {
            std::future::pending::<()>().await;
        }
    }

    fn set(&self, standing: impl FnOnce(u64) -> Standing) -> bool {
        let mut guests = self.crowd.lock();
        let count = guests.next();
        match guests.by_id.get_mut(&self.id) {
            Some(seat) if seat.standing != Standing::Leaving => {
                seat.standing = standing(count);
                true
            }
            _ => false,
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.crowd.lock().by_id.remove(&self.id);
        self.crowd.changed.notify_one();
    }
}

/// An exchange of a guest, which is about to be answered.
#[derive(Debug)]
pub(crate) struct Exchange(Arc<Guest>);

impl Exchange {
    /// Lasts until `answer` is written or given up.
    pub(crate) fn until_written(self, answer: Body) -> Answer {
        Answer { answer, _exchange: self }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.set(Standing::Waiting);
        self.0.crowd.changed.notify_one();
    }
}

/// The body of an answer, with the exchange that it ends.
#[derive(Debug)]
pub(crate) struct Answer {
    answer: Body,
    _exchange: Exchange,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.answer).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use super::*;

    fn crowd(places: usize) -> Arc<Crowd> {
        Arc::new(Crowd::new(places))
    }

    /// Polls once, as far as it goes.
    fn look<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn has_to_leave(guest: &Guest) -> bool {
        look(std::pin::pin!(guest.is_asked_to_leave())).is_some()
    }

    /// Has another enter while `guests`, from the first to the last, do as they are asked. Which
    /// of them had to leave.
    async fn one_more(crowd: &Arc<Crowd>, guests: &mut Vec<Arc<Guest>>) -> usize {
        let entering = tokio::spawn({
            let crowd = Arc::clone(crowd);
            async move { crowd.enter().await }
        });
        loop {
            tokio::task::yield_now().await;
            if let Some(at) = guests.iter().position(|guest| has_to_leave(guest)) {
                guests.remove(at);
                guests.push(entering.await.unwrap());
                return at;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_longest_leaves() {
        let crowd = crowd(3);
        let mut guests = vec![crowd.enter().await, crowd.enter().await, crowd.enter().await];
        assert_eq!(one_more(&crowd, &mut guests).await, 0);
        // The one that was first now has asked something since.
        drop(guests[0].begin().await);
        assert_eq!(one_more(&crowd, &mut guests).await, 1);
        assert_eq!(crowd.lock().by_id.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_guard_let_through_stays_until_its_end() {
        let crowd = crowd(2);
        let mut guests = vec![crowd.enter().await, crowd.enter().await];
        let stream = guests[0].begin().await.until_written(Body::empty());
        guests[0].admit().await;
        for _ in 0..5 {
            assert_eq!(one_more(&crowd, &mut guests).await, 1);
        }
        drop(stream);
        // As an idle connection it has waited for less time than the other.
        assert_eq!(one_more(&crowd, &mut guests).await, 1);
        assert_eq!(one_more(&crowd, &mut guests).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_for_anybody_keeps_nobody_out() {
        let crowd = crowd(1);
        let guests = [crowd.enter().await];
        let _asset = guests[0].begin().await;
        assert!(crowd.evict());
        assert!(has_to_leave(&guests[0]));
        assert!(!crowd.evict(), "one at a time");
    }

    #[tokio::test(start_paused = true)]
    async fn for_one_who_has_to_leave_nothing_is_begun() {
        let crowd = crowd(1);
        let guest = crowd.enter().await;
        assert!(crowd.evict());
        assert!(look(std::pin::pin!(guest.admit())).is_none());
        assert!(look(std::pin::pin!(guest.begin())).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn newcomers_wait_while_nobody_can_be_asked_to_leave() {
        let crowd = crowd(1);
        let guest = crowd.enter().await;
        let exchange = guest.begin().await;
        guest.admit().await;
        let mut entering = std::pin::pin!(crowd.enter());
        assert!(look(entering.as_mut()).is_none());
        drop((exchange, guest));
        assert!(look(entering.as_mut()).is_some());
    }
}
