//! What an app and its pool have to do, counted.
//!
//! Counters only grow, so a look remembers where they stood. A counter that was not there at the
//! last look belongs to an instance that is new, and began at zero.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use roundel_core::autoscale::{CpuReading, View};
use roundel_core::endpoint::{Endpoint, EndpointId};
use roundel_core::name::Name;
use roundel_core::pool::Pool;
use roundel_telemetry::Registry;

use crate::apps::{AppView, InstanceState};

/// Where the counters of an app stood at the last look.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// `None` before the first look, whose differences would be those since the process began.
    last: Option<Counts>,
}

#[derive(Debug)]
struct Counts {
    started: HashMap<EndpointId, u64>,
    waited: Duration,
}

/// How long exchanges of a pool have waited so far, all together.
pub(super) fn waited(registry: &Registry, pool: &Name) -> Duration {
    let metrics = registry.pool(pool);
    let us: u64 = metrics.shards().map(|shard| shard.queue_time.snapshot().sum_us()).sum();
    Duration::from_micros(us)
}

impl Looks {
    /// What is to be seen now. `waited` is how long exchanges of the pool have waited so far;
    /// whoever waits now is shared out among `feeders` apps.
    pub(super) fn take(
        &mut self,
        app: &AppView,
        pool: &Pool,
        waited: Duration,
        feeders: u32,
    ) -> View {
        let is_own = |e: &&Endpoint| app.instances.iter().any(|i| i.name == e.name);
        let own: Vec<&Endpoint> = pool.endpoints.iter().filter(is_own).collect();
        let started = own.iter().map(|e| (e.id, e.shared.requests())).collect();
        let counts = Counts { started, waited };
        let (started, waited) = self.last.as_ref().map_or((0, Duration::ZERO), |last| {
            let since = |(id, count): (&EndpointId, &u64)| {
                count.saturating_sub(last.started.get(id).copied().unwrap_or(0))
            };
            (counts.started.iter().map(since).sum(), waited.saturating_sub(last.waited))
        });
        self.last = Some(counts);
        let count = |states: &[InstanceState]| {
            app.instances.iter().filter(|i| states.contains(&i.state)).count() as u32
        };
        View {
            ready: count(&[InstanceState::Ready]),
            starting: count(&[InstanceState::Starting]),
            failing: count(&[InstanceState::BackOff, InstanceState::Failed]),
            draining: count(&[InstanceState::Draining]),
            in_flight: own.iter().map(|e| e.shared.in_flight()).sum(),
            queued: pool.shared.line.length().div_ceil(feeders),
            started,
            waited,
            cpu: cpu(app),
        }
    }
}

/// Processor use of the ready instances that were measured.
fn cpu(app: &AppView) -> Option<CpuReading> {
    let ready = app.instances.iter().filter(|i| i.state == InstanceState::Ready);
    let read: Vec<f64> = ready.filter_map(|i| i.cpu_percent).collect();
    let instances = NonZeroU32::new(read.len() as u32)?;
    Some(CpuReading { percent: read.iter().sum(), instances })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoscaler::scaler::tests::{app, instance};
    use crate::model::Model;
    use crate::model::fixture::{config, policy, pool as pool_config};
    use crate::resolve::Resolutions;

    fn pool(addresses: &[&str]) -> std::sync::Arc<Pool> {
        let config = config(vec![], vec![pool_config("web", policy(), addresses)]);
        let model = Model::new(config, Vec::new(), &Resolutions::default(), 0);
        std::sync::Arc::clone(&model.snapshot().pools[0])
    }

    #[test]
    fn only_what_happened_since_the_last_look_counts() {
        let pool = pool(&["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
        let ready = InstanceState::Ready;
        let app = app(&[("10.0.0.1:80", ready, Some(30.0)), ("10.0.0.2:80", ready, None)]);
        let begin = |index: usize| pool.endpoints[index].shared.try_start(None);
        (0..5).for_each(|_| assert!(begin(0).is_some()));
        let second = Duration::from_secs(1);
        let mut looks = Looks::default();
        let first = looks.take(&app, &pool, second, 1);
        assert_eq!((first.started, first.waited, first.in_flight), (0, Duration::ZERO, 5));
        assert!(begin(0).is_some() && begin(1).is_some() && begin(2).is_some());
        pool.endpoints[0].shared.end();
        let next = looks.take(&app, &pool, second * 3, 1);
        // The third endpoint is not the app's.
        assert_eq!((next.started, next.waited, next.in_flight), (2, second * 2, 6));
        assert_eq!(next.cpu.map(|c| (c.percent, c.instances.get())), Some((30.0, 1)));
    }

    #[test]
    fn instances_are_counted_by_state_and_the_queue_is_shared_out() {
        use InstanceState::{BackOff, Draining, Failed, Ready, Starting, Stopped, Stopping};
        let states = [Ready, Ready, Starting, Draining, BackOff, Failed, Stopped, Stopping];
        let mut app = app(&[]);
        app.instances = states.iter().map(|state| instance("x", *state, None)).collect();
        let pool = pool(&["10.0.0.1:80"]);
        let tickets: Vec<_> = (0..5).map(|_| pool.shared.line.join(0, &[], 9)).collect();
        assert_eq!(tickets.len(), 5);
        let view = Looks::default().take(&app, &pool, Duration::ZERO, 2);
        assert_eq!((view.ready, view.starting, view.failing, view.draining), (2, 1, 2, 1));
        assert_eq!((view.queued, view.cpu), (3, None));
    }
}
