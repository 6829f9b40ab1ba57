//! When an endpoint that takes requests has fallen silent.
//!
//! A stopped or deadlocked server still accepts: its kernel does, and takes in what is sent. Nothing
//! fails, so nothing is counted as a failure, and until probes run out everyone that is sent there
//! waits. What does show at once is that requests wait and *none* is answered. One slow request is no
//! silence, however slow: an answer to any other breaks it. So an endpoint is silent when at least
//! two requests wait, and the last sign of life is older than its answers have ever suggested.
//!
//! How long that is follows from the endpoint's own pace: mean and mean deviation of the time to an
//! answer, smoothed as TCP does for its retransmission timer (RFC 6298 §2), bound nearly all answers
//! by mean plus four deviations. Four times as much is silence, and never less than a configured
//! time. An endpoint that never answered has no pace, and is left to probes.
//!
//! A silent endpoint is the last choice, not out: when all others are silent too, the fault is
//! elsewhere. While it is silent, each worker tries one request at a time there, so that traffic
//! finds the end of it also where nobody probes; when such a try is given up the next one follows
//! after a pause, so that few are delayed by it. The first answer ends it, and where no request waits that
//! of a probe does.
//!
//! Pure: time is an argument. One worker's evidence is kept here; that an endpoint is silent is
//! shared by all ([`crate::endpoint::EndpointShared`]).

use std::time::Duration;

/// Requests that have to wait: one alone may be a slow one.
const WAITING_MIN: u32 = 2;

/// How many times longer than nearly all answers take is silence.
const PATIENCE: u64 = 4;

/// The longest pause between two tries at a silent endpoint.
const PAUSE_MAX_US: u64 = 5_000_000;

/// What one worker knows of an endpoint's answers. Times are microseconds of one monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// Requests that were sent and are not answered.
    waiting: u32,
    /// The last sign of life: an answer, or the first request that found nothing waiting.
    heard_us: u64,
    pace: Option<Pace>,
    /// The pause before the next try after one that was given up; 0 when the last was answered.
    pause_us: u64,
    /// When that pause is over.
    next_try_us: u64,
}

/// How fast an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    mean_us: u64,
    deviation_us: u64,
}

impl Answers {
    /// A whole request was sent at `now_us`.
    pub fn asked(&mut self, now_us: u64) {
        if self.waiting == 0 {
            self.heard_us = now_us;
        }
        self.waiting += 1;
    }

    /// A request that was sent `took_us` ago was answered at `now_us`.
    pub fn answered(&mut self, now_us: u64, took_us: u64) {
        self.waiting = self.waiting.saturating_sub(1);
        self.heard_us = now_us;
        (self.pause_us, self.next_try_us) = (0, 0);
        self.pace = Some(self.pace.map_or_else(|| Pace::first(took_us), |it| it.and(took_us)));
    }

    /// From `now_us` on nobody waits any more for the answer to a request: it was given up, or broke
    /// off. That is no sign of life. When it was the last that was waited for, the pause before the
    /// next one is at least as long as that took, and twice as long as the pause before.
    pub fn given_up(&mut self, now_us: u64) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            let took_us = now_us.saturating_sub(self.heard_us);
            self.pause_us = self.pause_us.saturating_mul(2).max(took_us).min(PAUSE_MAX_US);
            self.next_try_us = now_us.saturating_add(self.pause_us);
        }
    }

    /// Whether it is time for one more request, if the endpoint is silent: none waits there, and the
    /// pause after the last one is over, or `is_alive` by other evidence.
    pub fn is_try_due(&self, now_us: u64, is_alive: bool) -> bool {
        self.waiting == 0 && (is_alive || now_us >= self.next_try_us)
    }

    /// For how long the endpoint has been silent at `now_us`, if that is longer than `at_least` and
    /// than its pace suggests.
    pub fn silence(&self, now_us: u64, at_least: Duration) -> Option<Duration> {
        if self.waiting < WAITING_MIN {
            return None;
        }
        let at_least = u64::try_from(at_least.as_micros()).unwrap_or(u64::MAX);
        let limit_us = self.pace?.nearly_all_us().saturating_mul(PATIENCE).max(at_least);
        let silent_us = now_us.saturating_sub(self.heard_us);
        (silent_us > limit_us).then(|| Duration::from_micros(silent_us))
    }
}

impl Pace {
    fn first(took_us: u64) -> Self {
        Self { mean_us: took_us, deviation_us: took_us / 2 }
    }

    /// Takes in one more answer, with the weights of RFC 6298.
    fn and(self, took_us: u64) -> Self {
        let error_us = self.mean_us.abs_diff(took_us);
        Self {
            mean_us: self.mean_us - self.mean_us / 8 + took_us / 8,
            deviation_us: self.deviation_us - self.deviation_us / 4 + error_us / 4,
        }
    }

