//! Reading a request head from a client, within time and size.

use roundel_core::end::EndReason;
use roundel_core::listener::ListenerSettings;
use roundel_http::{HeadLimits, Parse, RequestError};

use crate::buffers::Request;
use crate::client::Client;
use crate::reactor::Ready;
use crate::socket::Received;
use crate::worker::Worker;

/// Bytes read at once while a head is expected: nearly all heads fit, and a body that follows is
/// mostly left to the relay.
const HEAD_READ_BYTES: usize = 16 * 1024;

/// What came instead of, or as, a request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// A whole, valid head.
    Head,
    /// Nothing yet; the connection goes on waiting.
    Nothing,
    /// The client left between requests.
    Gone,
    /// Something that can't be served, for this reason.
    Refused(EndReason),
}

/// Reads a request head into `request`.
pub(crate) async fn read_head(
    worker: &Worker,
    client: &Client,
    request: &mut Request,
    settings: &ListenerSettings,
) -> Admission {
    let limits = HeadLimits {
        head_bytes_max: settings.limits.head_bytes_max,
        fields_max: settings.limits.fields_max,
        target_bytes_max: settings.limits.target_bytes_max,
    };
    // The whole head has one deadline, so that a byte now and then does not buy more time.
    let deadline = worker.clock.after(settings.timeouts.request_head);
    loop {
        if request.has_bytes() {
            match request.head.parse(&request.bytes, &limits) {
                Ok(Parse::Complete) => {
                    request.taken = request.head.len;
                    return Admission::Head;
                }
                Ok(Parse::Partial) => {}
                Err(error) => return Admission::Refused(reason(error)),
            }
        }
        let mut block = worker.blocks.take();
        let buffer = block.bytes_mut().get_mut(..HEAD_READ_BYTES).unwrap_or_default();
        match client.socket.read(buffer) {
            Ok(Received::Bytes(n)) => {
                request.bytes.extend_from_slice(block.bytes().get(..n).unwrap_or_default());
            }
            Ok(Received::Nothing) if !request.has_bytes() => return Admission::Nothing,
            Ok(Received::Nothing) => {
                drop(block);
                if worker.ready(&client.socket, Ready::READ, deadline).await.is_err() {
                    return Admission::Refused(EndReason::ClientHeadTimeout);
                }
            }
            Ok(Received::End) | Err(_) if request.has_bytes() => {
                return Admission::Refused(EndReason::ClientClosed);
            }
            Ok(Received::End) | Err(_) => return Admission::Gone,
        }
    }
}

fn reason(error: RequestError) -> EndReason {
    match error {
        RequestError::Line => EndReason::RequestLine,
        RequestError::Field => EndReason::RequestField,
        RequestError::Framing => EndReason::RequestFraming,
        RequestError::Host => EndReason::RequestHost,
        RequestError::Path => EndReason::RequestPath,
        RequestError::TargetTooLong => EndReason::TargetTooLong,
        RequestError::HeadTooLarge => EndReason::HeadTooLarge,
        RequestError::TransferCoding => EndReason::TransferCoding,
        RequestError::Expectation => EndReason::Expectation,
        RequestError::Version => EndReason::Version,
    }
}
