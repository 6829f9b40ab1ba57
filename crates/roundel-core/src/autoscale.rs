//! How many instances an app should have.
//!
//! The balancer sees load before any metrics pipeline does: it counts what is in flight and what
//! waits. [`Autoscaler::decide`] is shown a [`View`] of that about once a second and answers with
//! the number of instances wanted and a [`Reason`] that a person can check with a pencil.
//!
//! **How many.** As in the Kubernetes Horizontal Pod Autoscaler, the number is the measured load
//! divided by the target for one instance, rounded up, and a tenth more or less than the target
//! changes nothing. The load is a sum over all instances, not a mean of those that are ready, so
//! instances that are still starting count as the answer to it: a slow start asks for no more.
//!
//! **When.** More at once, fewer late. Load is averaged over [`WINDOW`] only, which is the length of
//! Knative's panic window (a tenth of its stable one): with one look a second, six of them
//! halve the noise of a single one and still show a burst in the next second. Fewer instances
//! are wanted only when nothing within `scale_down_after` asked for more (HPA's stabilisation
//! window: the highest recommendation in it counts). So whatever the load does, an instance that
//! was needed is kept for that time, and the number can't turn more often than once in it.
//!
//! **How fast.** [`Pace`] bounds how much the number changes within a period. Under an overload
//! latency rises and with it what is in flight, and a number that followed at once would overshoot;
//! doubling each quarter of a minute (HPA's default) does not.
//!
//! **To zero.** With `idle_after`, an app without any request for that long needs no instance. The
//! data plane holds the next request and says so; then the first look wants one again. What piles
//! up while nothing is ready shows how long starting takes, not how many are needed, so it is not
//! averaged and raises nothing.
//!
//! **When things fail.** Instances that crash before they are ready must not be answered by more of
//! them: while as many fail as are ready, the number does not grow. Without a CPU reading it stays.
//! After a gap in time (a stopped machine, a starved process) everything averaged is forgotten and
//! both windows begin anew, so nothing is taken away for a silence that nobody observed. Time that
//! runs backwards counts as standing still.
//!
//! Pure: this module neither measures nor starts anything, and it does not know what an instance
//! is. Sources: Kubernetes, "Horizontal Pod Autoscaling", algorithm details and default behaviour;
//! Knative Serving, `pkg/autoscaler/scaling` (stable and panic windows, scale to zero).

use std::cmp::Ordering;
use std::time::Duration;

use crate::outlier::Moment;

mod need;
mod pace;
mod policy;
mod reason;
mod view;
mod window;

pub use pace::Pace;
pub use policy::{AutoscalePolicy, InstanceRange, Target};
pub use reason::{Basis, Limit, Reason};
pub use view::{CpuReading, View};

use need::need;
use pace::Changes;
use window::{Peak, Peaks, Samples};

/// Load is averaged over this long.
pub const WINDOW: Duration = Duration::from_secs(6);
/// Between two looks, more than this is a gap: what was before tells nothing about now.
const GAP: Duration = Duration::from_secs(10);

/// How many instances are wanted, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Wanted before.
    pub from: u32,
    /// Wanted from now on.
    pub to: u32,
    /// In words and numbers.
    pub reason: Reason,
    /// What was seen.
    pub inputs: View,
}

/// The autoscaler of one app: its policy, and what it remembers.
#[derive(Debug)]
pub struct Autoscaler {
    policy: AutoscalePolicy,
    wanted: u32,
    samples: Samples,
    /// How many were needed lately.
    needed: Peaks,
    changes: Changes,
    /// Since when nothing has happened; `None` while something does.
    idle_since: Option<Moment>,
    /// The last look found no instance ready.
    had_none_ready: bool,
    last_look: Moment,
}

impl Autoscaler {
    /// Begins with `wanted` instances, brought into the policy's range, and keeps them for
    /// `scale_down_after` at least.
    pub fn new(policy: AutoscalePolicy, wanted: u32, now: Moment) -> Self {
        let mut new = Self {
            wanted: policy.range.clamp(wanted),
            policy,
            samples: Samples::default(),
            needed: Peaks::default(),
            changes: Changes::default(),
            idle_since: None,
            had_none_ready: false,
            last_look: now,
        };
        new.begin_anew(now);
        new
    }

    /// What the operator decided.
    pub fn policy(&self) -> &AutoscalePolicy {
        &self.policy
    }

    /// Instances wanted at present.
    pub fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Goes on by another policy. The next decision brings the number into its range.
    pub fn set_policy(&mut self, policy: AutoscalePolicy) {
        if policy.target != self.policy.target {
            self.samples = Samples::default();
        }
        self.policy = policy;
    }

