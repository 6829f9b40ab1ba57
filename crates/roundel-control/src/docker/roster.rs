//! Who is there, who is about to go, and who has gone but is still owed an answer.
//!
//! Pure: lists and events of the engine in, endpoints out. What makes Docker's rolling updates drop
//! requests elsewhere is that a container is taken out when it has died. Here the *signal* that asks
//! it to end takes it out: the engine tells of it as it is sent, seconds before the end in any
//! program that ends with grace.
//!
//! A list says what is there and outranks what events said before, with two exceptions. A container
//! that was sent a stop signal still runs for a while, and a list does not show that it is on its
//! way out; that is remembered until it dies, starts anew, or plainly ignores the signal. And the
//! engine tells of a death before its own lists know of it, seconds before on a busy machine; so for
//! a while a death outranks lists.

mod member;
mod starts;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use roundel_config::model::EndpointConfig;
use roundel_core::endpoint::Presence;
use roundel_core::name::Name;
use roundel_core::outlier::Moment;

use super::container::{Container, EngineEvent, StopFacts};
use super::place::{Misfit, Rules};
use super::sight::Sight;
use crate::compose::Provided;
use member::{endpoint, gone, is_in_the_way, is_on_its_way, place_all, places};
use starts::Starts;

/// How long after its own grace period a container that was told to stop may still run before it is
/// taken for one that ignores the signal, as after `docker kill --signal TERM`.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a list that shows a container may be older than the news of its death.
const DEAD_FOR: Duration = Duration::from_secs(30);

/// How long after a container came or went requests may wait while none takes them:
/// `docker-compose up` with a new image stops all of a service's containers and then starts the new
/// ones. Nothing that the engine tells of in between says that there will be new ones, so the time
/// counts from the last one's end. The configuration's `endpoint_wait` of a pool that takes
/// containers is the same.
pub(crate) const EXPECTED_FOR: Duration = Duration::from_secs(20);

/// The containers of an engine, as far as they matter.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    containers: Vec<Container>,
    stop_facts: BTreeMap<String, StopFacts>,
    /// Containers that are about to end, and until when that is believed.
    stopping: BTreeMap<String, Moment>,
    /// Containers that have died, and until when lists that show them are not believed.
    dead: BTreeMap<String, Moment>,
    starts: Starts,
    /// When a container of a pool last came or went, if that was a short while ago.
    changed: BTreeMap<Name, Moment>,
    /// The endpoints of the last time, by pool.
    present: BTreeMap<Name, Vec<EndpointConfig>>,
    /// Endpoints whose containers are gone, while exchanges with them are under way.
    leaving: BTreeMap<Name, Vec<EndpointConfig>>,
}

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Nothing.
    Ignore,
    /// The endpoints have changed; say so at once.
    Provide,
    /// Only a new list can tell what has changed.
    List,
}

/// What follows from all that is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// For every pool that takes containers, also when it has none.
    pub(crate) provided: Vec<Provided>,
    /// What is meant to be an endpoint and is none.
    pub(crate) misfits: BTreeSet<Misfit>,
}

/// What a list of the engine's containers brings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// All that run or are paused.
    pub(crate) containers: Vec<Container>,
    /// How those are stopped that were not known before, by identifier.
    pub(crate) stop_facts: BTreeMap<String, StopFacts>,
}

impl Roster {
    /// Whether it is known how a container is stopped.
    pub(crate) fn known(&self) -> BTreeSet<String> {
        self.stop_facts.keys().cloned().collect()
    }

    /// Begins to listen anew: what happened meanwhile was not heard.
    pub(crate) fn listen_anew(&mut self) {
        self.dead.clear();
    }

    /// Takes in a list.
    pub(crate) fn listed(&mut self, listing: Listing, now: Moment) {
        let Listing { mut containers, stop_facts } = listing;
        self.dead.retain(|_, until| *until > now);
        containers.retain(|container| !self.dead.contains_key(&container.id));
        // The order of endpoints, which balancers go by, must not depend on the engine's.
        containers.sort_by(|a, b| sort_key(&a.name).cmp(&sort_key(&b.name)).then(a.id.cmp(&b.id)));
        let is_there: BTreeSet<&str> = containers.iter().map(|it| it.id.as_str()).collect();
        self.stop_facts.extend(stop_facts);
        self.stop_facts.retain(|id, _| is_there.contains(id.as_str()));
        self.stopping.retain(|id, _| is_there.contains(id.as_str()));
        self.starts.retain(|id| is_there.contains(id));
        self.containers = containers;
    }

    /// Takes in an event.
    pub(crate) fn happened(&mut self, event: &EngineEvent, now: Moment) -> Reaction {
        match event {
            EngineEvent::Kill { id, signal } => {
                let facts = self.stop_facts.get(id).copied().unwrap_or_default();
                if facts.is_stop(*signal) && self.is_listed(id) {
                    self.mark(id, now.plus(facts.grace.saturating_add(PATIENCE)))
                } else {
                    Reaction::Ignore
                }
            }
            EngineEvent::Die { id } if self.is_listed(id) => {
                self.containers.retain(|container| container.id != *id);
                self.stopping.remove(id);
                self.starts.forget(id);
                self.dead.insert(id.clone(), now.plus(DEAD_FOR));
                Reaction::Provide
            }
            EngineEvent::Start { id } => {
                self.stopping.remove(id);
                self.starts.forget(id);
                self.dead.remove(id);
                Reaction::List
            }
            EngineEvent::Die { .. } | EngineEvent::Other => Reaction::List,
        }
    }

