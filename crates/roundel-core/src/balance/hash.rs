//! The same endpoint for the same key, with as few keys as possible moving when endpoints come
//! and go.
//!
//! Keys fall into 65,536 slots, and each slot belongs to an endpoint by *weighted rendezvous*
//! (Thaler, Ravishankar 1998): every endpoint has a score for every slot that depends on nothing
//! but the two of them and its weight, and the best score owns the slot. So when an endpoint leaves
//! only its own slots move, when one returns or gains weight slots move only to it, and balancers
//! with the same endpoints agree without talking, over restarts and on other machines. A lookup is
//! one load, whatever the pool's size. Compared with Maglev, which levels its table by letting
//! endpoints take turns, no slot ever moves between two endpoints that stayed; the price is chance
//! in the shares: their standard deviation is √(n / 65,536) of the mean for n equal endpoints (1 %
//! at 6, 4 % at 100, 12 % at 1,000). The table's size is constant because a size that grew
//! with the pool would move every key at each step.
//!
//! Scoring each pair would take n × 65,536 evaluations. Instead each endpoint throws darts at
//! slots, a pseudo-random sequence grown from its name, at a rate equal to its weight; whoever's
//! dart is first in a slot owns it. The time of an endpoint's first dart in a slot is its score,
//! geometric with its weight as rate, which is the (discrete) exponential that weighted rendezvous
//! calls for. All slots are hit after about 65,536 × (ln 65,536 + 1) darts, **however many
//! endpoints throw**: about 800,000, a few milliseconds.
//!
//! A key whose endpoint is not admitted is hashed again for each further attempt rather than sent
//! to a neighbouring slot, so what overflows from a hot endpoint, even from a single slot, spreads
//! over all others, and still in the same order for the same key.

use xxhash_rust::xxh3::xxh3_64;

use super::random;
use super::schedule::{Candidate, Schedule};

const SLOT_BITS: u32 = 16;
const SLOTS: usize = 1 << SLOT_BITS;

/// Slots that one pick looks at before it walks over all candidates.
const LOOKUPS_MAX: u64 = 8;

