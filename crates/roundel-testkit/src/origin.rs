//! An HTTP/1.1 origin that misbehaves on demand and writes down everything it receives.
//!
//! ```
//! use roundel_testkit::{Answer, Origin, Point, RawClient};
//!
//! let origin = Origin::start("Server 1");
//! origin.on("/cut", Answer::ok().body_of(1000).reset_at(Point::MidBody));
//! let mut client = RawClient::connect(origin.address());
//! assert_eq!(client.get("/").text(), "Hello from Server 1\n");
//! client.request("GET", "/cut", &[], b"").unwrap();
//! assert!(client.read_response().is_err());
//! assert_eq!(origin.requests().len(), 2);
//! ```
//!
//! Every composed answer names its origin in `X-Origin` and echoes the request's ledger id.
//! Who decides how a request is answered, first match wins: an `X-Test` field in it
//! ([`Answer::from_directive`]), the health path, answers queued with [`Origin::next`], a closure
//! ([`Origin::respond`]), the path ([`Origin::on`]), the default ([`Origin::answer`]). All of it
//! can change while the origin runs. Each connection has a thread; one that is killed or dropped
//! ends all of them. The port stays reserved for the origin's whole life, so a restarted origin
//! never finds it taken.

mod answer;
mod connection;
pub mod directive;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{SockRef, Socket as AnySocket};

pub use answer::{Answer, Point, Step};
use connection::Socket;

use crate::deadline::{PATIENCE, eventually, lock};
use crate::ledger::{self, Ledger};
use crate::message::{Fields, Request};
use crate::ports;

/// Position in the order of all requests that origins of this process receive.
fn next_order() -> u64 {
    static ORDER: AtomicU64 = AtomicU64::new(0);
    ORDER.fetch_add(1, Ordering::Relaxed)
}

/// What an origin does with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// Serves requests on it.
    #[default]
    Serve,
    /// Resets it at once.
    Reset,
    /// Closes it at once, in good order.
    Close,
    /// Closes it, in good order, once this many bytes have been read.
    CloseAfterBytes(usize),
    /// Keeps it open and never reads from it.
    Ignore,
}

/// When an origin closes connections that it could keep.
#[derive(Debug, Clone, Copy, Default)]
struct KeepAlive {
    requests: Option<u32>,
    idle: Option<Duration>,
}

type Responder = Box<dyn Fn(&Request) -> Option<Answer> + Send>;

struct Behaviour {
    default: Answer,
    paths: HashMap<String, Answer>,
    next: VecDeque<Answer>,
    responder: Option<Responder>,
    health_path: String,
    is_healthy: bool,
    accept: Accept,
    keep_alive: KeepAlive,
}

/// What the threads of an origin share.
struct Shared {
    name: String,
    behaviour: Mutex<Behaviour>,
    requests: Mutex<Vec<Request>>,
    probes: Mutex<Vec<Request>>,
    ledger: Mutex<Option<Ledger>>,
    /// Those that are open, and what tells that they are.
    sockets: Mutex<Vec<(Weak<Socket>, Weak<()>)>>,
    connections: AtomicU64,
}

/// Marks an index as one into the probes instead of the requests.
const PROBE: usize = usize::MAX;

impl Shared {
    fn keep_alive(&self) -> KeepAlive {
        lock(&self.behaviour).keep_alive
    }

    /// Writes `request` down and chooses its answer; the index is for [`Shared::note_body`].
    fn receive(&self, request: &Request) -> (usize, Answer) {
        let mut behaviour = lock(&self.behaviour);
        if request.path() == behaviour.health_path {
            lock(&self.probes).push(request.clone());
            let status = if behaviour.is_healthy { 200 } else { 503 };
            return (PROBE, Answer::status(status));
        }
        if let (Some(ledger), Some(id)) =
            (&*lock(&self.ledger), request.fields.first(ledger::FIELD))
        {
            ledger.saw(id, &self.name);
        }
        let index = {
            let mut requests = lock(&self.requests);
            requests.push(request.clone());
            requests.len() - 1
        };
        (index, behaviour.choose(request))
    }

    fn note_body(&self, index: usize, bytes: u64, fingerprint: u64) {
        if let Some(request) = lock(&self.requests).get_mut(index) {
            request.body_bytes = bytes;
            request.body_fingerprint = fingerprint;
        }
    }

