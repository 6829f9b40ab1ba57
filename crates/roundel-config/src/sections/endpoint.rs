//! An endpoint: an address, or a table with an address.

use std::collections::HashMap;
use std::ops::Range;

use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Presence};
use roundel_core::name::Name;
use serde_json::{Value as Json, json};
use toml::de::DeValue;

use crate::check::Names;
use crate::diagnostic::Diagnostic;
use crate::kind::{
    choice, endpoint_address, flag, located, name, optional, required, table, whole,
};
use crate::model::{EndpointConfig, EndpointSource};
use crate::section::{Entry, Kind, Located, Nested, NestedStyle, Reading, Section, section};

section! {
    /// One address in a pool.
    struct EndpointKeys {
        /// Where it is: "10.0.0.1:80", "[::1]:80", "app:80" (resolved again while running) or
        /// "unix:/run/app.sock".
        address: Option<Located<EndpointAddress>>
            = required(located(endpoint_address()), "\"127.0.0.1:5001\"") => None,
        /// Its name in logs, metrics and the API.
        name: Option<Located<Name>>
            = optional(located(name()), "its address", "\"Server 1\"") => None,
        /// Its share of traffic, relative to the others'.
        weight: u32 = whole(1..=1000) => 1,
        /// Takes traffic only when no other endpoint is eligible.
        backup: bool = flag() => false,
        /// "enabled", "draining" (finishes what it has) or "disabled".
        admin_state: AdminState = choice(&[
            ("enabled", AdminState::Enabled),
            ("draining", AdminState::Draining),
            ("disabled", AdminState::Disabled),
        ]) => AdminState::Enabled,
    }
}

/// An address alone, or a table.
pub(crate) struct Endpoint;

/// An endpoint in either form.
pub(crate) const fn endpoint() -> Endpoint {
    Endpoint
}

impl Kind for Endpoint {
    type Value = EndpointKeys;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<EndpointKeys> {
        match entry.value.get_ref() {
            DeValue::String(_) => {
                let address = located(endpoint_address()).read(entry, reading)?;
                Some(EndpointKeys { address: Some(address), ..EndpointKeys::defaults() })
            }
            DeValue::Table(_) => {
                let entry = Entry { key: "endpoint", key_span: entry.span(), value: entry.value };
                table().read(&entry, reading)
            }
            _ => entry.wrong_type("addresses or tables", None, reading),
        }
    }

    fn show(&self, _: &EndpointKeys) -> Json {
        Json::Null
    }

    fn schema(&self) -> Json {
        let in_full = table::<EndpointKeys>();
        json!({ "anyOf": [endpoint_address().schema(), in_full.schema()] })
    }

    fn nested(&self) -> Option<Nested> {
        let (about, keys) = (EndpointKeys::ABOUT, EndpointKeys::keys());
        Some(Nested { style: NestedStyle::Inline, about, keys })
    }
}

/// The endpoint, unless its address is missing or wrong, or taken: an address that a pool has twice
/// would get twice the traffic, and two verdicts on its health.
pub(crate) fn resolve(
    keys: Located<EndpointKeys>,
    addresses: &mut HashMap<EndpointAddress, Range<usize>>,
    names: &mut Names,
    reading: &mut Reading<'_>,
) -> Option<EndpointConfig> {
    let EndpointKeys { address, name, weight, backup, admin_state } = keys.value;
    let address = address?;
    if let Some(first) = addresses.insert(address.value.clone(), address.span.clone()) {
        let message = format!("{} is in the pool twice", address.value);
        let help = "give one endpoint a larger `weight` instead";
        let diagnostic = Diagnostic::error(address.span, message).help(help);
        return reading.refuse(diagnostic.related(first, "first one here"));
    }
    let name = match name {
        Some(name) => name,
        None => match Name::parse(&address.value.to_string()) {
            Ok(name) => Located { value: name, span: address.span.clone() },
            Err(fault) => {
                let message = format!("the address is no name by itself: {fault}");
                let help = "give the endpoint a `name`";
                return reading.refuse(Diagnostic::error(address.span, message).help(help));
            }
        },
    };
    let name = names.claim(name, reading);
    Some(EndpointConfig {
        name: name?,
        address: address.value,
        weight,
        is_backup: backup,
        admin_state,
        source: EndpointSource::File,
        presence: Presence::Present,
    })
}
