//! Settings and codes in the words of the contract.

use std::collections::BTreeMap;
use std::time::Duration;

use roundel_core::endpoint::Presence;
use roundel_core::policy::{HealthCheck, Probe};
use roundel_core::pool::Tier;
use roundel_core::route::Action;

use crate::contract;

/// As `GET /health every 5 s`.
pub(super) fn health_check(check: &HealthCheck) -> String {
    let every = seconds(check.interval);
    match &check.probe {
        Probe::Tcp => format!("TCP connect every {every}"),
        Probe::Http(http) => format!("{} {} every {every}", http.method, http.path),
    }
}

fn seconds(time: Duration) -> String {
    if time.subsec_nanos() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

pub(super) fn action(action: &Action) -> contract::RouteAction {
    match action {
        Action::Pool(_) => contract::RouteAction::Pool,
        Action::Respond(_) => contract::RouteAction::Respond,
        Action::Redirect { .. } => contract::RouteAction::Redirect,
        Action::Stats => contract::RouteAction::Stats,
    }
}

/// Counts by their codes; what did not occur is left out.
pub(super) fn by_code<C: Copy>(
    codes: &[C],
    word: impl Fn(C) -> &'static str,
    counts: &[u64],
) -> BTreeMap<String, u64> {
    let counted = codes.iter().zip(counts).filter(|(_, count)| **count > 0);
    counted.map(|(code, count)| (word(*code).to_owned(), *count)).collect()
}

impl From<Tier> for contract::Tier {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Primary => Self::Primary,
            Tier::Backup => Self::Backup,
            Tier::Panic => Self::Panic,
            Tier::Unprobed => Self::Unprobed,
            Tier::Empty => Self::Empty,
        }
    }
}

impl From<Presence> for contract::Presence {
    fn from(presence: Presence) -> Self {
        match presence {
            Presence::Present => Self::Present,
            Presence::Starting => Self::Starting,
            Presence::Absent => Self::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_occurred_is_counted() {
        let counts = by_code(&["a", "b", "c"], |code| code, &[0, 2, 0]);
        assert_eq!(counts, BTreeMap::from([("b".to_owned(), 2)]));
    }

    #[test]
    fn intervals_read_well() {
        for (ms, text) in [(5000, "5 s"), (1500, "1500 ms"), (50, "50 ms")] {
            assert_eq!(seconds(Duration::from_millis(ms)), text);
        }
    }
}
