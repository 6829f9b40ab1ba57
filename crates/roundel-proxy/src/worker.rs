//! A data-plane thread: its loop, and what its tasks share.
//!
//! One turn: wait for events, read the clock, open the mail, accept, tell owners, close what has
//! expired, begin some exchanges, run the tasks that something happened to. Nothing in a turn blocks
//! but the wait.
//!
//! A client connection between requests is a row in a table. When it has become readable and its turn
//! has come it is handed to a *runner*, a task that serves one connection at a time and rests in
//! between with its buffers; there are as many runners as exchanges at once, not as connections.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use roundel_core::endpoint::EndpointId;
use roundel_core::signal::Signal;
use roundel_core::snapshot::Snapshot;
use roundel_telemetry::{LogBuffer, Registry, RequestLogWriter, WorkerMetrics, WorkerShard};
use tokio::sync::mpsc;

use crate::block::Blocks;
use crate::client::{Client, IdleClients};
use crate::clock::Clock;
use crate::deadline::{Deadlines, Millis};
use crate::listen::Listeners;
use crate::mailbox::Mailbox;
use crate::reactor::{Event, Owner, Reactor, Ready};
use crate::request_id::RequestIds;
use crate::serve;
use crate::socket::Socket;
use crate::splice::Splicer;
use crate::task::{Polled, TaskId, Tasks};
use crate::view::{LocalPool, View};

/// Runners kept resting; more are let go after a peak.
const RESTING_MAX: usize = 256;

/// How often idle upstream connections are looked through.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Exchanges begun in one turn at least; beyond, those under way have two turns to each that begins.
/// When there is more to do than can be done, few exchanges that go through quickly need fewer
/// buffers and upstream connections than many that wait for one another, and what they need stays in
/// the processor's cache. (Bounded batches: Belay et al., "IX", OSDI 2014, §3.) The share keeps long
/// transfers, each of which makes a turn longer, from holding up who has yet to begin.
const BEGUN_PER_TURN: usize = 16;

/// The longest wait for events, so that a lost wake-up can't last.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// How long client connections stay open for one more request after the worker was told to stop,
/// or their listener to go.
/// A client that is just sending gets an answer with `Connection: close` instead of a reset.
const IDLE_CLOSE_DELAY: Duration = Duration::from_secs(1);

/// What a worker is made of.
pub(crate) struct Parts {
    pub(crate) index: usize,
    pub(crate) mailboxes: Arc<[Arc<Mailbox>]>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) log: Option<LogBuffer>,
    pub(crate) requests: Option<RequestLogWriter>,
    pub(crate) signals: mpsc::Sender<Signal>,
    /// Connections that this worker may have of listeners without a limit of their own.
    pub(crate) clients_max: u32,
}

/// What the tasks of a data-plane thread share.
pub(crate) struct Worker {
    pub(crate) clock: Clock,
    pub(crate) blocks: Blocks,
    pub(crate) splicer: Splicer,
    pub(crate) reactor: Rc<Reactor>,
    pub(crate) random: RefCell<fastrand::Rng>,
    pub(crate) log: RefCell<Option<LogBuffer>>,
    pub(crate) requests: RefCell<Option<RequestLogWriter>>,
    pub(crate) request_ids: RequestIds,
    index: usize,
    tasks: Tasks,
    task_deadlines: RefCell<Deadlines>,
    idle_clients: RefCell<IdleClients>,
    listeners: RefCell<Listeners>,
    view: RefCell<Rc<View>>,
    /// Clients handed to runners that have not picked them up, by runner.
    inbox: RefCell<Vec<Option<Client>>>,
    resting: RefCell<Vec<TaskId>>,
    /// Clients with a runner.
    serving: Cell<usize>,
    drain: Cell<Option<Drain>>,
    next_sweep: Cell<Millis>,
    mailboxes: Arc<[Arc<Mailbox>]>,
    registry: Arc<Registry>,
    metrics: Arc<WorkerMetrics>,
    signals: mpsc::Sender<Signal>,
}

/// A stop under way.
#[derive(Debug, Clone, Copy)]
struct Drain {
    /// Exchanges still running then are cut.
    cut_at: Millis,
}

/// A wait that took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOut;

