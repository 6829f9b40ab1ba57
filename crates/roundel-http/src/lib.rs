//! The HTTP message head and the HTTP/1 codec, without IO.
//!
//! Framing is a security boundary: two parties that disagree on where a message ends can be made
//! to disagree on whose message it is. This crate therefore accepts only what RFC 9110 and RFC 9112
//! allow unambiguously, and never passes a peer's framing bytes on: heads and bodies are written
//! anew from parsed facts.
//!
//! It opens no socket, knows no policy and allocates nothing in the steady state: a head is a list
//! of ranges into the buffer that it was read from, and heads are reused from message to message.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod authority;
pub mod body;
mod chunked;
pub mod field;
mod hop;
mod line;
pub mod method;
pub mod request;
pub mod response;
mod syntax;
mod target;
mod trailer;
pub mod write;

pub use body::{BodyDecoder, BodyEncoder, BodyError, Decoded, Framing};
pub use field::{Field, FieldKind, KindSet, Span};
pub use method::Method;
pub use request::{HeadLimits, Parse, RequestError, RequestHead, TargetForm, Version};
pub use response::{ResponseError, ResponseHead};
pub use syntax::is_token;
pub use write::{write_request, write_response};
