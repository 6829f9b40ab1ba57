//! What one probe found, in words an operator can act on.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use crate::policy::{HttpProbe, Probe};

/// Only so much of a probe's response body is read and searched.
pub const PROBE_BODY_BYTES_MAX: usize = 64 * 1024;

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The endpoint answered as it should.
    Success {
        /// From the start of the probe to its verdict.
        took: Duration,
    },
    /// It did not.
    Failure(ProbeFailure),
}

/// Why a probe failed. Reads on after the endpoint's name:
/// `endpoint 10.0.0.3:80: probe timed out after 2 s (limit 2 s)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeFailure {
    /// Nothing listens at the address.
    #[error("probe connection refused: nothing listens there")]
    Refused,
    /// No connection could be made for another reason.
    #[error("probe could not connect: {0}")]
    Unreachable(ErrorKind),
    /// The probe was not over in time.
    #[error("probe timed out after {} (limit {})", Shown(*.took), Shown(*.limit))]
    TimedOut {
        /// How long it had run.
        took: Duration,
        /// How long it may run.
        limit: Duration,
    },
    /// The connection was closed or reset before a whole response came.
    #[error("probe connection closed before a whole response came")]
    Closed,
    /// The connection failed in the middle for another reason.
    #[error("probe connection failed: {0}")]
    Connection(ErrorKind),
    /// The response is not HTTP as it should be.
    #[error("probe got a malformed response: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// The status is not among the expected ones.
    #[error("probe got status {status} (expected {expected})")]
    UnexpectedStatus {
        /// What came.
        status: u16,
        /// What would have been well, as ranges.
        expected: String,
    },
    /// The body lacks the expected text.
    #[error("probe body lacks the text {expected:?} (searched {searched_bytes} bytes)")]
    BodyTextMissing {
        /// The text.
        expected: String,
        /// How much there was to search.
        searched_bytes: usize,
    },
}

impl ProbeOutcome {
    /// Whether the process behind the endpoint said something, well or not: it runs then. `None` when
    /// that is not known: to accept a connection, which is all that a TCP probe wants, takes no
    /// process, and a stopped one's kernel does so.
    pub fn is_answered(&self, probe: &Probe) -> Option<bool> {
        match self {
            Self::Success { .. } => matches!(probe, Probe::Http(_)).then_some(true),
            Self::Failure(failure) => Some(match failure {
                ProbeFailure::Malformed { .. }
                | ProbeFailure::UnexpectedStatus { .. }
                | ProbeFailure::BodyTextMissing { .. } => true,
                ProbeFailure::Refused
                | ProbeFailure::Unreachable(_)
                | ProbeFailure::TimedOut { .. }
                | ProbeFailure::Closed
                | ProbeFailure::Connection(_) => false,
            }),
        }
    }
}

impl ProbeFailure {
    /// The failure that a failed attempt to connect amounts to.
    pub fn from_connect(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::ConnectionRefused => Self::Refused,
            kind => Self::Unreachable(kind),
        }
    }

    /// The failure that an error on an established connection amounts to.
    pub fn from_connection(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::Closed,
            kind => Self::Connection(kind),
        }
    }
}

/// Whether `status` is among those that `probe` expects.
pub fn judge_status(status: u16, probe: &HttpProbe) -> Result<(), ProbeFailure> {
    let ranges = &probe.expected_statuses;
    if ranges.iter().any(|&(first, last)| (first..=last).contains(&status)) {
        return Ok(());
    }
    let shown: Vec<String> = ranges.iter().map(|&range| show_range(range)).collect();
    Err(ProbeFailure::UnexpectedStatus { status, expected: shown.join(", ") })
}

