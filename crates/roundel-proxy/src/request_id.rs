//! Request ids: what ties a log line here to a log line at the endpoint.

use std::cell::Cell;

/// Longest id that is taken over from a client.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// An id that Roundel made: 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId([u8; 32]);

impl RequestId {
    fn of(number: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 32];
        for (place, shift) in text.iter_mut().zip((0..32).rev()) {
            let digit = (number >> (shift * 4)) as usize & 0xf;
            *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        }
        Self(text)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Makes ids that no other worker or process makes: a random half, then a count from a random
/// start. No randomness is spent per request.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: u64,
    next: Cell<u64>,
}

impl RequestIds {
    pub(crate) fn new(random: &mut fastrand::Rng) -> Self {
        Self { prefix: random.u64(..), next: Cell::new(random.u64(..)) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let n = self.next.get();
        self.next.set(n.wrapping_add(1));
        RequestId::of(u128::from(self.prefix) << 64 | u128::from(n))
    }
}

/// Whether a client's id is passed on: visible ASCII of a sensible length, without what would have
/// to be escaped where it is quoted.
pub(crate) fn is_acceptable(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    !id.is_empty() && id.len() <= CLIENT_ID_BYTES_MAX && id.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal_and_differ() {
        let ids = RequestIds::new(&mut fastrand::Rng::with_seed(1));
        let (a, b) = (ids.next(), ids.next());
        assert_ne!(a, b);
        assert!(a.as_bytes().iter().all(u8::is_ascii_hexdigit));
        assert_eq!(RequestId::of(0xab).as_bytes(), b"000000000000000000000000000000ab");
    }

    #[test]
    fn client_ids_must_be_short_and_visible() {
        assert!(is_acceptable(b"abc-123"));
        for bad in [&b""[..], b"a b", b"a\x01", b"a\"b", b"a\\", &[b'x'; 129]] {
            assert!(!is_acceptable(bad));
        }
    }
}
