//! Authorities: `uri-host [ ":" port ]` (RFC 9110 §4.2.3, §7.2; RFC 3986 §3.2.2).
//!
//! The routing decision hangs on the host, so only hosts that every recipient reads alike are taken:
//! names of letters, digits and `-._~`, and bracketed IPv6 addresses. No user information, escapes,
//! lists, zones or future address formats.

use std::net::Ipv6Addr;

use crate::syntax;

/// The parts of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Authority {
    /// Length of the host, brackets included; the host comes first.
    pub(crate) host_len: usize,
    /// The port; nothing when left out or empty.
    pub(crate) port: Option<u16>,
}

/// Takes an authority apart; nothing when it is malformed.
pub(crate) fn parse(text: &[u8]) -> Option<Authority> {
    let host_len = match text {
        [b'[', literal @ ..] => {
            let address_len = memchr::memchr(b']', literal)?;
            let address = str::from_utf8(literal.get(..address_len)?).ok()?;
            address.parse::<Ipv6Addr>().ok()?;
            address_len + 2
        }
        _ => syntax::run(text, syntax::HOST).0,
    };
    if host_len == 0 {
        return None;
    }
    let port = match text.get(host_len..)? {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(port(digits)?),
        _ => return None,
    };
    Some(Authority { host_len, port })
}

fn port(digits: &[u8]) -> Option<u16> {
    if digits.len() > 5 {
        return None;
    }
    syntax::decimal(digits).and_then(|number| u16::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_split_into_host_and_port() {
        for (text, host, port) in [
            ("example.com", "example.com", None),
            ("example.com:", "example.com", None),
            ("Example.COM.:80", "Example.COM.", Some(80)),
            ("my_service~1:65535", "my_service~1", Some(65_535)),
            ("127.0.0.1:0", "127.0.0.1", Some(0)),
            ("[::1]", "[::1]", None),
            ("[2001:db8::1]:8080", "[2001:db8::1]", Some(8080)),
            ("[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]", Some(1)),
        ] {
            let authority = parse(text.as_bytes()).expect(text);
            assert_eq!((&text[..authority.host_len], authority.port), (host, port));
        }
    }

    #[test]
    fn hosts_that_recipients_read_differently_are_refused() {
        for text in [
            "",
            ":80",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:000080",
            "a:+1",
            "a b",
            "a/b",
            "a,b",
            "a@b",
            "u:p@b",
            "a%2eb",
            "a?b",
            "a#b",
            "a\\b",
            "a\tb",
            "[::1",
            "::1",
            "[::1]x",
            "[]",
            "[fe80::1%eth0]",
            "[v1.a]",
            "[1.2.3.4]",
            "é",
            "*.a",
            "a;b",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
