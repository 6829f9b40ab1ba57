//! What all balancers promise, whichever algorithm.

use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::{Balancer, Pick, hash_key};
use crate::endpoint::Endpoint;
use crate::policy::{Balance, HashKey};
use crate::pool::fixture::endpoint;

const ALL: [Balance; 5] = [
    Balance::RoundRobin,
    Balance::Random,
    Balance::P2c,
    Balance::LeastRequest,
    Balance::Hash(HashKey::ClientAddress),
];

fn endpoints(weights: &[u32]) -> Vec<Endpoint> {
    weights.iter().enumerate().map(|(i, &weight)| endpoint(&format!("e{i}"), weight)).collect()
}

/// Picks `count` times with a fresh key each, all endpoints idle, and counts who was taken.
fn shares(balance: &Balance, weights: &[u32], count: u32) -> Vec<u32> {
    let candidates: Vec<u32> = (0..weights.len() as u32).collect();
    let balancer = Balancer::new(balance, &endpoints(weights), &candidates);
    let (cursor, mut random) = (AtomicU64::new(0), fastrand::Rng::with_seed(42));
    let mut seen = vec![0; weights.len()];
    for key in 0..count {
        let key_hash = Some(hash_key(&key.to_le_bytes()));
        let pick = Pick { cursor: &cursor, key_hash, random: &mut random };
        seen[balancer.pick(pick, |_| true, |_| 0).unwrap()] += 1;
    }
    seen
}

/// Pearson's statistic: about as large as there are endpoints if `seen` is a fair sample.
fn chi_square(seen: &[u32], weights: &[u32]) -> f64 {
    let (count, total): (u32, u32) = (seen.iter().sum(), weights.iter().sum());
    let expected = |weight: u32| f64::from(count) * f64::from(weight) / f64::from(total);
    seen.iter()
        .zip(weights)
        .map(|(&n, &w)| (f64::from(n) - expected(w)).powi(2) / expected(w))
        .sum()
}

#[test]
fn equal_endpoints_get_equal_shares() {
    let weights = [1; 10];
    for balance in ALL {
        let seen = shares(&balance, &weights, 20_000);
        // With 9 degrees of freedom 40 is exceeded once in 100,000; the hash table adds its own
        // deviation of 1 % a slot share, that is about 2 at this count.
        assert!(chi_square(&seen, &weights) < 40.0, "{balance:?}: {seen:?}");
    }
}

#[test]
fn shares_follow_weights_while_all_are_idle() {
    let weights = [1, 2, 3, 4, 10];
    for balance in ALL {
        let seen = shares(&balance, &weights, 20_000);
        assert!(chi_square(&seen, &weights) < 35.0, "{balance:?}: {seen:?}");
    }
}

/// Requests that stay in flight fill endpoints in proportion to their weights.
#[test]
fn load_fills_up_in_proportion_to_weight() {
    let weights = [1, 2, 3, 4];
    for balance in [Balance::P2c, Balance::LeastRequest] {
        let balancer = Balancer::new(&balance, &endpoints(&weights), &[0, 1, 2, 3]);
        let (cursor, mut random) = (AtomicU64::new(0), fastrand::Rng::with_seed(42));
        let mut load = [0u32; 4];
        for _ in 0..1000 {
            let pick = Pick { cursor: &cursor, key_hash: None, random: &mut random };
            let picked = balancer.pick(pick, |_| true, |i| load[i]).unwrap();
            load[picked] += 1;
        }
        let is_near = |(&load, weight): (&u32, u32)| load.abs_diff(weight * 100) <= 10;
        assert!(load.iter().zip(weights).all(is_near), "{balance:?}: {load:?}");
    }
}

#[test]
fn a_zero_weight_and_an_unknown_index_do_no_harm() {
    for balance in ALL {
        let balancer = Balancer::new(&balance, &endpoints(&[0, 0]), &[0, 1, 2]);
        let (cursor, mut random) = (AtomicU64::new(0), fastrand::Rng::with_seed(1));
        let pick = Pick { cursor: &cursor, key_hash: Some(1), random: &mut random };
        assert!(balancer.pick(pick, |_| true, |_| 0).is_some_and(|i| i < 2), "{balance:?}");
    }
}

/// Endpoints as (weight, is candidate, is admitted, in flight).
fn pools() -> impl Strategy<Value = Vec<(u32, bool, bool, u32)>> {
    let endpoint = (1u32..=1000, any::<bool>(), prop::bool::weighted(0.3), 0u32..100);
    // A few large pools too, beyond what is compared one by one.
    prop_oneof![
        4 => prop::collection::vec(endpoint.clone(), 0..12),
        1 => prop::collection::vec(endpoint, 60..100),
    ]
}

proptest! {
    // Each case builds all five balancers, a hash table among them.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_pick_is_an_admitted_candidate_whenever_there_is_one(
        pool in pools(),
        key_hash: Option<u64>,
        ticket: u64,
        seed: u64,
    ) {
        let weights: Vec<u32> = pool.iter().map(|e| e.0).collect();
        let candidates: Vec<u32> =
            (0..).zip(&pool).filter(|(_, e)| e.1).map(|(i, _)| i).collect();
        let is_any_admitted = pool.iter().any(|e| e.1 && e.2);
        for balance in ALL {
            let balancer = Balancer::new(&balance, &endpoints(&weights), &candidates);
            let (cursor, mut random) = (AtomicU64::new(ticket), fastrand::Rng::with_seed(seed));
            for _ in 0..20 {
                let pick = Pick { cursor: &cursor, key_hash, random: &mut random };
                let picked = balancer.pick(pick, |i| pool[i].2, |i| pool[i].3);
                prop_assert_eq!(picked.is_some(), is_any_admitted);
                prop_assert!(picked.is_none_or(|i| pool[i].1 && pool[i].2));
            }
        }
    }
}
