//! How an exchange ended, and how an attempt failed.
//!
//! One vocabulary for access log, metrics, API and dashboard. The codes are stable: people write
//! alerts on them. `docs/reference/end-reasons.md` explains each.

/// Declares an enum whose variants have stable codes and a dense index for counters.
macro_rules! coded {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// Every value, in index order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable short code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// One sentence for people.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Position in [`Self::ALL`], for counters.
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}

coded! {
    /// How an exchange ended.
    EndReason {
        /// The response was relayed whole.
        Ok = "ok",
        /// Answered by Roundel itself as configured: a fixed response, a redirect, stats.
        Local = "local",
        /// A tunnel (Upgrade or CONNECT) ran and ended.
        Tunnel = "tunnel",

        /// The request line is malformed: 400.
        RequestLine = "request_line",
        /// A request field is malformed, or has a forbidden byte: 400.
        RequestField = "request_field",
        /// Content-Length and Transfer-Encoding are missing, doubled, conflicting or malformed: 400.
        RequestFraming = "request_framing",
        /// Host is missing, doubled or malformed: 400.
        RequestHost = "request_host",
        /// The path has dot segments, a backslash or a NUL, which servers read differently: 400.
        RequestPath = "request_path",
        /// A chunk of the request body is malformed: 400.
        RequestChunk = "request_chunk",
        /// The request target is longer than the limit: 414.
        TargetTooLong = "target_too_long",
        /// The request head is larger than the limit, or has too many fields: 431.
        HeadTooLarge = "head_too_large",
        /// The request body is larger than the limit: 413.
        BodyTooLarge = "body_too_large",
        /// The request asks for a transfer coding other than chunked: 501.
        TransferCoding = "transfer_coding",
        /// Expect has a value other than 100-continue: 417.
        Expectation = "expectation",
        /// The HTTP version is not 1.0 or 1.1: 505.
        Version = "version",
        /// The method is not allowed here: 405.
        MethodNotAllowed = "method_not_allowed",
        /// No route of this listener serves the host: 421.
        Misdirected = "misdirected",
        /// A route serves the host but none the path: 404.
        NoRoute = "no_route",

        /// The client left before the response was complete.
        ClientClosed = "client_closed",
        /// The client sent its request head too slowly: 408.
        ClientHeadTimeout = "client_head_timeout",
        /// The client sent its request body too slowly: 408.
        ClientBodyTimeout = "client_body_timeout",
        /// The client took the response too slowly.
        ClientWriteTimeout = "client_write_timeout",

        /// No endpoint of the pool takes traffic: 503.
        NoEndpoint = "no_endpoint",
        /// All endpoints are at their limit and the queue is full: 503.
        QueueFull = "queue_full",
        /// All endpoints stayed at their limit for the queue timeout: 503.
        QueueTimeout = "queue_timeout",
        /// No instance or container got ready in the time that the pool waits for one: 503.
        StartTimeout = "start_timeout",
        /// File descriptors, local ports or memory for one more connection ran out: 503.
        NoSocket = "no_socket",
        /// No connection could be made: 502.
        ConnectFailed = "connect_failed",
        /// Connecting took longer than the limit: 504.
        ConnectTimeout = "connect_timeout",
        /// The endpoint closed or reset the connection before a response: 502.
        EndpointClosed = "endpoint_closed",
        /// The endpoint sent no response head within the limit: 504.
        ResponseTimeout = "response_timeout",
        /// The endpoint's response head is malformed or too large: 502.
        ResponseMalformed = "response_malformed",
        /// The endpoint broke off in the middle of the response body.
        ResponseTruncated = "response_truncated",
        /// The endpoint stalled in the middle of the response body.
        ResponseStalled = "response_stalled",
        /// The endpoint stopped taking the request, or never acknowledged any of it: 504.
        EndpointWriteTimeout = "endpoint_write_timeout",

        /// Roundel was told to stop and the exchange outlived the grace time.
        Shutdown = "shutdown",
        /// A bug in Roundel ended the exchange; it is counted and the process goes on.
        Panic = "panic",
    }
}

coded! {
    /// How an attempt failed.
    AttemptFailure {
        /// The connection was refused or the address is unreachable.
        Connect = "connect",
        /// File descriptors, local ports or memory ran out here; it says nothing of the endpoint.
        NoSocket = "no_socket",
        /// The connection was not made in time.
        ConnectTimeout = "connect_timeout",
        /// A kept-alive connection turned out closed before a response byte came.
        ReusedClosed = "reused_closed",
        /// A fresh connection was closed or reset before a response byte came.
        Closed = "closed",
        /// The request could not be written in time, or nothing of it was acknowledged.
        WriteTimeout = "write_timeout",
        /// No response head came in time.
        ResponseTimeout = "response_timeout",
        /// The endpoint seemed to have stopped, and another that was asked as well answered first.
        Overtaken = "overtaken",
        /// The response head is malformed or too large.
        Malformed = "malformed",
        /// The response has a status that the pool retries.
        Status = "status",
        /// The response body broke off.
        Truncated = "truncated",
        /// The response body stalled.
        Stalled = "stalled",
    }
}

impl EndReason {
    /// Whether Roundel or the endpoints failed the client. Neither what a client got wrong nor its
    /// leaving counts, nor an answer as configured, whatever its status.
    pub const fn is_failure(self) -> bool {
        match self {
            Self::NoEndpoint
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::StartTimeout
            | Self::NoSocket
            | Self::ConnectFailed
            | Self::ConnectTimeout
            | Self::EndpointClosed
            | Self::ResponseTimeout
            | Self::ResponseMalformed
            | Self::ResponseTruncated
            | Self::ResponseStalled
            | Self::EndpointWriteTimeout
            | Self::Shutdown
            | Self::Panic => true,
            Self::Ok
            | Self::Local
            | Self::Tunnel
            | Self::RequestLine
            | Self::RequestField
            | Self::RequestFraming
            | Self::RequestHost
            | Self::RequestPath
            | Self::RequestChunk
            | Self::TargetTooLong
            | Self::HeadTooLarge
            | Self::BodyTooLarge
            | Self::TransferCoding
            | Self::Expectation
            | Self::Version
            | Self::MethodNotAllowed
            | Self::Misdirected
            | Self::NoRoute
            | Self::ClientClosed
            | Self::ClientHeadTimeout
            | Self::ClientBodyTimeout
            | Self::ClientWriteTimeout => false,
        }
    }

    /// Whether an exchange that ended so, with that status, counts as an error: it failed, or the
    /// client got a status of 500 or above.
    pub const fn is_error(self, status: u16) -> bool {
        status >= 500 || self.is_failure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_error_is_a_failure_or_a_server_error() {
        for (end, status, is_error) in [
            (EndReason::Ok, 200, false),
            (EndReason::Ok, 404, false),
            (EndReason::Ok, 500, true),
            (EndReason::Local, 503, true),
            (EndReason::ClientClosed, 0, false),
            (EndReason::NoRoute, 404, false),
            (EndReason::ResponseTruncated, 200, true),
            (EndReason::Panic, 0, true),
        ] {
            assert_eq!(end.is_error(status), is_error, "{end} {status}");
        }
    }

    #[test]
    fn codes_are_unique_and_indices_dense() {
        let codes: HashSet<_> = EndReason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), EndReason::ALL.len());
        assert!(EndReason::ALL.iter().enumerate().all(|(i, r)| r.index() == i));
        let codes: HashSet<_> = AttemptFailure::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), AttemptFailure::ALL.len());
    }
}
