//! Texts with a grammar: names, addresses, hosts, paths, methods, statuses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use roundel_core::address::EndpointAddress;
use roundel_core::listener::Cidr;
use roundel_core::name::Name;
use roundel_core::policy::{HashKey, HostPolicy};
use roundel_core::route::{HostPattern, PathMatcher};
use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::scalar::{Text, text};
use crate::diagnostic::Diagnostic;
use crate::fields::is_token;
use crate::model::LogTarget;
use crate::section::{Entry, Kind, Reading};

/// A name for messages, metrics and the API.
pub(crate) const fn name() -> Text<Name> {
    text("a name", |t| Name::parse(t).map_err(|e| e.to_string()), Name::to_string)
}

/// Any string.
pub(crate) const fn any() -> Text<String> {
    text("a string", |t| Ok(t.to_owned()), String::clone)
}

/// A string with at least one character.
pub(crate) const fn non_empty() -> Text<String> {
    let parse = |t: &str| {
        if t.is_empty() { Err("cannot be empty".to_owned()) } else { Ok(t.to_owned()) }
    };
    text("a string", parse, String::clone)
}

/// A file.
pub(crate) const fn file() -> Text<PathBuf> {
    text("a path", parse_file, |p| p.display().to_string())
}

fn parse_file(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err(format!("{text:?} is not the path of a file"));
    }
    Ok(PathBuf::from(text))
}

/// Where the access log goes.
pub(crate) const fn log_target() -> Text<LogTarget> {
    let parse = |t: &str| match t {
        "stdout" => Ok(LogTarget::Stdout),
        "stderr" => Ok(LogTarget::Stderr),
        path => parse_file(path).map(LogTarget::File),
    };
    text("\"stdout\", \"stderr\" or a path", parse, LogTarget::to_string)
}

/// Where a listener listens.
pub(crate) const fn listen_address() -> Text<SocketAddr> {
    text("an address and port", parse_listen_address, SocketAddr::to_string)
}

/// Reads `0.0.0.0:8080`, `[::1]:80` or `:8080`, which means all IPv4 addresses.
pub(crate) fn parse_listen_address(text: &str) -> Result<SocketAddr, String> {
    if text.starts_with("unix:") || text.contains('/') {
        return Err(format!("{text:?} is not an IP address and port: write \":8080\", say"));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(match (text.parse::<u16>(), text.parse::<Ipv4Addr>()) {
            (Ok(port), _) => format!("{text:?} is no address: write \":{port}\" for all of them"),
            (_, Ok(_)) => format!("{text:?} has no port: write \"{text}:8080\", say"),
            _ => format!("{text:?} is not an IP address and port: write \":8080\", say"),
        });
    };
    let port: u16 =
        port.parse().map_err(|_| format!("port {port:?} is not a number from 0 to 65535"))?;
    let ip = match host {
        "" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "localhost" => {
            return Err(format!(
                "a listener needs an IP address: write \"127.0.0.1:{port}\" or \"[::1]:{port}\""
            ));
        }
        "*" => return Err(format!("write \":{port}\" for all addresses")),
        host => match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(v6) => v6.parse().map(IpAddr::V6).ok(),
            None => host.parse().map(IpAddr::V4).ok(),
        }
        .ok_or_else(|| {
            let hint = if host.contains(':') { " (an IPv6 address goes in brackets)" } else { "" };
            format!("{host:?} is not an IP address of this machine{hint}")
        })?,
    };
    Ok(SocketAddr::new(ip.to_canonical(), port))
}

/// The admin address, or `off`.
pub(crate) const fn admin_address() -> Text<Option<SocketAddr>> {
    let parse = |t: &str| match t {
        "off" => Ok(None),
        address => parse_listen_address(address).map(Some),
    };
    let show = |a: &Option<SocketAddr>| a.map_or_else(|| "off".to_owned(), |a| a.to_string());
    text("an address and port, or \"off\"", parse, show)
}

/// Where an endpoint is reached.
pub(crate) const fn endpoint_address() -> Text<EndpointAddress> {
    let parse = |t: &str| EndpointAddress::parse(t).map_err(|e| e.to_string());
    text("an endpoint's address", parse, EndpointAddress::to_string)
}

