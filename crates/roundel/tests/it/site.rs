//! What the tests of operation share: parts of configurations, and questions to the admin surface.

use std::collections::BTreeMap;

use roundel_testkit::{Balancer, Call, Ledger, Load, Origin, RawClient};

/// An admin surface on any port.
pub(crate) const ADMIN: &str = "[admin]\naddress = \"127.0.0.1:0\"\n";

/// Probes by HTTP, so patient that a busy machine fails none.
pub(crate) const CHECK: &str = "health_check = { path = \"/health\", interval = \"3s\", \
                                timeout = \"3s\", unhealthy_interval = \"50ms\" }\n";

/// No probes.
pub(crate) const NO_CHECK: &str = "health_check = { enabled = false }\n";

/// A listener on `address`.
pub(crate) fn listener(name: &str, address: &str) -> String {
    format!("[[listener]]\nname = \"{name}\"\naddress = \"{address}\"\n")
}

/// The listener `web` on any port.
pub(crate) fn web() -> String {
    listener("web", "127.0.0.1:0")
}

/// An endpoint's entry, with further keys.
pub(crate) fn endpoint(origin: &Origin, keys: &str) -> String {
    format!("{{ name = \"{}\", address = \"{}\", {keys} }}", origin.name(), origin.address())
}

/// The pool `api` of these entries, with further lines.
pub(crate) fn pool(endpoints: &[String], lines: &str) -> String {
    format!("[pool.api]\nendpoints = [{}]\n{lines}", endpoints.join(", "))
}

/// The pool `api` of these origins.
pub(crate) fn pool_of<'a>(origins: impl IntoIterator<Item = &'a Origin>, lines: &str) -> String {
    let entries: Vec<_> = origins.into_iter().map(|origin| endpoint(origin, "")).collect();
    pool(&entries, lines)
}

/// Started origins that write into `ledger`.
pub(crate) fn origins<const N: usize>(names: [&str; N], ledger: &Ledger) -> [Origin; N] {
    names.map(|name| Origin::start(name).recorded_in(ledger))
}

/// An endless load of eight clients, a third of it POSTs.
pub(crate) fn mixed_load(balancer: &Balancer, ledger: &Ledger) -> Load {
    let call = |n: u64| match n % 3 {
        0 => Call::post("/order", vec![b'x'; 2_000]),
        _ => Call::get("/page"),
    };
    Load::new(balancer.address()).clients(8).endless().call(call).recorded_in(ledger)
}

/// Asserts that no request was lost and none but repeatable ones arrived twice.
#[track_caller]
pub(crate) fn assert_in_order(ledger: &Ledger) {
    let is_in_order = ledger.lost().is_empty() && ledger.duplicated_unsafely().is_empty();
    assert!(is_in_order && ledger.answered_unseen().is_empty(), "{}", ledger.report());
}

/// `/stats` as JSON, by endpoint of the pool `api`.
pub(crate) fn stats(balancer: &Balancer) -> BTreeMap<String, serde_json::Value> {
    let mut client = RawClient::connect(balancer.admin());
    client.request("GET", "/stats", &[("Accept", "application/json")], b"").unwrap();
    let response = client.read_response().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let entries = json["pools"][0]["endpoints"].as_array().unwrap().iter();
    entries.map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry.clone())).collect()
}

/// `/metrics`.
pub(crate) fn metrics(balancer: &Balancer) -> String {
    RawClient::connect(balancer.admin()).get("/metrics").text()
}

/// The value of a series of whole numbers, written as the exposition writes it; 0 when it is absent.
pub(crate) fn metric(balancer: &Balancer, series: &str) -> u64 {
    let text = metrics(balancer);
    let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value).unwrap_or(0)
}

/// How many lines with `text` were printed on standard error.
pub(crate) fn count_of(balancer: &Balancer, text: &str) -> usize {
    balancer.stderr().iter().filter(|line| line.contains(text)).count()
}
