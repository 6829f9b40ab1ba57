//! Which hosts a route serves.
//!
//! A pattern is kept in the one form that look-ups use: lower case, no port, no final dot. It is
//! a host as it stands in `Host` (RFC 9110 §7.2), so an internationalised name is written in its
//! `xn--` form and an IPv6 address in brackets.

use std::fmt;
use std::net::Ipv6Addr;

/// Longest host in bytes, as DNS limits names (RFC 1035 §2.3.4).
pub const HOST_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 63;

/// A host, in lower case and without port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// Any host below this domain (`*.example.com` is `Below("example.com")`), at any depth.
    Below(String),
}

/// Why a text is not a host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// The text is empty.
    #[error("a host has at least one character")]
    Empty,
    /// The text is `*` alone.
    #[error("`*` alone is not a host: leave out `hosts` to match any host")]
    Any,
    /// A `*` stands elsewhere than in `*.` at the start.
    #[error("`*` may stand only at the start, as in `*.example.com`")]
    Wildcard,
    /// A port follows the host.
    #[error("a host is written without port (ports belong to listeners)")]
    Port,
    /// The text between brackets is not an IPv6 address.
    #[error("the text between brackets is not an IPv6 address")]
    Ipv6,
    /// The text is longer than [`HOST_LEN_MAX`] bytes.
    #[error("{0} bytes long (limit {HOST_LEN_MAX})")]
    TooLong(usize),
    /// Two dots follow each other, or one leads.
    #[error("a label between dots is empty")]
    EmptyLabel,
    /// A label is longer than DNS allows.
    #[error("label `{0}` is longer than {LABEL_LEN_MAX} bytes")]
    LabelTooLong(String),
    /// A character that no host has.
    #[error("{0:?} is not allowed in a host (non-ASCII names are written in their `xn--` form)")]
    Character(char),
}

impl HostPattern {
    /// Parses `example.com`, `*.example.com`, `192.0.2.1` or `[2001:db8::1]`.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        match text {
            "" => return Err(HostPatternError::Empty),
            "*" => return Err(HostPatternError::Any),
            _ => {}
        }
        if text.starts_with('[') {
            return parse_ipv6(text);
        }
        let (domain, is_wildcard) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        check_domain(domain)?;
        let domain = domain.to_ascii_lowercase();
        Ok(if is_wildcard { Self::Below(domain) } else { Self::Exact(domain) })
    }
}

fn parse_ipv6(text: &str) -> Result<HostPattern, HostPatternError> {
    let inner = text.strip_prefix('[').unwrap_or(text);
    let (address, rest) = inner.split_once(']').ok_or(HostPatternError::Ipv6)?;
    // Clients send the short form of RFC 5952, which is what the standard library prints.
    let address: Ipv6Addr = address.parse().map_err(|_| HostPatternError::Ipv6)?;
    match rest.chars().next() {
        None => Ok(HostPattern::Exact(format!("[{address}]"))),
        Some(':') => Err(HostPatternError::Port),
        Some(c) => Err(HostPatternError::Character(c)),
    }
}

fn check_domain(domain: &str) -> Result<(), HostPatternError> {
    if domain.len() > HOST_LEN_MAX {
        return Err(HostPatternError::TooLong(domain.len()));
    }
    for label in domain.split('.') {
        // Underscore is no host name character, yet names with it are common inside networks.
        let odd = label.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
        match odd {
            Some('*') => return Err(HostPatternError::Wildcard),
            Some(':') => return Err(HostPatternError::Port),
            Some(c) => return Err(HostPatternError::Character(c)),
            None if label.is_empty() => return Err(HostPatternError::EmptyLabel),
            None if label.len() > LABEL_LEN_MAX => {
                return Err(HostPatternError::LabelTooLong(label.to_owned()));
            }
            None => {}
        }
    }
    Ok(())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_kept_in_one_form() {
        for (text, shown) in [
            ("example.com", "example.com"),
            ("Example.COM.", "example.com"),
            ("*.Example.com", "*.example.com"),
            ("localhost", "localhost"),
            ("my_app.internal", "my_app.internal"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:DB8:0::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(HostPattern::parse(text).map(|p| p.to_string()), Ok(shown.to_owned()));
        }
        assert_eq!(HostPattern::parse("*.a.b"), Ok(HostPattern::Below("a.b".to_owned())));
    }

    #[test]
    fn what_no_host_can_be_is_refused_with_its_reason() {
        use HostPatternError as E;
        let long_label = "x".repeat(64);
        let long_host = ["x".repeat(60).as_str(); 5].join(".");
        for (text, why) in [
            ("", E::Empty),
            ("*", E::Any),
            ("a.*.com", E::Wildcard),
            ("*example.com", E::Wildcard),
            ("*.*.com", E::Wildcard),
            ("example.com:80", E::Port),
            ("[::1]:80", E::Port),
            ("::1", E::Port),
            ("[::1", E::Ipv6),
            ("[example]", E::Ipv6),
            ("[::1]x", E::Character('x')),
            ("a..b", E::EmptyLabel),
            (".a", E::EmptyLabel),
            ("*.", E::EmptyLabel),
            (".", E::EmptyLabel),
            ("http//x", E::Character('/')),
            ("bücher.example", E::Character('ü')),
            (long_label.as_str(), E::LabelTooLong(long_label.clone())),
            (long_host.as_str(), E::TooLong(304)),
        ] {
            assert_eq!(HostPattern::parse(text), Err(why), "{text}");
        }
    }
}
