//! Messages as a test looks at them: fields in order, bodies as bytes.
//!
//! Tolerant on purpose: what the balancer sends is judged by assertions, not by this parser, which
//! only has to make anything that resembles HTTP/1 visible. Shares nothing with the product's.

use std::net::SocketAddr;
use std::time::Instant;

/// A fingerprint of a body, equal for equal bytes; see [`Request::body_fingerprint`].
pub fn fingerprint(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The same of a body that is never whole in memory, from its parts in order.
pub fn fingerprint_of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hash.digest()
}

/// Header or trailer fields, in the order and spelling they arrived in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `name: value` lines; a line without a colon becomes a name with an empty value.
    pub(crate) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let field = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_owned(), value.trim().to_owned())
        };
        Self(lines.filter(|line| !line.is_empty()).map(field).collect())
    }

    /// The value of the first field called `name`, whatever its case.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1)
    }

    /// The values of all fields called `name`, whatever their case, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|field| field.1.as_str())
    }

    /// Whether there is a field called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Whether `token` is in the comma-separated values of the fields called `name`.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        let mut tokens = self.all(name).flat_map(|value| value.split(','));
        tokens.any(|found| found.trim().eq_ignore_ascii_case(token))
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Appends one `name: value` line to a head under construction.
pub(crate) fn push_field(head: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        head.push_str(part);
    }
}

/// The three words of a first line and the fields below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) second: String,
    pub(crate) third: String,
    pub(crate) fields: Fields,
}

impl Head {
    /// Splits a head; `None` when its first line has fewer than two words.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines();
        let mut words = lines.next()?.splitn(3, ' ');
        let first = words.next()?.to_owned();
        let second = words.next()?.to_owned();
        let third = words.next().unwrap_or("").to_owned();
        Some(Self { first, second, third, fields: Fields::parse(lines) })
    }
}

/// How the end of a body is told, as read from a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

impl Framing {
    /// Of a request: nothing announced means no body.
    pub(crate) fn of_request(fields: &Fields) -> Self {
        Self::announced(fields).unwrap_or(Self::None)
    }

    /// Of the response to `method`: some never have a body, the others end with the connection
    /// unless they say otherwise (RFC 9112 §6.3).
    pub(crate) fn of_response(method: &str, status: u16, fields: &Fields) -> Self {
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Self::None;
        }
        Self::announced(fields).unwrap_or(Self::UntilClose)
    }

    fn announced(fields: &Fields) -> Option<Self> {
        if fields.has_token("transfer-encoding", "chunked") {
            return Some(Self::Chunked);
        }
        fields.first("content-length")?.parse().ok().map(Self::Length)
    }
}

/// A request as an [`Origin`](crate::Origin) received it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// The target, as sent.
    pub target: String,
    /// `HTTP/1.1` or whatever else stood there.
    pub version: String,
    /// The header fields.
    pub fields: Fields,
    /// The trailer fields of a chunked body; empty until the body was read.
    pub trailers: Fields,
    /// Body bytes read so far, without framing.
    pub body_bytes: u64,
    /// [`fingerprint`] of the body bytes read so far.
    pub body_fingerprint: u64,
    /// Whether the body was read to its announced end; `true` from the start when there is none.
    pub is_complete: bool,
    /// Number of the connection it came by, counted from 1 by its origin.
    pub connection: u64,
    /// Address it came from.
    pub peer: SocketAddr,
    /// Position in the order in which all origins of this process received requests.
    pub order: u64,
    /// When its head had arrived.
    pub at: Instant,
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// A response as a [`RawClient`](crate::RawClient) received it.
#[derive(Debug, Clone)]
pub struct Response {
    /// `HTTP/1.1` or whatever else stood there.
    pub version: String,
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The header fields.
    pub fields: Fields,
    /// The body, without framing.
    pub body: Vec<u8>,
    /// The trailer fields of a chunked body.
    pub trailers: Fields,
    /// The informational responses that came before it, in order; their own lists are empty.
    pub interim: Vec<Response>,
    /// Every byte of it on the wire, without those of the interim responses.
    pub raw: Vec<u8>,
    /// Whether the connection ended with it: that is how its body was framed.
    pub is_until_close: bool,
}

impl Response {
    /// The value of the first header field called `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.first(name)
    }

    /// The body as text, anything that is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether another request may follow on its connection (RFC 9112 §9.3).
    pub fn keeps_alive(&self) -> bool {
        let close = self.fields.has_token("connection", "close");
        let old = self.version == "HTTP/1.0" && !self.fields.has_token("connection", "keep-alive");
        !(close || old || self.is_until_close || self.status == 101)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        Fields::parse(text.lines())
    }

    #[test]
    fn fields_keep_order_and_spelling_and_are_found_in_any_case() {
        let found = fields("Host: a\nX-b:  1 \nx-B: 2\nConnection: keep-alive, Close\nodd");
        assert_eq!(found.all("X-B").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(found.iter().map(|field| field.0).nth(2), Some("x-B"));
        assert!(found.has_token("connection", "close"));
        assert!(!found.has_token("connection", "keep"));
        assert!(found.has("odd") && !found.has("even"));
    }

    #[test]
    fn framing_follows_the_message() {
        let cases = [
            ("GET", 200, "Content-Length: 3", Framing::Length(3)),
            ("GET", 200, "Transfer-Encoding: chunked\nContent-Length: 3", Framing::Chunked),
            ("GET", 200, "", Framing::UntilClose),
            ("HEAD", 200, "Content-Length: 3", Framing::None),
            ("GET", 304, "Content-Length: 3", Framing::None),
            ("GET", 204, "", Framing::None),
            ("GET", 101, "", Framing::None),
        ];
        for (method, status, text, expected) in cases {
            assert_eq!(Framing::of_response(method, status, &fields(text)), expected, "{text}");
        }
        assert_eq!(Framing::of_request(&fields("")), Framing::None);
        assert_eq!(Framing::of_request(&fields("Content-Length: 9")), Framing::Length(9));
    }
}
