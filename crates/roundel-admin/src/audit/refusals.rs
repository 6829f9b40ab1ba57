//! Refusals that never reached a handler, put together so that a flood of them stays small.
//!
//! Whoever can reach the surface can be refused as often as they like, so one entry for each would
//! let a stranger push every action out of the log and fill the disk. The first refusal of an
//! address for a reason is told at once; those after it are counted, and told as one when the
//! interval is over. As many pairs of address and reason are told apart as there are places; what
//! finds none shares one place, whatever address and reason it has. So there are at most
//! two entries for each place and interval.
//!
//! Pure: when an interval is over, the caller says.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::problem::Kind;

/// How long refusals are put together.
pub(crate) const INTERVAL: Duration = Duration::from_mins(1);

/// Pairs of address and reason that are told apart at once.
const PLACES: usize = 8;

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Who asked; where several are put together, the last.
    pub(crate) who: String,
    pub(crate) action: &'static str,
    pub(crate) target: String,
    pub(crate) detail: String,
    /// How many requests this stands for.
    pub(crate) count: u64,
}

/// Which refusals are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Those of an address for a reason.
    Of(IpAddr, Kind),
    /// All that found no place of their own.
    Others,
}

/// Refusals of the intervals under way.
#[derive(Debug, Default)]
pub(crate) struct Refusals(HashMap<Place, Option<Refusal>>);

/// What becomes of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It is to be told now, and the place closed after an interval.
    First(Place, Refusal),
    /// It is counted.
    Counted,
}

impl Refusals {
    /// Notes a refusal. A caller without an address shares the place of those that find none.
    pub(crate) fn note(&mut self, peer: Option<IpAddr>, kind: Kind, refusal: Refusal) -> Noted {
        let own = peer.map(|peer| Place::Of(peer, kind));
        let place = own.filter(|own| self.0.contains_key(own) || self.0.len() < PLACES);
        let place = place.unwrap_or(Place::Others);
        let Some(counted) = self.0.get_mut(&place) else {
            self.0.insert(place, None);
            return Noted::First(place, refusal);
        };
        let count = counted.as_ref().map_or(0, |counted| counted.count);
        let count = count.saturating_add(refusal.count);
        *counted = Some(Refusal { count, ..refusal });
        Noted::Counted
    }

    /// Ends the interval of a place. What was counted is to be told, and another interval begins;
    /// `None` when there was nothing, and the place is free.
    pub(crate) fn close(&mut self, place: Place) -> Option<Refusal> {
        let counted = self.0.get_mut(&place)?.take();
        if counted.is_none() {
            self.0.remove(&place);
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(detail: &str) -> Refusal {
        Refusal {
            who: "192.0.2.1".to_owned(),
            action: "app.scale",
            target: "web".to_owned(),
            detail: detail.to_owned(),
            count: 1,
        }
    }

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_as_one() {
        let mut refusals = Refusals::default();
        let place = Place::Of(address(1), Kind::Token);
        let first = refusals.note(Some(address(1)), Kind::Token, refusal("a"));
        assert_eq!(first, Noted::First(place, refusal("a")));
        for detail in ["b", "c"] {
            assert_eq!(
                refusals.note(Some(address(1)), Kind::Token, refusal(detail)),
                Noted::Counted
            );
        }
        assert_eq!(refusals.close(place), Some(Refusal { count: 2, ..refusal("c") }));
        assert_eq!(refusals.close(place), None, "nothing came in the second interval");
        let again = refusals.note(Some(address(1)), Kind::Token, refusal("d"));
        assert_eq!(again, Noted::First(place, refusal("d")));
    }

    #[test]
    fn each_address_and_reason_is_told_apart_as_long_as_there_are_places() {
        let mut refusals = Refusals::default();
        let first = |noted| match noted {
            Noted::First(place, _) => place,
            Noted::Counted => panic!("it is the first"),
        };
        first(refusals.note(Some(address(1)), Kind::Token, refusal("")));
        first(refusals.note(Some(address(1)), Kind::Origin, refusal("")));
        let mut told = 2;
        for n in 0..=255 {
            for kind in [Kind::Malformed, Kind::Host] {
                if matches!(refusals.note(Some(address(n)), kind, refusal("")), Noted::First(..)) {
                    told += 1;
                }
            }
        }
        assert_eq!(told, PLACES + 1, "the last place is everybody's");
        let counted = 2 + 512 - told as u64;
        let places: Vec<Place> = refusals.0.keys().copied().collect();
        let told_late = places.into_iter().filter_map(|place| refusals.close(place));
        assert_eq!(told_late.map(|refusal| refusal.count).sum::<u64>(), counted, "none is lost");
    }
}
