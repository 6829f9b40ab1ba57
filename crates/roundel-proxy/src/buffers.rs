//! What a runner owns and reuses from exchange to exchange, so that the steady state allocates
//! nothing.

use roundel_core::endpoint::EndpointId;
use roundel_http::{FieldKind, Method, RequestHead, ResponseHead};
use roundel_telemetry::Trail;

use crate::flow::Flow;

/// Buffers above this are given back after use.
const BUFFER_KEPT_BYTES: usize = 16 * 1024;

/// The buffers of a runner.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) request: Request,
    pub(crate) response: Response,
    /// The request on its way to the endpoint.
    pub(crate) upload: Flow,
    /// The response on its way to the client.
    pub(crate) download: Flow,
    /// Endpoints tried in this exchange.
    pub(crate) tried: Vec<EndpointId>,
    /// What explains this exchange to who asks.
    pub(crate) trail: Trail,
}

/// A request head and what was read with it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// The head that `head` points into, then body bytes read with it, then what belongs to later
    /// requests.
    pub(crate) bytes: Vec<u8>,
    pub(crate) head: RequestHead,
    /// Bytes of `bytes` that belong to the present request.
    pub(crate) taken: usize,
}

/// A response head and what was read with it.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// Bytes of heads that did not come in one piece.
    pub(crate) bytes: Vec<u8>,
    pub(crate) head: ResponseHead,
}

impl Buffers {
    /// Gives back memory that one large message took.
    pub(crate) fn shrink(&mut self) {
        self.upload.shrink();
        self.download.shrink();
        for bytes in [&mut self.request.bytes, &mut self.response.bytes] {
            if bytes.capacity() > BUFFER_KEPT_BYTES {
                *bytes = Vec::new();
            }
        }
    }
}

impl Request {
    /// Forgets everything, as for a new connection.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.taken = 0;
    }

    /// Drops the present request; what was read after it stays.
    pub(crate) fn finish(&mut self) {
        let taken = self.taken.min(self.bytes.len());
        self.bytes.drain(..taken);
        self.taken = 0;
    }

    /// Whether bytes of a later request are here.
    pub(crate) fn has_bytes(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Body bytes that were read with the head.
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.head.len..).unwrap_or_default()
    }

    /// Value of the cookie called `name` (RFC 6265 §4.2.1).
    pub(crate) fn cookie(&self, name: &str) -> Option<&[u8]> {
        let pairs = self.field("cookie")?.split(|b| *b == b';');
        pairs.map(<[u8]>::trim_ascii_start).find_map(|pair| {
            pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
        })
    }

    /// How many more proxies an OPTIONS may pass (RFC 9110 §7.6.2); `None` when that is not bounded,
    /// or not in a way that can be read.
    pub(crate) fn hops_left(&self) -> Option<u32> {
        if self.head.method != Method::Options {
            return None;
        }
        let field = self.head.fields.iter().find(|field| field.kind == FieldKind::MaxForwards)?;
        std::str::from_utf8(field.value.of(&self.bytes)).ok()?.parse().ok()
    }

    /// Value of the first field called `name`.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        self.head.field(&self.bytes, name)
    }
}
