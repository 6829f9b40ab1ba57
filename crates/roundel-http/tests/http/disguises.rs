//! Every byte in every place where it may disguise a framing field from one parser and not from
//! another: the request is refused, or the field is plainly another one and framing is untouched.

use roundel_http::{Framing, Parse, RequestHead, is_token};

use crate::laws;

/// Whether a byte in a place leaves an ordinary field, to be passed on.
type IsHarmless = fn(u8) -> bool;

const NOWHERE: IsHarmless = |_| false;
const TOKEN: IsHarmless = |byte| is_token(&[byte]);
/// A hyphen makes the real field, an underscore does for some; a colon ends the name early.
const DIVIDER: IsHarmless = |byte| match byte {
    b'-' | b'_' => false,
    _ => byte == b':' || is_token(&[byte]),
};
const VALUE: IsHarmless = |byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f);

/// Lines with a place for a byte (`@`), beside a valid Content-Length.
const PLACES: &[(&str, IsHarmless)] = &[
    ("@Transfer-Encoding: chunked", TOKEN),
    ("Transfer-Encoding@: chunked", TOKEN),
    ("Transfer@Encoding: chunked", DIVIDER),
    ("Transfer-Encoding@ : chunked", NOWHERE),
    ("Transfer-Encoding:@chunked", NOWHERE),
    ("Transfer-Encoding: @chunked", NOWHERE),
    ("Transfer-Encoding: chunk@ed", NOWHERE),
    ("Transfer-Encoding: chunked@", NOWHERE),
    ("Transfer-Encoding: chunked, @", NOWHERE),
    ("Transfer-Encoding: identity@chunked", NOWHERE),
    ("Transfer-Encoding:@\r\n chunked", NOWHERE),
    ("Transfer-Encoding\r\n@: chunked", NOWHERE),
    ("X: x@Transfer-Encoding: chunked", VALUE),
    ("X: x\r@Transfer-Encoding: chunked", NOWHERE),
    ("X: x\n@Transfer-Encoding: chunked", NOWHERE),
    ("X: x\r\n@\r\nTransfer-Encoding: chunked", NOWHERE),
    ("@Content-Length: 6", TOKEN),
    ("Content-Length@: 6", TOKEN),
    ("Content@Length: 6", DIVIDER),
    ("Content-Length:@6", NOWHERE),
    ("Content-Length: 5@", NOWHERE),
    ("X: x@Content-Length: 6", VALUE),
];

#[test]
fn no_byte_disguises_a_framing_field() {
    for (place, is_harmless) in PLACES {
        let (before, after) = place.split_once('@').unwrap();
        for byte in 0..=u8::MAX {
            let bytes = [
                b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n",
                before.as_bytes(),
                &[byte],
                after.as_bytes(),
                b"\r\n\r\n",
            ]
            .concat();
            let is_accepted = laws::request_head(&bytes) == Ok(Parse::Complete);
            assert_eq!(is_accepted, is_harmless(byte), "{byte:#04x} in {place:?}");
            if is_accepted {
                let mut head = RequestHead::default();
                head.parse(&bytes, &laws::LIMITS).unwrap();
                assert_eq!(head.framing, Framing::Length(5), "{byte:#04x} in {place:?}");
                assert_eq!(head.len, bytes.len(), "{byte:#04x} in {place:?}");
            }
        }
    }
}
