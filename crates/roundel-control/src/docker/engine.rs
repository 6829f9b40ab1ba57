//! The engine's API, as far as it is used: what runs, how it is stopped, and what happens.
//!
//! Four kinds of `GET`, so there is no client library: see the decision on the Docker client. Reads
//! only; whoever holds the socket could do anything on the host, Roundel asks questions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use super::container::{Container, EngineEvent, StopFacts};
use super::http::{Answer, Fault};
use super::place::Rules;
use super::roster::Listing;
use super::wire;

/// One call's limit: an engine that is busy pulling images takes a second or two.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Some 5,000 containers.
const LIST_BYTES_MAX: usize = 16 << 20;
/// What one container's details, a version or a refusal may take.
const DETAILS_BYTES_MAX: usize = 1 << 20;
/// An event carries all labels of its container.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// What is asked of the events: `{"type":["container","network"],"event":[…]}`, percent-encoded.
/// Without it each run of a container's `HEALTHCHECK` would be three events.
const EVENT_FILTER: &str = concat!(
    "%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%2C%22event%22%3A%5B",
    "%22start%22%2C%22kill%22%2C%22die%22%2C%22pause%22%2C%22unpause%22%2C%22rename%22%2C",
    "%22health_status%22%2C%22connect%22%2C%22disconnect%22%5D%7D",
);

/// An engine that has answered once.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    socket: PathBuf,
    /// As in "v1.41".
    version: String,
}

impl Engine {
    /// Finds out which version of the API to speak.
    pub(super) async fn meet(socket: &Path) -> Result<Self, Fault> {
        let call = "version";
        let body = whole(socket, "/version", call, DETAILS_BYTES_MAX).await?;
        let version = wire::api_version(&body).map_err(|fault| malformed(call, &fault))?;
        Ok(Self { socket: socket.to_owned(), version })
    }

    /// Lists all containers, and asks how those are stopped that `rules` concern and that are not
    /// among the `known`. One that vanishes meanwhile is left out of the second.
    pub(super) async fn list(
        &self,
        rules: &Rules,
        known: &BTreeSet<String>,
    ) -> Result<Listing, Fault> {
        let call = "list";
        let path = format!("/{}/containers/json", self.version);
        let body = whole(&self.socket, &path, call, LIST_BYTES_MAX).await?;
        let containers = wire::containers(&body).map_err(|fault| malformed(call, &fault))?;
        let mut stop_facts = BTreeMap::new();
        let is_new = |it: &&Container| rules.concern(it) && !known.contains(&it.id);
        for container in containers.iter().filter(is_new) {
            if let Some(facts) = self.stop_facts(&container.id).await? {
                stop_facts.insert(container.id.clone(), facts);
            }
        }
        Ok(Listing { containers, stop_facts })
    }

    async fn stop_facts(&self, id: &str) -> Result<Option<StopFacts>, Fault> {
        let call = "inspect";
        let is_plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_plain {
            return Err(malformed(call, &format!("{id:?} identifies no container")));
        }
        let path = format!("/{}/containers/{id}/json", self.version);
        match whole(&self.socket, &path, call, DETAILS_BYTES_MAX).await {
            Ok(body) => wire::stop_facts(&body).map(Some).map_err(|fault| malformed(call, &fault)),
            Err(Fault::Refused { status: 404, .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Begins to listen to events. What happens from now on is heard.
    pub(super) async fn events(&self) -> Result<Events, Fault> {
        let call = "events";
        let path = format!("/{}/events?filters={EVENT_FILTER}", self.version);
        let answer = in_time(call, Answer::get(&self.socket, &path, call)).await?;
        let answer = accepted(answer, call).await?;
        Ok(Events { answer, read: Vec::new() })
    }
}

/// Events as they come.
pub(super) struct Events {
    answer: Answer,
    read: Vec<u8>,
}

impl Events {
    /// The next event. May be dropped and called anew without a loss.
    pub(super) async fn next(&mut self) -> Result<EngineEvent, Fault> {
        let call = "events";
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                if !line.trim_ascii().is_empty() {
                    return wire::event(&line).map_err(|fault| malformed(call, &fault));
                }
            }
            if self.read.len() > EVENT_BYTES_MAX {
                return Err(Fault::TooLarge { call, limit: EVENT_BYTES_MAX });
            }
            if !self.answer.more(&mut self.read).await? {
                return Err(Fault::Closed);
            }
        }
    }
}

async fn whole(
    socket: &Path,
    path: &str,
    call: &'static str,
    limit: usize,
) -> Result<Vec<u8>, Fault> {
    in_time(call, async {
        let answer = Answer::get(socket, path, call).await?;
        accepted(answer, call).await?.body(limit).await
    })
    .await
}

/// The answer, unless it is a refusal.
async fn accepted(answer: Answer, call: &'static str) -> Result<Answer, Fault> {
    if answer.status == 200 {
        return Ok(answer);
    }
    let status = answer.status;
    let body = in_time(call, answer.body(DETAILS_BYTES_MAX)).await.unwrap_or_default();
    let message: String = String::from_utf8_lossy(&body).trim().chars().take(200).collect();
    Err(Fault::Refused { call, status, message })
}

async fn in_time<T>(
    call: &'static str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let timed_out = || Fault::TimedOut { call, limit: CALL_TIMEOUT };
    timeout(CALL_TIMEOUT, work).await.unwrap_or_else(|_| Err(timed_out()))
}

fn malformed(call: &'static str, detail: &impl ToString) -> Fault {
    Fault::Malformed { call, detail: detail.to_string() }
}
