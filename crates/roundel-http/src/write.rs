//! Writing heads on: canonical, from parsed facts, never a copy of the peer's framing.

use crate::body::Framing;
use crate::field::KindSet;
use crate::request::RequestHead;
use crate::response::ResponseHead;

/// Appends the head of a request to an endpoint.
///
/// Origin form (asterisk form as `*`, CONNECT in authority form), HTTP/1.1, `Host: {host}` first
/// (`None` leaves Host out), then the client's fields in order, in their case, as `Name: value`,
/// without hop-by-hop, nominated and framing fields and without the kinds in `omit`; then what
/// `extra` appends; then framing for `framing`; then `Connection: upgrade` and `Upgrade` when the
/// head has an upgrade; then the empty line. `TE: trailers` is kept as such (with its Connection
/// option), other TE values are not. `Expect: 100-continue` is passed on when
/// `head.expects_continue`.
pub fn write_request(
    _out: &mut Vec<u8>,
    _buf: &[u8],
    _head: &RequestHead,
    _host: Option<&[u8]>,
    _framing: Framing,
    _omit: KindSet,
    _extra: impl FnOnce(&mut Vec<u8>),
) {
    todo!()
}

/// Appends the head of a response to a client.
///
/// `HTTP/1.1` (as a 1.1 sender, also towards 1.0 clients: RFC 9110 §6.2), status and reason, the
/// endpoint's fields in order without hop-by-hop, nominated, framing fields and `omit`; then what
/// `extra` appends; then framing for `framing` ([`Framing::UntilClose`] and [`Framing::None`]
/// write none, except that the endpoint's Content-Length is kept for HEAD and 304 answers when
/// `keep_content_length`, and `Content-Length: 0` is written for [`Framing::None`] with a status that
/// may have a body); then `Connection: close` when `close`, `Connection: upgrade` and Upgrade for
/// 101; then the empty line.
#[allow(clippy::too_many_arguments, reason = "one call site; each argument is one decision")]
pub fn write_response(
    _out: &mut Vec<u8>,
    _buf: &[u8],
    _head: &ResponseHead,
    _framing: Framing,
    _keep_content_length: bool,
    _close: bool,
    _omit: KindSet,
    _extra: impl FnOnce(&mut Vec<u8>),
) {
    todo!()
}
