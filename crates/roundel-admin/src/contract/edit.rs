//! What operators send.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::AdminState;

/// A change of an endpoint. A key that is left out stays as it is; `null` takes back what an operator
/// changed before, so that the file decides again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateEndpoint {
    /// What is wanted of it.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<AdminState>)]
    pub admin_state: Edit<AdminState>,
    /// Its share of traffic, relative to the others'.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub weight: Edit<u32>,
}

/// What becomes of an override.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays as it is: the key is left out.
    #[default]
    Keep,
    /// It is taken back: the key is `null`.
    TakeBack,
    /// It is this from now on.
    Set(T),
}

impl<T> Edit<T> {
    /// Whether nothing is asked for.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T> From<Option<T>> for Edit<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::TakeBack, Self::Set)
    }
}

impl<T: Serialize> Serialize for Edit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => serializer.serialize_some(value),
            Self::Keep | Self::TakeBack => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

/// An endpoint to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddEndpoint {
    /// Where it is: `10.0.0.1:80`, `[::1]:80`, `app:80` or `unix:/run/app.sock`.
    #[schema(max_length = 512, example = "127.0.0.1:5001")]
    pub address: String,
    /// Its name; its address when there is none.
    #[serde(default)]
    #[schema(max_length = 128, example = "Server 7")]
    pub name: Option<String>,
    /// Its share of traffic, relative to the others'.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub weight: u32,
    /// Takes traffic only when no primary is eligible.
    #[serde(default)]
    #[schema(default = false)]
    pub backup: bool,
}

const fn one() -> u32 {
    1
}

/// Changes to put in force instead of all there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceOverlay {
    /// As TOML.
    pub overlay: String,
}

/// How many instances an app should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleApp {
    /// From the app's `min` to its `max`.
    pub instances: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_nothing_are_told_apart() {
        let read = |json| serde_json::from_str::<UpdateEndpoint>(json).map_err(|e| e.to_string());
        let update = |admin_state, weight| Ok(UpdateEndpoint { admin_state, weight });
        assert_eq!(read("{}"), update(Edit::Keep, Edit::Keep));
        assert_eq!(read(r#"{"weight":null}"#), update(Edit::Keep, Edit::TakeBack));
        let both = read(r#"{"admin_state":"draining","weight":7}"#);
        assert_eq!(both, update(Edit::Set(AdminState::Draining), Edit::Set(7)));
        assert!(read(r#"{"wieght":7}"#).unwrap_err().contains("unknown field `wieght`"));
    }
}
