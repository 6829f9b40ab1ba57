//! An open-loop client: requests are due on a timetable, whatever became of those before.
//!
//! `pulse ADDRESS RATE SECONDS CONNECTIONS [METHOD]` prints a line for each request: when it was due
//! in microseconds since the start, how long after that its answer was complete, its status (0 for
//! none), and who answered, or what failed. Times count from when a request was due and not from
//! when it was sent, so that a stall is not hidden by the requests that it held up.
//!
//! A kept connection that is found closed before the next request was begun is replaced without a
//! word, as every client must; whatever fails after the first byte was sent is a failure.

use std::io::{self, BufWriter, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// An answer that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(15);
const STACK: usize = 128 * 1024;

#[derive(Clone)]
struct Plan {
    address: SocketAddr,
    request: Vec<u8>,
    start: Instant,
    /// Between two requests of one connection.
    step: Duration,
    count: u32,
}

struct Outcome {
    due: Duration,
    took: Duration,
    status: u16,
    who: String,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, rate, seconds, connections, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: pulse ADDRESS RATE SECONDS CONNECTIONS [METHOD]");
        std::process::exit(2);
    };
    let number = |text: &String| text.parse::<u32>().map_err(io::Error::other);
    let (rate, seconds, connections) = (number(rate)?, number(seconds)?, number(connections)?);
    let method = rest.first().map_or("GET", String::as_str);
    let length = if method == "POST" { "Content-Length: 2\r\n\r\nok" } else { "\r\n" };
    let gap = Duration::from_secs(1) / rate.max(1);
    let plan = Plan {
        address: address.parse().map_err(io::Error::other)?,
        request: format!("{method} / HTTP/1.1\r\nHost: bench\r\n{length}").into_bytes(),
        start: Instant::now() + Duration::from_millis(100),
        step: gap * connections,
        count: rate * seconds / connections.max(1),
    };
    let (sender, outcomes) = mpsc::channel();
    for index in 0..connections {
        let (plan, sender) = (plan.clone(), sender.clone());
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || follow(&plan, gap * index, &sender))?;
    }
    drop(sender);
    let mut out = BufWriter::new(io::stdout().lock());
    for Outcome { due, took, status, who } in outcomes {
        writeln!(out, "{} {} {status} {who}", due.as_micros(), took.as_micros())?;
    }
    out.flush()
}

fn follow(plan: &Plan, offset: Duration, outcomes: &mpsc::Sender<Outcome>) {
    let mut kept = None;
    for turn in 0..plan.count {
        let due = offset + plan.step * turn;
        thread::sleep((plan.start + due).saturating_duration_since(Instant::now()));
        let (status, who) = if plan.start.elapsed() > plan.step * plan.count + PATIENCE {
            // Those before took so long that the timetable has ended meanwhile.
            (0, "HeldUp".to_owned())
        } else {
            match exchange(plan, kept.take()) {
                Ok((status, who, connection)) => {
                    kept = connection;
                    (status, who)
                }
                Err(error) => (0, format!("{:?}", error.kind())),
            }
        };
        let took = (plan.start + due).elapsed();
        if outcomes.send(Outcome { due, took, status, who }).is_err() {
            return;
        }
    }
}

/// One exchange: status, who answered, and the connection if it can be kept.
fn exchange(plan: &Plan, kept: Option<TcpStream>) -> io::Result<(u16, String, Option<TcpStream>)> {
    let mut stream = match kept.filter(is_open) {
        Some(stream) => stream,
        None => connect(plan.address)?,
    };
    stream.write_all(&plan.request)?;
    let mut bytes = Vec::with_capacity(1024);
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..read]);
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(&bytes).map_err(io::Error::other)?;
        let httparse::Status::Complete(head) = parsed else { continue };
        let field = |name: &str| {
            let found = response.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
            found.and_then(|it| std::str::from_utf8(it.value).ok())
        };
        let length: usize = field("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        if bytes.len() >= head + length {
            let is_last = field("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
            let who = field("x-responder").unwrap_or("-").to_owned();
            return Ok((response.code.unwrap_or(0), who, (!is_last).then_some(stream)));
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Whether the peer has neither closed the connection nor sent what nobody asked for.
fn is_open(stream: &TcpStream) -> bool {
    let is_quiet = stream.set_nonblocking(true).is_ok()
        && stream.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    is_quiet && stream.set_nonblocking(false).is_ok()
}
