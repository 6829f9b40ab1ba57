//! Fields as ranges into the buffer they were read from.

/// A range of a head buffer. Heads are bounded far below 4 GiB, so 32 bits do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// The bytes of `buf` that the span covers; empty when the span is not of this buffer.
    pub fn of(self, buf: &[u8]) -> &[u8] {
        let start = self.start as usize;
        buf.get(start..start + self.len as usize).unwrap_or_default()
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
    XRealIp,
    XRequestId,
    Authorization,
    Cookie,
    Date,
    Server,
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
