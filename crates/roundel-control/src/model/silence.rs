//! Endpoints that take requests and answer none: what is done about it here, and who is told.
//!
//! Workers act on silence by themselves, within a fraction of a second. Here a probe is brought
//! forward, so that the endpoint's health is soon as bad as it looks, and people are told of a silence
//! that lasts: one that is over within a second or so, as where many requests are meant to wait long,
//! is no news. Whether it lasts is seen in what the workers share, so a lost signal loses nothing.

use std::time::Duration;

use roundel_core::outlier::Moment;

use super::pool::PoolState;
use crate::event::Change;

/// A silence is told when it has lasted so long.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// An endpoint's silence.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Silence {
    /// Since when, as far as is known.
    since: Option<Moment>,
    is_told: bool,
}

impl PoolState {
    /// Requests wait for an endpoint that has answered none for `silent`.
    pub(super) fn fell_silent(&mut self, index: usize, silent: Duration, now: Moment) {
        let Some(endpoint) = self.endpoints.get_mut(index) else { return };
        endpoint.probe_sooner(now);
        endpoint.silence.since.get_or_insert(Moment(now.0.saturating_sub(silent)));
    }

    /// Tells of silences that last, and of the end of those that were told.
    pub(super) fn scan_silences(&mut self, now: Moment, changes: &mut Vec<Change>) {
        for endpoint in &mut self.endpoints {
            let (pool, name) = (&self.config.name, &endpoint.config.name);
            if !endpoint.shared.is_silent() {
                if std::mem::take(&mut endpoint.silence).is_told {
                    changes.push(Change::Heard { pool: pool.clone(), endpoint: name.clone() });
                }
                continue;
            }
            let silent = now.since(*endpoint.silence.since.get_or_insert(now));
            if silent >= TOLD_AFTER && !endpoint.silence.is_told {
                endpoint.silence.is_told = true;
                let (pool, endpoint) = (pool.clone(), name.clone());
                changes.push(Change::Silent { pool, endpoint, silent });
            }
        }
    }
}
