//! Endpoints and views to show.

use std::sync::Arc;

use roundel_core::address::ConnectAddress;
use roundel_core::endpoint::{
    AdminState, Endpoint, EndpointFacts, EndpointId, EndpointShared, Health, Presence,
};
use roundel_core::name::Name;

/// A name that is known to be one.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// An endpoint at a loopback port that had `requests` requests, of which one is running.
pub(crate) fn endpoint(text: &str, port: u16, requests: u64, facts: EndpointFacts) -> Endpoint {
    let shared = EndpointShared::default();
    for i in 0..requests {
        shared.try_start(None).unwrap();
        if i > 0 {
            shared.end();
        }
    }
    Endpoint {
        id: EndpointId(port.into()),
        name: name(text),
        authority: format!("127.0.0.1:{port}").into(),
        address: ConnectAddress::Ip(([127, 0, 0, 1], port).into()),
        weight: 2,
        effective_weight: 1,
        is_backup: false,
        facts,
        shared: Arc::new(shared),
    }
}

/// The facts of an endpoint that takes traffic.
pub(crate) const WELL: EndpointFacts = EndpointFacts {
    admin_state: AdminState::Enabled,
    health: Health::Healthy,
    is_ejected: false,
    presence: Presence::Present,
};
