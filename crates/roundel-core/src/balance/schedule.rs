//! The order in which weighted candidates take turns, computed once for a whole period.
//!
//! nginx's smooth weighted round robin spreads each candidate's turns over the period (weights
//! 5, 1, 1 give a a b a c a a, not a a a a a b c), so that a heavy endpoint is not hit in bursts.
//! Run per request it costs a walk over all candidates under a lock. Its order depends on nothing
//! but the weights, though, and repeats after (sum of weights / their gcd) turns; so the control
//! plane runs it once and workers only read the table, without a lock. A uniform draw
//! from the same table is a weighted draw, which serves the random algorithms.
//!
//! Candidates of equal weight take their turns in index order, all once before any twice, so the
//! state is kept for each *weight* rather than each candidate. A pool of equal weights is built in
//! linear time, and since k different weights need at least k²/2 slots, the worst table costs
//! 65,536 × 362 steps, some tens of milliseconds.
//!
//! Source: nginx, `src/http/ngx_http_upstream_round_robin.c` (as it is since 2012).

use super::reservoir::Reservoir;

/// Longest period before weights are scaled down: a quarter of a MiB of table. Scaling rounds to
/// whole slots and leaves each candidate at least one, so a table has at most this many slots plus
/// one for each candidate.
const SLOTS_MAX: usize = 65_536;

/// An endpoint that may be chosen, with its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    index: u32,
    weight: u32,
}

impl Candidate {
    /// The endpoint at `index`; a weight of zero counts as one.
    pub(super) fn new(index: u32, weight: u32) -> Self {
        Self { index, weight: weight.max(1) }
    }

    /// Which endpoint of the pool.
    pub(super) fn index(self) -> usize {
        self.index as usize
    }

    /// Its effective weight, at least 1.
    pub(super) fn weight(self) -> u32 {
        self.weight
    }
}

/// Weighted candidates and one full period of their turns.
#[derive(Debug)]
pub struct Schedule {
    candidates: Box<[Candidate]>,
    /// Positions in `candidates`, each as often as its reduced weight; empty only if that is.
    slots: Box<[u32]>,
}

impl Schedule {
    pub(super) fn new(candidates: Box<[Candidate]>) -> Self {
        let weights: Vec<u32> = candidates.iter().map(|c| c.weight).collect();
        let slots = smooth_order(&slot_counts(&weights)).into_boxed_slice();
        Self { candidates, slots }
    }

    pub(super) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Turns in one period.
    pub(super) fn period(&self) -> usize {
        self.slots.len()
    }

    /// Whose turn `ticket` is; `None` when there is no candidate.
    pub(super) fn at(&self, ticket: u64) -> Option<Candidate> {
        let slot = ticket.checked_rem(self.slots.len() as u64)?;
        self.candidate(*self.slots.get(slot as usize)?)
    }

    /// Any candidate, by weight; `None` when there is none.
    pub(super) fn draw(&self, random: &mut fastrand::Rng) -> Option<Candidate> {
        if self.slots.is_empty() {
            return None;
        }
        self.candidate(*self.slots.get(random.usize(..self.slots.len()))?)
    }

    /// Any admitted candidate, by weight; `None` when there is none. Walks over all candidates, for
    /// when draws met too many who are not admitted. To take the first admitted one after a random
    /// place would be cheaper, but give whoever follows a heavy or crowded stretch the turns of the
    /// whole stretch.
    pub(super) fn select(
        &self,
        random: &mut fastrand::Rng,
        admits: impl Fn(usize) -> bool,
    ) -> Option<Candidate> {
        let mut reservoir = Reservoir::default();
        for &candidate in self.candidates.iter().filter(|c| admits(c.index())) {
            reservoir.offer(candidate, candidate.weight, random);
        }
        reservoir.held()
    }

    /// The candidate at `position`.
    pub(super) fn candidate(&self, position: u32) -> Option<Candidate> {
        self.candidates.get(position as usize).copied()
    }
}

/// How many slots each weight gets: the weights in lowest terms, scaled down when their sum is
/// above [`SLOTS_MAX`].
fn slot_counts(weights: &[u32]) -> Vec<u32> {
    let counts = in_lowest_terms(weights);
    let total: u64 = counts.iter().map(|&c| u64::from(c)).sum();
    if total <= SLOTS_MAX as u64 {
        return counts;
    }
    // Rounded to the nearest; a 32-bit count times 2^16 fits.
    let scale = |count: u32| {
        let slots = (u64::from(count) * SLOTS_MAX as u64 + total / 2) / total;
        (slots as u32).max(1)
    };
    in_lowest_terms(&counts.into_iter().map(scale).collect::<Vec<_>>())
}