/// A block of IP addresses.
pub(crate) const fn cidr() -> Text<Cidr> {
    let parse = |t: &str| {
        Cidr::parse(t)
            .ok_or_else(|| format!("{t:?} is not a block of IP addresses, as in \"10.0.0.0/8\""))
    };
    text("a block of IP addresses", parse, Cidr::to_string)
}

/// A host or `*.domain`.
pub(crate) const fn host_pattern() -> Text<HostPattern> {
    let parse = |t: &str| HostPattern::parse(t).map_err(|e| format!("{t:?}: {e}"));
    text("a host", parse, HostPattern::to_string)
}

/// A path that a route matches alone.
pub(crate) const fn exact_path() -> Text<PathMatcher> {
    let parse = |t: &str| PathMatcher::exact(t).map_err(|e| format!("{t:?}: {e}"));
    text("a path", parse, PathMatcher::to_string)
}

/// A path that a route matches with all below it.
pub(crate) const fn path_prefix() -> Text<PathMatcher> {
    let parse = |t: &str| PathMatcher::prefix(t).map_err(|e| format!("{t:?}: {e}"));
    text("a path", parse, PathMatcher::to_string)
}

/// What a probe asks for: a path, and a query if it has one.
pub(crate) const fn target() -> Text<String> {
    let parse = |t: &str| {
        if !t.starts_with('/') {
            return Err(format!("{t:?} does not start with `/`"));
        }
        if t.contains('#') {
            return Err(format!("{t:?} has a `#`, which is never sent"));
        }
        check_target(t).map(|()| t.to_owned())
    };
    text("a path", parse, String::clone)
}

fn check_target(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '"' | '<' | '>' | '\\')) {
        Some(c) => Err(format!("{text:?}: {c:?} must be percent-encoded")),
        None => Ok(()),
    }
}

/// A request method.
pub(crate) const fn method() -> Text<String> {
    text("a method", parse_method, String::clone)
}

fn parse_method(text: &str) -> Result<String, String> {
    if !is_token(text) {
        return Err(format!("{text:?} is not a method"));
    }
    let upper = text.to_ascii_uppercase();
    if upper != text {
        return Err(format!(
            "{text:?} would never match, since methods are upper-case: \"{upper}\""
        ));
    }
    Ok(upper)
}

/// Where a redirect leads.
pub(crate) const fn location() -> Text<String> {
    let parse = |t: &str| {
        let is_absolute = t.split_once("://").is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && !scheme.is_empty()
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if !is_absolute && !t.starts_with('/') {
            return Err(format!("{t:?} is neither a path nor a URL as in \"https://example.com\""));
        }
        check_target(t).map(|()| t.to_owned())
    };
    text("a path or URL", parse, String::clone)
}

/// What `Host` the endpoint sees.
pub(crate) const fn host_policy() -> Text<HostPolicy> {
    let parse = |t: &str| match t {
        "preserve" => Ok(HostPolicy::Preserve),
        "endpoint" => Ok(HostPolicy::Endpoint),
        fixed => check_host(fixed).map(HostPolicy::Fixed),
    };
    let show = |policy: &HostPolicy| match policy {
        HostPolicy::Preserve => "preserve".to_owned(),
        HostPolicy::Endpoint => "endpoint".to_owned(),
        HostPolicy::Fixed(host) => host.clone(),
    };
    text("\"preserve\", \"endpoint\" or a host", parse, show)
}

/// A `Host` value.
pub(crate) const fn host() -> Text<String> {
    text("a host", check_host, String::clone)
}

fn check_host(text: &str) -> Result<String, String> {
    let with_port = if text.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok()) {
        text.to_owned()
    } else {
        format!("{text}:80")
    };
    match EndpointAddress::parse(&with_port) {
        Ok(EndpointAddress::Ip(_) | EndpointAddress::Host(..)) if !text.contains('/') => {
            Ok(text.to_owned())
        }
        _ => Err(format!("{text:?} is not a host, with or without port")),
    }
}

