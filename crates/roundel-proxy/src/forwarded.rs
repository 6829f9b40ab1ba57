//! What an endpoint is told about the client, and who the client is.
//!
//! By default a client can claim nothing: `X-Forwarded-For`, `-Proto` and `-Host` are replaced by what
//! the socket says, and any other `X-Forwarded-*`, `Forwarded` and `X-Real-IP` are dropped. Only a peer on the trusted list speaks for others; its
//! `X-Forwarded-For` is read from the right, since every hop appends, and the first address that
//! is not itself trusted is the client (RFC 7239 §8.1 on why the rest is hearsay).

use std::net::{IpAddr, SocketAddr};

use roundel_core::listener::{ForwardedMode, ForwardedPolicy};
use roundel_http::{FieldKind, KindSet};

use crate::buffers::Request;

/// What is done with a request's forwarding fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forwarding {
    mode: ForwardedMode,
    is_trusted: bool,
    peer: IpAddr,
}

impl Forwarding {
    pub(crate) fn of(policy: &ForwardedPolicy, peer: IpAddr) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = policy.trusted_proxies.iter().any(|block| block.contains(peer))
            || policy.mode == ForwardedMode::Append;
        Self { mode: policy.mode, is_trusted, peer }
    }

    /// The client's address, and its port when the client is the peer itself.
    pub(crate) fn client(
        &self,
        policy: &ForwardedPolicy,
        peer: SocketAddr,
        request: &Request,
    ) -> SocketAddr {
        let is_listed = |ip: IpAddr| policy.trusted_proxies.iter().any(|block| block.contains(ip));
        if self.mode == ForwardedMode::Off || !is_listed(self.peer) {
            return SocketAddr::new(self.peer, peer.port());
        }
        let mut client = None;
        let hops = values(request, FieldKind::XForwardedFor)
            .rev()
            .flat_map(|value| value.rsplit(|b| *b == b','));
        for hop in hops {
            let Some(ip) = parse_ip(hop.trim_ascii()) else { break };
            client = Some(ip);
            if !is_listed(ip) {
                break;
            }
        }
        client.map_or(SocketAddr::new(self.peer, peer.port()), |ip| SocketAddr::new(ip, 0))
    }

    /// Fields of the client that are not passed on, because they are written anew or not believed.
    pub(crate) fn omitted(&self) -> KindSet {
        const ANEW: KindSet = KindSet::EMPTY.with(FieldKind::XForwardedFor);
        const ALL: KindSet = ANEW
            .with(FieldKind::XForwardedProto)
            .with(FieldKind::XForwardedHost)
            .with(FieldKind::XForwardedOther)
            .with(FieldKind::Forwarded)
            .with(FieldKind::XRealIp);
        match (self.mode, self.is_trusted) {
            (ForwardedMode::Off, _) => KindSet::EMPTY,
            (_, true) => ANEW,
            (_, false) => ALL,
        }
    }

    /// Appends the forwarding fields.
    pub(crate) fn write(&self, out: &mut Vec<u8>, request: &Request) {
        if self.mode == ForwardedMode::Off {
            return;
        }
        out.extend_from_slice(b"X-Forwarded-For: ");
        if self.is_trusted {
            for value in values(request, FieldKind::XForwardedFor) {
                out.extend_from_slice(value);
                out.extend_from_slice(b", ");
            }
        }
        push_ip(out, self.peer);
        let has = |kind| self.is_trusted && request.head.fields.iter().any(|f| f.kind == kind);
        if !has(FieldKind::XForwardedProto) {
            out.extend_from_slice(b"\r\nX-Forwarded-Proto: http");
        }
        let host = request.head.authority.of(&request.bytes);
        if !has(FieldKind::XForwardedHost) && !host.is_empty() {
            out.extend_from_slice(b"\r\nX-Forwarded-Host: ");
            out.extend_from_slice(host);
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn values(request: &Request, kind: FieldKind) -> impl DoubleEndedIterator<Item = &[u8]> {
    let fields = request.head.fields.iter();
    fields.filter(move |f| f.kind == kind).map(|f| f.value.of(&request.bytes))
}

/// An address as hops write it: alone, with a port, or in brackets.
fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let ip = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>());
    ip.ok().map(|ip| ip.to_canonical())
}

