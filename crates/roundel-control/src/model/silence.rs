//! What workers tell of endpoints that answer nothing, and who should know.
//!
//! Workers act on silence by themselves. Here a probe is brought forward, so that the endpoint's
//! health is soon as bad as it looks, and people are told; not each time, since an endpoint that
//! stutters falls silent several times a second.

use std::time::Duration;

use roundel_core::outlier::Moment;

use super::pool::PoolState;
use crate::event::Change;

/// An endpoint's silences are told so often, at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What was told of an endpoint's silences.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SilenceTold {
    last: Option<Moment>,
    /// That it answers again is still to be told.
    is_open: bool,
}

impl PoolState {
    /// Requests wait for an endpoint that has answered none for `silent`.
    pub(super) fn fell_silent(
        &mut self,
        index: usize,
        silent: Duration,
        now: Moment,
    ) -> Option<Change> {
        let endpoint = self.endpoints.get_mut(index)?;
        endpoint.probe_sooner(now);
        let told = &mut endpoint.silence_told;
        if told.last.is_some_and(|last| now.since(last) < TOLD_EVERY) {
            return None;
        }
        *told = SilenceTold { last: Some(now), is_open: true };
        Some(Change::Silent {
            pool: self.config.name.clone(),
            endpoint: endpoint.config.name.clone(),
            silent,
        })
    }

    /// A silent endpoint has answered.
    pub(super) fn was_heard(&mut self, index: usize) -> Option<Change> {
        let endpoint = self.endpoints.get_mut(index)?;
        let was_told = std::mem::take(&mut endpoint.silence_told.is_open);
        was_told.then(|| Change::Heard {
            pool: self.config.name.clone(),
            endpoint: endpoint.config.name.clone(),
        })
    }
}
