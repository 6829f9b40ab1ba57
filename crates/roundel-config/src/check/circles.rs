//! Endpoints that are Roundel itself.
//!
//! A request that is sent to a listener of the same process comes back, is sent there again, and so
//! on until descriptors run out. It may be meant, as when the second round takes another route, so
//! it is a warning. Only what the file says is known here: not the addresses of this machine.

use std::net::SocketAddr;

use roundel_core::address::EndpointAddress;

use crate::diagnostic::Diagnostic;
use crate::kind::Item;
use crate::model::ListenerConfig;
use crate::section::Reading;
use crate::sections::pool::PoolKeys;

pub(super) fn warn(
    pools: &[Item<PoolKeys>],
    listeners: &[ListenerConfig],
    reading: &mut Reading<'_>,
) {
    for endpoint in pools.iter().filter_map(|pool| pool.keys.endpoints.as_ref()).flatten() {
        let Some(address) = &endpoint.value.address else { continue };
        let Some(listener) = listeners.iter().find(|it| leads_to(&address.value, it.address))
        else {
            continue;
        };
        let message =
            format!("this endpoint is Roundel's own listener {:?}", listener.name.as_str());
        let diagnostic = Diagnostic::warning(address.span.clone(), message);
        reading.report(diagnostic.help("requests would come back until connections run out"));
    }
}

fn leads_to(endpoint: &EndpointAddress, listener: SocketAddr) -> bool {
    let (is_same_ip, port) = match endpoint {
        EndpointAddress::Ip(address) => {
            let is_here = address.ip().is_loopback() || address.ip().is_unspecified();
            let is_any = listener.ip().is_unspecified() && is_here;
            let is_same_family = address.is_ipv4() == listener.is_ipv4();
            (address.ip() == listener.ip() || (is_any && is_same_family), address.port())
        }
        EndpointAddress::Host(name, port) => {
            let is_here = listener.ip().is_loopback() || listener.ip().is_unspecified();
            (name == "localhost" && is_here, port.get())
        }
        EndpointAddress::Unix(_) => return false,
    };
    is_same_ip && port == listener.port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_the_listener_is_taken_for_it() {
        for (endpoint, listener, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:81", "127.0.0.1:80", false),
            ("127.0.0.2:80", "127.0.0.1:80", false),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("10.0.0.1:80", "0.0.0.0:80", false),
            ("10.0.0.1:80", "10.0.0.1:80", true),
            ("127.0.0.1:80", "[::]:80", false),
            ("[::1]:80", "[::]:80", true),
            ("0.0.0.0:80", "0.0.0.0:80", true),
            ("localhost:80", "[::1]:80", true),
            ("localhost:80", "10.0.0.1:80", false),
            ("app:80", "0.0.0.0:80", false),
            ("unix:/run/a.sock", "0.0.0.0:80", false),
        ] {
            let address = EndpointAddress::parse(endpoint).unwrap();
            let found = leads_to(&address, listener.parse().unwrap());
            assert_eq!(found, expected, "{endpoint} {listener}");
        }
    }
}