    fn note_complete(&self, index: usize, trailers: Fields) {
        if let Some(request) = lock(&self.requests).get_mut(index) {
            request.is_complete = true;
            request.trailers = trailers;
        }
    }

    fn live_sockets(&self) -> Vec<Arc<Socket>> {
        lock(&self.sockets).iter().filter_map(|(socket, _)| socket.upgrade()).collect()
    }

    fn open_connections(&self) -> usize {
        let mut sockets = lock(&self.sockets);
        sockets.retain(|(_, open)| open.strong_count() > 0);
        sockets.len()
    }
}

impl Behaviour {
    fn choose(&mut self, request: &Request) -> Answer {
        if let Some(text) = request.fields.first(directive::FIELD) {
            return Answer::from_directive(text);
        }
        if let Some(answer) = self.next.pop_front() {
            return answer;
        }
        let responder = self.responder.as_ref();
        if let Some(answer) = responder.and_then(|responder| responder(request)) {
            return answer;
        }
        self.paths.get(request.path()).unwrap_or(&self.default).clone()
    }
}

/// The thread that accepts, and the listening socket it blocks on.
struct Accepting {
    listener: TcpListener,
    thread: JoinHandle<()>,
}

/// See the module.
pub struct Origin {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Holds the port while nobody listens on it.
    _reserved: AnySocket,
    accepting: Mutex<Option<Accepting>>,
}

