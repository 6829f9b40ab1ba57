//! The overlay as text: TOML in the words of the configuration file.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use roundel_core::endpoint::AdminState;
use roundel_core::name::{Name, NameError};
use serde::{Deserialize, Serialize};

use super::IntentError;
use super::edit::{NewEndpoint, checked};
use crate::compose::{AppOverlay, EndpointOverlay, Overlay, PoolOverlay};

/// What stands above the text.
const HEADING: &str = "\
# What operators changed while Roundel ran, on top of the configuration file.
# Roundel writes this file and reads it when it starts.
";

/// Why a text is no overlay.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// It is not TOML, or has other keys than ours.
    #[error("{0}")]
    Syntax(String),
    /// A name is none.
    #[error("name {name:?}: {fault}")]
    Name {
        /// The text.
        name: String,
        /// What is wrong with it.
        fault: NameError,
    },
    /// A value is out of range, or an address is none.
    #[error("pool {pool:?}: {fault}")]
    Value {
        /// The pool.
        pool: String,
        /// What is wrong.
        fault: String,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayText {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pool: BTreeMap<String, PoolText>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    app: BTreeMap<String, AppText>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instances: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stopped: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolText {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    endpoint: BTreeMap<String, EndpointText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    added: Vec<AddedText>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admin_state: Option<StateText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddedText {
    address: String,
    name: String,
    weight: u32,
    backup: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateText {
    Enabled,
    Draining,
    Disabled,
}

impl Overlay {
    /// As TOML, with a heading.
    pub fn to_text(&self) -> String {
        let pools = self.pools.iter().map(|(name, pool)| (name.to_string(), text_of(pool)));
        let apps = self.apps.iter().map(|(name, app)| (name.to_string(), text_of_app(app)));
        let text = OverlayText { pool: pools.collect(), app: apps.collect() };
        // Tables with string keys and plain values always serialise.
        format!("{HEADING}\n{}", toml::to_string(&text).unwrap_or_default())
    }

    /// Reads what [`Self::to_text`] writes.
    pub fn parse(text: &str) -> Result<Self, OverlayError> {
        let text: OverlayText =
            toml::from_str(text).map_err(|fault| OverlayError::Syntax(fault.to_string()))?;
        let pools = text.pool.into_iter().map(|(name, pool)| {
            let overlay = parse_pool(&name, pool)?;
            Ok((parse_name(name)?, overlay))
        });
        let apps = text.app.into_iter().map(|(name, AppText { instances, stopped })| {
            let stopped = stopped.into_iter().map(parse_name).collect::<Result<_, _>>()?;
            Ok((parse_name(name)?, AppOverlay { instances, stopped }))
        });
        Ok(Self {
            pools: pools.collect::<Result<_, OverlayError>>()?,
            apps: apps.collect::<Result<_, OverlayError>>()?,
        })
    }
}

fn text_of_app(app: &AppOverlay) -> AppText {
    let stopped = app.stopped.iter().map(ToString::to_string).collect();
    AppText { instances: app.instances, stopped }
}

fn text_of(pool: &PoolOverlay) -> PoolText {
    let endpoint = pool.endpoints.iter().map(|(name, decision)| {
        let admin_state = decision.admin_state.map(StateText::from);
        (name.to_string(), EndpointText { admin_state, weight: decision.weight })
    });
    let added = pool.added.iter().map(|added| AddedText {
        address: added.address.to_string(),
        name: added.name.to_string(),
        weight: added.weight,
        backup: added.is_backup,
    });
    PoolText {
        removed: pool.removed.iter().map(ToString::to_string).collect(),
        endpoint: endpoint.collect(),
        added: added.collect(),
    }
}

fn parse_pool(pool: &str, text: PoolText) -> Result<PoolOverlay, OverlayError> {
    let refuse = |fault: IntentError| OverlayError::Value {
        pool: pool.to_owned(),
        fault: fault.to_string(),
    };
    let endpoints = text.endpoint.into_iter().map(|(name, decision)| {
        if let Some(weight) = decision.weight.filter(|weight| !(1..=1000).contains(weight)) {
            return Err(refuse(IntentError::Weight(weight)));
        }
        let admin_state = decision.admin_state.map(AdminState::from);
        Ok((parse_name(name)?, EndpointOverlay { admin_state, weight: decision.weight }))
    });
    let added = text.added.into_iter().map(|added| {
        let AddedText { address, name, weight, backup } = added;
        let new = NewEndpoint { address, name: Some(name), weight, is_backup: backup };
        checked(new).map_err(refuse)
    });
    let added = added.collect::<Result<Vec<_>, _>>()?;
    let (mut names, mut addresses) = (HashSet::new(), HashSet::new());
    for one in &added {
        if !names.insert(&one.name) || !addresses.insert(&one.address) {
            let fault = format!("endpoint {} ({}) is added twice", one.name, one.address);
            return Err(OverlayError::Value { pool: pool.to_owned(), fault });
        }
    }
    Ok(PoolOverlay {
        endpoints: endpoints.collect::<Result<_, _>>()?,
        added,
        removed: text.removed.into_iter().map(parse_name).collect::<Result<BTreeSet<_>, _>>()?,
    })
}

fn parse_name(name: String) -> Result<Name, OverlayError> {
    Name::parse(&name).map_err(|fault| OverlayError::Name { name, fault })
}

impl From<AdminState> for StateText {
    fn from(state: AdminState) -> Self {
        match state {
            AdminState::Enabled => Self::Enabled,
            AdminState::Draining => Self::Draining,
            AdminState::Disabled => Self::Disabled,
        }
    }
}

impl From<StateText> for AdminState {
    fn from(state: StateText) -> Self {
        match state {
            StateText::Enabled => Self::Enabled,
            StateText::Draining => Self::Draining,
            StateText::Disabled => Self::Disabled,
        }
    }
}
