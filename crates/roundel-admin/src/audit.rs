//! Who did what and when, what was before and after it, and how to take it back.
//!
//! Every action of an operator is written down, also those that were refused: in a ring in memory
//! for those who look, as a line of JSON in a file if there is one, in the process's own log, and on
//! the stream of events. The file is opened for each line, so it may be rotated at any time.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::contract::{AuditEntry, Time, Undo};
use crate::extract::Caller;
use crate::hub::{Hub, Topic};
use crate::problem::Problem;

/// Entries kept in memory; the file has all.
const ENTRIES_KEPT: usize = 500;

/// The audit log.
#[derive(Debug)]
pub(crate) struct AuditLog {
    hub: Arc<Hub>,
    kept: Mutex<VecDeque<AuditEntry>>,
    path: Option<PathBuf>,
    /// Lines are written in the order of their ids.
    turn: tokio::sync::Mutex<()>,
}

/// What an action did.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) before: Value,
    pub(crate) after: Value,
    pub(crate) detail: Option<String>,
    pub(crate) undo: Option<Undo>,
}

impl AuditLog {
    pub(crate) fn new(hub: Arc<Hub>, path: Option<PathBuf>) -> Self {
        Self { hub, kept: Mutex::default(), path, turn: tokio::sync::Mutex::new(()) }
    }

    /// Writes down an action that was done, or why it was not.
    pub(crate) async fn record(
        &self,
        caller: &Caller,
        action: &'static str,
        target: &str,
        outcome: Result<Done, &Problem>,
    ) {
        let ok = outcome.is_ok();
        let Done { before, after, detail, undo } = outcome.unwrap_or_else(|problem| Done {
            before: Value::Null,
            after: Value::Null,
            detail: Some(problem.detail.clone()),
            undo: None,
        });
        let _turn = self.turn.lock().await;
        let entry = self.hub.tell(Topic::Audit, |id| AuditEntry {
            id,
            at: Time::now(),
            who: caller.0.clone(),
            action: action.to_owned(),
            target: target.to_owned(),
            before,
            after,
            ok,
            detail,
            undo,
        });
        let (who, detail) = (entry.who.as_str(), entry.detail.as_deref());
        tracing::info!(who, action, target, ok, detail, "operator action");
        self.keep(entry.clone());
        self.write(entry).await;
    }

    /// What was done, newest first.
    pub(crate) fn entries(&self) -> Vec<AuditEntry> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }

    fn keep(&self, entry: AuditEntry) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == ENTRIES_KEPT {
            kept.pop_front();
        }
        kept.push_back(entry);
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

fn append(path: &Path, entry: &AuditEntry) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    // One write for each line: lines of two processes never mix.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.write_all(&line)
}
