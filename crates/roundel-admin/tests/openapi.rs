//! The OpenAPI document, kept where people and generators find it.
//!
//! To take the present one for right, after reading the difference:
//! `ROUNDEL_BLESS=1 cargo test -p roundel-admin --test openapi`.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(roundel_admin::document()).unwrap()
}

#[test]
fn the_golden_copy_is_what_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let actual = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("ROUNDEL_BLESS").is_some() {
        fs::write(&path, &actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{} differs: bless it after reading", path.display());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut used = BTreeSet::new();
    collect_references(&document, &mut used);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let there: BTreeSet<String> =
        schemas.keys().map(|name| format!("#/components/schemas/{name}")).collect();
    let dangling: Vec<_> = used.difference(&there).collect();
    assert!(dangling.is_empty(), "{dangling:?}");
}

fn collect_references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            into.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| collect_references(value, into));
        }
        Value::Array(array) => array.iter().for_each(|value| collect_references(value, into)),
        _ => {}
    }
}

#[test]
fn every_operation_says_what_it_does_and_how_it_refuses() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{at}");
            assert!(operation["tags"][0].is_string(), "{at}");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["400", "401", "403", "421", "429"] {
                let content = &responses[status]["content"]["application/problem+json"];
                let reference = "#/components/schemas/ProblemDetails";
                assert_eq!(content["schema"]["$ref"], reference, "{at} {status}");
            }
        }
    }
}

#[test]
fn the_page_about_the_api_lists_every_operation() {
    let page = include_str!("../../../docs/reference/api.md");
    let listed: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let document = document();
    let mut expected = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        expected.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert_eq!(listed, expected);
}
