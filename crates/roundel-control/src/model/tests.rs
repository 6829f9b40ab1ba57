//! The model in virtual time: facts in, snapshots out.

mod ejection;
mod names;
mod presence;
mod probes;
mod reload;
mod silence;

use roundel_config::model::PoolConfig;
use roundel_core::endpoint::{Endpoint, Health};
use roundel_core::health::ProbeFailure;
use roundel_core::policy::PoolPolicy;

use super::fixture::{SECOND, config, policy, pool};
use super::*;

const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";
const C: &str = "10.0.0.3:80";

/// A model and its virtual clock.
struct World {
    model: Model,
    now: Moment,
}

impl World {
    fn new(pools: Vec<PoolConfig>) -> Self {
        Self::with_answers(pools, &Resolutions::new())
    }

    fn with_answers(pools: Vec<PoolConfig>, resolutions: &Resolutions) -> Self {
        let model = Model::new(config(vec![], pools), vec![], resolutions, 7);
        Self { model, now: Moment::default() }
    }

    /// A pool `web` whose endpoints were all found well.
    fn well(policy: PoolPolicy, addresses: &[&str]) -> Self {
        let is_probed = policy.health_check.is_some();
        let mut world = Self::new(vec![pool("web", policy, addresses)]);
        world.wait(SECOND);
        if is_probed {
            for address in addresses {
                world.probe(address, true);
            }
        }
        world
    }

    fn reload(&mut self, pools: Vec<PoolConfig>) {
        let config = Arc::new(config(vec![], pools));
        self.model.apply(config, &[], &Resolutions::new(), self.now);
        self.settle();
    }

    /// Lets time pass in the steps that the model asks for; probes and look-ups that become due
    /// stay due.
    fn wait(&mut self, duration: Duration) {
        let end = self.now.plus(duration);
        while self.now < end {
            let soon = self.now.plus(Duration::from_millis(10));
            self.now = self.model.next_wake().max(soon).min(end);
            self.model.tick(self.now);
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.model.publish(self.now);
    }

    /// Answers a probe of the endpoint, which is due by now or else is made to be.
    fn probe(&mut self, endpoint: &str, is_good: bool) {
        self.probe_finds(endpoint, &if is_good { good() } else { refused() });
    }

    fn probe_finds(&mut self, endpoint: &str, outcome: &ProbeOutcome) {
        let endpoint = self.find(endpoint).id;
        let target = loop {
            let mut due = self.model.due_probes(self.now);
            if let Some(at) = due.iter().position(|(id, _)| *id == endpoint) {
                break due.swap_remove(at).1;
            }
            if let Some(target) = self.model.target_of_running_probe(endpoint) {
                break target;
            }
            let place = self.model.places[&endpoint];
            let probing = self.model.pools[place.pool].endpoints[place.endpoint].probing;
            self.now = probing.due().expect("the endpoint is probed");
            self.model.tick(self.now);
        };
        self.model.probed(endpoint, &target, outcome, self.now);
        self.settle();
    }

    fn find(&self, endpoint: &str) -> Endpoint {
        let pools = &self.model.snapshot().pools;
        let mut endpoints = pools.iter().flat_map(|pool| &pool.endpoints);
        endpoints.find(|e| e.name.as_str() == endpoint).unwrap().clone()
    }

    fn health(&self, endpoint: &str) -> Health {
        self.find(endpoint).facts.health
    }

    fn fail_traffic(&mut self, endpoint: &str, times: u32) {
        let endpoint = self.find(endpoint);
        (0..times).for_each(|_| {
            endpoint.shared.try_start(None).unwrap();
            endpoint.shared.note_error();
            endpoint.shared.end();
        });
    }

    fn signal_errors(&mut self, endpoint: &str) {
        let id = self.find(endpoint).id;
        self.model.signalled(&Signal::ConsecutiveErrors(id), self.now);
        self.settle();
    }

    fn generation(&self) -> u64 {
        self.model.snapshot().generation
    }

    fn said(&mut self) -> Vec<String> {
        self.model.take_changes().iter().map(ToString::to_string).collect()
    }
}

impl Model {
    /// What a probe was given that is still running.
    fn target_of_running_probe(&self, id: EndpointId) -> Option<ProbeTarget> {
        let place = self.places[&id];
        let pool = &self.pools[place.pool];
        let endpoint = &pool.endpoints[place.endpoint];
        (endpoint.probing == schedule::Schedule::Running).then(|| ProbeTarget {
            check: pool.check.clone().unwrap(),
            address: endpoint.address.clone().unwrap(),
            authority: endpoint.authority.clone(),
        })
    }
}

fn good() -> ProbeOutcome {
    ProbeOutcome::Success { took: Duration::from_millis(2) }
}

fn refused() -> ProbeOutcome {
    ProbeOutcome::Failure(ProbeFailure::Refused)
}

fn closed() -> ProbeOutcome {
    ProbeOutcome::Failure(ProbeFailure::Closed)
}

fn unchecked() -> PoolPolicy {
    PoolPolicy { health_check: None, ..policy() }
}