fn in_lowest_terms(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    weights.iter().map(|w| w / divisor).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Candidates of one weight. Those before `next` had their turn in this round and are `total`
/// behind the others, so only the others' common credit needs to be known.
struct WeightClass {
    weight: i64,
    members: Vec<u32>,
    next: usize,
    credit: i64,
}

impl WeightClass {
    /// Position of the member whose turn is next.
    fn head(&self) -> u32 {
        self.members.get(self.next).copied().unwrap_or(u32::MAX)
    }

    /// Takes the head's turn. Once all members had theirs, all have paid `total`.
    fn take(&mut self, total: i64) -> u32 {
        let head = self.head();
        self.next += 1;
        if self.next == self.members.len() {
            self.next = 0;
            self.credit -= total;
        }
        head
    }
}

/// One period of smooth weighted round robin: each turn all gain their weight in credit, the
/// richest (of equals the first) is taken and pays the sum of weights.
fn smooth_order(counts: &[u32]) -> Vec<u32> {
    let total: i64 = counts.iter().map(|&c| i64::from(c)).sum();
    let mut classes = weight_classes(counts);
    let mut order = Vec::new();
    for _ in 0..total {
        for class in &mut classes {
            class.credit += class.weight;
        }
        let richest =
            classes.iter_mut().max_by_key(|class| (class.credit, std::cmp::Reverse(class.head())));
        if let Some(class) = richest {
            order.push(class.take(total));
        }
    }
    order
}

fn weight_classes(counts: &[u32]) -> Vec<WeightClass> {
    let mut positions: Vec<(u32, u32)> = counts.iter().copied().zip(0..).collect();
    positions.sort_unstable();
    positions
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| WeightClass {
            weight: same.first().map_or(0, |&(weight, _)| i64::from(weight)),
            members: same.iter().map(|&(_, position)| position).collect(),
            next: 0,
            credit: 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(weights: &[u32]) -> Vec<u32> {
        smooth_order(&slot_counts(weights))
    }

    /// The algorithm as nginx runs it for each request, with state for each candidate.
    fn turn_by_turn(weights: &[u32]) -> Vec<u32> {
        let total: i64 = weights.iter().map(|&w| i64::from(w)).sum();
        let mut credits = vec![0i64; weights.len()];
        let mut turn = || {
            credits.iter_mut().zip(weights).for_each(|(c, &w)| *c += i64::from(w));
            let best = (0..credits.len()).rev().max_by_key(|&i| credits[i]).unwrap();
            credits[best] -= total;
            best as u32
        };
        (0..total).map(|_| turn()).collect()
    }

    #[test]
    fn heavy_turns_are_spread_over_the_period() {
        assert_eq!(order(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(order(&[1, 1, 1]), [0, 1, 2]);
        assert_eq!(order(&[10, 20]), [1, 0, 1]);
        assert_eq!(order(&[7]), [0]);
        assert_eq!(order(&[]), [0u32; 0]);
    }

    #[test]
    fn a_long_period_is_scaled_down_and_nobody_loses_all_turns() {
        let weights: Vec<u32> = (0..1000).map(|i| if i == 0 { 1 } else { 900 + i % 101 }).collect();
        let counts = slot_counts(&weights);
        let total: usize = counts.iter().map(|&c| c as usize).sum();
        assert!(total <= SLOTS_MAX + weights.len(), "{total}");
        assert_eq!(counts[0], 1);
        assert_eq!(order(&weights).len(), total);
        assert_eq!(slot_counts(&[u32::MAX, u32::MAX - 1]).len(), 2);
        assert_eq!(slot_counts(&[u32::MAX, 1]), [SLOTS_MAX as u32, 1]);
    }

    #[test]
    fn an_empty_schedule_yields_nobody() {
        let schedule = Schedule::new(Box::default());
        assert_eq!(schedule.at(7), None);
        assert_eq!(schedule.draw(&mut fastrand::Rng::with_seed(1)), None);
        assert_eq!(schedule.select(&mut fastrand::Rng::with_seed(1), |_| true), None);
    }

    #[test]
    fn a_selection_is_fair_by_weight_among_the_admitted() {
        let schedule =
            Schedule::new([100, 1, 2, 50, 3].map(|w| Candidate::new(w, w)).into_iter().collect());
        let mut random = fastrand::Rng::with_seed(1);
        let mut seen = [0; 101];
        for _ in 0..6000 {
            seen[schedule.select(&mut random, |i| i < 10).unwrap().index()] += 1;
        }
        for weight in [1, 2, 3] {
            assert!((weight * 1000usize).abs_diff(seen[weight]) < 150, "{weight}: {seen:?}");
        }
        assert_eq!(schedule.select(&mut random, |_| false), None);
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_nginx(weights in prop::collection::vec(1u32..=12, 1..12)) {
            let reduced = in_lowest_terms(&weights);
            prop_assert_eq!(order(&weights), turn_by_turn(&reduced));
        }

        #[test]
        fn each_has_its_weight_in_any_window_of_one_period(
            weights in prop::collection::vec(1u32..=20, 1..10),
            start in any::<prop::sample::Index>(),
        ) {
            let reduced = in_lowest_terms(&weights);
            let order = order(&weights);
            let mut seen = vec![0u32; weights.len()];
            let window = order.iter().cycle().skip(start.index(order.len())).take(order.len());
            window.for_each(|&p| seen[p as usize] += 1);
            prop_assert_eq!(seen, reduced);
        }

        // The ideal gap between two turns of weight w is total / w; smoothness means that no gap
        // is longer than twice that (rounded up).
        #[test]
        fn no_gap_is_longer_than_twice_the_ideal(
            weights in prop::collection::vec(1u32..=20, 1..10),
        ) {
            let order = order(&weights);
            for (position, &count) in in_lowest_terms(&weights).iter().enumerate() {
                let turns: Vec<usize> =
                    (0..order.len()).filter(|&t| order[t] as usize == position).collect();
                let wrapped = turns.iter().copied().chain([turns[0] + order.len()]);
                let longest = turns.iter().copied().zip(wrapped.skip(1)).map(|(a, b)| b - a).max();
                let bound = (2 * order.len()).div_ceil(count as usize);
                prop_assert!(longest.unwrap() <= bound, "{:?} {:?} {}", weights, longest, bound);
            }
        }
    }
}
