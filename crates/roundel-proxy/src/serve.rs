//! A runner: serves one client connection at a time, exchange after exchange.

use std::rc::Rc;
use std::time::Duration;

use crate::buffers::Buffers;
use crate::client::Client;
use crate::exchange;
use crate::reactor::Ready;
use crate::socket::Received;
use crate::task::TaskId;
use crate::worker::Worker;

/// What becomes of a client connection after an exchange, or instead of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It may carry another request.
    Keep,
    /// It is closed.
    Close,
    /// It is closed as soon as the client has had time to take the response: closing while its
    /// bytes are still arriving would reset the connection and lose the response on the way
    /// (RFC 9112 §9.6).
    Linger,
    /// It is reset, so that the client can't take what it got for a whole response.
    Reset,
}

/// How long, and for how many bytes, a closed client may go on sending.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// Serves clients until the worker has enough resting runners.
pub(crate) async fn run(worker: Rc<Worker>, id: TaskId) {
    let mut buffers = Buffers::default();
    loop {
        let client = worker.next_client(id).await;
        serve(&worker, client, &mut buffers).await;
        buffers.shrink();
        if !worker.rest(id) {
            return;
        }
    }
}

/// Serves one client until it has nothing more to say for now, or is gone.
async fn serve(worker: &Rc<Worker>, mut client: Client, buffers: &mut Buffers) {
    buffers.request.clear();
    loop {
        let next = exchange::run(worker, &mut client, buffers).await;
        match next {
            // One who sends request upon request, each answered at once, would keep the worker.
            Next::Keep if buffers.request.has_bytes() => worker.pause().await,
            Next::Keep if client.socket.ready().has_any(Ready::READ) => {}
            Next::Keep => {
                let timeout = client.listener.settings().timeouts.keep_alive;
                return worker.park(client, timeout);
            }
            Next::Close => return,
            Next::Linger => return linger(worker, &client).await,
            Next::Reset => return client.socket.reset_on_close(),
        }
    }
}

/// Reads and forgets what the client still sends, until it closes, within bounds.
async fn linger(worker: &Worker, client: &Client) {
    client.socket.shutdown_write();
    let deadline = worker.clock.after(LINGER_TIME);
    let mut bytes_left = LINGER_BYTES;
    while bytes_left > 0 {
        let received = client.socket.read(worker.blocks.take().bytes_mut());
        match received {
            Ok(Received::Bytes(n)) => bytes_left = bytes_left.saturating_sub(n),
            Ok(Received::Nothing) => {
                if worker.ready(&client.socket, Ready::READ, deadline).await.is_err() {
                    return;
                }
            }
            Ok(Received::End) | Err(_) => return,
        }
        if worker.clock.millis() >= deadline {
            return;
        }
    }
}
