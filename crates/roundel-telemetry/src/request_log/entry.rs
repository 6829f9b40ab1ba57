//! One kept exchange as it lies in a ring: texts in place, each cut at a fixed length.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use roundel_core::end::EndReason;
use roundel_core::name::NAME_LEN_MAX;

use super::account::{Account, Detail};
use super::explain::explain;
use super::redact::redacted;
use super::summary::{RequestDetail, RequestSummary};
use super::text::Text;
use crate::access_log::{ExchangeRecord, Timing};

/// Longest path that is kept.
const PATH_BYTES_MAX: usize = 256;

/// Longest host that is kept: the longest that DNS has (RFC 1035 §2.3.4), without its port.
const HOST_BYTES_MAX: usize = 256;

/// Longest method that is kept.
const METHOD_BYTES_MAX: usize = 24;

/// Longest request id that is kept: the longest that is taken over from a client.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// See the module. Empty texts stand for what there was not.
#[derive(Debug)]
pub(super) struct Entry {
    /// Number among those that the worker kept, for the id.
    pub(super) sequence: u64,
    pub(super) at_unix_us: u64,
    pub(super) client: SocketAddr,
    pub(super) listener: Text<NAME_LEN_MAX>,
    pub(super) method: Text<METHOD_BYTES_MAX>,
    pub(super) host: Text<HOST_BYTES_MAX>,
    pub(super) path: Text<PATH_BYTES_MAX>,
    pub(super) version: &'static str,
    pub(super) request_id: Text<REQUEST_ID_BYTES_MAX>,
    pub(super) route: Text<NAME_LEN_MAX>,
    pub(super) pool: Text<NAME_LEN_MAX>,
    pub(super) endpoint: Text<NAME_LEN_MAX>,
    pub(super) is_reused: bool,
    pub(super) attempts: u32,
    pub(super) status: u16,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
    pub(super) timing: Timing,
    pub(super) end: EndReason,
    pub(super) detail: Detail,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            sequence: 0,
            at_unix_us: 0,
            client: (Ipv4Addr::UNSPECIFIED, 0).into(),
            listener: Text::default(),
            method: Text::default(),
            host: Text::default(),
            path: Text::default(),
            version: "",
            request_id: Text::default(),
            route: Text::default(),
            pool: Text::default(),
            endpoint: Text::default(),
            is_reused: false,
            attempts: 0,
            status: 0,
            request_bytes: 0,
            response_bytes: 0,
            timing: Timing::default(),
            end: EndReason::Ok,
            detail: Detail::default(),
        }
    }
}

impl Entry {
    /// Takes what may be kept of an exchange. Allocates nothing.
    pub(super) fn fill(
        &mut self,
        sequence: u64,
        (record, account): (&ExchangeRecord<'_>, &Account<'_>),
        keeps_queries: bool,
    ) {
        let request = &record.request;
        let endpoint = record.endpoint.as_ref();
        self.sequence = sequence;
        self.at_unix_us = record.at_unix_us;
        self.client = record.client;
        self.listener.set(&[record.listener.as_bytes()]);
        self.method.set(&[request.method]);
        self.host.set(&[without_user(request.host)]);
        self.path.set(&redacted(request.target, keeps_queries));
        self.version = request.version;
        self.request_id.set(&[request.request_id]);
        self.route.set(&[record.route.unwrap_or_default().as_bytes()]);
        self.pool.set(&[record.pool.unwrap_or_default().as_bytes()]);
        self.endpoint.set(&[endpoint.map_or("", |endpoint| endpoint.name).as_bytes()]);
        self.is_reused = endpoint.is_some_and(|endpoint| endpoint.is_reused);
        self.attempts = record.attempts;
        self.status = record.status;
        self.request_bytes = record.request_bytes;
        self.response_bytes = record.response_bytes;
        self.timing = record.timing;
        self.end = record.end;
        self.detail.fill(account, record.end);
    }

    /// What is told of it, for the worker whose entry it is.
    pub(super) fn summary(&self, worker: usize) -> RequestSummary {
        let endpoint = self.endpoint.to_text();
        RequestSummary {
            id: format!("{worker}-{}", self.sequence),
            at: UNIX_EPOCH + Duration::from_micros(self.at_unix_us),
            client: self.client,
            listener: self.listener.to_string(),
            method: self.method.to_string(),
            host: self.host.to_string(),
            path: self.path.to_string(),
            version: self.version,
            request_id: self.request_id.to_text(),
            route: self.route.to_text(),
            pool: self.pool.to_text(),
            is_reused: endpoint.is_some().then_some(self.is_reused),
            endpoint,
            attempts: self.attempts,
            status: (self.status != 0).then_some(self.status),
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            timing: self.timing,
            end: self.end,
        }
    }

    /// All that is known of it, for the worker whose entry it is.
    pub(super) fn explain(&self, worker: usize) -> RequestDetail {
        explain(self.summary(worker), &self.detail)
    }
}

/// A host of a head that was refused may come with user information.
fn without_user(host: &[u8]) -> &[u8] {
    &host[memchr::memrchr(b'@', host).map_or(0, |at| at + 1)..]
}
