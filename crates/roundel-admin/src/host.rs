//! Which `Host` a request may carry.
//!
//! Against DNS rebinding: a page of `evil.example` makes that name resolve to 127.0.0.1 and then
//! reads from "its own" site, which is ours. What gives such a request away is the name in `Host`. An
//! IP address cannot be rebound, so addresses are safe whatever they are; of names only `localhost`
//! is ours, which browsers resolve themselves (RFC 6761 §6.3).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a `Host` value (RFC 9110 §7.2) is an IP address or `localhost`, with or without a port.
pub(crate) fn is_own(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, after)) => {
            return address.parse::<Ipv6Addr>().is_ok()
                && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port));
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let is_known = name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok();
    is_known && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_own_and_names_are_not() {
        for own in [
            "127.0.0.1:8090",
            "127.0.0.1",
            "10.0.0.7:80",
            "[::1]:8090",
            "[::1]",
            "localhost:8090",
            "LocalHost",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:8090",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8090",
            "127.0.0.1:",
            "127.0.0.1:80:80",
            "::1",
            "[::1",
            "[::1]evil.example",
            "[evil.example]",
            "localhost:x",
            // Some resolvers read these as 127.0.0.1, so they are names here.
            "127.1",
            "2130706433",
            "0x7f.1",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
