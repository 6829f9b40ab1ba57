//! "Did you mean": the known word nearest to an unknown one.

/// What other balancers call things, for those who come from them.
const OTHER_WORDS: [(&str, &str); 22] = [
    ("upstream", "pool"),
    ("upstreams", "pool"),
    ("backend", "pool"),
    ("backends", "pool"),
    ("cluster", "pool"),
    ("service", "pool"),
    ("frontend", "listener"),
    ("server", "listener"),
    ("listen", "listener"),
    ("bind", "address"),
    ("location", "route"),
    ("router", "route"),
    ("servers", "endpoints"),
    ("targets", "endpoints"),
    ("algorithm", "balance"),
    ("lb_policy", "balance"),
    ("method", "balance"),
    ("host", "hosts"),
    ("healthcheck", "health_check"),
    ("rise", "healthy_after"),
    ("fall", "unhealthy_after"),
    ("retries", "retry"),
];

/// The one of `known` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let folded = word.to_ascii_lowercase().replace('-', "_");
    let allowed = (folded.chars().count() / 3).clamp(1, 3);
    let near = known
        .iter()
        .copied()
        .map(|candidate| {
            (strsim::osa_distance(&folded, &candidate.to_ascii_lowercase()), candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, candidate)) = near {
        return Some(candidate);
    }
    let targets = OTHER_WORDS.iter().filter(|(other, _)| *other == folded).map(|(_, ours)| *ours);
    targets.into_iter().find_map(|ours| known.iter().copied().find(|candidate| *candidate == ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_and_other_peoples_words_are_recognised() {
        let known = ["listener", "route", "pool", "health_check", "endpoints", "interval"];
        for (word, near) in [
            ("listner", Some("listener")),
            ("Route", Some("route")),
            ("health-check", Some("health_check")),
            ("intervall", Some("interval")),
            ("upstream", Some("pool")),
            ("servers", Some("endpoints")),
            ("rise", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known.iter().copied()), near, "{word}");
        }
    }
}
