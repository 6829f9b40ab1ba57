//! The access log: one line for each exchange.
//!
//! A worker formats its lines into a buffer that it shares with nobody but the log's thread, and at
//! the end of a loop turn wakes that thread if it sleeps. The thread takes whole buffers by
//! swapping them for empty ones and does all writing. Hence a slow disk, a full one or a pipe nobody
//! reads costs the data plane nothing: buffers fill to their bound, further lines are dropped and
//! counted, and writing goes on where it stopped as soon as the target takes bytes again.
//!
//! Queries stay in the logged target, as people expect of an access log. Credentials in fields
//! (`Authorization`, `Cookie`) are not in [`ExchangeRecord`], so no format can leak them.

mod buffer;
mod date;
mod format;
mod handle;
mod record;
mod target;
mod writer;

pub use buffer::LogBuffer;
pub use format::LogFormat;
pub use handle::AccessLog;
pub use record::{EndpointFields, ExchangeRecord, FIELDS, RequestFields, Timing};
pub use target::LogTarget;