impl Worker {
    pub(crate) fn new(parts: Parts) -> io::Result<Rc<Self>> {
        let reactor = Rc::new(Reactor::new()?);
        let mut random = fastrand::Rng::new();
        Ok(Rc::new(Self {
            clock: Clock::new(),
            blocks: Blocks::default(),
            splicer: Splicer::default(),
            request_ids: RequestIds::new(&mut random),
            random: RefCell::new(random),
            log: RefCell::new(parts.log),
            requests: RefCell::new(parts.requests),
            index: parts.index,
            tasks: Tasks::default(),
            task_deadlines: RefCell::default(),
            idle_clients: RefCell::default(),
            listeners: RefCell::new(Listeners::new(parts.index, parts.clients_max)),
            view: RefCell::new(Rc::new(View::empty())),
            inbox: RefCell::default(),
            resting: RefCell::default(),
            serving: Cell::new(0),
            drain: Cell::new(None),
            next_sweep: Cell::new(0),
            mailboxes: parts.mailboxes,
            metrics: parts.registry.worker(),
            registry: parts.registry,
            signals: parts.signals,
            reactor,
        }))
    }

    /// Runs until told to stop and everything has ended. Returns how many exchanges were cut.
    pub(crate) fn run(self: &Rc<Self>) -> io::Result<usize> {
        if let Some(mailbox) = self.mailboxes.get(self.index) {
            self.reactor.register(&**mailbox, Owner::Wake, Ready::NONE)?;
        }
        self.open_mail();
        let mut events = Vec::new();
        let mut batch = Vec::new();
        let mut passed = Vec::new();
        loop {
            self.reactor.wait(self.next_wait(), &mut events)?;
            self.clock.turn();
            self.metrics().turns.increment();
            for event in events.drain(..) {
                self.tell(event);
            }
            self.accept();
            self.expire(&mut passed);
            self.begin_exchanges();
            self.tasks.take_queued(&mut batch);
            for task in batch.drain(..) {
                self.poll(task);
            }
            if let Some(log) = self.log.borrow_mut().as_mut() {
                log.flush();
            }
            if let Some(cut) = self.finished() {
                self.end_tasks();
                return Ok(cut);
            }
        }
    }

    /// After [`Self::run`] has failed: closes the listeners with what waits in their queues, and
    /// ends what still runs. Clients see at once that they must go elsewhere.
    pub(crate) fn give_up(&self) {
        self.end_tasks();
    }

    /// Its place among the workers.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn metrics(&self) -> &WorkerShard {
        self.metrics.shard(self.index)
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Rc<View> {
        self.view.borrow().clone()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain.get().is_some()
    }

