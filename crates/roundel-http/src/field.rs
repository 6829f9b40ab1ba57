//! Fields as ranges into the buffer they were read from, and the kinds that a proxy treats specially
//! (RFC 9110 §5, §7.6.1).
//!
//! A field is recognised once, when its line is read; routing, logs and writing compare kinds, never
//! names.

use crate::syntax;

/// A range of a head buffer. Heads are bounded far below 4 GiB, so 32 bits do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// A range of a head, whose length [`crate::HeadLimits`] keeps within 32 bits.
    pub(crate) const fn new(start: usize, len: usize) -> Self {
        Self { start: start as u32, len: len as u32 }
    }

    /// Where the span ends.
    pub(crate) const fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    /// The bytes of `buf` that the span covers; empty when the span is not of this buffer.
    pub fn of(self, buf: &[u8]) -> &[u8] {
        buf.get(self.start as usize..self.end()).unwrap_or_default()
    }

    /// Whether the span covers nothing.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// One field line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name, in the sender's case.
    pub name: Span,
    /// Value without surrounding white space.
    pub value: Span,
    /// Which field it is, when it is one that a proxy treats specially.
    pub kind: FieldKind,
    /// Named by `Connection`, so meant for this hop alone (RFC 9110 §7.6.1). Never set for fields
    /// whose removal would be an attack (Host, framing, authorization, cookies, forwarding).
    pub is_nominated: bool,
}

/// Value of the first of `fields` called `name`, compared without case.
pub(crate) fn find<'b>(fields: &[Field], buf: &'b [u8], name: &str) -> Option<&'b [u8]> {
    let is_called = |field: &&Field| field.name.of(buf).eq_ignore_ascii_case(name.as_bytes());
    fields.iter().find(is_called).map(|field| field.value.of(buf))
}

/// How the names of the family of forwarding fields begin. Whoever claims one claims to be a proxy.
pub(crate) const FORWARDING: &[u8] = b"x-forwarded-";

/// Fields that a proxy treats specially. All others are passed on untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each variant is the field of that name")]
pub enum FieldKind {
    Other,
    Host,
    Connection,
    KeepAlive,
    ProxyConnection,
    ProxyAuthenticate,
    ProxyAuthorization,
    Te,
    Trailer,
    TransferEncoding,
    ContentLength,
    Upgrade,
    Http2Settings,
    Expect,
    MaxForwards,
    Via,
    Forwarded,
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    /// Any other whose name begins with `X-Forwarded-`.
    XForwardedOther,
    XRealIp,
    XRequestId,
    Authorization,
    Cookie,
    Date,
    Server,
}

impl FieldKind {
    /// Length of the longest special name, those in families aside.
    pub(crate) const NAME_LEN_MAX: usize = "proxy-authorization".len();

    /// Recognises a field name, in any case. Length and first letter leave one candidate at most, so
    /// that most names cost no comparison.
    pub fn of(name: &[u8]) -> Self {
        let Some(first) = name.first() else { return Self::Other };
        let (candidate, kind): (&[u8], Self) = match (name.len(), first | 0x20) {
            (2, b't') => (b"te", Self::Te),
            (3, b'v') => (b"via", Self::Via),
            (4, b'h') => (b"host", Self::Host),
            (4, b'd') => (b"date", Self::Date),
            (6, b'c') => (b"cookie", Self::Cookie),
            (6, b'e') => (b"expect", Self::Expect),
            (6, b's') => (b"server", Self::Server),
            (7, b'u') => (b"upgrade", Self::Upgrade),
            (7, b't') => (b"trailer", Self::Trailer),
            (9, b'f') => (b"forwarded", Self::Forwarded),
            (9, b'x') => (b"x-real-ip", Self::XRealIp),
            (10, b'c') => (b"connection", Self::Connection),
            (10, b'k') => (b"keep-alive", Self::KeepAlive),
            (12, b'x') => (b"x-request-id", Self::XRequestId),
            (12, b'm') => (b"max-forwards", Self::MaxForwards),
            (13, b'a') => (b"authorization", Self::Authorization),
            (14, b'c') => (b"content-length", Self::ContentLength),
            (14, b'h') => (b"http2-settings", Self::Http2Settings),
            (15, b'x') => (b"x-forwarded-for", Self::XForwardedFor),
            (16, b'x') => (b"x-forwarded-host", Self::XForwardedHost),
            (16, b'p') => (b"proxy-connection", Self::ProxyConnection),
            (17, b't') => (b"transfer-encoding", Self::TransferEncoding),
            (17, b'x') => (b"x-forwarded-proto", Self::XForwardedProto),
            (18, b'p') => (b"proxy-authenticate", Self::ProxyAuthenticate),
            (19, b'p') => (b"proxy-authorization", Self::ProxyAuthorization),
            _ => return Self::of_family(name),
        };
        if name.eq_ignore_ascii_case(candidate) { kind } else { Self::of_family(name) }
    }