    /// Goes on from the number that an operator chose, brought into the range: it grows from there
    /// at once when there is need, and shrinks when nothing needed it for `scale_down_after`.
    pub fn set_wanted(&mut self, wanted: u32, now: Moment) {
        self.wanted = self.policy.range.clamp(wanted);
        self.changes = Changes::default();
        self.idle_since = None;
        self.needed.begin(now, self.wanted);
    }

    /// Looks once; see the module.
    pub fn decide(&mut self, view: View, now: Moment) -> Decision {
        let now = now.max(self.last_look);
        let elapsed = now.since(self.last_look);
        self.last_look = now;
        if elapsed > GAP {
            self.begin_anew(now);
        }
        self.take_sample(&view, now, elapsed);
        let is_idle = self.note_idleness(&view, now);
        let (basis, needed) = need(&self.policy, self.wanted, &view, &self.samples, is_idle);
        let (to, limit) = self.within_limits(needed, &view, is_idle, now);
        let decision = Decision {
            from: self.wanted,
            to,
            reason: Reason { basis, needed, limit },
            inputs: view,
        };
        self.changes.push(now, self.wanted, to, &self.policy);
        self.wanted = to;
        decision
    }

    /// Forgets what was observed and takes the present number as needed now.
    fn begin_anew(&mut self, now: Moment) {
        self.samples = Samples::default();
        self.idle_since = None;
        self.needed.begin(now, self.wanted);
    }

    /// What waits while nothing is ready, and how long it did, tells how long starting takes. The
    /// first look after that still sees it.
    fn take_sample(&mut self, view: &View, now: Moment, elapsed: Duration) {
        if view.ready == 0 {
            self.samples = Samples::default();
        } else if !self.had_none_ready {
            self.samples.push(now, view, elapsed);
        }
        self.had_none_ready = view.ready == 0;
    }

    /// Whether nothing has happened for as long as the policy says.
    fn note_idleness(&mut self, view: &View, now: Moment) -> bool {
        let is_busy = view.in_flight > 0 || view.queued > 0 || view.started > 0;
        let since = if is_busy { None } else { Some(self.idle_since.unwrap_or(now)) };
        self.idle_since = since;
        let idle_after = self.policy.idle_after.filter(|_| self.policy.range.min() == 0);
        idle_after.zip(since).is_some_and(|(after, since)| now.since(since) >= after)
    }

    /// What becomes of `needed`, and the limit that had the last word.
    fn within_limits(
        &mut self,
        needed: u32,
        view: &View,
        is_idle: bool,
        now: Moment,
    ) -> (u32, Option<Limit>) {
        let range = self.policy.range;
        // Another policy may have moved the range away from the present number.
        let from = range.clamp(self.wanted);
        let to = range.clamp(needed);
        let limit = match to.cmp(&needed) {
            Ordering::Less => Some(Limit::Max(range.max())),
            Ordering::Equal => None,
            Ordering::Greater => Some(Limit::Min(range.min())),
        };
        let peak = self.needed.push(now, to, self.policy.scale_down_after);
        match to.cmp(&from) {
            Ordering::Greater => self.grow(from, to, limit, view, now),
            // The last instances go for idleness alone, which has a time of its own.
            Ordering::Less if !is_idle => self.shrink(from, to, limit, peak, now),
            _ => (to, limit),
        }
    }

    fn grow(
        &self,
        from: u32,
        to: u32,
        limit: Option<Limit>,
        view: &View,
        now: Moment,
    ) -> (u32, Option<Limit>) {
        // What failed before everything was stopped is no reason to leave a request unserved.
        if from > 0 && view.failing > 0 && view.failing >= view.ready {
            return (from, Some(Limit::Failing(view.failing)));
        }
        let most = self.changes.most(now, from, self.policy.up);
        if to > most { (most, Some(Limit::Pace(self.policy.up))) } else { (to, limit) }
    }

    fn shrink(
        &self,
        from: u32,
        mut to: u32,
        mut limit: Option<Limit>,
        peak: Peak,
        now: Moment,
    ) -> (u32, Option<Limit>) {
        if peak.needed > to {
            let window = self.policy.scale_down_after;
            to = peak.needed.min(from);
            limit = Some(Limit::NeededLately { needed: peak.needed, ago: peak.ago, window });
        }
        let fewest = self.changes.fewest(now, from, self.policy.down);
        if to < fewest { (fewest, Some(Limit::Pace(self.policy.down))) } else { (to, limit) }
    }
}

impl Decision {
    /// Whether the number changes.
    pub fn is_change(&self) -> bool {
        self.from != self.to
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
