//! What a reload changes: the difference of two configurations, in words.

use std::fmt;

use roundel_config::model::Config;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::name::Name;

/// What a reload changed. Prints as one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReloadReport {
    /// Listeners, by name.
    pub listeners: Changed,
    /// Pools whose policy or endpoints changed, by name.
    pub pools: Changed,
    /// Endpoints, as `pool/endpoint`. One with a new address is a new endpoint: removed and added.
    pub endpoints: Changed,
    /// Apps, by name.
    pub apps: Changed,
    /// Whether any route changed.
    pub has_new_routes: bool,
    /// Keys that changed but take effect only when the process starts anew.
    pub needs_restart: Vec<&'static str>,
}

/// Names of one kind of thing, by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// New ones.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that are other than before.
    pub changed: Vec<String>,
}

impl ReloadReport {
    /// Compares two configurations.
    pub(crate) fn between(old: &Config, new: &Config) -> Self {
        let listeners = Changed::between(&old.listeners, &new.listeners, |l| l.name.to_string());
        let pools = Changed::between(&old.pools, &new.pools, |p| p.name.to_string());
        let endpoints =
            Changed::between(&endpoints_of(old), &endpoints_of(new), |(name, address, _)| {
                format!("{name} ({address})")
            });
        let restart_keys = [
            ("workers", old.workers != new.workers),
            ("admin", old.admin != new.admin),
            ("access_log", old.access_log != new.access_log),
            ("request_log", old.request_log != new.request_log),
            ("log", old.log != new.log),
            ("shutdown", old.shutdown != new.shutdown),
        ];
        let needs_restart = restart_keys.into_iter().filter(|(_, is_new)| *is_new);
        Self {
            listeners,
            pools,
            endpoints,
            apps: Changed::between(&old.apps, &new.apps, |app| app.name.to_string()),
            has_new_routes: old.routes != new.routes,
            needs_restart: needs_restart.map(|(key, _)| key).collect(),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Name, address and everything else of each endpoint.
type EndpointRow = (String, String, (u32, bool, AdminState, Presence));

fn endpoints_of(config: &Config) -> Vec<EndpointRow> {
    let row = |pool: &Name, e: &roundel_config::model::EndpointConfig| {
        let rest = (e.weight, e.is_backup, e.admin_state, e.presence);
        (format!("{pool}/{}", e.name), e.address.to_string(), rest)
    };
    config.pools.iter().flat_map(|p| p.endpoints.iter().map(|e| row(&p.name, e))).collect()
}

impl Changed {
    /// Compares two lists whose members are identified by `key`.
    fn between<T: PartialEq>(old: &[T], new: &[T], key: impl Fn(&T) -> String) -> Self {
        let old_by_key: std::collections::HashMap<String, &T> =
            old.iter().map(|thing| (key(thing), thing)).collect();
        let mut report = Self::default();
        let mut kept = std::collections::HashSet::new();
        for thing in new {
            let name = key(thing);
            match old_by_key.get(&name) {
                None => report.added.push(name),
                Some(before) => {
                    if *before != thing {
                        report.changed.push(name.clone());
                    }
                    kept.insert(name);
                }
            }
        }
        report.removed = old.iter().map(key).filter(|name| !kept.contains(name)).collect();
        report
    }

    /// In words, a text for each of added, removed and changed that there is.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<String> {
        let parts =
            [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)];
        let there = parts.into_iter().filter(|(_, names)| !names.is_empty());
        there.map(|(verb, names)| format!("{kind} {verb}: {}", names.join(", "))).collect()
    }
}

impl fmt::Display for ReloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (kind, changed) in [
            ("listener", &self.listeners),
            ("pool", &self.pools),
            ("endpoint", &self.endpoints),
            ("app", &self.apps),
        ] {
            parts.extend(changed.of_kind(kind));
        }
        if self.has_new_routes {
            parts.push("routes changed".to_owned());
        }
        if !self.needs_restart.is_empty() {
            parts.push(format!("takes effect at restart: {}", self.needs_restart.join(", ")));
        }
        if parts.is_empty() {
            parts.push("nothing changed".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}
