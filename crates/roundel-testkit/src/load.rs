//! Many careful clients at once, and a tally of what they got.
//!
//! Closed loop (each client sends when it has its answer) unless a rate is set; then requests are
//! due on a fixed timetable, and a slow answer does not thin out the ones after it.
//!
//! The clients are strict about what counts as a failure. A kept connection that the server has
//! closed *before* the next request was begun is replaced without a word, since any client must be
//! ready for that. Everything after the first byte was sent counts: a reset, a timeout, a truncated
//! body, an answer that belongs to another request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::{RawClient, ReadError};
use crate::deadline::{PATIENCE, eventually, lock};
use crate::ledger::{self, Ledger, Outcome};
use crate::message::Response;

/// One request of a load.
#[derive(Debug, Clone)]
pub struct Call {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// A request of `method` for `target`.
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, fields: Vec::new(), body: Vec::new() }
    }

    /// A GET for `target`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of `body` to `target`.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", target) }
    }

    /// Adds a header field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What happened to one request; also the key of a [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A complete response with this status.
    Status(u16),
    /// No connection could be made.
    Connect,
    /// The connection was reset.
    Reset,
    /// The connection was closed before an answer or inside one.
    Closed,
    /// No answer in time.
    Timeout,
    /// An answer that is not HTTP/1.
    Malformed,
    /// The answer to another request.
    Mixed,
}

/// The results of a load.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    kinds: BTreeMap<Kind, u64>,
    by_origin: BTreeMap<String, u64>,
    connections: u64,
    examples: Vec<String>,
}

impl Tally {
    /// How many requests ended as `kind`.
    pub fn count(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// How many requests were sent.
    pub fn total(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// How many ended with a 200.
    pub fn ok(&self) -> u64 {
        self.count(Kind::Status(200))
    }

    /// How many ended with anything but a 200.
    pub fn failed(&self) -> u64 {
        self.total() - self.ok()
    }

    /// Counts by kind.
    pub fn kinds(&self) -> &BTreeMap<Kind, u64> {
        &self.kinds
    }

    /// Answers by the origin that named itself in `X-Origin`.
    pub fn by_origin(&self) -> &BTreeMap<String, u64> {
        &self.by_origin
    }

    /// How many connections the clients made.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Asserts that there were requests and that every one ended with a 200.
    ///
    /// # Panics
    /// When not, with the counts and the first failures.
    #[track_caller]
    pub fn assert_all_ok(&self) {
        assert!(self.total() > 0 && self.failed() == 0, "{}", self.report());
    }

    /// The counts and the first failures, for people.
    pub fn report(&self) -> String {
        let Self { kinds, connections, examples, .. } = self;
        format!("load: {kinds:?} on {connections} connections\n  {}", examples.join("\n  "))
    }

    fn add(&mut self, kind: Kind, example: impl FnOnce() -> String) {
        *self.kinds.entry(kind).or_default() += 1;
        if kind != Kind::Status(200) && self.examples.len() < 10 {
            self.examples.push(example());
        }
    }

    fn merge(&mut self, other: Self) {
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (origin, count) in other.by_origin {
            *self.by_origin.entry(origin).or_default() += count;
        }
        self.connections += other.connections;
        let room = 10_usize.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

type Calls = Arc<dyn Fn(u64) -> Call + Send + Sync>;

/// A load to be run; see the module.
#[derive(Clone)]
pub struct Load {
    address: SocketAddr,
    clients: usize,
    requests: u64,
    per_second: Option<u32>,
    patience: Duration,
    calls: Calls,
    ledger: Ledger,
}

impl Load {
    /// GETs for `/` from four clients, a thousand in all.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            clients: 4,
            requests: 1000,
            per_second: None,
            patience: PATIENCE,
            calls: Arc::new(|_| Call::get("/")),
            ledger: Ledger::new(),
        }
    }

    /// Sets the number of clients, each with a connection of its own.
    #[must_use]
    pub fn clients(mut self, count: usize) -> Self {
        self.clients = count;
        self
    }

    /// Sets the number of requests of all clients together.
    #[must_use]
    pub fn requests(mut self, count: u64) -> Self {
        self.requests = count;
        self
    }

    /// Goes on until [`Running::finish`].
    #[must_use]
    pub fn endless(self) -> Self {
        self.requests(u64::MAX)
    }

    /// Sends on a timetable, this many a second over all clients.
    #[must_use]
    pub fn per_second(mut self, count: u32) -> Self {
        self.per_second = Some(count.max(1));
        self
    }

    /// Sets how long a client waits for anything before it counts a timeout.
    #[must_use]
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Sets what request number n (from zero) is.
    #[must_use]
    pub fn call(mut self, calls: impl Fn(u64) -> Call + Send + Sync + 'static) -> Self {
        self.calls = Arc::new(calls);
        self
    }

    /// Enters every request in `ledger`.
    #[must_use]
    pub fn recorded_in(mut self, ledger: &Ledger) -> Self {
        self.ledger = ledger.clone();
        self
    }

    /// Runs to the end.
    pub fn run(self) -> Tally {
        self.start().join()
    }

    /// Starts, for tests that do something meanwhile.
    pub fn start(self) -> Running {
        let progress = Arc::new(Progress {
            claimed: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            started: Instant::now(),
        });
        let clients = (0..self.clients).map(|_| {
            let (load, progress) = (self.clone(), Arc::clone(&progress));
            std::thread::spawn(move || Client::new(&load).run(&progress))
        });
        Running { clients: Mutex::new(clients.collect()), progress }
    }
}

struct Progress {
    claimed: AtomicU64,
    ended: AtomicU64,
    is_stopped: AtomicBool,
    started: Instant,
}

/// A load under way; dropping it stops it.
pub struct Running {
    clients: Mutex<Vec<JoinHandle<Tally>>>,
    progress: Arc<Progress>,
}

impl Running {
    /// How many requests have ended so far, well or not.
    pub fn ended(&self) -> u64 {
        self.progress.ended.load(Ordering::SeqCst)
    }

    /// Waits until `count` more requests have ended: proof that the load is flowing.
    ///
    /// # Panics
    /// When they do not.
    #[track_caller]
    pub fn wait_for(&self, count: u64) {
        let goal = self.ended().saturating_add(count);
        let what = format!("{count} more requests have ended");
        eventually(PATIENCE, &what, || self.ended() >= goal);
    }

    /// Lets every client end the request it is at, and returns the results.
    pub fn finish(self) -> Tally {
        self.progress.is_stopped.store(true, Ordering::SeqCst);
        self.join()
    }

    /// Waits until the load has run to its end.
    ///
    /// # Panics
    /// When a client did, for instance in the closure that makes the calls.
    pub fn join(self) -> Tally {
        let mut tally = Tally::default();
        for client in std::mem::take(&mut *lock(&self.clients)) {
            tally.merge(client.join().expect("no client panics"));
        }
        tally
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.progress.is_stopped.store(true, Ordering::SeqCst);
    }
}

struct Client<'a> {
    load: &'a Load,
    connection: Option<RawClient>,
    tally: Tally,
}

impl<'a> Client<'a> {
    fn new(load: &'a Load) -> Self {
        Self { load, connection: None, tally: Tally::default() }
    }