    /// Recognises a name by how it begins.
    fn of_family(name: &[u8]) -> Self {
        let is_forwarding = syntax::has_prefix_ignoring_case(name, FORWARDING);
        if is_forwarding { Self::XForwardedOther } else { Self::Other }
    }

    /// Whether the field concerns one connection only and so is never passed on as it came
    /// (RFC 9110 §7.6.1), the framing fields included: they are written anew.
    pub const fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::ProxyAuthenticate
                | Self::ProxyAuthorization
                | Self::Te
                | Self::TransferEncoding
                | Self::ContentLength
                | Self::Upgrade
                | Self::Http2Settings
        )
    }

    /// Whether a sender may declare the field to be for the next hop alone. Not for those that tell
    /// where a request came from, whose it is or where it goes: a client could otherwise have a
    /// proxy in front of us vouch for it and then make us drop the voucher.
    pub(crate) const fn may_be_nominated(self) -> bool {
        !matches!(
            self,
            Self::Host
                | Self::TransferEncoding
                | Self::ContentLength
                | Self::Expect
                | Self::MaxForwards
                | Self::Via
                | Self::Forwarded
                | Self::XForwardedFor
                | Self::XForwardedProto
                | Self::XForwardedHost
                | Self::XForwardedOther
                | Self::XRealIp
                | Self::XRequestId
                | Self::Authorization
                | Self::Cookie
        )
    }
}

/// A set of field kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindSet(u64);

impl KindSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: FieldKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether `kind` is in the set.
    pub const fn has(self, kind: FieldKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_names_are_recognised_in_any_case() {
        for (name, kind) in [
            ("TE", FieldKind::Te),
            ("via", FieldKind::Via),
            ("HOST", FieldKind::Host),
            ("Date", FieldKind::Date),
            ("Cookie", FieldKind::Cookie),
            ("Expect", FieldKind::Expect),
            ("Server", FieldKind::Server),
            ("Upgrade", FieldKind::Upgrade),
            ("Trailer", FieldKind::Trailer),
            ("Forwarded", FieldKind::Forwarded),
            ("X-Real-IP", FieldKind::XRealIp),
            ("Connection", FieldKind::Connection),
            ("Keep-Alive", FieldKind::KeepAlive),
            ("X-Request-Id", FieldKind::XRequestId),
            ("Max-Forwards", FieldKind::MaxForwards),
            ("Authorization", FieldKind::Authorization),
            ("Content-Length", FieldKind::ContentLength),
            ("HTTP2-Settings", FieldKind::Http2Settings),
            ("X-Forwarded-For", FieldKind::XForwardedFor),
            ("X-Forwarded-Host", FieldKind::XForwardedHost),
            ("Proxy-Connection", FieldKind::ProxyConnection),
            ("Transfer-Encoding", FieldKind::TransferEncoding),
            ("X-Forwarded-Proto", FieldKind::XForwardedProto),
            ("Proxy-Authenticate", FieldKind::ProxyAuthenticate),
            ("Proxy-Authorization", FieldKind::ProxyAuthorization),
            ("X-Forwarded-By", FieldKind::XForwardedOther),
            ("X-Forwarded-Port", FieldKind::XForwardedOther),
            ("X-Forwarded-Client-Cert", FieldKind::XForwardedOther),
            ("X-Forwarded", FieldKind::Other),
            ("Content-Type", FieldKind::Other),
            ("Hos", FieldKind::Other),
            ("", FieldKind::Other),
        ] {
            assert_eq!(FieldKind::of(name.as_bytes()), kind, "{name}");
            assert_eq!(FieldKind::of(name.to_lowercase().as_bytes()), kind, "{name}");
            assert_eq!(FieldKind::of(name.to_uppercase().as_bytes()), kind, "{name}");
            let is_listed = !matches!(kind, FieldKind::Other | FieldKind::XForwardedOther);
            assert!(!is_listed || name.len() <= FieldKind::NAME_LEN_MAX);
        }
    }

    #[test]
    fn a_span_of_another_buffer_is_empty() {
        assert_eq!(Span { start: 2, len: 2 }.of(b"abcd"), b"cd");
        assert_eq!(Span { start: 3, len: 2 }.of(b"abcd"), b"");
        assert_eq!(Span { start: u32::MAX, len: u32::MAX }.of(b"abcd"), b"");
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let set = KindSet::EMPTY.with(FieldKind::Via).with(FieldKind::Server);
        assert!(set.has(FieldKind::Via) && set.has(FieldKind::Server));
        assert!(!set.has(FieldKind::Date) && !set.has(FieldKind::Other));
    }
}
