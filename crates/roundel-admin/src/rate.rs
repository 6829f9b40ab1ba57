//! How often something may happen: token buckets, for mutations, checks and failed tokens.
//!
//! A bucket holds so many tokens, gains some each second, and each event takes one. Time is an
//! argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How fast a bucket fills and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) burst: f64,
}

/// Mutations, of all callers together: far more than people make, far less than would keep the
/// control plane busy.
pub(crate) const MUTATIONS: Rate = Rate { per_second: 20.0, burst: 50.0 };

/// Checks of configurations, of all callers together: each takes a moment of one processor.
pub(crate) const CHECKS: Rate = Rate { per_second: 5.0, burst: 20.0 };

/// Wrong tokens from one address: a mistyped one is soon forgiven, trying them out takes forever.
pub(crate) const WRONG_TOKENS: Rate = Rate { per_second: 0.5, burst: 10.0 };

/// Addresses whose wrong tokens are counted; of more, the one seen longest ago is forgotten.
const ADDRESSES_MAX: usize = 1024;

/// One bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst, at: now }
    }

    /// Takes a token, or says how long it is until there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.fill(rate, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / rate.per_second))
    }

    /// How long it is until there is a token; nothing is taken.
    fn wait(&mut self, rate: Rate, now: Instant) -> Option<Duration> {
        self.fill(rate, now);
        (self.tokens < 1.0).then(|| Duration::from_secs_f64((1.0 - self.tokens) / rate.per_second))
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second;
        self.tokens = (self.tokens + gained).min(rate.burst);
        self.at = now;
    }
}

/// A bucket that callers share.
#[derive(Debug)]
pub(crate) struct Budget {
    rate: Rate,
    bucket: Mutex<Bucket>,
}

impl Budget {
    /// A full one.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, bucket: Mutex::new(Bucket::new(rate, now)) }
    }

    /// Takes a token, or says how long it is until there is one.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(self.rate, now)
    }
}

/// Wrong tokens by the address that they came from.
#[derive(Debug, Default)]
pub(crate) struct WrongTokens(HashMap<IpAddr, Bucket>);

impl WrongTokens {
    /// How long `address` has to wait before another guess counts as one; `None` when it need not.
    pub(crate) fn wait(&mut self, address: IpAddr, now: Instant) -> Option<Duration> {
        self.0.get_mut(&address)?.wait(WRONG_TOKENS, now)
    }

    /// Notes a wrong token.
    pub(crate) fn note(&mut self, address: IpAddr, now: Instant) {
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&address) {
            let oldest = self.0.iter().min_by_key(|(_, bucket)| bucket.at).map(|(ip, _)| *ip);
            oldest.map(|ip| self.0.remove(&ip));
        }
        let bucket = self.0.entry(address).or_insert_with(|| Bucket::new(WRONG_TOKENS, now));
        // Whether there was one left shows at the next request.
        let _ = bucket.take(WRONG_TOKENS, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_counts() {
        let start = Instant::now();
        let rate = Rate { per_second: 2.0, burst: 3.0 };
        let mut bucket = Bucket::new(rate, start);
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, start), Ok(()));
        }
        assert_eq!(bucket.take(rate, start), Err(Duration::from_millis(500)));
        let later = start + Duration::from_millis(500);
        assert_eq!(bucket.take(rate, later), Ok(()));
        assert!(bucket.take(rate, later).is_err());
        let much_later = start + Duration::from_hours(1);
        assert_eq!((0..9).filter(|_| bucket.take(rate, much_later).is_ok()).count(), 3);
    }

    #[test]
    fn wrong_tokens_slow_down_the_address_they_came_from_alone() {
        let now = Instant::now();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let mut wrong = WrongTokens::default();
        for _ in 0..10 {
            assert_eq!(wrong.wait(one, now), None);
            wrong.note(one, now);
        }
        assert_eq!(wrong.wait(one, now), Some(Duration::from_secs(2)));
        assert_eq!(wrong.wait(other, now), None);
        assert_eq!(wrong.wait(one, now + Duration::from_secs(2)), None);
    }

    #[test]
    fn many_addresses_take_bounded_memory() {
        let start = Instant::now();
        let mut wrong = WrongTokens::default();
        for n in 0..5000u32 {
            wrong.note(IpAddr::from(n.to_be_bytes()), start + Duration::from_millis(n.into()));
        }
        assert_eq!(wrong.0.len(), ADDRESSES_MAX);
    }
}