    /// What nearly all answers stay below.
    fn nearly_all_us(self) -> u64 {
        self.mean_us.saturating_add(self.deviation_us.saturating_mul(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_LEAST: Duration = Duration::from_millis(250);

    fn ms(count: u64) -> u64 {
        count * 1000
    }

    /// An endpoint that has answered `count` requests in `took_us` each until time `ms(1000)`.
    fn paced(took_us: u64, count: u32) -> Answers {
        let mut answers = Answers::default();
        for _ in 0..count {
            answers.asked(ms(1000) - took_us);
            answers.answered(ms(1000), took_us);
        }
        answers
    }

    #[test]
    fn silence_needs_two_that_wait_and_nobody_answered() {
        let mut answers = paced(ms(1), 20);
        answers.asked(ms(2000));
        assert_eq!(answers.silence(ms(60_000), AT_LEAST), None, "one may be slow");
        answers.asked(ms(2100));
        assert_eq!(answers.silence(ms(2250), AT_LEAST), None);
        let silent = answers.silence(ms(2251), AT_LEAST);
        assert_eq!(silent, Some(Duration::from_millis(251)));
        answers.answered(ms(2300), ms(200));
        assert_eq!(answers.silence(ms(9000), AT_LEAST), None, "one waits");
    }

    #[test]
    fn any_answer_is_a_sign_of_life() {
        let mut answers = paced(ms(1), 20);
        (0..5).for_each(|_| answers.asked(ms(2000)));
        for at in [2200, 2400, 2600] {
            assert_eq!(answers.silence(ms(at), AT_LEAST), None);
            answers.asked(ms(at));
            answers.answered(ms(at), ms(1));
        }
        assert!(answers.silence(ms(2851), AT_LEAST).is_some());
    }

    #[test]
    fn giving_up_is_no_sign_of_life() {
        let mut answers = paced(ms(1), 20);
        (0..3).for_each(|_| answers.asked(ms(2000)));
        answers.given_up(ms(2200));
        assert!(answers.silence(ms(2251), AT_LEAST).is_some());
        answers.given_up(ms(2300));
        assert_eq!(answers.silence(ms(2301), AT_LEAST), None);
        answers.given_up(ms(2400));
        answers.asked(ms(5000));
        answers.asked(ms(5000));
        assert_eq!(answers.silence(ms(5200), AT_LEAST), None, "counted from the new requests");
    }

    #[test]
    fn tries_follow_after_ever_longer_pauses_until_one_is_answered() {
        let mut answers = paced(ms(1), 20);
        assert!(answers.is_try_due(ms(1000), false));
        let mut now = ms(2000);
        for pause_ms in [500, 1000, 2000, 4000, 5000, 5000] {
            (0..3).for_each(|_| answers.asked(now));
            now += ms(500);
            (0..3).for_each(|_| {
                assert!(!answers.is_try_due(u64::MAX, true), "one waits");
                answers.given_up(now);
            });
            assert!(!answers.is_try_due(now + ms(pause_ms) - 1, false), "after {pause_ms} ms");
            assert!(answers.is_try_due(now, true), "a probe was answered");
            now += ms(pause_ms);
            assert!(answers.is_try_due(now, false), "after {pause_ms} ms");
        }
        answers.asked(now);
        answers.answered(now, ms(1));
        assert!(answers.is_try_due(now, false));
    }

    #[test]
    fn the_limit_follows_the_pace() {
        for (took_us, count, limit_ms) in [
            // Fast ones: the configured time.
            (ms(1), 50, 250),
            (ms(60), 50, 250),
            // Steady ones: four times the mean.
            (ms(100), 50, 400),
            (ms(1000), 50, 4000),
            // One answer says little about how they vary.
            (ms(100), 1, 1200),
        ] {
            let mut answers = paced(took_us, count);
            (0..2).for_each(|_| answers.asked(ms(1000)));
            let (early, late) = (ms(1000 + limit_ms * 95 / 100), ms(1000 + limit_ms * 105 / 100));
            assert_eq!(answers.silence(early, AT_LEAST), None, "{took_us} us, {count} times");
            assert!(answers.silence(late, AT_LEAST).is_some(), "{took_us} us, {count} times");
        }
    }

    #[test]
    fn answers_that_vary_earn_patience_and_lose_it_again() {
        let mut answers = paced(ms(1), 20);
        answers.asked(ms(1000));
        answers.answered(ms(2000), ms(1000));
        (0..2).for_each(|_| answers.asked(ms(2000)));
        assert_eq!(answers.silence(ms(4000), AT_LEAST), None, "such slow ones do happen");
        for _ in 0..60 {
            answers.asked(ms(4000));
            answers.answered(ms(4000), ms(1));
        }
        assert!(answers.silence(ms(4251), AT_LEAST).is_some());
    }

    #[test]
    fn who_never_answered_is_left_to_probes() {
        let mut answers = Answers::default();
        (0..9).for_each(|_| answers.asked(0));
        assert_eq!(answers.silence(u64::MAX, AT_LEAST), None);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut answers = Answers::default();
        answers.given_up(u64::MAX);
        for took in [u64::MAX, 0, u64::MAX, u64::MAX] {
            answers.asked(0);
            answers.answered(u64::MAX, took);
        }
        (0..2).for_each(|_| answers.asked(u64::MAX));
        assert_eq!(answers.silence(u64::MAX, Duration::MAX), None);
        assert_eq!(answers.silence(0, Duration::ZERO), None);
    }
}
