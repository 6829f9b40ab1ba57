//! One connection of an origin: reads requests, asks for the answer, executes its steps.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use socket2::SockRef;
use xxhash_rust::xxh3::Xxh3;

use super::Shared;
use super::answer::Step;
use crate::message::{Fields, Framing, Head, Request};
use crate::websocket;
use crate::wire::{ReadError, Wire};

/// How often a thread that waits for nothing readable looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A socket shared between the thread that serves it and the origin that may cut it off.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    is_cut: AtomicBool,
    /// Goes after the stream, so that the connection is closed when this is gone.
    open: Arc<()>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(LOOK_EVERY))?;
        Ok(Self { stream, is_cut: AtomicBool::new(false), open: Arc::default() })
    }

    /// Makes the serving thread drop the connection with a reset, whatever it is doing.
    pub(super) fn cut(&self) {
        self.arm_reset();
        self.is_cut.store(true, Ordering::SeqCst);
        // Wakes a blocked reader without telling the peer anything.
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    /// What is there for as long as the connection is open: longer than the socket can be had.
    pub(super) fn open(&self) -> Weak<()> {
        Arc::downgrade(&self.open)
    }

    /// From now on closing is a reset. Fails only where the peer has closed already.
    pub(super) fn arm_reset(&self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    /// Writes all of `bytes`, however slowly the peer reads, unless cut off.
    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.is_cut() {
                return Err(ErrorKind::ConnectionReset.into());
            }
            match (&self.stream).write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads `count` bytes, or less when the peer ends first, and throws them away.
    pub(super) fn discard(&self, count: usize) {
        let mut left = vec![0; count];
        // Whatever the reason to end, the connection is closed next.
        let _ = (&self.stream).read_exact(&mut left);
    }

    /// Waits until the peer or the origin ends the connection; what comes meanwhile stays unread.
    pub(super) fn wait_for_end(&self) {
        let _ = self.stream.set_read_timeout(Some(LOOK_EVERY));
        while !self.is_cut() {
            match self.stream.peek(&mut [0]) {
                Ok(0) => return,
                Ok(_) => std::thread::sleep(LOOK_EVERY),
                Err(error) if is_temporary(&error) => {}
                Err(_) => return,
            }
        }
    }

    fn half_close(&self) {
        // The peer may have gone first.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(buffer)
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Why a connection is over.
enum End {
    Close,
    Reset,
}

/// Serves `socket` until it ends.
pub(super) fn serve(shared: &Shared, socket: &Arc<Socket>, number: u64) {
    let mut connection =
        Connection { shared, socket, wire: Wire::new(&**socket, false), number, answered: 0 };
    if let End::Reset = connection.run() {
        socket.arm_reset();
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    socket: &'a Socket,
    wire: Wire<&'a Socket>,
    number: u64,
    answered: u32,
}

/// A request body that is being read, and where in the record it is noted.
struct Upload {
    index: usize,
    framing: Framing,
    hash: Xxh3,
    bytes: u64,
    is_done: bool,
}

impl Connection<'_> {
    fn run(&mut self) -> End {
        loop {
            let keep_alive = self.shared.keep_alive();
            if keep_alive.requests.is_some_and(|limit| self.answered >= limit) {
                return End::Close;
            }
            let patience = keep_alive.idle.filter(|_| self.answered > 0);
            if self.socket.stream.set_read_timeout(patience).is_err() {
                return End::Close;
            }
            let Ok(bytes) = self.wire.read_head() else { return End::Close };
            let _ = self.socket.stream.set_read_timeout(None);
            let Some(head) = Head::parse(&bytes) else { return End::Close };
            if let Err(end) = self.exchange(head) {
                return end;
            }
            self.answered += 1;
        }
    }

    fn exchange(&mut self, head: Head) -> Result<(), End> {
        let framing = Framing::of_request(&head.fields);
        let peer = self.socket.stream.peer_addr().map_err(|_| End::Close)?;
        let request = Request {
            method: head.first,
            target: head.second,
            version: head.third,
            fields: head.fields,
            trailers: Fields::default(),
            body_bytes: 0,
            body_fingerprint: crate::fingerprint(b""),
            is_complete: framing == Framing::None,
            connection: self.number,
            peer,
            order: super::next_order(),
            at: Instant::now(),
        };
        let (index, answer) = self.shared.receive(&request);
        let steps = answer.steps(&request, &self.shared.name);
        let is_done = request.is_complete;
        let mut upload = Upload { index, framing, hash: Xxh3::new(), bytes: 0, is_done };
        let mut pending = Vec::new();
        for step in steps {
            // What is sent without a wait in between leaves in one piece, as from a real server.
            if let Step::Write(bytes) = &step {
                pending.extend_from_slice(bytes);
                continue;
            }
            self.flush(&mut pending)?;
            self.execute(step, &request, &mut upload)?;
        }
        self.flush(&mut pending)?;
        self.read_body(&mut upload, None)
    }

    fn flush(&self, pending: &mut Vec<u8>) -> Result<(), End> {
        let sent = self.socket.write_all(pending);
        pending.clear();
        sent.map_err(|_| End::Close)
    }

    fn execute(&mut self, step: Step, request: &Request, upload: &mut Upload) -> Result<(), End> {
        match step {
            Step::Write(bytes) => self.socket.write_all(&bytes).map_err(|_| End::Close),
            Step::Fill(count) => self.fill(count),
            Step::Pause(time) => self.pause(time),
            Step::WaitFor(gate) => {
                while !gate.wait(LOOK_EVERY) {
                    self.check_cut()?;
                }
                Ok(())
            }
            Step::ReadBody => self.read_body(upload, None),
            Step::ReadBytes(count) => self.read_body(upload, Some(count)),
            Step::Echo => {
                let socket = self.socket;
                let _ = self.wire.read_to_close(&mut |bytes| {
                    // A failed write shows itself as the end of what can be read.
                    let _ = socket.write_all(bytes);
                });
                socket.half_close();
                Err(End::Close)
            }
            Step::EchoWebSocket => {
                let _ = websocket::serve_echo(&mut self.wire, request, |bytes| {
                    self.socket.write_all(bytes)
                });
                Err(End::Close)
            }
            Step::Close => Err(End::Close),
            Step::Reset => Err(End::Reset),
            Step::Hang => {
                self.socket.wait_for_end();
                Err(End::Close)
            }
        }
    }

    fn fill(&self, mut count: u64) -> Result<(), End> {
        let block: Vec<u8> = (0..64 * 1024_u32).map(|at| b'a' + (at % 26) as u8).collect();
        while count > 0 {
            let part = block.len().min(usize::try_from(count).unwrap_or(usize::MAX));
            self.socket.write_all(&block[..part]).map_err(|_| End::Close)?;
            count -= part as u64;
        }
        Ok(())
    }

    fn pause(&self, time: Duration) -> Result<(), End> {
        let end = Instant::now() + time;
        loop {
            self.check_cut()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    fn check_cut(&self) -> Result<(), End> {
        if self.socket.is_cut() { Err(End::Reset) } else { Ok(()) }
    }

    /// Reads the body to its end, or at most `limit` bytes of one with a known length.
    fn read_body(&mut self, upload: &mut Upload, limit: Option<u64>) -> Result<(), End> {
        if upload.is_done || limit == Some(0) {
            return Ok(());
        }
        let shared = self.shared;
        let (framing, is_last) = match (upload.framing, limit) {
            (Framing::Length(all), Some(limit)) if limit < all - upload.bytes => {
                (Framing::Length(limit), false)
            }
            (Framing::Length(all), _) => (Framing::Length(all - upload.bytes), true),
            (framing, _) => (framing, true),
        };
        let (hash, bytes, index) = (&mut upload.hash, &mut upload.bytes, upload.index);
        let read = self.wire.read_body(framing, &mut |block| {
            hash.update(block);
            *bytes += block.len() as u64;
            shared.note_body(index, *bytes, hash.digest());
        });
        match read {
            Ok(trailers) => {
                upload.is_done = is_last;
                if is_last {
                    shared.note_complete(index, trailers);
                }
                Ok(())
            }
            Err(ReadError::Reset) => Err(End::Reset),
            Err(_) => Err(End::Close),
        }
    }
}
