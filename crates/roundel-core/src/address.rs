//! Where an endpoint is reached.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::PathBuf;

/// What the configuration says of an endpoint's place; a host name is resolved by the control
/// plane, never by a worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EndpointAddress {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A host name and port, resolved at start and again while running.
    Host(String, NonZeroU16),
    /// A Unix domain socket.
    Unix(PathBuf),
}

/// Why a text is not an endpoint address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `:port`.
    #[error("no port: write `{0}:80`, say")]
    NoPort(String),
    /// A URL of another scheme than `http`.
    #[error("endpoints are spoken to in plain HTTP: write `HOST:PORT`, without `{0}://`")]
    Scheme(String),
    /// A URL with a path.
    #[error("an endpoint is a host and a port, without a path: write `{0}`")]
    Path(String),
    /// The port is not a number from 1 to 65535.
    #[error("port {0:?} is not a number from 1 to 65535")]
    Port(String),
    /// The host is neither an IP address nor a host name.
    #[error("{0:?} is neither an IP address nor a host name")]
    Host(String),
    /// The Unix socket path is not absolute or is longer than the kernel takes.
    #[error("a Unix socket needs an absolute path of at most 107 bytes, not {0:?}")]
    UnixPath(String),
}

impl EndpointAddress {
    /// Reads `10.0.0.1:80`, `[::1]:80`, `app:80` or `unix:/run/app.sock`. A leading `http://` is
    /// accepted, since people paste URLs.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') && path.len() <= 107 && !path.contains('\0') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(AddressError::UnixPath(path.to_owned()))
            };
        }
        let text = text.strip_prefix("http://").unwrap_or(text);
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(AddressError::Scheme(scheme.to_owned()));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        if let Some((authority, _)) = text.split_once('/') {
            return Err(AddressError::Path(authority.to_owned()));
        }
        let (host, port) =
            text.rsplit_once(':').ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if bracketed.is_none() && host.contains(':') {
            return Err(AddressError::Host(text.to_owned()));
        }
        let port: NonZeroU16 = port.parse().map_err(|_| AddressError::Port(port.to_owned()))?;
        if let Some(inner) = bracketed {
            return match inner.parse::<Ipv6Addr>() {
                Ok(ip) => Ok(Self::Ip(SocketAddr::new(IpAddr::V6(ip), port.get()))),
                Err(_) => Err(AddressError::Host(host.to_owned())),
            };
        }
        match host.parse::<Ipv4Addr>() {
            Ok(ip) => Ok(Self::Ip(SocketAddr::new(IpAddr::V4(ip), port.get()))),
            Err(_) if is_host_name(host) => Ok(Self::Host(host.to_ascii_lowercase(), port)),
            Err(_) => Err(AddressError::Host(host.to_owned())),
        }
    }
}

/// RFC 1123 §2.1 labels, plus `_`, which container names use. All-numeric last labels are refused
/// since they are mistyped IP addresses.
fn is_host_name(host: &str) -> bool {
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_number =
        host.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    host.len() <= 253 && host.split('.').all(label_ok) && !last_is_number
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(addr) => addr.fmt(f),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where a worker connects: an [`EndpointAddress`] after name resolution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ConnectAddress {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A Unix domain socket.
    Unix(PathBuf),
}

impl fmt::Display for ConnectAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_forms_print_as_their_canonical_text() {
        for (input, canonical) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("http://127.0.0.1:5001/", "127.0.0.1:5001"),
            ("[::1]:8080", "[::1]:8080"),
            ("App_1:5000", "app_1:5000"),
            ("a.example.com:443", "a.example.com:443"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            assert_eq!(EndpointAddress::parse(input).unwrap().to_string(), canonical, "{input}");
        }
    }

    #[test]
    fn malformed_addresses_name_the_fault() {
        for input in [
            "",
            "web",
            ":80",
            "a:0",
            "a:65536",
            "a:x",
            "::1:80",
            "[::1]",
            "[x]:1",
            "1.2.3:80",
            "-a:1",
            "a..b:1",
            "unix:x",
            "unix:",
            "a b:1",
            "256.0.0.1:80",
        ] {
            assert!(EndpointAddress::parse(input).is_err(), "{input}");
        }
        for (url, said) in [
            ("https://a.b", "plain HTTP"),
            ("http://a.b:9/app", "without a path: write `a.b:9`"),
            ("a.b:9/app", "without a path"),
        ] {
            let error = EndpointAddress::parse(url).unwrap_err().to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
    }
}
