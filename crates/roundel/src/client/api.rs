//! The management API as commands use it: one call, one answer of the contract or a [`Failure`].
//!
//! Decides nothing about what is shown. Reads what the API says by the contract's own types, so the
//! two cannot disagree; keys that a newer Roundel adds are passed over.

use std::time::{Duration, Instant};

use roundel_admin::{ProblemDetails, Token};
use serde::de::DeserializeOwned;

use super::address::AdminAddress;
use super::arguments::Reach;
use super::failure::Failure;
use super::http::{HttpError, Request, Response, read_response};
use super::sse::{Event, Events};
use super::wire::{Patience, Wire};

/// An answer may take long when it waits for what was asked, as a reload does.
const ANSWER: Duration = Duration::from_mins(1);

/// Streams give a sign of life every 15 s.
const SILENCE: Duration = Duration::from_secs(40);

/// A state of ten thousand endpoints is some five megabytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The API of one Roundel.
#[derive(Debug)]
pub(crate) struct Api {
    admin: AdminAddress,
    authorization: Option<String>,
}

impl Api {
    /// Connects to nobody yet.
    pub(crate) fn new(reach: &Reach) -> Result<Self, Failure> {
        let token = reach.token_file.as_deref().map(Token::read).transpose();
        let token = token.map_err(|error| Failure::Other(error.to_string()))?;
        let authorization = token.map(|token| token.authorization());
        Ok(Self { admin: reach.admin.clone(), authorization })
    }

    /// Whom it asks.
    pub(crate) fn admin(&self) -> &AdminAddress {
        &self.admin
    }

    /// What is at `path`, as text.
    pub(crate) fn text(&self, path: &str) -> Result<String, Failure> {
        self.call("GET", path, None)
    }

    /// What is at `path`.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.parse(&self.text(path)?)
    }

    /// Has something done; the answer is JSON, or empty.
    pub(crate) fn call(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<String, Failure> {
        let body = body.map(ToString::to_string);
        let mut request = self.request(method, path, "application/json, */*;q=0.5");
        request.body = body.as_deref().map(str::as_bytes);
        let response = self.send(&request, Patience::Until(Instant::now() + ANSWER))?;
        let body = response.body.read_all(ANSWER_BYTES_MAX);
        let body = body.map_err(|error| self.broken(error))?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Follows a stream. `last` is the event after which it goes on; 0 for all that are kept.
    pub(crate) fn follow(&self, path: &str, last: Option<u64>) -> Result<Followed<'_>, Failure> {
        let mut request = self.request("GET", path, "text/event-stream");
        request.last_event_id = last;
        let Response { body, .. } = self.send(&request, Patience::Silence(SILENCE))?;
        Ok(Followed { api: self, events: Events::new(body) })
    }

    /// Reads JSON of the contract.
    pub(crate) fn parse<T: DeserializeOwned>(&self, json: &str) -> Result<T, Failure> {
        serde_json::from_str(json).map_err(|error| {
            Failure::Other(format!(
                "what {} answers is not understood ({error}): is it Roundel, of this version?",
                self.admin
            ))
        })
    }

    fn request<'a>(
        &'a self,
        method: &'static str,
        target: &'a str,
        accept: &'static str,
    ) -> Request<'a> {
        let authorization = self.authorization.as_deref();
        Request { method, target, accept, authorization, last_event_id: None, body: None }
    }

    /// The answer, unless it is a refusal.
    fn send(&self, request: &Request<'_>, patience: Patience) -> Result<Response<Wire>, Failure> {
        let unreachable = |error| Failure::unreachable(&self.admin, &error);
        let mut wire = Wire::connect(&self.admin, patience).map_err(unreachable)?;
        let host = wire.peer().map_err(unreachable)?.to_string();
        wire.send(&request.bytes(&host)).map_err(unreachable)?;
        let response = read_response(wire).map_err(|error| self.broken(error))?;
        match response.status {
            200..=299 => Ok(response),
            _ => Err(self.refusal(response)),
        }
    }

    fn refusal(&self, response: Response<Wire>) -> Failure {
        let Response { status, kind, body } = response;
        if kind == "application/problem+json"
            && let Ok(body) = body.read_all(ANSWER_BYTES_MAX)
            && let Ok(problem) = serde_json::from_slice::<ProblemDetails>(&body)
        {
            let has_token = self.authorization.is_some();
            return Failure::Refused { problem: Box::new(problem), has_token };
        }
        Failure::Other(format!(
            "{} answers with status {status}: is it Roundel's admin address? give --admin",
            self.admin
        ))
    }

    fn broken(&self, error: HttpError) -> Failure {
        match error {
            // Not the peer has gone but the reader of our output.
            HttpError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Failure::Closed
            }
            error => Failure::Answer { admin: self.admin.clone(), error },
        }
    }
}

/// A stream that is followed.
#[derive(Debug)]
pub(crate) struct Followed<'a> {
    api: &'a Api,
    events: Events<Wire>,
}

impl Followed<'_> {
    /// The next event; the end of a stream is a failure, as it has none of its own.
    pub(crate) fn next(&mut self) -> Result<Event, Failure> {
        let next = self.events.next().map_err(|error| self.api.broken(error))?;
        next.ok_or_else(|| self.api.broken(HttpError::Truncated))
    }
}
