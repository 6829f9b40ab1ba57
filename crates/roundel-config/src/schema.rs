//! The JSON Schema of the file, for editors and for checks in other languages.
//!
//! It describes what can be told of each key by itself; what involves several keys is told only by
//! [`crate::load`].

use serde_json::{Map, Value as Json, json};

use crate::section::{Absence, KeyInfo, NestedStyle, Section};
use crate::sections::FileKeys;

/// The JSON Schema (draft 2020-12) of a configuration file, indented.
pub fn json_schema() -> String {
    let mut schema = object(FileKeys::ABOUT, &FileKeys::keys());
    if let Json::Object(fields) = &mut schema {
        fields.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".into(), json!("roundel.toml"));
    }
    format!("{schema:#}\n")
}

/// The schema of a table.
pub(crate) fn object(about: &str, keys: &[KeyInfo]) -> Json {
    let properties: Map<String, Json> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| matches!(key.absence, Absence::Required { .. }))
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "description": about.trim(),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &KeyInfo) -> Json {
    let mut schema = key.schema.clone();
    if let Json::Object(fields) = &mut schema {
        let is_table = key.nested.as_ref().is_some_and(|n| n.style != NestedStyle::Inline);
        // A nested table describes itself.
        if !is_table {
            fields.insert("description".into(), json!(key.doc.trim()));
        }
        if !key.default.is_null() {
            fields.insert("default".into(), key.default.clone());
        }
    }
    schema
}
