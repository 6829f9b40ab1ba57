//! Ejecting, and taking back, on what traffic shows.
//!
//! An ejection ends by itself, or when probes find a new process in place of the one that failed.
//! Probes that are merely good do not end it: what traffic meets is what they do not see.

use roundel_core::outlier::{Decision, Moment, Seen, eject_on_consecutive, success_rate_outliers};
use roundel_core::policy::OutlierDetection;

use super::pool::PoolState;
use crate::event::Change;

impl PoolState {
    /// Judges an endpoint by its failures in a row.
    pub(super) fn judge_errors_in_a_row(&mut self, index: usize, now: Moment) -> Option<Change> {
        let policy = self.config.policy.clone();
        let policy = policy.outlier_detection.as_ref()?;
        let decision = eject_on_consecutive(&self.seen(), index, policy, now);
        self.carry_out(index, decision, policy, now)
    }

    /// Judges all endpoints whose failures in a row are too many, whether or not a worker said so.
    pub(super) fn scan_counters(&mut self, now: Moment, changes: &mut Vec<Change>) {
        let limit =
            self.config.policy.outlier_detection.as_ref().and_then(|o| o.consecutive_errors);
        let Some(limit) = limit else { return };
        for index in 0..self.endpoints.len() {
            let errors = self.endpoints.get(index).map_or(0, |e| e.shared.consecutive_errors());
            if errors >= limit.get() {
                changes.extend(self.judge_errors_in_a_row(index, now));
            }
        }
    }

    /// Compares success rates at the end of each window, and begins the next one.
    pub(super) fn compare_success_rates(&mut self, now: Moment, changes: &mut Vec<Change>) {
        let policy = self.config.policy.clone();
        let Some(policy) = policy.outlier_detection.as_ref() else { return };
        let Some(trigger) = policy.success_rate.as_ref().filter(|_| now >= self.window_end) else {
            return;
        };
        for (index, decision) in success_rate_outliers(&self.seen(), policy, now) {
            changes.extend(self.carry_out(index, decision, policy, now));
        }
        for endpoint in &mut self.endpoints {
            endpoint.begin_window();
        }
        self.window_end = now.plus(trigger.interval);
    }

    /// Takes back those whose ejection is over. Their old failures must not eject them again.
    pub(super) fn end_ejections(&mut self, now: Moment, changes: &mut Vec<Change>) {
        for endpoint in &mut self.endpoints {
            if endpoint.is_ejected && !endpoint.outlier.is_ejected(now) {
                endpoint.is_ejected = false;
                endpoint.shared.clear_consecutive_errors();
                endpoint.begin_window();
                self.is_stale = true;
                changes.push(Change::EjectionEnded {
                    pool: self.config.name.clone(),
                    endpoint: endpoint.config.name.clone(),
                });
            }
        }
    }

    fn carry_out(
        &mut self,
        index: usize,
        decision: Decision,
        policy: &OutlierDetection,
        now: Moment,
    ) -> Option<Change> {
        let Decision::Eject { reason, .. } = decision else { return None };
        let endpoint = self.endpoints.get_mut(index)?;
        let until = endpoint.outlier.eject(policy, now);
        endpoint.is_ejected = true;
        // It may be gone altogether, and its successor need not wait for the ejection's end.
        endpoint.probe_sooner(now);
        self.is_stale = true;
        Some(Change::Ejected {
            pool: self.config.name.clone(),
            endpoint: endpoint.config.name.clone(),
            duration: until.since(now),
            reason: reason.to_string(),
        })
    }

    fn seen(&self) -> Vec<Seen> {
        let has_check = self.check.is_some();
        self.endpoints.iter().map(|endpoint| endpoint.seen(has_check)).collect()
    }
}