    /// Forgets stop signals that were plainly ignored; those containers are back in service. Returns
    /// their names.
    pub(crate) fn forgive(&mut self, now: Moment) -> Vec<String> {
        let over: Vec<String> = self
            .stopping
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(id, _)| id.clone())
            .collect();
        self.stopping.retain(|_, until| *until > now);
        let name = |id: &String| self.containers.iter().find(|it| it.id == *id).map(|it| &it.name);
        over.iter().filter_map(name).cloned().collect()
    }

    /// When time alone changes what follows.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        let expected = self.changed.values().map(|since| since.plus(EXPECTED_FOR));
        let starting = self.starts.next_deadline();
        self.stopping.values().copied().chain(expected).chain(starting).min()
    }

    /// Whether containers wait for a good probe.
    pub(crate) fn has_starting(&self) -> bool {
        self.starts.is_waiting()
    }

    /// Whether endpoints wait for exchanges under way to end.
    pub(crate) fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// What follows from all that is known. `sight` says what is seen of an endpoint; it may be one
    /// that the control plane has not been told of yet.
    pub(crate) fn settle(
        &mut self,
        rules: &Rules,
        now: Moment,
        sight: impl Fn(&Name, &EndpointConfig) -> Sight,
    ) -> Outcome {
        let mut misfits = BTreeSet::new();
        let present = self.present(rules, now, &sight, &mut misfits);
        let before = std::mem::replace(&mut self.present, present);
        self.note_changes(&before, now);
        for (pool, endpoints) in before {
            self.leaving.entry(pool).or_default().extend(endpoints.into_iter().map(gone));
        }
        let present = &self.present;
        self.leaving.retain(|pool, leaving| {
            // A pool that takes no more containers has no more of them.
            let Some(present) = present.get(pool) else { return false };
            leaving.retain(|old| !present.iter().any(|it| is_in_the_way(it, old)));
            leaving.retain(|old| sight(pool, old).is_busy);
            !leaving.is_empty()
        });
        let all = |pool: &Name, endpoints: &Vec<EndpointConfig>| {
            let leaving = self.leaving.get(pool).into_iter().flatten();
            endpoints.iter().chain(leaving).cloned().collect()
        };
        let provided = self.present.iter();
        let provided = provided.map(|(pool, endpoints)| Provided {
            pool: pool.clone(),
            endpoints: all(pool, endpoints),
            expects_endpoint: self.changed.contains_key(pool)
                || endpoints.iter().any(is_on_its_way),
        });
        Outcome { provided: provided.collect(), misfits }
    }

    fn note_changes(&mut self, before: &BTreeMap<Name, Vec<EndpointConfig>>, now: Moment) {
        self.changed.retain(|_, since| now < since.plus(EXPECTED_FOR));
        for (pool, endpoints) in &self.present {
            let before = before.get(pool).map_or(&[][..], Vec::as_slice);
            if !places(before).eq(places(endpoints)) {
                self.changed.insert(pool.clone(), now);
            }
        }
        self.changed.retain(|pool, _| self.present.contains_key(pool));
    }

    /// The endpoints that all containers are, by pool; also pools that have none.
    fn present(
        &mut self,
        rules: &Rules,
        now: Moment,
        sight: impl Fn(&Name, &EndpointConfig) -> Sight,
        misfits: &mut BTreeSet<Misfit>,
    ) -> BTreeMap<Name, Vec<EndpointConfig>> {
        let Self { containers, stopping, starts, .. } = self;
        let mut pools: BTreeMap<Name, Vec<EndpointConfig>> =
            rules.config.pools.iter().map(|pool| (pool.name.clone(), Vec::new())).collect();
        for (Container { id, condition, .. }, placed) in place_all(containers, rules, misfits) {
            let mut endpoint = endpoint(&placed, *condition, stopping.contains_key(id));
            match endpoint.presence {
                Presence::Present => {
                    let health = sight(&placed.pool, &endpoint).health;
                    if starts.is_starting(id, &placed.pool, health, now) {
                        endpoint.presence = Presence::Starting;
                    }
                }
                Presence::Starting => starts.hold(id, &placed.pool, now),
                Presence::Absent => {}
            }
            pools.entry(placed.pool).or_default().push(endpoint);
        }
        pools
    }

    fn is_listed(&self, id: &str) -> bool {
        self.containers.iter().any(|container| container.id == id)
    }

    fn mark(&mut self, id: &str, until: Moment) -> Reaction {
        let before = self.stopping.insert(id.to_owned(), until);
        if before.is_none() { Reaction::Provide } else { Reaction::Ignore }
    }
}

/// Orders `web_2` before `web_10`.
fn sort_key(name: &str) -> (&str, u64) {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (stem, number) = name.split_at(name.len() - digits);
    (stem, number.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