    fn run(mut self, progress: &Progress) -> Tally {
        while !progress.is_stopped.load(Ordering::SeqCst) {
            let number = progress.claimed.fetch_add(1, Ordering::SeqCst);
            if number >= self.load.requests {
                break;
            }
            if let Some(rate) = self.load.per_second {
                let due = Duration::from_secs_f64(number as f64 / f64::from(rate));
                std::thread::sleep(due.saturating_sub(progress.started.elapsed()));
            }
            self.exchange(&(self.load.calls)(number));
            progress.ended.fetch_add(1, Ordering::SeqCst);
        }
        self.tally
    }

    fn exchange(&mut self, call: &Call) {
        let id = self.load.ledger.send(&call.method);
        let (kind, words) = match self.attempt(call, &id) {
            Ok(response) if response.field(ledger::FIELD).is_some_and(|echo| echo != id) => {
                (Kind::Mixed, format!("the answer to {:?}", response.field(ledger::FIELD)))
            }
            Ok(response) => {
                if let Some(origin) = response.field("x-origin") {
                    *self.tally.by_origin.entry(origin.to_owned()).or_default() += 1;
                }
                (Kind::Status(response.status), response.text())
            }
            Err((kind, words)) => (kind, words),
        };
        let outcome = match kind {
            Kind::Status(status) => Outcome::Answered(status),
            _ => Outcome::Failed(format!("{kind:?}: {words}")),
        };
        self.load.ledger.close(&id, outcome);
        let Call { method, target, .. } = call;
        self.tally.add(kind, || format!("{method} {target} {id}: {kind:?} {words:?}"));
    }

    fn attempt(&mut self, call: &Call, id: &str) -> Result<Response, (Kind, String)> {
        let kept = self.connection.take().filter(|connection| !connection.is_closed());
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let own = [(ledger::FIELD, id)];
        let given = call.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = own.into_iter().chain(given).collect();
        let sent = connection.request(&call.method, &call.target, &fields, &call.body);
        // An early answer may be there although sending failed; it tells more than the failure.
        let response = connection.read_response_to(&call.method).map_err(|error| {
            let error = sent.as_ref().err().map_or(error, |_| ReadError::Reset);
            (kind_of(&error), error.to_string())
        })?;
        if response.keeps_alive() && sent.is_ok() {
            self.connection = Some(connection);
        }
        Ok(response)
    }

    fn connect(&mut self) -> Result<RawClient, (Kind, String)> {
        self.tally.connections += 1;
        RawClient::try_connect(self.load.address, self.load.patience)
            .map_err(|error| (Kind::Connect, error.to_string()))
    }
}

fn kind_of(error: &ReadError) -> Kind {
    match error {
        ReadError::Closed | ReadError::Truncated(_) => Kind::Closed,
        ReadError::Reset | ReadError::Io(_) => Kind::Reset,
        ReadError::Timeout => Kind::Timeout,
        ReadError::Malformed(_) => Kind::Malformed,
    }
}
