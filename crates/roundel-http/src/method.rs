//! Request methods (RFC 9110 §9).
//!
//! Only those are told apart that a proxy must treat differently; all other tokens are one kind.

/// A request method. Compared case-sensitively (RFC 9110 §9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each variant is the method of that name")]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    /// Any other token; its text is in the head.
    Other,
}

impl Method {
    /// Recognises a method token.
    pub fn of(token: &[u8]) -> Self {
        match token {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// Whether the request asks for no change (RFC 9110 §9.2.1). Unknown methods count as unsafe.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace)
    }

    /// Whether sending the request twice has the effect of sending it once (RFC 9110 §9.2.2).
    /// Unknown methods count as not idempotent.
    pub const fn is_idempotent(self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_compared_with_case() {
        assert_eq!(Method::of(b"CONNECT"), Method::Connect);
        assert_eq!(Method::of(b"connect"), Method::Other);
        assert_eq!(Method::of(b"CONNECT "), Method::Other);
        assert_eq!(Method::of(b""), Method::Other);
    }

    #[test]
    fn what_may_have_an_effect_each_time_is_not_idempotent() {
        for token in ["POST", "PATCH", "CONNECT", "LOCK"] {
            assert!(!Method::of(token.as_bytes()).is_idempotent(), "{token}");
        }
        for token in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            assert!(Method::of(token.as_bytes()).is_idempotent(), "{token}");
        }
    }

    #[test]
    fn what_is_safe_is_idempotent_and_changes_nothing() {
        for token in ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "LOCK"]
        {
            let method = Method::of(token.as_bytes());
            let is_change = matches!(token, "POST" | "PUT" | "DELETE" | "CONNECT" | "LOCK");
            assert_eq!(method.is_safe(), !is_change, "{token}");
            assert!(method.is_idempotent() || !method.is_safe(), "{token}");
        }
    }
}
