//! The least loaded endpoint: the shortest waits where requests differ much in cost.
//!
//! Up to [`SCAN_MAX`] candidates all are compared. Above that the best of [`SAMPLE`] random ones
//! is taken, for two reasons. *Cost*: each load is on a cache line that all workers write, so a
//! full comparison of a large pool fetches hundreds of lines from other cores for each request.
//! *Herding*: several balancers that each see only their own attempts agree too well on who is
//! least loaded; a sample makes them differ. With d choices the fullest endpoint is above the mean
//! by about ln ln n / ln d attempts (see `p2c`): with eight, less than one at 1,000 endpoints.
//!
//! Among equals (idle ones always are) chance decides, by weight. Taking the first in index order
//! would send the first request of every idle balancer to the same endpoint, and with many
//! balancers overload it; starting the walk at a random place would favour whoever follows a busy
//! stretch.

use std::cmp::Ordering;

use super::load::Loaded;
use super::reservoir::Reservoir;
use super::schedule::{Candidate, Schedule};

/// Largest number of candidates that are all compared.
pub const SCAN_MAX: usize = 32;

/// Candidates compared in a larger pool, drawn by weight. The same one may be drawn twice.
const SAMPLE: usize = 8;

/// Takes the least loaded admitted candidate; `None` when none is admitted.
pub(super) fn pick(
    schedule: &Schedule,
    random: &mut fastrand::Rng,
    admits: impl Fn(usize) -> bool,
    in_flight: impl Fn(usize) -> u32,
) -> Option<Candidate> {
    if schedule.candidates().len() > SCAN_MAX {
        // Draws are by weight already, so equals among them have equal chances.
        let sample: [Option<Candidate>; SAMPLE] = std::array::from_fn(|_| schedule.draw(random));
        let sample = sample.into_iter().flatten().map(|candidate| (candidate, 1));
        let best = least(sample, random, &admits, &in_flight);
        if best.is_some() {
            return best;
        }
    }
    let all = schedule.candidates().iter().map(|&candidate| (candidate, candidate.weight()));
    least(all, random, admits, in_flight)
}

/// The least loaded admitted one of `candidates`, which come with their chances among equals.
fn least(
    candidates: impl Iterator<Item = (Candidate, u32)>,
    random: &mut fastrand::Rng,
    admits: impl Fn(usize) -> bool,
    in_flight: impl Fn(usize) -> u32,
) -> Option<Candidate> {
    let (mut idle, mut busy) = (Least::default(), Least::default());
    for (candidate, chances) in candidates.filter(|(c, _)| admits(c.index())) {
        let loaded = Loaded { candidate, in_flight: in_flight(candidate.index()) };
        if loaded.is_idle() {
            idle.offer_equal(loaded, chances, random);
        } else {
            busy.offer(loaded, chances, random);
        }
    }
    let prefers_idle = match (idle.load, busy.load) {
        (Some(idle), Some(busy)) => idle.compare(busy).is_le(),
        (idle, _) => idle.is_some(),
    };
    if prefers_idle { idle.chosen.held() } else { busy.chosen.held() }
}

/// The lowest load met so far, and one of those that count as having it.
#[derive(Default)]
struct Least {
    load: Option<Loaded>,
    chosen: Reservoir,
}

impl Least {
    /// Considers a candidate that competes by its load.
    fn offer(&mut self, loaded: Loaded, chances: u32, random: &mut fastrand::Rng) {
        match self.load.map_or(Ordering::Less, |least| loaded.compare(least)) {
            Ordering::Less => *self = Self::default(),
            Ordering::Equal => {}
            Ordering::Greater => return,
        }
        self.offer_equal(loaded, chances, random);
    }

