//! Where the admin surface of a running Roundel is.
//!
//! What people have at hand is taken: an address, a name with a port, a bare port, or the address of
//! the dashboard as it stands in the browser.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use crate::cli::ADMIN;

/// Host and port, of which the host may have to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdminAddress(String);

impl AdminAddress {
    /// The socket addresses that it stands for.
    pub(crate) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(self.0.to_socket_addrs()?.collect())
    }
}

impl Default for AdminAddress {
    fn default() -> Self {
        Self(ADMIN.to_string())
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AdminAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err("the admin address speaks http".to_owned());
        }
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        if let Ok(address) = bare.parse::<SocketAddr>() {
            return Ok(Self(address.to_string()));
        }
        let Some((host, port)) = bare.rsplit_once(':') else {
            return Err("no port; it is a host and a port, as 127.0.0.1:8090".to_owned());
        };
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_port || !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(format!("{port:?} is not a port from 1 to 65535"));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        match host {
            "" => Ok(Self(format!("127.0.0.1:{port}"))),
            host if host.chars().all(is_name) => Ok(Self(format!("{host}:{port}"))),
            host => Err(format!("{host:?} is neither a host name nor an IP address")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_at_hand_is_taken() {
        for (text, expected) in [
            ("127.0.0.1:8090", Ok("127.0.0.1:8090")),
            ("[::1]:80", Ok("[::1]:80")),
            (":9", Ok("127.0.0.1:9")),
            ("localhost:8090", Ok("localhost:8090")),
            ("http://127.0.0.1:8090/", Ok("127.0.0.1:8090")),
            ("http://[::1]:8090", Ok("[::1]:8090")),
            ("", Err("no port")),
            ("8090", Err("no port")),
            ("localhost", Err("no port")),
            ("a:0", Err("\"0\" is not a port")),
            ("a:65536", Err("\"65536\" is not a port")),
            ("a:+80", Err("\"+80\" is not a port")),
            ("::1:80", Err("\"::1\" is neither")),
            ("a b:80", Err("\"a b\" is neither")),
            ("u@h:80", Err("\"u@h\" is neither")),
            ("http://a:80/x", Err("\"80/x\" is not a port")),
            ("https://a:80", Err("the admin address speaks http")),
        ] {
            match (text.parse::<AdminAddress>(), expected) {
                (Ok(address), Ok(expected)) => assert_eq!(address.to_string(), expected),
                (Err(error), Err(start)) => assert!(error.starts_with(start), "{text}: {error}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
