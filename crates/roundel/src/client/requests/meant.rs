//! Which pool and endpoint a filter of the request log means.
//!
//! The API filters by the names it is given, whatever they are: requests are kept for longer than
//! endpoints, so a name that nothing has any more may still find some. Only when nothing is found,
//! or nothing may ever be, is a name that nobody knows a mistake.

use roundel_admin::contract::{Pool, Pools};

use crate::client::api::Api;
use crate::client::arguments::Filter;
use crate::client::failure::Failure;
use crate::client::name;

/// The filter, with `POOL/ENDPOINT` as one of each.
pub(super) fn filter(api: &Api, given: &Filter) -> Result<Filter, Failure> {
    let Some(name) = given.endpoint.as_deref().filter(|name| name.contains('/')) else {
        return Ok(given.clone());
    };
    let Pools { pools } = api.get("/api/v1/pools")?;
    Ok(match split(name, &pools) {
        Some((pool, endpoint)) if given.pool.as_deref().is_none_or(|given| given == pool) => {
            let (pool, endpoint) = (Some(pool.to_owned()), Some(endpoint.to_owned()));
            Filter { pool, endpoint, ..given.clone() }
        }
        _ => given.clone(),
    })
}

/// Refuses names that neither a pool nor an endpoint has.
pub(super) fn check(api: &Api, filter: &Filter) -> Result<(), Failure> {
    if filter.pool.is_none() && filter.endpoint.is_none() {
        return Ok(());
    }
    let Pools { pools } = api.get("/api/v1/pools")?;
    unknown(filter, &pools).map_or(Ok(()), |message| Err(Failure::Other(message)))
}

/// The two names in one, unless it is that of an endpoint, which may hold slashes itself. The
/// endpoint need not be there any more.
fn split<'n>(name: &'n str, pools: &[Pool]) -> Option<(&'n str, &'n str)> {
    let is_pool = |(pool, _): &(&str, &str)| pools.iter().any(|known| known.name == *pool);
    let is_known =
        |(pool, endpoint): &(&str, &str)| places(pools).any(|it| it == (*pool, *endpoint));
    let splits = || name.match_indices('/').map(|(at, _)| (&name[..at], &name[at + 1..]));
    let is_whole = places(pools).any(|(_, endpoint)| endpoint == name);
    splits().find(is_known).or_else(|| splits().find(is_pool).filter(|_| !is_whole))
}

fn unknown(filter: &Filter, pools: &[Pool]) -> Option<String> {
    let pool = filter.pool.as_deref();
    if let Some(pool) = pool.filter(|pool| pools.iter().all(|known| known.name != *pool)) {
        let known = pools.iter().map(|pool| pool.name.as_str());
        let hint = match roundel_config::nearest(pool, known) {
            Some(near) => format!("; did you mean {near:?}?"),
            None => String::new(),
        };
        return Some(format!("there is no pool called {pool:?}{hint}"));
    }
    let endpoint = filter.endpoint.as_deref()?;
    let is_meant = |(of, _): &(&str, &str)| pool.is_none_or(|pool| pool == *of);
    if places(pools).filter(is_meant).any(|(_, known)| known == endpoint) {
        return None;
    }
    let whole = pool.map_or_else(|| endpoint.to_owned(), |pool| format!("{pool}/{endpoint}"));
    Some(name::unknown(name::ENDPOINT, &whole, &places(pools).collect::<Vec<_>>()))
}

fn places(pools: &[Pool]) -> impl Iterator<Item = (&str, &str)> {
    pools.iter().flat_map(|pool| {
        pool.endpoints.iter().map(|endpoint| (pool.name.as_str(), endpoint.name.as_str()))
    })
}
