//! Accepts connections and bounds each of them.
//!
//! Bounded are: how many there are (see [`crowd`](crate::crowd)), how long a request head or a pause
//! between two requests may take, how large a head is, and how long a client may take no byte of an
//! answer. A caller who breaks a bound loses its connection; traffic never notices, as workers share
//! nothing with this.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use crate::api::Shared;
use crate::audit::AuditLog;
use crate::crowd::{Crowd, Guest};
use crate::guard::{Guard, Peer};
use crate::hub::Hub;
use crate::journal;
use crate::picture::Sight;
use crate::router::router;
use crate::surface::Surface;
use crate::token::Token;

/// Browsers open six each, scrapers one.
const CONNECTIONS_MAX: usize = 128;

/// Connections that wait to be accepted. Larger than what is usual, so that a probe finds room
/// among strangers who come back as fast as they are made to leave.
const BACKLOG: i32 = 1024;

/// The first request head, its first byte included. Whoever connects has something to ask.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A later request head, its first byte included: the longest pause between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Read buffer of a connection and so the largest head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes that the client's kernel takes no note of for so long end the connection.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// After a failed accept (no descriptors, say): trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the surface cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Other machines could reach it, and nothing is asked of them.
    #[error(
        "admin address {0} can be reached from other machines: set `token_file` in [admin], or \
         use a loopback address such as 127.0.0.1:{port}", port = .0.port()
    )]
    NeedsToken(SocketAddr),
    /// The address cannot be bound.
    #[error("admin address {address}: {}", explain(source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "already in use by another process ({error}), another Roundel perhaps: give this one \
             another, `address` in [admin]"
        ),
        _ => error.to_string(),
    }
}

/// The admin surface, bound and not yet answering.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    guard: Arc<Guard>,
}

impl Admin {
    /// Binds `address`. Any but a loopback address needs a token.
    pub fn bind(address: SocketAddr, token: Option<Token>) -> Result<Self, BindError> {
        if token.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(BindError::NeedsToken(address));
        }
        let bind = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            rustix::net::listen(&listener, BACKLOG)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bind().map_err(|source| BindError::Bind { address, source })?;
        Ok(Self { listener, address, guard: Arc::new(Guard::new(token)) })
    }

    /// Where it listens; a port 0 is resolved here.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until dropped. Runs on a tokio runtime with IO and time.
    ///
    /// # Errors
    /// When the runtime refuses the socket.
    pub async fn serve(self, surface: Surface) -> io::Result<Infallible> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let hub = Arc::new(Hub::new());
        let audit = Arc::new(AuditLog::new(Arc::clone(&hub), surface.audit_log.clone()));
        let shared = Shared { surface: Arc::new(surface), hub, audit };
        tokio::spawn(keep_told(shared.clone()));
        let router = router(shared, self.guard);
        let crowd = Arc::new(Crowd::new(CONNECTIONS_MAX));
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let peer = Peer(peer.ip().to_canonical());
                    let guest = crowd.enter().await;
                    drop(tokio::spawn(converse(stream, peer, router.clone(), guest)));
                }
                Err(error) => {
                    tracing::warn!(%error, "admin: cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Tells those who listen what there is to tell.
async fn keep_told(shared: Shared) {
    let states = shared.hub.tick(|| Sight::of(&shared.surface).state());
    let changes = journal::follow(&shared.surface.control, &shared.hub);
    tokio::join!(states, changes);
}

/// Answers the requests of one connection until it ends or has to leave.
async fn converse(stream: TcpStream, peer: Peer, router: Router, guest: Arc<Guest>) {
    let write_timeout_ms = WRITE_TIMEOUT.as_millis() as u32;
    let bounded = rustix::net::sockopt::set_tcp_user_timeout(&stream, write_timeout_ms);
    if let Err(error) = bounded.map_err(io::Error::from).and_then(|()| stream.set_nodelay(true)) {
        tracing::debug!(%error, "admin: cannot bound a connection");
        return;
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(Arc::clone(&guest));
        let (router, guest) = (&router, &guest);
        async move {
            let exchange = guest.begin().await;
            let response = router.call(request).await?;
            Ok::<_, Infallible>(response.map(|answer| exchange.until_written(answer)))
        }
    });
    let served = http.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::debug!(%error, "admin: connection ended early");
        },
        () = guest.is_asked_to_leave() => {
            tracing::debug!(peer = %peer.0, "admin: too many connections, one has to leave");
        }
        () = says_nothing(&guest) => {
            tracing::debug!(peer = %peer.0, "admin: no request head in time");
        }
    }
}

/// Comes to an end when a guest has sent no request head for too long.
async fn says_nothing(guest: &Guest) {
    tokio::time::sleep(FIRST_HEAD_TIMEOUT).await;
    if guest.is_heard() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[test]
    fn an_address_that_others_reach_needs_a_token() {
        for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let error = Admin::bind(open.parse().unwrap(), None).unwrap_err();
            assert!(matches!(error, BindError::NeedsToken(_)), "{open}: {error}");
        }
        for own in ["127.0.0.1:0", "127.1.2.3:0", "[::ffff:127.0.0.1]:0"] {
            let admin = Admin::bind(own.parse().unwrap(), None).unwrap();
            assert_ne!(admin.address().port(), 0, "{own}");
        }
    }

    /// Virtual time passes as soon as both sides wait.
    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_and_a_connection_without_one_are_given_up() {
        for begin in [&b"GET /healthz HTTP/1.1\r\nHost: loc"[..], b""] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            client.write_all(begin).await.unwrap();
            let crowd = Arc::new(Crowd::new(1));
            let start = tokio::time::Instant::now();
            let peer = Peer(Ipv4Addr::LOCALHOST.into());
            converse(stream, peer, Router::new(), crowd.enter().await).await;
            assert!(start.elapsed() >= FIRST_HEAD_TIMEOUT, "{:?}", start.elapsed());
            assert!(start.elapsed() < HEAD_TIMEOUT, "{:?}", start.elapsed());
            let _its_place = crowd.enter().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_asked_may_pause_for_longer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: local\r\n\r\n").await.unwrap();
        let crowd = Arc::new(Crowd::new(1));
        let start = tokio::time::Instant::now();
        let peer = Peer(Ipv4Addr::LOCALHOST.into());
        converse(stream, peer, Router::new(), crowd.enter().await).await;
        assert!(start.elapsed() >= HEAD_TIMEOUT, "{:?}", start.elapsed());
    }
}