/// What a hash balancer takes as its key.
pub(crate) const fn hash_key() -> Text<HashKey> {
    let parse = |t: &str| {
        let token = |name: &str, what: &str| {
            if is_token(name) {
                Ok(name.to_owned())
            } else {
                Err(format!("{name:?} is not the name of a {what}"))
            }
        };
        match (t, t.split_once(':')) {
            ("client_address", _) => Ok(HashKey::ClientAddress),
            ("uri", _) => Ok(HashKey::Uri),
            (_, Some(("header", name))) => token(name, "field").map(HashKey::Header),
            (_, Some(("cookie", name))) => token(name, "cookie").map(HashKey::Cookie),
            _ => Err(format!(
                "{t:?} is none of \"client_address\", \"uri\", \"header:NAME\", \"cookie:NAME\""
            )),
        }
    };
    let show = |key: &HashKey| match key {
        HashKey::ClientAddress => "client_address".to_owned(),
        HashKey::Uri => "uri".to_owned(),
        HashKey::Header(name) => format!("header:{name}"),
        HashKey::Cookie(name) => format!("cookie:{name}"),
    };
    text("a key", parse, show)
}

/// One status or a range of them.
pub(crate) struct Statuses;

/// `"200-399"`, `"204"` or 204.
pub(crate) const fn statuses() -> Statuses {
    Statuses
}

impl Kind for Statuses {
    type Value = (u16, u16);

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<(u16, u16)> {
        let text = match entry.value.get_ref() {
            DeValue::String(text) => reading.expand(text, &entry.span())?,
            DeValue::Integer(status) if status.radix() == 10 => status.as_str().to_owned(),
            _ => return entry.wrong_type("statuses as in \"200-399\"", None, reading),
        };
        let (low, high) = text.split_once('-').unwrap_or((&text, &text));
        match (low.trim().parse(), high.trim().parse()) {
            (Ok(low), Ok(high)) if low <= high && low >= 100 && high <= 599 => Some((low, high)),
            _ => {
                let message = format!("`{}`: {text:?} is no status or range of them", entry.key);
                let label = "allowed: 100 to 599, as in \"204\" or \"200-399\"";
                reading.refuse(Diagnostic::error(entry.span(), message).label(label))
            }
        }
    }

    fn show(&self, &(low, high): &(u16, u16)) -> Json {
        if low == high { json!(low.to_string()) } else { json!(format!("{low}-{high}")) }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": r"^[1-5][0-9]{2}( *- *[1-5][0-9]{2})?$|\$\{" },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_take_a_bare_port_for_all_of_ipv4() {
        for (text, address) in [
            (":8080", "0.0.0.0:8080"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
        ] {
            assert_eq!(parse_listen_address(text), Ok(address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn faulty_listen_addresses_say_what_to_write() {
        for (text, hint) in [
            ("8080", "write \":8080\""),
            ("0.0.0.0", "no port"),
            ("localhost:80", "127.0.0.1:80"),
            ("*:80", "write \":80\""),
            ("::1:80", "brackets"),
            (":65536", "0 to 65535"),
            ("web:80", "not an IP address"),
            ("web", "is not an IP address and port: write \":8080\""),
            ("unix:/run/a.sock", "is not an IP address and port"),
            ("http://127.0.0.1:80", "is not an IP address and port"),
            ("", "is not an IP address and port"),
        ] {
            let message = parse_listen_address(text).unwrap_err();
            assert!(message.contains(hint), "{text}: {message}");
        }
    }

    #[test]
    fn paths_and_hosts_cannot_break_a_request_line() {
        for text in ["/a b", "/a\r\n", "/ü"] {
            assert!(check_target(text).is_err(), "{text:?}");
        }
        for text in ["", "a b", "a\r\n", "http://a", "a:b", "a/"] {
            assert!(check_host(text).is_err(), "{text:?}");
        }
        for text in ["example.com", "example.com:8080", "10.0.0.1", "[::1]:80"] {
            assert!(check_host(text).is_ok(), "{text:?}");
        }
    }
}
