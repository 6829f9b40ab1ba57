//! Who did what and when, what was before and after it, and how to take it back.
//!
//! Every action of an operator is written down, also those that were refused: in a ring in memory
//! for those who look, as a line of JSON in a file if there is one, in the process's own log, and on
//! the stream of events. A line is on the disk before the action is answered. The file is opened for
//! each line, so it may be rotated at any time.
//!
//! What was refused before a handler heard of it costs a stranger nothing to repeat, so it is put
//! together ([`refusals`]) and has a ring of its own: it cannot push actions out.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::contract::{AuditEntry, Time, Undo};
use crate::extract::Caller;
use crate::hub::{Hub, Topic};
use crate::problem::{Kind, Problem};

mod refusals;
mod way_back;
mod witness;

use refusals::{INTERVAL, Noted, Refusal, Refusals};
pub(crate) use witness::witness;

/// Actions kept in memory; the file has all.
const ACTIONS_KEPT: usize = 400;

/// Refusals kept in memory besides them.
const REFUSALS_KEPT: usize = 100;

/// Characters of a target that are written down: a pool's and an endpoint's name fit.
const TARGET_CHARS_MAX: usize = 512;

/// Characters of a detail that are written down. Details quote what callers send, which may be as
/// long as a body.
const DETAIL_CHARS_MAX: usize = 4096;

/// The audit log.
#[derive(Debug)]
pub(crate) struct AuditLog {
    hub: Arc<Hub>,
    kept: Mutex<Kept>,
    refusals: Mutex<Refusals>,
    path: Option<PathBuf>,
    /// Lines are written in the order of their ids.
    turn: tokio::sync::Mutex<()>,
}

/// What is kept in memory, oldest first.
#[derive(Debug, Default)]
struct Kept {
    actions: VecDeque<AuditEntry>,
    refusals: VecDeque<AuditEntry>,
}

/// What somebody tries to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Action<'a> {
    pub(crate) caller: &'a Caller,
    /// What, as `endpoint.update`.
    pub(crate) name: &'static str,
    /// What to, as `web/Server 1`.
    pub(crate) target: &'a str,
}

/// What an action did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    pub(crate) before: Value,
    pub(crate) after: Value,
    pub(crate) detail: Option<String>,
    pub(crate) undo: Option<Undo>,
}

impl AuditLog {
    pub(crate) fn new(hub: Arc<Hub>, path: Option<PathBuf>) -> Self {
        let (kept, refusals, turn) = Default::default();
        Self { hub, kept, refusals, path, turn }
    }

    /// Writes down an action that was done, in the words of `done`, or why it was not; and passes
    /// its outcome on.
    pub(crate) async fn record<T>(
        &self,
        action: Action<'_>,
        outcome: Result<T, Problem>,
        done: impl FnOnce(&T) -> Done,
    ) -> Result<T, Problem> {
        let ok = outcome.is_ok();
        let Done { before, after, detail, undo } = match &outcome {
            Ok(result) => done(result),
            Err(problem) => Done { detail: Some(problem.detail.clone()), ..Done::default() },
        };
        let Action { caller, name, target } = action;
        let entry = |id| AuditEntry {
            id,
            at: Time::now(),
            who: caller.0.clone(),
            action: name.to_owned(),
            target: target.to_owned(),
            before,
            after,
            ok,
            count: 1,
            detail,
            undo,
            obstacle: None,
        };
        self.enter(entry, |kept| (&mut kept.actions, ACTIONS_KEPT)).await;
        outcome.map_err(|problem| Problem { is_audited: true, ..problem })
    }

    /// Writes down that an action was refused before a handler heard of it, now or, if it is one of
    /// many, together with them.
    pub(crate) async fn refused(self: Arc<Self>, peer: Option<IpAddr>, kind: Kind, one: Refusal) {
        let noted = {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            refusals.note(peer, kind, one)
        };
        let Noted::First(place, first) = noted else { return };
        let log = Arc::clone(&self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let counted = {
                    let mut open = log.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                    open.close(place)
                };
                let Some(counted) = counted else { return };
                log.enter_refusal(counted).await;
            }
        });
        self.enter_refusal(first).await;
    }

    async fn enter_refusal(&self, refusal: Refusal) {
        let Refusal { who, action, target, detail, count } = refusal;
        let entry = |id| AuditEntry {
            id,
            at: Time::now(),
            who,
            action: action.to_owned(),
            target,
            before: Value::Null,
            after: Value::Null,
            ok: false,
            count,
            detail: Some(detail),
            undo: None,
            obstacle: None,
        };
        self.enter(entry, |kept| (&mut kept.refusals, REFUSALS_KEPT)).await;
    }

    async fn enter(
        &self,
        entry: impl FnOnce(u64) -> AuditEntry,
        ring: impl FnOnce(&mut Kept) -> (&mut VecDeque<AuditEntry>, usize),
    ) {
        let _turn = self.turn.lock().await;
        let entry = self.hub.tell(Topic::Audit, |id| finished(entry(id)));
        let AuditEntry { who, action, target, ok, count, detail, .. } = &entry;
        tracing::info!(who, action, target, ok, count, detail, "operator action");
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let (ring, most) = ring(&mut kept);
            if ring.len() == most {
                ring.pop_front();
            }
            ring.push_back(entry.clone());
        }
        self.write(entry).await;
    }

    /// What was done and what was refused, newest first, with what is in the way of taking it back
    /// by now.
    pub(crate) fn entries(&self) -> Vec<AuditEntry> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries: Vec<_> = kept.actions.iter().chain(&kept.refusals).cloned().collect();
        drop(kept);
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.id));
        let obstacles: Vec<_> =
            entries.iter().map(|entry| way_back::obstacle(entry, &entries)).collect();
        for (entry, obstacle) in entries.iter_mut().zip(obstacles) {
            entry.obstacle = obstacle;
        }
        entries
    }

    /// The action is done by now: a line that cannot be written is lost, aloud.
    async fn write(&self, entry: AuditEntry) {
        let Some(path) = self.path.clone() else { return };
        let written = tokio::task::spawn_blocking(move || append(&path, &entry)).await;
        if let Err(error) = written.unwrap_or_else(|_| Err(io::Error::other("writing failed"))) {
            tracing::error!(%error, "the audit log cannot be written: an entry is lost");
        }
    }
}

/// The entry without more of a caller's words than anybody reads, and with what is in the way of
/// taking it back already.
fn finished(entry: AuditEntry) -> AuditEntry {
    let obstacle = way_back::own_obstacle(&entry);
    let target = cut(entry.target, TARGET_CHARS_MAX);
    let detail = entry.detail.map(|detail| cut(detail, DETAIL_CHARS_MAX));
    AuditEntry { target, detail, obstacle, ..entry }
}

/// The first `chars_max` characters of `text`, and a mark if there are more.
fn cut(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Appends a line; on return it is on the disk.
fn append(path: &Path, entry: &AuditEntry) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let is_new = file.metadata()?.len() == 0;
    // One write for each line: lines of two processes never mix.
    file.write_all(&line)?;
    file.sync_data()?;
    if is_new {
        // The name of a file is on the disk when its directory is.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