fn show_range((first, last): (u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// Whether `body` has the text that `probe` expects within its first [`PROBE_BODY_BYTES_MAX`]
/// bytes. Text and body are compared as bytes, whatever the response says its encoding is.
pub fn judge_body(body: &[u8], probe: &HttpProbe) -> Result<(), ProbeFailure> {
    let Some(expected) = probe.expected_body.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let searched = body.get(..PROBE_BODY_BYTES_MAX).unwrap_or(body);
    if searched.windows(expected.len()).any(|window| window == expected.as_bytes()) {
        return Ok(());
    }
    Err(ProbeFailure::BodyTextMissing {
        expected: expected.to_owned(),
        searched_bytes: searched.len(),
    })
}

/// A duration as people write it, to the millisecond: `2 s`, `1.5 s`, `250 ms`.
struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms < 1000 { write!(f, "{ms} ms") } else { write!(f, "{} s", ms as f64 / 1000.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(expected_statuses: &[(u16, u16)], expected_body: Option<&str>) -> HttpProbe {
        HttpProbe {
            method: "GET".to_owned(),
            path: "/health".to_owned(),
            host: None,
            headers: Vec::new(),
            expected_statuses: expected_statuses.to_vec(),
            expected_body: expected_body.map(str::to_owned),
        }
    }

    #[test]
    fn failures_say_what_happened_and_what_the_limit_is() {
        let timed_out = |ms| ProbeFailure::TimedOut {
            took: Duration::from_millis(ms),
            limit: Duration::from_secs(2),
        };
        let malformed = ProbeFailure::Malformed { detail: "no status line".to_owned() };
        for (failure, text) in [
            (timed_out(2000), "probe timed out after 2 s (limit 2 s)"),
            (timed_out(2003), "probe timed out after 2.003 s (limit 2 s)"),
            (timed_out(250), "probe timed out after 250 ms (limit 2 s)"),
            (ProbeFailure::Refused, "probe connection refused: nothing listens there"),
            (
                ProbeFailure::from_connect(ErrorKind::HostUnreachable),
                "probe could not connect: host unreachable",
            ),
            (ProbeFailure::Closed, "probe connection closed before a whole response came"),
            (
                ProbeFailure::from_connection(ErrorKind::InvalidInput),
                "probe connection failed: invalid input parameter",
            ),
            (malformed, "probe got a malformed response: no status line"),
        ] {
            assert_eq!(failure.to_string(), text);
        }
    }

    #[test]
    fn connection_errors_are_sorted_by_what_an_operator_looks_for() {
        let refused = ProbeFailure::from_connect(ErrorKind::ConnectionRefused);
        assert_eq!(refused, ProbeFailure::Refused);
        for kind in [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof] {
            assert_eq!(ProbeFailure::from_connection(kind), ProbeFailure::Closed);
        }
    }

    #[test]
    fn statuses_are_judged_by_inclusive_ranges() {
        let well = probe(&[(200, 299), (401, 401)], None);
        for (status, is_well) in
            [(199, false), (200, true), (299, true), (300, false), (401, true), (402, false)]
        {
            assert_eq!(judge_status(status, &well).is_ok(), is_well, "{status}");
        }
        let failure = judge_status(503, &well).unwrap_err();
        assert_eq!(failure.to_string(), "probe got status 503 (expected 200-299, 401)");
    }

    #[test]
    fn the_body_is_searched_up_to_its_limit() {
        let well = probe(&[], Some("\"ok\""));
        assert_eq!(judge_body(b"{\"status\":\"ok\"}", &well), Ok(()));
        assert_eq!(judge_body(b"anything", &probe(&[], None)), Ok(()));
        assert_eq!(judge_body(b"", &probe(&[], Some(""))), Ok(()));
        let failure = judge_body(b"{\"ok", &well).unwrap_err();
        let text = r#"probe body lacks the text "\"ok\"" (searched 4 bytes)"#;
        assert_eq!(failure.to_string(), text);

        let mut long = vec![b'x'; PROBE_BODY_BYTES_MAX - 4];
        long.extend_from_slice(b"\"ok\"");
        assert_eq!(judge_body(&long, &well), Ok(()));
        long.insert(0, b'x');
        assert!(judge_body(&long, &well).is_err());
    }
}
