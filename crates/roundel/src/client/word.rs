//! Words of the contract in sentences.

use serde::Serialize;

/// A word of the contract as the API writes it, so that there is one spelling of each.
pub(crate) fn of(word: &impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// `1 worker`, `2 workers`, `3 retries`.
pub(crate) fn many(count: u64, noun: &str) -> String {
    let number = super::figure::count(count);
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("{number} {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use roundel_admin::contract::{AdminState, AutoscaleMetric};

    use super::*;

    #[test]
    fn words_are_those_of_the_api_and_counted() {
        assert_eq!(of(&AdminState::Draining), "draining");
        assert_eq!(of(&AutoscaleMetric::InFlight), "in_flight");
        assert_eq!(many(1, "retry"), "1 retry");
        assert_eq!(many(0, "retry"), "0 retries");
        assert_eq!(many(1200, "worker"), "1,200 workers");
    }
}
