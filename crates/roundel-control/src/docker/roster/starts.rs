//! Which containers have shown that they serve.
//!
//! An engine calls a container running as soon as its process exists, seconds before most programs
//! listen. So a container of a pool with a health check is only *starting* until its first good
//! probe: it is probed and sent nothing, and requests that find nobody else wait for it.
//!
//! The wait has an end. A check that never passes may be wrong itself, and then health must decide
//! alone, since it is doubted where presence is not: the pool may fail open.
//!
//! Pure, and says nothing of who is there.

use std::collections::BTreeMap;
use std::time::Duration;

use roundel_core::endpoint::Health;
use roundel_core::name::Name;
use roundel_core::outlier::Moment;

/// How long a container may take to its first good probe before it counts as present without. Most
/// programs start within; those that need longer have a `HEALTHCHECK`, whose first verdict is
/// waited for besides.
pub(super) const START_MAX: Duration = Duration::from_mins(1);

/// How far each container has come, by its identifier and the pool.
#[derive(Debug, Default)]
pub(super) struct Starts(BTreeMap<(String, Name), Progress>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It may have started at this time.
    Starting(Moment),
    /// It has answered a probe, or the wait for that is over.
    Started,
}

impl Starts {
    /// Whether a container that runs is still starting. `health` is what probes found at its
    /// endpoint, and `None` where nobody probes. The first time it is asked of a container, the
    /// endpoint's health is that of whoever was there before.
    pub(super) fn is_starting(
        &mut self,
        id: &str,
        pool: &Name,
        health: Option<Health>,
        now: Moment,
    ) -> bool {
        let key = (id.to_owned(), pool.clone());
        let since = match self.0.get(&key) {
            Some(Progress::Started) => return false,
            Some(Progress::Starting(_)) if health == Some(Health::Healthy) => None,
            Some(Progress::Starting(since)) => Some(*since).filter(|it| now < it.plus(START_MAX)),
            None => Some(now),
        };
        let since = since.filter(|_| health.is_some());
        self.0.insert(key, since.map_or(Progress::Started, Progress::Starting));
        since.is_some()
    }

    /// The engine itself says that the container is still starting: the wait for a good probe has
    /// not begun.
    pub(super) fn hold(&mut self, id: &str, pool: &Name, now: Moment) {
        self.0.insert((id.to_owned(), pool.clone()), Progress::Starting(now));
    }

    /// Forgets a container that has ended: it starts anew, if at all.
    pub(super) fn forget(&mut self, id: &str) {
        self.0.retain(|(known, _), _| known != id);
    }

    /// Keeps what is known of these containers alone.
    pub(super) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|(id, _), _| is_there(id));
    }

    /// Whether any container is starting.
    pub(super) fn is_waiting(&self) -> bool {
        self.starting().next().is_some()
    }

    /// When the first wait ends.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.starting().map(|since| since.plus(START_MAX)).min()
    }

    fn starting(&self) -> impl Iterator<Item = Moment> {
        self.0.values().filter_map(|progress| match progress {
            Progress::Starting(since) => Some(*since),
            Progress::Started => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn a_container_starts_until_its_first_good_probe_or_for_a_minute() {
        use Health::{Healthy, Unhealthy, Unknown};
        type Step = (u64, Option<Health>, bool);
        let stories: [(&str, &[Step]); 8] = [
            (
                "it answers after a while",
                &[
                    (0, Some(Unknown), true),
                    (1, Some(Unhealthy), true),
                    (2, Some(Healthy), false),
                    (3, Some(Healthy), false),
                ],
            ),
            (
                "once it has started its health is another matter",
                &[(0, Some(Unknown), true), (1, Some(Healthy), false), (2, Some(Unhealthy), false)],
            ),
            (
                "it never answers well",
                &[
                    (5, Some(Unknown), true),
                    (64, Some(Unhealthy), true),
                    (65, Some(Unhealthy), false),
                ],
            ),
            (
                "the wait has ended for good",
                &[
                    (0, Some(Unknown), true),
                    (60, Some(Unhealthy), false),
                    (61, Some(Unknown), false),
                ],
            ),
            ("the health of whoever was there before", &[(0, Some(Healthy), true)]),
            ("which is not asked twice", &[(0, Some(Healthy), true), (1, Some(Healthy), false)]),
            ("nobody probes", &[(0, None, false), (1, None, false)]),
            (
                "probes are switched off meanwhile, and on again",
                &[(0, Some(Unknown), true), (1, None, false), (2, Some(Unknown), false)],
            ),
        ];
        for (story, steps) in stories {
            let mut starts = Starts::default();
            for (now, health, expected) in steps {
                let pool = Name::parse("web").unwrap();
                let is_starting = starts.is_starting("a", &pool, *health, at(*now));
                assert_eq!(is_starting, *expected, "{story}, at second {now}");
                assert_eq!(starts.is_waiting(), *expected, "{story}, at second {now}");
            }
        }
    }

    #[test]
    fn the_wait_begins_when_the_engine_calls_it_started() {
        let pool = Name::parse("web").unwrap();
        let mut starts = Starts::default();
        starts.hold("a", &pool, at(0));
        starts.hold("a", &pool, at(100));
        assert_eq!(starts.next_deadline(), Some(at(160)));
        assert!(starts.is_starting("a", &pool, Some(Health::Unhealthy), at(159)));
        assert!(!starts.is_starting("a", &pool, Some(Health::Unhealthy), at(160)));
        assert_eq!(starts.next_deadline(), None);
        // Its probes may have gone well before.
        starts.hold("b", &pool, at(0));
        assert!(!starts.is_starting("b", &pool, Some(Health::Healthy), at(1)));
    }

    #[test]
    fn each_container_starts_for_each_pool_and_anew_after_its_end() {
        let (web, api) = (Name::parse("web").unwrap(), Name::parse("api").unwrap());
        let mut starts = Starts::default();
        for pool in [&web, &api] {
            assert!(starts.is_starting("a", pool, Some(Health::Unknown), at(0)));
        }
        assert!(!starts.is_starting("a", &web, Some(Health::Healthy), at(1)));
        assert!(starts.is_starting("a", &api, Some(Health::Unknown), at(1)));
        assert!(starts.is_starting("b", &web, Some(Health::Unknown), at(1)));
        starts.forget("a");
        assert!(starts.is_starting("a", &web, Some(Health::Healthy), at(2)));
        starts.retain(|id| id == "b");
        assert_eq!(starts.0.len(), 1);
    }
}
