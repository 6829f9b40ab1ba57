//! The request counts of `/stats`: for a glance and for scripts.

use std::fmt::Write as _;

use roundel_core::endpoint::Endpoint;

use crate::json::JsonWriter;
use crate::view::{ADMIN_STATES, HEALTHS, View, word_of};

/// One line for each endpoint, in pool order: `Server 1: 4 requests`.
///
/// The form is fixed, also for one request: scripts match it.
pub fn render_text(view: &View<'_>) -> String {
    let mut text = String::new();
    for endpoint in view.pools.iter().flat_map(|pool| pool.endpoints) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{}: {} requests", endpoint.name, endpoint.shared.requests());
    }
    text
}

/// The same with pools, errors and the three facts, as one JSON object.
pub fn render_json(view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut json = JsonWriter::new(&mut out);
    json.open(b'{');
    json.name("pools");
    json.open(b'[');
    for pool in &view.pools {
        json.open(b'{');
        json.text("name", Some(pool.name.as_str().as_bytes()));
        json.number("queued", Some(pool.queued.into()));
        json.name("endpoints");
        json.open(b'[');
        for endpoint in pool.endpoints {
            push_endpoint(&mut json, endpoint);
        }
        json.close(b']');
        json.close(b'}');
    }
    json.close(b']');
    json.close(b'}');
    out.push(b'\n');
    out
}

fn push_endpoint(json: &mut JsonWriter<'_>, endpoint: &Endpoint) {
    let (shared, facts) = (&endpoint.shared, endpoint.facts);
    json.open(b'{');
    json.text("name", Some(endpoint.name.as_str().as_bytes()));
    json.text("address", Some(endpoint.authority.as_bytes()));
    json.number("requests", Some(shared.requests()));
    json.number("in_flight", Some(shared.in_flight().into()));
    json.number("errors", Some(shared.errors()));
    json.number("weight", Some(endpoint.weight.into()));
    json.boolean("backup", Some(endpoint.is_backup));
    json.boolean("eligible", Some(facts.is_eligible()));
    json.text("admin_state", Some(word_of(&ADMIN_STATES, facts.admin_state).as_bytes()));
    json.text("health", Some(word_of(&HEALTHS, facts.health).as_bytes()));
    json.boolean("ejected", Some(facts.is_ejected));
    json.close(b'}');
}
