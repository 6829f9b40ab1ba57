//! What the tests of the API share: a client that speaks JSON and one that follows a stream.

use std::net::SocketAddr;
use std::time::Instant;

use roundel_testkit::deadline::PATIENCE;
use roundel_testkit::{RawClient, Response};
use serde_json::Value;

/// A client of the API of one process.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    admin: SocketAddr,
    fields: Vec<(String, String)>,
}

/// An answer: status and JSON, which is null for an empty body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

impl Api {
    pub(crate) fn at(admin: SocketAddr) -> Self {
        Self { admin, fields: Vec::new() }
    }

    /// The same with a further field in every request.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut api = self.clone();
        api.fields.push((name.to_owned(), value.to_owned()));
        api
    }

    #[track_caller]
    pub(crate) fn raw(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Response {
        let mut client = RawClient::connect(self.admin);
        let own = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut fields: Vec<(&str, &str)> = own.collect();
        if !kind.is_empty() {
            fields.push(("Content-Type", kind));
        }
        client.request(method, path, &fields, body).unwrap();
        client.read_response_to(method).unwrap()
    }

    /// Sends `body` as JSON unless it is null.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let (kind, bytes) = match body {
            Value::Null => ("", Vec::new()),
            body => ("application/json", body.to_string().into_bytes()),
        };
        answer(&self.raw(method, path, kind, &bytes))
    }

    /// The JSON of a GET that goes well.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let Answer { status, json } = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    /// What is shown of an endpoint.
    #[track_caller]
    pub(crate) fn endpoint(&self, pool: &str, name: &str) -> Option<Value> {
        let pool = self.get(&format!("/api/v1/pools/{pool}"));
        let endpoints = pool["endpoints"].as_array().unwrap();
        endpoints.iter().find(|endpoint| endpoint["name"] == name).cloned()
    }

    /// Listens to a stream.
    #[track_caller]
    pub(crate) fn listen(&self, path: &str) -> Stream {
        let mut client = RawClient::connect(self.admin);
        let own = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = own.chain([("Accept", "text/event-stream")]).collect();
        client.request("GET", path, &fields, b"").unwrap();
        let (status, fields) = client.read_head().unwrap();
        assert_eq!((status, fields.first("content-type")), (200, Some("text/event-stream")));
        Stream { client, pending: String::new() }
    }
}

#[track_caller]
pub(crate) fn answer(response: &Response) -> Answer {
    let json = match response.body.as_slice() {
        [] => Value::Null,
        body => serde_json::from_slice(body).unwrap_or_else(|_| response.text().into()),
    };
    if response.status >= 400 {
        let kind = response.fields.first("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{json}");
        assert_eq!(json["status"], response.status);
    }
    Answer { status: response.status, json }
}

/// A stream of server-sent events.
pub(crate) struct Stream {
    client: RawClient,
    pending: String,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) topic: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
}

impl Stream {
    /// The next event; signs of life are passed over.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Event {
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "nothing but signs of life");
            if let Some((text, rest)) = self.pending.split_once("\n\n") {
                let (text, rest) = (text.to_owned(), rest.to_owned());
                self.pending = rest;
                if let Some(event) = parse(&text) {
                    return event;
                }
                continue;
            }
            let chunk = self.chunk();
            self.pending.push_str(&chunk);
        }
    }

    /// The next event that is as wanted, of those that come within the usual patience.
    #[track_caller]
    pub(crate) fn find(&mut self, is_wanted: impl Fn(&Event) -> bool) -> Event {
        let end = Instant::now() + PATIENCE;
        loop {
            let event = self.next();
            if is_wanted(&event) {
                return event;
            }
            assert!(Instant::now() < end, "no such event, the last one is {event:?}");
        }
    }

    /// One chunk of the body (RFC 9112 §7.1).
    #[track_caller]
    fn chunk(&mut self) -> String {
        let mut size = String::new();
        while !size.ends_with("\r\n") {
            size.push(char::from(self.client.read_exact(1).unwrap()[0]));
        }
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let bytes = self.client.read_exact(size + 2).unwrap();
        String::from_utf8(bytes[..size].to_vec()).unwrap()
    }
}

fn parse(text: &str) -> Option<Event> {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let topic = value("event: ")?.to_owned();
    let data = serde_json::from_str(value("data: ")?).unwrap();
    Some(Event { topic, id: value("id: ").map(|id| id.parse().unwrap()), data })
}
