//! The request ledger: what was sent, what origins received, what was answered.
//!
//! A balancer keeps its promise when nothing is lost (sent and never answered by an origin) and
//! nothing that is not idempotent is processed twice. Both show only when the two sides are
//! compared request by request, so every request carries an id that the origins write down and
//! echo. The ledger judges nothing: it counts, and a test asserts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::deadline::lock;

/// Name of the field that carries a request's id, in both directions.
pub const FIELD: &str = "X-Ledger-Id";

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The id, unique in the process.
    pub id: String,
    /// The request's method.
    pub method: String,
    /// What the client got: a status, or a failure in words; `None` while it waits.
    pub outcome: Option<Outcome>,
    /// Names of the origins that received it, in order of arrival.
    pub seen: Vec<String>,
}

/// What a client got for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A complete response with this status.
    Answered(u16),
    /// None, for this reason.
    Failed(String),
}

impl Entry {
    /// Whether doing it twice is as good as once (RFC 9110 §9.2.2).
    pub fn is_idempotent(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
    }

    /// Whether no complete response came.
    pub fn is_lost(&self) -> bool {
        !matches!(self.outcome, Some(Outcome::Answered(_)))
    }
}

/// A ledger shared by clients and origins; clones are the same ledger.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<String, Entry>>>);

/// Ids are unique in the process, so that a load with a ledger of its own cannot be mistaken for
/// another when both reach one origin.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a line for a request about to be sent, and returns its id.
    pub fn send(&self, method: &str) -> String {
        let id = format!("r{:06}", NEXT_ID.fetch_add(1, Ordering::Relaxed));
        self.change(&id, |entry| method.clone_into(&mut entry.method));
        id
    }

    /// Notes what the client got for `id`.
    pub fn close(&self, id: &str, outcome: Outcome) {
        self.change(id, |entry| entry.outcome = Some(outcome));
    }

    /// Notes that `origin` received `id`.
    pub fn saw(&self, id: &str, origin: &str) {
        self.change(id, |entry| entry.seen.push(origin.to_owned()));
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Entry)) {
        let mut entries = lock(&self.0);
        // An origin may see an id that this ledger never gave out; its method stays empty.
        let entry = entries.entry(id.to_owned()).or_insert_with(|| Entry {
            id: id.to_owned(),
            method: String::new(),
            outcome: None,
            seen: Vec::new(),
        });
        change(entry);
    }

    /// Every line, by id.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.0).values().cloned().collect()
    }

    fn filtered(&self, keep: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        lock(&self.0).values().filter(|entry| keep(entry)).cloned().collect()
    }

    /// Requests sent and never completely answered.
    pub fn lost(&self) -> Vec<Entry> {
        self.filtered(|entry| !entry.method.is_empty() && entry.is_lost())
    }

    /// Requests that origins received more than once, idempotent ones included.
    pub fn duplicated(&self) -> Vec<Entry> {
        self.filtered(|entry| entry.seen.len() > 1)
    }

    /// Requests that must not be repeated and that origins received more than once.
    pub fn duplicated_unsafely(&self) -> Vec<Entry> {
        self.filtered(|entry| entry.seen.len() > 1 && !entry.is_idempotent())
    }

    /// Requests answered although no origin received them: the balancer's own answers.
    pub fn answered_unseen(&self) -> Vec<Entry> {
        self.filtered(|entry| !entry.is_lost() && entry.seen.is_empty())
    }

    /// The counts, and the first lines of each kind that a reader would want to see.
    pub fn report(&self) -> String {
        let entries = self.entries();
        let sent = entries.iter().filter(|entry| !entry.method.is_empty()).count();
        let answered = entries.iter().filter(|entry| !entry.is_lost()).count();
        let seen = entries.iter().filter(|entry| !entry.seen.is_empty()).count();
        let mut text = format!("ledger: {sent} sent, {seen} seen, {answered} answered");
        for (what, list) in [("lost", self.lost()), ("duplicated", self.duplicated())] {
            // Writing to a string does not fail.
            let _ = write!(text, "\n  {} {what}", list.len());
            for Entry { id, method, outcome, seen } in list.iter().take(10) {
                let _ = write!(text, "\n    {method} {id}: {outcome:?}, seen by {seen:?}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_duplicated_requests_are_told_apart() {
        let ledger = Ledger::new();
        let [good, waiting, failed, retried, doubled] =
            ["GET", "GET", "POST", "GET", "POST"].map(|method| ledger.send(method));
        for id in [&good, &retried, &retried, &doubled, &doubled] {
            ledger.saw(id, "Server 1");
        }
        for id in [&good, &retried, &doubled] {
            ledger.close(id, Outcome::Answered(200));
        }
        ledger.close(&failed, Outcome::Failed("connection reset".to_owned()));
        let ids = |list: Vec<Entry>| list.into_iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!(ids(ledger.lost()), [waiting, failed]);
        assert_eq!(ids(ledger.duplicated()), [retried, doubled.clone()]);
        assert_eq!(ids(ledger.duplicated_unsafely()), [doubled]);
        assert!(ledger.answered_unseen().is_empty());
        let report = ledger.report();
        assert!(report.starts_with("ledger: 5 sent, 3 seen, 3 answered\n  2 lost\n"), "{report}");
        assert!(report.contains("connection reset"), "{report}");
    }

    #[test]
    fn an_id_from_elsewhere_is_not_counted_as_sent() {
        let ledger = Ledger::new();
        ledger.saw("stray", "Server 1");
        assert!(ledger.lost().is_empty());
        assert!(ledger.report().starts_with("ledger: 0 sent, 1 seen"));
    }
}