    /// Tells the control plane. A full channel loses the signal, which only delays a verdict.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = self.signals.try_send(signal);
    }

    /// Tells the control plane that somebody waits for an endpoint of `pool`, unless it was told so
    /// a moment ago.
    pub(crate) fn tell_demand(&self, pool: &LocalPool) {
        if pool.queue.may_tell_demand(self.clock.millis()) {
            self.signal(Signal::Demand(pool.pool.name.clone()));
        }
    }

    /// The task being polled: everything that waits is called from one.
    pub(crate) fn current_task(&self) -> TaskId {
        self.tasks.current().expect("only tasks wait")
    }

    /// Has the present task polled again at `deadline` at the latest.
    pub(crate) fn wake_at(&self, deadline: Millis) {
        self.task_deadlines.borrow_mut().set(self.current_task().0, deadline);
    }

    /// Has the present task polled again in the next turn.
    pub(crate) fn yield_now(&self) {
        self.tasks.wake(self.current_task());
    }

    /// Waits until `socket` is `wanted`, or until `deadline`.
    pub(crate) async fn ready(
        &self,
        socket: &Socket,
        wanted: Ready,
        deadline: Millis,
    ) -> Result<(), TimedOut> {
        poll_fn(|_| self.poll_ready(socket, wanted, deadline)).await
    }

    /// One look at what [`Self::ready`] waits for.
    pub(crate) fn poll_ready(
        &self,
        socket: &Socket,
        wanted: Ready,
        deadline: Millis,
    ) -> Poll<Result<(), TimedOut>> {
        if socket.ready().has_any(wanted) {
            return Poll::Ready(Ok(()));
        }
        if self.clock.millis() >= deadline {
            return Poll::Ready(Err(TimedOut));
        }
        self.wake_at(deadline);
        Poll::Pending
    }

    /// Lets every other task and socket have its turn.
    pub(crate) async fn pause(&self) {
        let mut has_paused = false;
        poll_fn(|_| {
            if has_paused {
                return Poll::Ready(());
            }
            has_paused = true;
            self.yield_now();
            Poll::Pending
        })
        .await;
    }

    /// `pool` as the newest view has it, if it still does.
    pub(crate) fn newest(&self, pool: &Rc<LocalPool>) -> Rc<LocalPool> {
        let view = self.view.borrow();
        let newest = view.pools.iter().find(|new| new.pool.name == pool.pool.name);
        newest.unwrap_or(pool).clone()
    }

    /// Notes that an endpoint of `pool` has room again, and wakes the first who waits for it, here
    /// or at another worker.
    pub(crate) fn note_room(&self, pool: &Rc<LocalPool>, endpoint: EndpointId) {
        if pool.pool.shared.line.length() == 0 {
            return;
        }
        // Who may choose what is a matter of the present.
        let pool = self.newest(pool);
        match pool.first_for(endpoint) {
            Some((ticket, worker)) if worker == self.index => pool.queue.wake(ticket, &self.tasks),
            Some((_, worker)) => {
                if let Some(mailbox) = self.mailboxes.get(worker) {
                    mailbox.leave(|mail| mail.has_room = true);
                }
            }
            None => {}
        }
    }

    /// Does so for all endpoints of `pool` that have room.
    pub(crate) fn note_all_room(&self, pool: &Rc<LocalPool>) {
        if pool.pool.shared.line.length() == 0 {
            return;
        }
        for endpoint in pool.candidates().filter(|it| pool.has_room(it)) {
            self.note_room(pool, endpoint.id);
        }
    }

    /// Keeps a connection until its next request, and lets its runner rest.
    pub(crate) fn park(&self, client: Client, timeout: Duration) {
        let is_ending = self.is_draining() || client.listener.is_leaving.get();
        let timeout = if is_ending { IDLE_CLOSE_DELAY.min(timeout) } else { timeout };
        let deadline = self.clock.after(timeout);
        self.idle_clients.borrow_mut().park(client, deadline);
    }

    /// The next client for the runner `id`, who rests until then.
    pub(crate) async fn next_client(&self, id: TaskId) -> Client {
        poll_fn(|_| {
            let mut inbox = self.inbox.borrow_mut();
            match inbox.get_mut(id.0 as usize).and_then(Option::take) {
                Some(client) => Poll::Ready(client),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Ends the service of a client. Returns whether the runner is to rest and serve another.
    pub(crate) fn rest(&self, id: TaskId) -> bool {
        self.serving.set(self.serving.get().saturating_sub(1));
        self.task_deadlines.borrow_mut().clear(id.0);
        let mut resting = self.resting.borrow_mut();
        let is_kept = resting.len() < RESTING_MAX && !self.is_draining();
        if is_kept {
            resting.push(id);
        }
        is_kept
    }

    fn next_wait(&self) -> Duration {
        let has_readable = self.idle_clients.borrow().has_readable();
        if has_readable || self.tasks.queued() > 0 || self.listeners.borrow().has_pending() {
            return Duration::ZERO;
        }
        let now = self.clock.millis();
        let cut_at = self.drain.get().map(|drain| drain.cut_at);
        let sweep_at = Some(self.next_sweep.get());
        [
            self.task_deadlines.borrow().earliest(),
            self.idle_clients.borrow().earliest_deadline(),
            self.listeners.borrow().next_look(),
            cut_at,
            sweep_at,
        ]
        .into_iter()
        .flatten()
        .map(|at| Duration::from_millis(at.saturating_sub(now)))
        .fold(WAIT_MAX, Duration::min)
    }

    fn tell(self: &Rc<Self>, event: Event) {
        match event.owner {
            Owner::Task(task) => self.tasks.wake(task),
            // A fresh connection is announced as writable first, which alone is no request.
            Owner::IdleClient(slot) if event.ready.has_any(Ready::READ) => {
                self.reactor.set_owner(event.token, Owner::Nobody);
                self.idle_clients.borrow_mut().note_readable(slot);
            }
            Owner::Listener(slot) => self.listeners.borrow_mut().note_ready(slot),
            Owner::Wake => self.open_mail(),
            Owner::IdleClient(_) | Owner::Nobody => {}
        }
    }

    /// Gives the clients whose turn it is to runners.
    fn begin_exchanges(self: &Rc<Self>) {
        for _ in 0..BEGUN_PER_TURN.max(self.tasks.queued() / 2) {
            let Some(client) = self.idle_clients.borrow_mut().take_readable() else { return };
            self.hand_over(client);
        }
    }

    /// Gives a readable client to a runner.
    fn hand_over(self: &Rc<Self>, client: Client) {
        let rested = self.resting.borrow_mut().pop();
        let runner = rested.unwrap_or_else(|| {
            let worker = Rc::clone(self);
            self.tasks.spawn(|id| serve::run(worker, id))
        });
        client.socket.set_owner(Owner::Task(runner));
        let mut inbox = self.inbox.borrow_mut();
        let place = runner.0 as usize;
        if place >= inbox.len() {
            inbox.resize_with(place + 1, || None);
        }
        if let Some(place) = inbox.get_mut(place) {
            *place = Some(client);
        }
        self.serving.set(self.serving.get() + 1);
        self.tasks.wake(runner);
    }

    fn open_mail(&self) {
        let Some(mailbox) = self.mailboxes.get(self.index) else { return };
        let mail = mailbox.open();
        if let Some(snapshot) = mail.snapshot {
            // A worker that stops has closed its listeners for good.
            if !self.is_draining() {
                self.adopt_listeners(&snapshot);
            }
            let next = self.view.borrow().next(snapshot, &self.registry, self.index);
            *self.view.borrow_mut() = Rc::new(next);
            self.wake_for_news();
        }
        if mail.has_room {
            self.wake_for_room();
        }
        if let Some(grace) = mail.drain
            && self.drain.get().is_none()
        {
            self.drain.set(Some(Drain { cut_at: self.clock.after(grace) }));
            self.listeners.borrow_mut().close(self.clock.millis());
            let delay = IDLE_CLOSE_DELAY.min(grace);
            self.idle_clients.borrow_mut().hurry(self.clock.after(delay), |_| true);
        }
    }

    fn adopt_listeners(&self, snapshot: &Snapshot) {
        let now = self.clock.millis();
        let mut listeners = self.listeners.borrow_mut();
        if listeners.adopt(snapshot, &self.reactor, &self.registry, now) {
            let at = self.clock.after(IDLE_CLOSE_DELAY);
            self.idle_clients.borrow_mut().hurry(at, |client| client.listener.is_leaving.get());
        }
    }

    /// A new snapshot may have brought room, new endpoints or their end for whoever waits here.
    /// Those who wait elsewhere may have been passed over by the view that was in force until now.
    fn wake_for_news(&self) {
        for pool in &self.view().pools {
            pool.queue.wake_all(&self.tasks);
            self.note_all_room(pool);
        }
    }

    /// Another worker made room: wakes those here whose turn it is.
    fn wake_for_room(&self) {
        for pool in &self.view().pools {
            if pool.pool.shared.line.length() == 0 {
                continue;
            }
            for endpoint in pool.candidates().filter(|it| pool.has_room(it)) {
                if let Some((ticket, worker)) = pool.first_for(endpoint.id)
                    && worker == self.index
                {
                    pool.queue.wake(ticket, &self.tasks);
                }
            }
        }
    }

    fn accept(&self) {
        let mut listeners = self.listeners.borrow_mut();
        let now = self.clock.millis();
        if !listeners.has_pending() && listeners.next_look().is_none_or(|at| at > now) {
            return;
        }
        let metrics = self.metrics();
        listeners.accept(&self.reactor, metrics, now, |client| {
            let timeout = client.listener.settings().timeouts.request_head;
            self.park(client, timeout);
        });
    }

    fn expire(&self, passed: &mut Vec<u32>) {
        let now = self.clock.millis();
        self.task_deadlines.borrow_mut().pass(now, passed);
        for task in passed.drain(..) {
            self.tasks.wake(TaskId(task));
        }
        self.idle_clients.borrow_mut().close_expired(now, passed);
        if now >= self.next_sweep.get() {
            self.next_sweep.set(self.clock.after(SWEEP_INTERVAL));
            self.sweep_idle_connections(now);
        }
    }

    fn sweep_idle_connections(&self, now: Millis) {
        for pool in &self.view().pools {
            let timeout = pool.pool.policy.timeouts.idle;
            let oldest = now.saturating_sub(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            for endpoint in &pool.endpoints {
                endpoint.note_idle_gone(endpoint.idle.sweep(oldest, now));
            }
        }
    }

    fn poll(&self, task: TaskId) {
        if self.tasks.poll(task) == Polled::Panicked {
            self.metrics().panics.increment();
            self.serving.set(self.serving.get().saturating_sub(1));
            tracing::error!("a connection was dropped after a panic; this is a bug in Roundel");
        }
    }

    /// Closes what is left of the listeners, and drops what still runs: each exchange enters its
    /// record as cut, and closes its connections. Tasks own the worker, so without this neither
    /// would ever be dropped.
    fn end_tasks(&self) {
        self.listeners.borrow_mut().end(&self.reactor);
        self.tasks.clear();
        if let Some(log) = self.log.borrow_mut().as_mut() {
            log.flush();
        }
    }

    /// When a stop is complete: how many exchanges it cut.
    fn finished(&self) -> Option<usize> {
        let drain = self.drain.get()?;
        let serving = self.serving.get();
        let is_empty = serving == 0
            && self.idle_clients.borrow().len() == 0
            && self.listeners.borrow().is_empty();
        (is_empty || self.clock.millis() >= drain.cut_at).then_some(serving)
    }
}
