//! The few log lines of the binary that the kit understands.
//!
//! The same event may be printed with fields quoted or not, before or after the message, so only
//! words and `key=value` pairs are looked for.

use std::net::SocketAddr;

/// The name and address in a `listener bound` line.
pub(super) fn listener(line: &str) -> Option<(String, SocketAddr)> {
    let is_listener = line.contains("listener bound");
    is_listener.then(|| Some((field(line, "name")?, address(line)?)))?
}

/// The address in an `admin bound` line.
pub(super) fn admin(line: &str) -> Option<SocketAddr> {
    line.contains("admin bound").then(|| address(line))?
}

/// Whether the line says that everything is up.
pub(super) fn is_ready(line: &str) -> bool {
    line.split_whitespace().any(|word| word == "ready")
}

/// What a line says about a reload that a signal asked for: taken, or the whole line when it was
/// refused.
pub(super) fn reload(line: &str) -> Option<Result<(), String>> {
    if field(line, "cause").is_some_and(|cause| cause == "file") {
        return None;
    }
    if line.contains("configuration reloaded") {
        return Some(Ok(()));
    }
    line.contains("reload rejected").then(|| Err(line.to_owned()))
}

fn address(line: &str) -> Option<SocketAddr> {
    field(line, "address")?.parse().ok()
}

/// The value of `key=value` or `key="value"`.
fn field(line: &str, key: &str) -> Option<String> {
    let start = line.match_indices(key).find_map(|(at, _)| {
        let starts_word = line[..at].chars().next_back().is_none_or(char::is_whitespace);
        line[at + key.len()..].strip_prefix('=').filter(|_| starts_word)
    })?;
    let value = match start.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => start.split_whitespace().next(),
    };
    value.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_quoted_or_not_and_only_as_whole_words() {
        let line = r#"2026 INFO listener bound nickname=no name="my web" address=127.0.0.1:80"#;
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        assert_eq!(listener(line), Some(("my web".to_owned(), address)));
        assert_eq!(admin(line), None);
        assert_eq!(admin("INFO admin bound address=127.0.0.1:80"), Some(address));
        assert_eq!(listener("INFO listener bound name=web"), None);
    }

    #[test]
    fn only_reloads_by_signal_are_verdicts() {
        assert_eq!(reload("INFO configuration reloaded"), Some(Ok(())));
        assert_eq!(reload("INFO configuration reloaded cause=signal"), Some(Ok(())));
        assert_eq!(reload("INFO configuration reloaded cause=file"), None);
        assert!(matches!(reload("WARN reload rejected cause=signal"), Some(Err(_))));
        assert_eq!(reload("INFO ready"), None);
    }

    #[test]
    fn ready_is_a_word_of_its_own() {
        assert!(is_ready("2026-01-01 INFO roundel: ready"));
        assert!(!is_ready("INFO already waiting"));
    }
}
