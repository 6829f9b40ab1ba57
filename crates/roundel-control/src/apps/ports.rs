//! Which port an instance gets.
//!
//! Each index has a port of its own in the range, so that ports stay put and people can tell
//! instances by them. When a stranger has it, or there are more instances than that, another one
//! does, those that no wanted index calls its own first.

use std::ops::RangeInclusive;

/// The port for instance `index` out of `ports`, when `wanted` instances each have one of their own
/// and `is_usable` tells which are neither used by another instance nor found to be taken.
pub(super) fn choose(
    ports: &RangeInclusive<u16>,
    index: u32,
    wanted: u32,
    is_usable: impl Fn(u16) -> bool,
) -> Option<u16> {
    let nth = |n: u32| {
        let port = u16::try_from(u32::from(*ports.start()).checked_add(n)?).ok()?;
        ports.contains(&port).then_some(port)
    };
    let own = nth(index.saturating_sub(1));
    let spare = (wanted..ports.len() as u32).filter_map(nth);
    let others = (0..wanted).filter_map(nth);
    own.into_iter().chain(spare).chain(others).find(|port| is_usable(*port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_has_its_own_port_and_strangers_are_passed_over() {
        let ports = 5001..=5004;
        for (index, wanted, taken, expected) in [
            (1, 2, &[][..], Some(5001)),
            (2, 2, &[5001], Some(5002)),
            // Its own is taken: the first that is nobody's own.
            (1, 2, &[5001], Some(5003)),
            (1, 2, &[5001, 5003], Some(5004)),
            // Nothing is left but another's own.
            (1, 2, &[5001, 5003, 5004], Some(5002)),
            // More instances than ports.
            (5, 4, &[], Some(5001)),
            (5, 4, &[5001, 5002, 5003, 5004], None),
        ] {
            let chosen = choose(&ports, index, wanted, |port| !taken.contains(&port));
            assert_eq!(chosen, expected, "instance {index} of {wanted}, taken {taken:?}");
        }
    }

    #[test]
    fn the_last_port_of_all_is_a_port() {
        assert_eq!(choose(&(65_535..=65_535), 1, 1, |_| true), Some(65_535));
        assert_eq!(choose(&(65_535..=65_535), 2, 2, |_| true), Some(65_535));
        assert_eq!(choose(&(65_534..=65_535), u32::MAX, u32::MAX, |_| true), Some(65_534));
    }
}