impl Origin {
    /// Starts an origin on a loopback port of its own. It answers everything with 200 and
    /// `Hello from NAME`, and `/health` too.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn start(name: &str) -> Self {
        Self::start_at(name, ports::ANY)
    }

    /// The same at an address that nobody listens on; one held by [`ports::Refusing`] will do.
    ///
    /// # Panics
    /// When the address cannot be had.
    pub fn start_at(name: &str, address: SocketAddr) -> Self {
        let reserved = ports::reserve(address);
        let hello =
            Answer::ok().field("Content-Type", "text/plain").body(format!("Hello from {name}\n"));
        let behaviour = Behaviour {
            default: hello,
            paths: HashMap::new(),
            next: VecDeque::new(),
            responder: None,
            health_path: "/health".to_owned(),
            is_healthy: true,
            accept: Accept::Serve,
            keep_alive: KeepAlive::default(),
        };
        let shared = Shared {
            name: name.to_owned(),
            behaviour: Mutex::new(behaviour),
            requests: Mutex::default(),
            probes: Mutex::default(),
            ledger: Mutex::default(),
            sockets: Mutex::default(),
            connections: AtomicU64::new(0),
        };
        let address = ports::bound_address(&reserved);
        let origin = Self {
            shared: Arc::new(shared),
            address,
            _reserved: reserved,
            accepting: Mutex::default(),
        };
        origin.restart();
        origin
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Notes every request that carries a ledger id in `ledger`.
    #[must_use]
    pub fn recorded_in(self, ledger: &Ledger) -> Self {
        *lock(&self.shared.ledger) = Some(ledger.clone());
        self
    }

    /// Sets the answer to everything that nothing else decides.
    pub fn answer(&self, answer: Answer) {
        self.behave(|behaviour| behaviour.default = answer);
    }

    /// Sets the answer to requests for `path`, whatever their query.
    pub fn on(&self, path: &str, answer: Answer) {
        self.behave(|behaviour| drop(behaviour.paths.insert(path.to_owned(), answer)));
    }

    /// Queues `answer` for one request to come; probes do not count.
    pub fn next(&self, answer: Answer) {
        self.behave(|behaviour| behaviour.next.push_back(answer));
    }

    /// Lets `responder` decide each request it returns an answer for.
    pub fn respond(&self, responder: impl Fn(&Request) -> Option<Answer> + Send + 'static) {
        self.behave(|behaviour| behaviour.responder = Some(Box::new(responder)));
    }

    /// Sets the path whose requests are probes: answered by health, and counted apart.
    pub fn set_health_path(&self, path: &str) {
        self.behave(|behaviour| path.clone_into(&mut behaviour.health_path));
    }

    /// Sets whether probes are answered with 200 or 503.
    pub fn set_healthy(&self, is_healthy: bool) {
        self.behave(|behaviour| behaviour.is_healthy = is_healthy);
    }

    /// Sets what happens to connections accepted from now on.
    pub fn set_accept(&self, accept: Accept) {
        self.behave(|behaviour| behaviour.accept = accept);
    }

    /// Closes each connection, unannounced, after this many answers.
    pub fn close_after_requests(&self, count: u32) {
        self.behave(|behaviour| behaviour.keep_alive.requests = Some(count));
    }

    /// Closes connections that stay idle this long after an answer. Takes effect on a connection
    /// at its next answer.
    pub fn close_when_idle(&self, time: Duration) {
        self.behave(|behaviour| behaviour.keep_alive.idle = Some(time));
    }

    fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.shared.behaviour));
    }

    /// Every request so far except probes, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// The number of requests so far, probes not counted.
    pub fn request_count(&self) -> usize {
        lock(&self.shared.requests).len()
    }

    /// Every probe so far, in order of arrival.
    pub fn probes(&self) -> Vec<Request> {
        lock(&self.shared.probes).clone()
    }

    /// The number of connections accepted so far.
    pub fn connection_count(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The number of connections that are open on this side.
    pub fn open_connections(&self) -> usize {
        self.shared.open_connections()
    }

    /// Waits until at least `count` requests have arrived.
    ///
    /// # Panics
    /// When they do not.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        let what = format!("{} has received {count} requests", self.name());
        eventually(PATIENCE, &what, || self.request_count() >= count);
    }

    /// Resets every open connection and goes on accepting.
    pub fn reset_connections(&self) {
        let mut open = Vec::new();
        for socket in self.shared.live_sockets() {
            socket.cut();
            open.push(socket.open());
        }
        let what = format!("{} has dropped its connections", self.name());
        eventually(PATIENCE, &what, || open.iter().all(|open| open.strong_count() == 0));
    }

    /// Refuses new connections; open ones are served on.
    pub fn stop_accepting(&self) {
        let Some(accepting) = lock(&self.accepting).take() else { return };
        // On Linux this also wakes the thread, and the kernel refuses connections from here on.
        let stopped = SockRef::from(&accepting.listener).shutdown(std::net::Shutdown::Both);
        debug_assert!(stopped.is_ok(), "a listening socket can be shut down: {stopped:?}");
        let joined = accepting.thread.join();
        debug_assert!(joined.is_ok(), "the accepting thread does not panic");
    }

    /// Dies as a process does: refuses new connections and resets the open ones.
    pub fn kill(&self) {
        self.stop_accepting();
        self.reset_connections();
    }

    /// Accepts again, on the same port. Does nothing while it does so already.
    ///
    /// # Panics
    /// When the port cannot be listened on.
    pub fn restart(&self) {
        let mut accepting = lock(&self.accepting);
        if accepting.is_some() {
            return;
        }
        let socket = ports::reserve(self.address);
        socket.listen(1024).unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let listener = TcpListener::from(socket);
        let waiting = listener.try_clone().expect("a listening socket can be duplicated");
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::spawn(move || {
            // Ends when the listener is shut down.
            while let Ok((stream, _)) = waiting.accept() {
                accept(&shared, stream);
            }
        });
        *accepting = Some(Accepting { listener, thread });
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop_accepting();
        for socket in self.shared.live_sockets() {
            socket.cut();
        }
    }
}

fn accept(shared: &Arc<Shared>, stream: TcpStream) {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
    let plan = lock(&shared.behaviour).accept;
    // Fails only when the peer is gone again.
    let Ok(socket) = Socket::new(stream) else { return };
    let socket = Arc::new(socket);
    {
        let mut sockets = lock(&shared.sockets);
        sockets.retain(|(_, open)| open.strong_count() > 0);
        sockets.push((Arc::downgrade(&socket), socket.open()));
    }
    let shared = Arc::clone(shared);
    std::thread::spawn(move || match plan {
        Accept::Serve => connection::serve(&shared, &socket, number),
        Accept::Reset => socket.arm_reset(),
        Accept::Close => {}
        Accept::CloseAfterBytes(count) => socket.discard(count),
        Accept::Ignore => socket.wait_for_end(),
    });
}
