//! `[[listener]]`: keys, ranges and defaults, and how they become a [`ListenerConfig`].

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use roundel_core::listener::{
    ForwardedMode, ForwardedPolicy, HalfClose, ListenerLimits, ListenerSettings, ListenerTimeouts,
};
use roundel_core::name::Name;

use super::TIMEOUT;
use crate::check::Names;
use crate::kind::{
    Item, bytes, choice, cidr, duration, flag, list, listen_address, located, name, optional,
    required, table, whole,
};
use crate::model::ListenerConfig;
use crate::section::{Located, Reading, section};

section! {
    /// An address that accepts connections.
    struct ListenerKeys {
        /// Its name in logs, metrics and the API.
        name: Option<Located<Name>>
            = optional(located(name()), "`listener-1`, `listener-2` …", "\"web\"") => None,
        /// IP address and port. `:8080` means all IPv4 addresses, `[::]:8080` all IPv6 addresses
        /// (and those only), port 0 one that the kernel chooses.
        address: Option<Located<SocketAddr>>
            = required(located(listen_address()), "\"0.0.0.0:8080\"") => None,
        /// What it means that a client has sent its last byte and waits for its response: "serve"
        /// finishes what is under way for it, but takes it out of queues and does not try again after
        /// a timeout; "cancel" takes it for one that has left, as it nearly always has, and ends its
        /// exchange at once.
        half_close: HalfClose = choice(&[
            ("serve", HalfClose::Serve),
            ("cancel", HalfClose::Cancel),
        ]) => HalfClose::Serve,
        limits: ListenerLimits = table() => ListenerLimits::defaults(),
        timeouts: ListenerTimeouts = table() => ListenerTimeouts::defaults(),
        forwarded: ForwardedPolicy = table() => ForwardedPolicy::defaults(),
    }
}

section! {
    /// Bounds on what a client may send.
    for ListenerLimits {
        /// Request line and fields together; beyond it the answer is 431.
        head_bytes_max: bytes(1 << 10..=1 << 20) => 32 << 10,
        /// Number of fields; beyond it the answer is 431.
        fields_max: whole(1..=10_000) => 100,
        /// Request target; beyond it the answer is 414.
        target_bytes_max: bytes(64..=1 << 20) => 8 << 10,
        /// Request body; beyond it the answer is 413. Bodies are streamed, so a large one costs
        /// no memory here.
        body_bytes_max: optional(bytes(0..=1 << 50), "no limit", "\"100MiB\"") => None,
        /// Connections at once; beyond it new ones are closed. Bounded by the process's open files
        /// as well.
        max_connections: optional(
            whole(1..=10_000_000),
            "100000, or what a memory limit allows, over all listeners that do not say",
            "20000",
        ) => None,
        /// Requests on one connection before it is closed.
        requests_per_connection_max: whole(1..=1 << 50) => 1_000_000,
    }
}

section! {
    /// How long to wait for a client.
    for ListenerTimeouts {
        /// A whole request head, from its first byte or from the connection's start.
        request_head: duration(TIMEOUT) => Duration::from_secs(10),
        /// Between bytes of a request body.
        body_idle: duration(TIMEOUT) => Duration::from_secs(30),
        /// Bytes a second below which a body is given up, whichever side is slow; 0 switches the
        /// check off.
        body_bytes_per_second_min: whole(0..=1 << 30) => 100,
        /// A client that takes no byte of a response for so long is given up.
        write_idle: duration(TIMEOUT) => Duration::from_secs(30),
        /// A connection between two requests.
        keep_alive: duration(TIMEOUT) => Duration::from_secs(75),
    }
}

section! {
    /// What endpoints are told about the client.
    for ForwardedPolicy {
        /// What happens to `X-Forwarded-For`, `-Proto` and `-Host`: "replace" by what the socket
        /// says, and drop all others of that family, `Forwarded` and `X-Real-IP` (from a trusted
        /// proxy: append), always "append", or "off" to leave them alone.
        mode: choice(&[
            ("replace", ForwardedMode::Replace),
            ("append", ForwardedMode::Append),
            ("off", ForwardedMode::Off),
        ]) => ForwardedMode::Replace,
        /// Blocks of IP addresses, as in "10.0.0.0/8", whose own `X-Forwarded-*` are believed.
        trusted_proxies: list(cidr()) => Vec::new(),
        /// Adds `Via: 1.1 roundel` in both directions.
        via: flag() => false,
        /// Keeps a client's `X-Request-Id`, else makes one, and sends it on.
        request_id: flag() => true,
    }
}

/// The listener, unless its address is missing or wrong. `number` counts from 1.
pub(crate) fn resolve(
    item: Item<ListenerKeys>,
    number: usize,
    names: &mut Names,
    reading: &mut Reading<'_>,
) -> Option<(ListenerConfig, Range<usize>)> {
    let ListenerKeys { name, address, half_close, limits, timeouts, forwarded } = item.keys;
    let name = names.claim_or_number(name, number, &item.span, reading);
    let Located { value: address, span } = address?;
    let settings = Arc::new(ListenerSettings { limits, timeouts, forwarded, half_close });
    Some((ListenerConfig { name: name?, address, settings }, span))
}
