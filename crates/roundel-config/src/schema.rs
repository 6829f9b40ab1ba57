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
        fields.insert("description".into(), json!(description(key)));
        if !key.default.is_null() {
            fields.insert("default".into(), key.default.clone());
        }
    }
    schema
}

/// Its meaning, or that of the table it stands for, and what leaving it out means.
fn description(key: &KeyInfo) -> String {
    let about = match &key.nested {
        Some(nested) if nested.style != NestedStyle::Inline => nested.about,
        _ => key.doc,
    };
    match &key.absence {
        Absence::Means { words, .. } | Absence::Alternative { words, .. } => {
            format!("{} Without it: {words}.", about.trim())
        }
        Absence::Default | Absence::Required { .. } => about.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `check` with every table of the schema and its path.
    fn walk(path: &str, schema: &Json, check: &mut impl FnMut(&str, &Json)) {
        if schema["type"] == "object" {
            check(path, schema);
        }
        match schema {
            Json::Object(fields) => {
                fields.iter().for_each(|(key, value)| walk(&format!("{path}/{key}"), value, check));
            }
            Json::Array(items) => items.iter().for_each(|item| walk(path, item, check)),
            _ => {}
        }
    }

    #[test]
    fn every_table_refuses_unknown_keys_and_explains_the_others() {
        let schema: Json = serde_json::from_str(&json_schema()).unwrap();
        let mut tables = 0;
        walk("", &schema, &mut |path, table| {
            let Some(properties) = table["properties"].as_object() else { return };
            tables += 1;
            assert_eq!(table["additionalProperties"], json!(false), "{path}");
            for (key, property) in properties {
                let description = property["description"].as_str().unwrap_or_default();
                assert!(!description.is_empty(), "{path}/{key}");
            }
        });
        assert_eq!(tables, 29, "tables of the file");
    }
}
