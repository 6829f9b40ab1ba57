//! One `GET` over a Unix socket: a connection of its own, an answer read as far as is wanted.
//!
//! The engine is trusted more than a client and less than this process: every answer has a bound in
//! bytes, and whoever calls puts a bound on time.

use std::io;
use std::path::Path;

use roundel_http::{BodyDecoder, HeadLimits, Method, Parse, ResponseHead};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const HEAD_LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 64 * 1024, fields_max: 256, target_bytes_max: 0 };

/// More interim responses than this are not an engine.
const INTERIM_MAX: u32 = 16;

const READ_BYTES: usize = 16 * 1024;

/// Why a call did not bring what it was made for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The socket cannot be connected to.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// The connection was closed in the midst of an answer, or of the events.
    #[error("the engine closed the connection")]
    Closed,
    /// No answer came in time.
    #[error("no answer to {call} within {} s (limit)", .limit.as_secs())]
    TimedOut {
        /// What was asked.
        call: &'static str,
        /// The limit.
        limit: std::time::Duration,
    },
    /// What came is not what the API says.
    #[error("the answer to {call} makes no sense: {detail}")]
    Malformed {
        /// What was asked.
        call: &'static str,
        /// What is wrong with the answer.
        detail: String,
    },
    /// What came is longer than anything that is meant.
    #[error("the answer to {call} is longer than {limit} bytes (limit)")]
    TooLarge {
        /// What was asked.
        call: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The engine refused.
    #[error("the engine answers {call} with status {status}: {message}")]
    Refused {
        /// What was asked.
        call: &'static str,
        /// Its status.
        status: u16,
        /// What it says.
        message: String,
    },
}

/// An answer whose head has come.
pub(super) struct Answer {
    call: &'static str,
    pub(super) status: u16,
    stream: UnixStream,
    /// Bytes that came and are not decoded yet.
    buf: Vec<u8>,
    decoder: BodyDecoder,
}

impl Answer {
    /// Asks for `path`, which must be free of spaces. `call` names it in messages.
    pub(super) async fn get(socket: &Path, path: &str, call: &'static str) -> Result<Self, Fault> {
        let mut stream = UnixStream::connect(socket).await.map_err(Fault::Connect)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: docker\r\nUser-Agent: roundel/{}\r\n\
             Connection: close\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        stream.write_all(request.as_bytes()).await.map_err(Fault::Broken)?;
        let decoder = BodyDecoder::new(roundel_http::Framing::None);
        let mut answer = Self { call, status: 0, stream, buf: Vec::new(), decoder };
        answer.read_head().await?;
        Ok(answer)
    }

    async fn read_head(&mut self) -> Result<(), Fault> {
        let mut head = ResponseHead::default();
        for _ in 0..INTERIM_MAX {
            loop {
                let parsed = head.parse(&self.buf, Method::Get, &HEAD_LIMITS);
                match parsed.map_err(|fault| self.malformed(&fault))? {
                    Parse::Complete => break,
                    Parse::Partial => self.fill().await?,
                }
            }
            self.buf.drain(..head.len.min(self.buf.len()));
            if head.status >= 200 {
                self.status = head.status;
                self.decoder = BodyDecoder::new(head.framing);
                return Ok(());
            }
        }
        Err(self.malformed("too many interim responses"))
    }

    /// Appends what comes next of the body to `out`: at least a byte, or it says that the body has
    /// ended. May be dropped and called anew without a loss.
    pub(super) async fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, Fault> {
        loop {
            if self.decoder.is_end() {
                return Ok(false);
            }
            if !self.buf.is_empty() {
                let run = self.decoder.decode(&self.buf).map_err(|fault| Fault::Malformed {
                    call: self.call,
                    detail: fault.to_string(),
                })?;
                let (start, end) = run.data;
                let data = self.buf.get(start..end).unwrap_or_default();
                out.extend_from_slice(data);
                let has_more = !data.is_empty();
                self.buf.drain(..run.consumed.min(self.buf.len()));
                if has_more {
                    return Ok(true);
                }
                if self.decoder.is_end() {
                    return Ok(false);
                }
            }
            match self.fill().await {
                Err(Fault::Closed) if self.decoder.close() => return Ok(false),
                result => result?,
            }
        }
    }

    /// The whole body, if it is no longer than `limit`.
    pub(super) async fn body(mut self, limit: usize) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while self.more(&mut body).await? {
            if body.len() > limit {
                return Err(Fault::TooLarge { call: self.call, limit });
            }
        }
        Ok(body)
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        self.buf.reserve(READ_BYTES);
        // Bounded: a reserved buffer is filled to its capacity at most.
        match self.stream.read_buf(&mut self.buf).await {
            Ok(0) => Err(Fault::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::Broken(error)),
        }
    }

    fn malformed(&self, detail: &(impl ToString + ?Sized)) -> Fault {
        Fault::Malformed { call: self.call, detail: detail.to_string() }
    }
}
