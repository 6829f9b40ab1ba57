//! Which bucket a time belongs to.
//!
//! A bucket is found in two steps. The value's leading bits (its octave and the next three bits)
//! name a *cell*, at most 12.5 % wide, as in HdrHistogram. The edges below are everywhere at least
//! 14 % apart from 10 µs on, so at most one edge lies inside a cell: a table says which bucket the
//! cell starts in and one comparison says whether the value is past that edge. No division, no loop,
//! no search.
//!
//! The edges follow the decimal scale (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, then ten
//! times that) and not powers of two, so that 0.5 ms, 1 ms, 2.5 ms … are edges and the cumulative
//! counts exported to Prometheus are exact, not interpolated. The widest bucket is 25 % of its lower
//! edge; its middle is off by at most 12.5 %.

/// Leading digits of the edges within a decade, times 100.
const STEPS: [u64; 13] = [100, 125, 150, 175, 200, 250, 300, 350, 400, 500, 600, 700, 800];

/// Decades of microseconds above the first that have all of [`STEPS`]: 10 µs to 100 s.
const DECADES: usize = 7;

/// 0 to 8 µs one by one (there is no room for quarters), the decades, and what is longer.
pub(super) const BUCKETS: usize = 9 + DECADES * STEPS.len() + 1;

/// Lower edge of each bucket in microseconds.
const EDGES: [u64; BUCKETS] = edges();

/// Cells for each octave.
const CELLS_PER_OCTAVE: usize = 8;

/// Values are capped here before the look-up; the last edge (100 s) lies below.
const VALUE_MAX: u64 = (1 << 27) - 1;

/// One for each cell up to [`VALUE_MAX`].
const CELLS: usize = cell_of(VALUE_MAX) + 1;

/// The bucket of the smallest value in each cell.
const FIRST_BUCKET: [u8; CELLS] = first_buckets();

/// Bounds exported to Prometheus, in microseconds; each is an edge.
pub const EXPORT_BOUNDS_US: [u64; 17] = [
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    100_000_000,
];

const fn edges() -> [u64; BUCKETS] {
    let mut edges = [0; BUCKETS];
    let mut i = 0;
    while i < 9 {
        edges[i] = i as u64;
        i += 1;
    }
    let mut decade = 0;
    let mut unit = 10;
    while decade < DECADES {
        let mut step = 0;
        while step < STEPS.len() {
            // Rounded up: a whole number is at least 12.5 exactly when it is at least 13.
            edges[i] = (unit * STEPS[step]).div_ceil(100);
            i += 1;
            step += 1;
        }
        unit *= 10;
        decade += 1;
    }
    edges[i] = unit;
    edges
}

/// Cell of `us`: below 8 the value itself, above it octave and next three bits.
const fn cell_of(us: u64) -> usize {
    if us < CELLS_PER_OCTAVE as u64 {
        return us as usize;
    }
    let shift = us.ilog2() - CELLS_PER_OCTAVE.ilog2();
    (shift as usize) * CELLS_PER_OCTAVE + (us >> shift) as usize
}

const fn first_buckets() -> [u8; CELLS] {
    let mut first = [0; CELLS];
    let mut cell = 0;
    let mut bucket = 0;
    while cell < CELLS {
        while bucket + 1 < BUCKETS && EDGES[bucket + 1] <= cell_start(cell) {
            bucket += 1;
        }
        first[cell] = bucket as u8;
        cell += 1;
    }
    first
}

/// Smallest value of a cell: the inverse of [`cell_of`].
const fn cell_start(cell: usize) -> u64 {
    if cell < CELLS_PER_OCTAVE * 2 {
        return cell as u64;
    }
    let shift = cell / CELLS_PER_OCTAVE - 1;
    ((cell - shift * CELLS_PER_OCTAVE) as u64) << shift
}

/// Bucket of `us`.
#[inline]
pub(super) fn bucket_of(us: u64) -> usize {
    let us = us.min(VALUE_MAX);
    let first = usize::from(FIRST_BUCKET[cell_of(us)]);
    // The last bucket has no upper edge; no value below the cap starts past it.
    let next = EDGES[(first + 1).min(BUCKETS - 1)];
    first + usize::from(first + 1 < BUCKETS && us >= next)
}

/// How many buckets lie wholly below `bound`, which is an edge.
pub(super) fn buckets_below(bound: u64) -> usize {
    EDGES.partition_point(|edge| *edge < bound)
}

/// Middle of a bucket's whole values; of the last, its lower edge.
pub(super) fn middle(bucket: usize) -> u64 {
    let low = EDGES[bucket];
    match EDGES.get(bucket + 1) {
        Some(next) => low + (next - 1 - low) / 2,
        None => low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_edge_opens_its_bucket_and_the_value_before_closes_the_last() {
        for (bucket, edge) in EDGES.iter().enumerate() {
            assert_eq!(bucket_of(*edge), bucket, "{edge}");
            if bucket > 0 {
                assert_eq!(bucket_of(edge - 1), bucket - 1, "{edge}");
            }
        }
        assert_eq!(EDGES[BUCKETS - 1], 100_000_000);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn every_exported_bound_is_an_edge() {
        assert!(EXPORT_BOUNDS_US.iter().all(|bound| EDGES.contains(bound)));
    }

    #[test]
    fn no_cell_holds_two_edges() {
        let mut cells: Vec<_> = EDGES
            .iter()
            .filter(|edge| cell_start(cell_of(**edge)) != **edge)
            .map(|edge| cell_of(*edge))
            .collect();
        let edges_inside_cells = cells.len();
        cells.dedup();
        assert_eq!(cells.len(), edges_inside_cells);
    }

    proptest! {
        #[test]
        fn a_bucket_is_found_as_by_search(us in prop_oneof![0..300u64, 0..VALUE_MAX, any::<u64>()]) {
            let expected = EDGES.partition_point(|edge| *edge <= us) - 1;
            prop_assert_eq!(bucket_of(us), expected);
        }

        #[test]
        fn the_middle_is_within_an_eighth(us in 1..100_000_000u64) {
            let error = middle(bucket_of(us)).abs_diff(us) as f64 / us as f64;
            prop_assert!(error <= 0.125, "{} {}", us, error);
        }
    }
}
