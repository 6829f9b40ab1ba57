//! One probe: a connection, perhaps a request, a verdict.
//!
//! A connection of its own each time, closed afterwards: a probe must find what a new client would
//! find, not what an old connection still allows.

use std::sync::Arc;
use std::time::Duration;

use roundel_core::address::ConnectAddress;
use roundel_core::health::{
    PROBE_BODY_BYTES_MAX, ProbeFailure, ProbeOutcome, judge_body, judge_status,
};
use roundel_core::policy::{HealthCheck, HttpProbe, Probe};
use roundel_http::{BodyDecoder, Framing, HeadLimits, Method, Parse, ResponseHead};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

const HEAD_LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 64 * 1024, fields_max: 256, target_bytes_max: 0 };

/// More interim responses than this are not a server but a flood.
const INTERIM_MAX: u32 = 16;

const READ_BYTES: usize = 4096;

/// Probes an endpoint; over after the check's timeout at the latest. Tells what it found and how
/// long that took.
pub(crate) async fn probe(
    check: &HealthCheck,
    address: &ConnectAddress,
    authority: &str,
) -> (ProbeOutcome, Duration) {
    let start = Instant::now();
    let result = timeout(check.timeout, attempt(&check.probe, address, authority)).await;
    let took = start.elapsed();
    let outcome = match result {
        Ok(Ok(())) => ProbeOutcome::Success { took },
        Ok(Err(failure)) => ProbeOutcome::Failure(failure),
        Err(_) => ProbeOutcome::Failure(ProbeFailure::TimedOut { took, limit: check.timeout }),
    };
    (outcome, took)
}

async fn attempt(
    probe: &Probe,
    address: &ConnectAddress,
    authority: &str,
) -> Result<(), ProbeFailure> {
    let refused = |e: std::io::Error| ProbeFailure::from_connect(e.kind());
    match address {
        ConnectAddress::Ip(address) => {
            let stream = TcpStream::connect(address).await.map_err(refused)?;
            ask(stream, probe, authority).await
        }
        ConnectAddress::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(refused)?;
            // A path is no authority (RFC 9110 §7.2).
            ask(stream, probe, "localhost").await
        }
    }
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    probe: &Probe,
    authority: &str,
) -> Result<(), ProbeFailure> {
    let Probe::Http(probe) = probe else { return Ok(()) };
    stream.write_all(&request(probe, authority)).await.map_err(|e| broken(&e))?;
    let mut input = Input { stream, buf: Vec::with_capacity(READ_BYTES) };
    let head = input.head(Method::of(probe.method.as_bytes())).await?;
    judge_status(head.status, probe)?;
    if probe.expected_body.is_none() {
        return Ok(());
    }
    let body = input.body(head.framing).await?;
    judge_body(&body, probe)
}

fn request(probe: &HttpProbe, authority: &str) -> Vec<u8> {
    let host = probe.host.as_deref().unwrap_or(authority);
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: roundel-probe/{version}\r\n\
         Connection: close\r\n",
        probe.method, probe.path
    );
    for (name, value) in &probe.headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    // Servers wait for a body, or answer 411, when a method that may have one does not say.
    if !matches!(Method::of(probe.method.as_bytes()), Method::Get | Method::Head | Method::Options)
    {
        text.push_str("Content-Length: 0\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn broken(error: &std::io::Error) -> ProbeFailure {
    ProbeFailure::from_connection(error.kind())
}

fn malformed(detail: &(impl ToString + ?Sized)) -> ProbeFailure {
    ProbeFailure::Malformed { detail: detail.to_string() }
}

/// What an endpoint sends; never holds more than the bounds on head and body.
struct Input<S> {
    stream: S,
    buf: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Input<S> {
    /// Reads the final response head and leaves what follows in the buffer.
    async fn head(&mut self, method: Method) -> Result<ResponseHead, ProbeFailure> {
        let mut head = ResponseHead::default();
        for _ in 0..INTERIM_MAX {
            while head.parse(&self.buf, method, &HEAD_LIMITS).map_err(|e| malformed(&e))?
                == Parse::Partial
            {
                if self.fill().await? == 0 {
                    return Err(ProbeFailure::Closed);
                }
            }
            self.buf.drain(..head.len.min(self.buf.len()));
            if head.status >= 200 {
                return Ok(head);
            }
        }
        Err(malformed("too many interim responses"))
    }

    /// Reads the body's first bytes, as many as are judged.
    async fn body(&mut self, framing: Framing) -> Result<Vec<u8>, ProbeFailure> {
        let mut decoder = BodyDecoder::new(framing);
        let mut body = Vec::new();
        while !decoder.is_end() && body.len() < PROBE_BODY_BYTES_MAX {
            if self.buf.is_empty() && self.fill().await? == 0 {
                return if decoder.close() { Ok(body) } else { Err(ProbeFailure::Closed) };
            }
            let run = decoder.decode(&self.buf).map_err(|e| malformed(&e))?;
            let (start, end) = run.data;
            body.extend_from_slice(self.buf.get(start..end).unwrap_or_default());
            self.buf.drain(..run.consumed.min(self.buf.len()));
        }
        Ok(body)
    }

    async fn fill(&mut self) -> Result<usize, ProbeFailure> {
        self.buf.reserve(READ_BYTES);
        // Bounded: a reserved buffer is filled to its capacity at most.
        self.stream.read_buf(&mut self.buf).await.map_err(|e| broken(&e))
    }
}

/// Where an endpoint is while its name has no address: a port that nothing can listen on, so that
/// whoever connects regardless is refused at once. Port 0 is reserved (RFC 6335 §6).
pub(crate) fn nowhere() -> ConnectAddress {
    ConnectAddress::Ip((std::net::Ipv4Addr::LOCALHOST, 0).into())
}

/// A probe to run.
#[derive(Debug, Clone)]
pub(crate) struct ProbeTarget {
    /// How.
    pub(crate) check: Arc<HealthCheck>,
    /// Where.
    pub(crate) address: ConnectAddress,
    /// What `Host` says.
    pub(crate) authority: Arc<str>,
}

#[cfg(test)]
mod tests;