    /// Considers a candidate that counts as equal to the others whatever its load.
    fn offer_equal(&mut self, loaded: Loaded, chances: u32, random: &mut fastrand::Rng) {
        if self.load.is_none_or(|least| loaded.compare(least).is_lt()) {
            self.load = Some(loaded);
        }
        self.chosen.offer(loaded.candidate, chances, random);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(weights: &[u32]) -> Schedule {
        Schedule::new((0..).zip(weights).map(|(i, &w)| Candidate::new(i, w)).collect())
    }

    #[test]
    fn equals_share_evenly_wherever_they_stand() {
        let schedule = schedule(&[1; 10]);
        let mut random = fastrand::Rng::with_seed(3);
        let mut seen = [0; 10];
        for _ in 0..3000 {
            let in_flight = |i| if [0, 1, 7].contains(&i) { 2 } else { 5 };
            seen[pick(&schedule, &mut random, |_| true, in_flight).unwrap().index()] += 1;
        }
        assert_eq!(seen.iter().sum::<u32>(), seen[0] + seen[1] + seen[7]);
        assert!([0, 1, 7].iter().all(|&i| (850..1150).contains(&seen[i])), "{seen:?}");
    }

    #[test]
    fn idle_endpoints_share_by_weight() {
        for count in [2, 50] {
            let weights: Vec<u32> = (0..count).map(|i| if i % 2 == 0 { 1 } else { 3 }).collect();
            let schedule = schedule(&weights);
            let mut random = fastrand::Rng::with_seed(3);
            let light = (0..4000)
                .filter_map(|_| pick(&schedule, &mut random, |_| true, |_| 0))
                .filter(|c| c.weight() == 1)
                .count();
            assert!((850..1150).contains(&light), "{count}: {light}");
        }
    }

    #[test]
    fn an_idle_endpoint_is_taken_once_it_is_no_more_loaded_than_the_busy() {
        for (weights, in_flight, expected) in
            [([1, 10], [0, 5], 1), ([1, 10], [0, 9], 0), ([1, 10], [0, 12], 0), ([1, 1], [1, 0], 1)]
        {
            for seed in 0..8 {
                let mut random = fastrand::Rng::with_seed(seed);
                let picked = pick(&schedule(&weights), &mut random, |_| true, |i| in_flight[i]);
                assert_eq!(picked.map(Candidate::index), Some(expected), "{in_flight:?}");
            }
        }
    }

    #[test]
    fn a_large_pool_avoids_its_busy_half() {
        let schedule = schedule(&[1; 100]);
        let mut random = fastrand::Rng::with_seed(3);
        let busy = (0..5000)
            .filter_map(|_| pick(&schedule, &mut random, |_| true, |i| u32::from(i >= 50)))
            .filter(|c| c.index() >= 50)
            .count();
        // Only when all eight draws are busy: 5000 / 256, about 20.
        assert!((1..60).contains(&busy), "{busy}");
    }

    #[test]
    fn a_large_pool_finds_its_only_admitted_candidate() {
        let mut random = fastrand::Rng::with_seed(3);
        let picked = pick(&schedule(&[1; 500]), &mut random, |i| i == 321, |_| 9);
        assert_eq!(picked.map(Candidate::index), Some(321));
    }

    proptest! {
        #[test]
        fn a_small_pool_yields_a_minimum_or_an_idle_equal(
            facts in prop::collection::vec((1u32..50, 0u32..50, any::<bool>()), 1..=SCAN_MAX),
            seed: u64,
        ) {
            let weights: Vec<u32> = facts.iter().map(|f| f.0).collect();
            let mut random = fastrand::Rng::with_seed(seed);
            let picked = pick(&schedule(&weights), &mut random, |i| facts[i].2, |i| facts[i].1);
            let load = |&(weight, in_flight, _): &(u32, u32, bool)| {
                f64::from(in_flight + 1) / f64::from(weight)
            };
            let admitted = facts.iter().filter(|f| f.2);
            let minimum = admitted.clone().map(load).reduce(f64::min);
            let idle_minimum = admitted.filter(|f| f.1 == 0).map(load).reduce(f64::min);
            match picked.map(|c| &facts[c.index()]) {
                Some(taken) if idle_minimum == minimum => prop_assert_eq!(taken.1, 0),
                taken => prop_assert_eq!(taken.map(load), minimum),
            }
        }
    }
}