/// Appends an address. IPv4, by far the most common, without the formatting machinery.
fn push_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => {
            let mut digits = itoa::Buffer::new();
            for (i, octet) in v4.octets().into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(digits.format(octet).as_bytes());
            }
        }
        IpAddr::V6(v6) => out.extend_from_slice(v6.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roundel_core::listener::Cidr;
    use roundel_http::HeadLimits;

    fn request(fields: &str) -> Request {
        let text = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
        let mut request = Request { bytes: text.into_bytes(), ..Request::default() };
        let limits = HeadLimits { head_bytes_max: 4096, fields_max: 50, target_bytes_max: 1024 };
        request.head.parse(&request.bytes, &limits).unwrap();
        request
    }

    fn policy(mode: ForwardedMode, trusted: &[&str]) -> ForwardedPolicy {
        ForwardedPolicy {
            mode,
            trusted_proxies: trusted.iter().map(|t| Cidr::parse(t).unwrap()).collect(),
            via: false,
            request_id: false,
        }
    }

    #[test]
    fn the_client_is_the_first_untrusted_hop_from_the_right() {
        let peer: SocketAddr = "10.0.0.1:4000".parse().unwrap();
        for (trusted, fields, client) in [
            (&[][..], "X-Forwarded-For: 1.1.1.1\r\n", "10.0.0.1:4000"),
            (&["10.0.0.0/8"], "X-Forwarded-For: 1.1.1.1\r\n", "1.1.1.1:0"),
            (&["10.0.0.0/8"], "X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.0.0.9\r\n", "1.1.1.1:0"),
            (
                &["10.0.0.0/8"],
                "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 2.2.2.2\r\n",
                "2.2.2.2:0",
            ),
            (&["10.0.0.0/8"], "X-Forwarded-For: nonsense, 10.0.0.7\r\n", "10.0.0.7:0"),
            (&["10.0.0.0/8"], "X-Forwarded-For: nonsense\r\n", "10.0.0.1:4000"),
            (&["10.0.0.0/8"], "", "10.0.0.1:4000"),
            (&["10.0.0.0/8"], "X-Forwarded-For: [2001:db8::1]:99\r\n", "[2001:db8::1]:0"),
        ] {
            let policy = policy(ForwardedMode::Replace, trusted);
            let found = Forwarding::of(&policy, peer.ip()).client(&policy, peer, &request(fields));
            assert_eq!(found, client.parse().unwrap(), "{trusted:?} {fields:?}");
        }
    }

    #[test]
    fn fields_are_replaced_appended_to_or_left_alone() {
        let fields = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n";
        for (mode, trusted, expected) in [
            (
                ForwardedMode::Replace,
                &[][..],
                "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\n",
            ),
            (
                ForwardedMode::Replace,
                &["10.0.0.1"],
                "X-Forwarded-For: 1.1.1.1, 10.0.0.1\r\nX-Forwarded-Host: a.example\r\n",
            ),
            (
                ForwardedMode::Append,
                &[],
                "X-Forwarded-For: 1.1.1.1, 10.0.0.1\r\nX-Forwarded-Host: a.example\r\n",
            ),
            (ForwardedMode::Off, &[], ""),
        ] {
            let forwarding = Forwarding::of(&policy(mode, trusted), "10.0.0.1".parse().unwrap());
            let mut out = Vec::new();
            forwarding.write(&mut out, &request(fields));
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{mode:?} {trusted:?}");
        }
    }

    #[test]
    fn a_client_cannot_claim_to_be_someone_else() {
        let forwarding =
            Forwarding::of(&policy(ForwardedMode::Replace, &[]), "10.0.0.1".parse().unwrap());
        for kind in [FieldKind::XForwardedFor, FieldKind::XForwardedProto, FieldKind::XRealIp] {
            assert!(forwarding.omitted().has(kind));
        }
    }
}
