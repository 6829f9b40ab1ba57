//! Whether an instance that starts is ready for traffic.
//!
//! Where its pool has a health check, the probes of that check decide, so that an app is ready when
//! and only when its pool would send it something. Without one, it is ready as soon as it accepts
//! connections.

use std::sync::Arc;
use std::time::Duration;

use roundel_core::address::EndpointAddress;
use roundel_core::endpoint::{AdminState, Endpoint, EndpointShared, Health};
use roundel_core::name::Name;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{sleep, timeout};

use crate::control::Shared;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// A process that starts accepts at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Where an instance is to be found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) pool: Name,
    pub(super) endpoint: Name,
    pub(super) address: EndpointAddress,
}

/// Waits until the endpoint is found to answer. Gives the counters that it shares with workers.
///
/// An endpoint that an operator disabled or removed is not probed: its instance is ready when it
/// accepts connections, since whether it gets any traffic is not its own affair.
pub(super) async fn until_ready(shared: Arc<Shared>, place: Place) -> Arc<EndpointShared> {
    loop {
        let endpoint = find(&shared, &place);
        let probed = endpoint.as_ref().filter(|endpoint| {
            endpoint.facts.admin_state != AdminState::Disabled && has_check(&shared, &place)
        });
        let is_ready = match probed {
            Some(endpoint) => endpoint.facts.health == Health::Healthy,
            None => accepts(&place.address).await,
        };
        if is_ready {
            return endpoint.map(|endpoint| endpoint.shared).unwrap_or_default();
        }
        sleep(PAUSE).await;
    }
}

fn find(shared: &Shared, place: &Place) -> Option<Endpoint> {
    let snapshot = Arc::clone(&shared.view().snapshot);
    let pool = snapshot.pools.iter().find(|pool| pool.name == place.pool)?;
    let authority = place.address.to_string();
    let is_it = |e: &&Endpoint| e.name == place.endpoint && *e.authority == *authority;
    pool.endpoints.iter().find(is_it).cloned()
}

fn has_check(shared: &Shared, place: &Place) -> bool {
    let config = Arc::clone(&shared.view().config);
    let pool = config.pools.iter().find(|pool| pool.name == place.pool);
    pool.is_some_and(|pool| pool.policy.health_check.is_some())
}

async fn accepts(address: &EndpointAddress) -> bool {
    let attempt = async {
        match address {
            EndpointAddress::Ip(address) => TcpStream::connect(address).await.is_ok(),
            EndpointAddress::Unix(path) => UnixStream::connect(path).await.is_ok(),
            EndpointAddress::Host(..) => false,
        }
    };
    timeout(CONNECT_TIMEOUT, attempt).await.unwrap_or(false)
}