/// Hashes an affinity key or an endpoint's name (XXH3, 64 bits, unseeded: the same everywhere). It
/// is not keyed, so a client that chooses its key also chooses its endpoint.
pub fn hash_key(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Which candidate each slot belongs to.
#[derive(Debug)]
pub struct HashTable {
    schedule: Schedule,
    /// Positions of candidates.
    slots: Box<[u32]>,
}

impl HashTable {
    /// Prepares the table; `identities` are hashes of the candidates' names, in the same order.
    pub(super) fn new(schedule: Schedule, identities: &[u64]) -> Self {
        let slots = if identities.len() > 1 {
            own_slots(schedule.candidates(), identities)
        } else {
            // Whoever is alone owns all; if nobody is there position 0 names nobody.
            vec![0; SLOTS]
        };
        Self { schedule, slots: slots.into_boxed_slice() }
    }

    fn owner(&self, hash: u64) -> Option<Candidate> {
        let position = self.slots.get((hash >> (64 - SLOT_BITS)) as usize)?;
        self.schedule.candidate(*position)
    }
}

/// Takes the admitted candidate that `key_hash` belongs to; `None` when none is admitted.
pub(super) fn pick(
    table: &HashTable,
    key_hash: Option<u64>,
    random: &mut fastrand::Rng,
    admits: impl Fn(usize) -> bool,
) -> Option<Candidate> {
    let Some(key) = key_hash else {
        return random::pick(&table.schedule, random, admits);
    };
    for attempt in 0..LOOKUPS_MAX {
        // The first lookup uses the hash as it is: it is mixed well already.
        let hash = if attempt == 0 { key } else { nth(key, attempt) };
        let owner = table.owner(hash)?;
        if admits(owner.index()) {
            return Some(owner);
        }
    }
    // Rendezvous again, now of the key and those who are left: as even and as repeatable.
    let admitted = table.schedule.candidates().iter().copied().filter(|c| admits(c.index()));
    admitted.min_by_key(|candidate| nth(key, candidate.index() as u64))
}

/// An endpoint throwing its darts.
struct Thrower {
    identity: u64,
    position: u32,
    /// Darts thrown.
    thrown: u64,
    /// When the first dart is thrown, in intervals, so that no two endpoints throw at the same
    /// time.
    phase: f64,
    weight: f64,
}

impl Thrower {
    /// When the next dart is thrown. Only additions and divisions, which IEEE 754 makes the same
    /// on every machine.
    fn next_time(&self) -> f64 {
        (self.thrown as f64 + self.phase) / self.weight
    }

    /// Throws a dart: the slot it hits.
    fn throw(&mut self) -> usize {
        self.thrown += 1;
        (nth(self.identity, self.thrown) >> (64 - SLOT_BITS)) as usize
    }
}

/// Gives each slot to the candidate whose dart is there first.
///
/// Endpoints throw in rounds of equal time, about [`SLOTS`] darts each, until a round ends with
/// every slot hit. Rounds only bound the work: a slot's owner is the earliest of all darts
/// whichever round it was in. They end because [`nth`] runs through all 64-bit numbers.
fn own_slots(candidates: &[Candidate], identities: &[u64]) -> Vec<u32> {
    let mut throwers: Vec<Thrower> = candidates
        .iter()
        .zip(identities)
        .zip(0..)
        .map(|((candidate, &identity), position)| Thrower {
            identity,
            position,
            thrown: 0,
            phase: unit_interval(nth(identity, 0)),
            weight: f64::from(candidate.weight()),
        })
        .collect();
    let rate: f64 = throwers.iter().map(|t| t.weight).sum();
    let round = SLOTS as f64 / rate;
    let mut owners = vec![(f64::INFINITY, 0u32); SLOTS];
    let mut free = SLOTS;
    let mut end = 0.0;
    while free > 0 {
        end += round;
        for thrower in &mut throwers {
            loop {
                let time = thrower.next_time();
                if time >= end {
                    break;
                }
                if let Some(owner) = owners.get_mut(thrower.throw()).filter(|o| time < o.0) {
                    free -= usize::from(owner.0.is_infinite());
                    *owner = (time, thrower.position);
                }
            }
        }
    }
    owners.into_iter().map(|(_, position)| position).collect()
}

/// The n-th number of the pseudo-random sequence that `seed` begins: SplitMix64 (Steele, Lea,
/// Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014), entered at any place.
/// Written out since the table must not change with a library's version.
fn nth(seed: u64, n: u64) -> u64 {
    let z = seed.wrapping_add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The upper 53 bits as a number from 0 to below 1.
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(endpoints: &[(&str, u32)]) -> HashTable {
        let schedule =
            Schedule::new((0..).zip(endpoints).map(|(i, e)| Candidate::new(i, e.1)).collect());
        let identities: Vec<u64> = endpoints.iter().map(|e| hash_key(e.0.as_bytes())).collect();
        HashTable::new(schedule, &identities)
    }

    fn owners<'a>(endpoints: &[(&'a str, u32)]) -> Vec<&'a str> {
        table(endpoints).slots.iter().map(|&position| endpoints[position as usize].0).collect()
    }

    fn share(owners: &[&str], name: &str) -> f64 {
        owners.iter().filter(|&&o| o == name).count() as f64 / owners.len() as f64
    }

    #[test]
    fn shares_follow_weights() {
        let endpoints = [("a", 1), ("b", 2), ("c", 3), ("d", 10), ("e", 100)];
        let owners = owners(&endpoints);
        for (name, weight) in endpoints {
            let expected = f64::from(weight) / 116.0;
            let deviation = (expected * (1.0 - expected) / SLOTS as f64).sqrt();
            let share = share(&owners, name);
            assert!((share - expected).abs() < 4.0 * deviation, "{name}: {share} {expected}");
        }
    }

    #[test]
    fn the_table_never_changes_between_versions() {
        // Clients would lose their affinity at an upgrade, and two versions side by side disagree.
        let (mut digest, three) = (0, table(&[("10.0.0.1:80", 1), ("10.0.0.2:80", 2), ("x", 3)]));
        three.slots.iter().for_each(|&position| digest = nth(digest ^ u64::from(position), 1));
        assert_eq!(hash_key(b""), 0x2D06_8005_38D3_94C2); // the reference implementation's
        assert_eq!(digest, 2_761_019_003_021_860_626);
    }

    #[test]
    fn order_and_unit_of_weights_do_not_matter() {
        let one = owners(&[("a", 1), ("b", 2), ("c", 3)]);
        assert!(one == owners(&[("c", 3), ("a", 1), ("b", 2)]));
        assert!(one == owners(&[("a", 10), ("b", 20), ("c", 30)]));
    }

    #[test]
    fn what_overflows_spreads_over_all_others_and_stays_there() {
        let names: Vec<String> = (0..11).map(|i| format!("10.0.0.{i}:80")).collect();
        let endpoints: Vec<(&str, u32)> = names.iter().map(|n| (n.as_str(), 1)).collect();
        let table = table(&endpoints);
        let mut random = fastrand::Rng::with_seed(1);
        let mut seen = [0usize; 11];
        // All keys of one slot of the first endpoint.
        let slot = table.slots.iter().position(|&position| position == 0).unwrap() as u64;
        for key in (0..10_000).map(|i| slot << (64 - SLOT_BITS) | nth(7, i) >> SLOT_BITS) {
            let mut overflow = || pick(&table, Some(key), &mut random, |i| i != 0).unwrap().index();
            let first = overflow();
            assert_eq!(first, overflow());
            seen[first] += 1;
        }
        assert!(seen[1..].iter().all(|n| n.abs_diff(1000) < 200), "{seen:?}");
    }

    #[test]
    fn without_a_key_any_endpoint_is_taken() {
        let table = table(&[("a", 1), ("b", 1)]);
        let mut random = fastrand::Rng::with_seed(1);
        let first = (0..1000)
            .filter_map(|_| pick(&table, None, &mut random, |_| true))
            .filter(|c| c.index() == 0)
            .count();
        assert!((400..600).contains(&first), "{first}");
    }

    #[test]
    fn nobody_owns_an_empty_table() {
        let mut random = fastrand::Rng::with_seed(1);
        assert_eq!(pick(&table(&[]), Some(1), &mut random, |_| true), None);
    }

    proptest! {
        // Each case builds two tables, hence the small number.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn only_the_slots_of_a_removed_endpoint_move(
            weights in prop::collection::vec(1u32..=30, 2..20),
            removed in any::<prop::sample::Index>(),
        ) {
            let names: Vec<String> = (0..weights.len()).map(|i| format!("e{i}")).collect();
            let mut endpoints: Vec<(&str, u32)> =
                names.iter().map(String::as_str).zip(weights).collect();
            let before = owners(&endpoints);
            let (gone, _) = endpoints.remove(removed.index(endpoints.len()));
            let after = owners(&endpoints);
            prop_assert!(before.iter().zip(&after).all(|(b, a)| b == a || *b == gone));
            prop_assert!(!after.contains(&gone));
        }

        #[test]
        fn slots_move_only_to_an_endpoint_that_gains_weight(
            mut weights in prop::collection::vec(1u32..=30, 2..20),
            gaining in any::<prop::sample::Index>(),
            gain in 1u32..=30,
        ) {
            let names: Vec<String> = (0..weights.len()).map(|i| format!("e{i}")).collect();
            let with = |weights: &[u32]| -> Vec<(&str, u32)> {
                names.iter().map(String::as_str).zip(weights.iter().copied()).collect()
            };
            let before = owners(&with(&weights));
            let gaining = gaining.index(weights.len());
            weights[gaining] += gain;
            let after = owners(&with(&weights));
            prop_assert!(before.iter().zip(&after).all(|(b, a)| b == a || *a == names[gaining]));
        }
    }
}
