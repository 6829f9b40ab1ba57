//! Whether a caller would rather have JSON than text.

/// Reads an `Accept` value (RFC 9110 §12.5.1): whether the best-weighted of the media ranges that
/// can be served is a JSON one. Equal weights go by order; without an answer it is text.
pub(crate) fn prefers_json(accept: &str) -> bool {
    let mut best = (false, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let is_json = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/json" | "application/*" => true,
            "text/plain" | "text/*" | "*/*" => false,
            _ => continue,
        };
        let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |w| w.trim().parse::<f32>().unwrap_or(0.0));
        if weight > best.1 {
            best = (is_json, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_chosen_only_when_it_is_asked_for() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("application/json", true),
            ("Application/JSON", true),
            ("application/json, text/plain, */*", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("text/plain, application/json", false),
            ("text/plain;q=0.5, application/json; q=0.9", true),
            ("application/json;q=0", false),
            ("application/json;q=x", false),
            ("application/json;charset=utf-8", true),
        ] {
            assert_eq!(prefers_json(accept), expected, "{accept}");
        }
    }
}
