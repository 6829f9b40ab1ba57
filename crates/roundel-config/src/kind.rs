//! The kinds of value a key can have: what is accepted, how it prints, its JSON Schema.
//!
//! `scalar` has single values, `grammar` texts with a grammar, `container` what is made of others,
//! `app` what only apps have. Kinds are values, so a key's range is written where the key is.

mod app;
mod container;
mod grammar;
mod scalar;

pub(crate) use app::{Count, INSTANCES_MAX, environment, instances, ports, template};
pub(crate) use container::{Item, headers, list, located, map, optional, required, table, tables};
pub(crate) use grammar::{
    admin_address, any, cidr, endpoint_address, exact_path, file, hash_key, host, host_pattern,
    host_policy, listen_address, location, log_target, method, name, non_empty,
    parse_listen_address, path_prefix, statuses, target,
};
pub(crate) use scalar::{bytes, choice, duration, flag, percent, percents, text, whole};
