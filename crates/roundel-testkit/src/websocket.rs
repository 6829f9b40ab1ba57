//! Just enough WebSocket (RFC 6455) for an origin that echoes: handshake, frames, ping, close.
//!
//! Messages in fragments are echoed fragment by fragment. Extensions are not negotiated.

use std::fmt::Write as _;
use std::io::{self, Read};

use crate::message::Request;
use crate::wire::{ReadError, Wire};

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const CLOSE: u8 = 0x8;
/// Largest frame echoed: a length beyond it is a broken stream, not a test.
const FRAME_BYTES_MAX: u64 = 16 << 20;

/// Answers the handshake in `request`, then echoes frames until the peer closes.
pub(crate) fn serve_echo<R: Read>(
    wire: &mut Wire<R>,
    request: &Request,
    mut send: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ReadError> {
    let Some(key) = request.fields.first("sec-websocket-key") else {
        send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return Ok(());
    };
    let mut head = String::from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
    let accept = accept_key(key);
    // Writing to a string does not fail.
    let _ = write!(head, "Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
    send(head.as_bytes())?;
    loop {
        let (first, payload) = read_frame(wire)?;
        let opcode = first & 0x0F;
        let reply = if opcode == PING { first & 0xF0 | PONG } else { first };
        send(&frame(reply, &payload))?;
        if opcode == CLOSE {
            return Ok(());
        }
    }
}

/// The first byte of the next frame and its payload, unmasked.
fn read_frame<R: Read>(wire: &mut Wire<R>) -> Result<(u8, Vec<u8>), ReadError> {
    let start = read(wire, 2)?;
    let (first, second) = (start[0], start[1]);
    let length = match second & 0x7F {
        126 => number(&read(wire, 2)?),
        127 => number(&read(wire, 8)?),
        short => u64::from(short),
    };
    if length > FRAME_BYTES_MAX {
        return Err(ReadError::Malformed(format!("a WebSocket frame of {length} bytes")));
    }
    let mask = if second & 0x80 == 0 { vec![0; 4] } else { read(wire, 4)? };
    let masked = read(wire, length)?;
    let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    Ok((first, payload))
}

fn read<R: Read>(wire: &mut Wire<R>, count: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    wire.read_bytes(count, &mut |block| bytes.extend_from_slice(block))?;
    Ok(bytes)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// An unmasked frame, as servers send them.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xFFFF => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// The proof that a server understood the handshake (RFC 6455 §4.2.2).
fn accept_key(key: &str) -> String {
    base64(&sha1(format!("{key}{GUID}").as_bytes()))
}

/// SHA-1 (FIPS 180-4), which the handshake prescribes; nothing is kept secret by it.
fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - message.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let length_at = padded.len() - 8;
    padded[length_at..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words = [0_u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = number(bytes) as u32;
        }
        for at in 16..80 {
            let mixed = words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16];
            words[at] = mixed.rotate_left(1);
        }
        let mut v = state;
        for (at, word) in words.iter().enumerate() {
            let (mixed, constant) = match at {
                0..20 => (v[1] & v[2] | !v[1] & v[3], 0x5A82_7999),
                20..40 => (v[1] ^ v[2] ^ v[3], 0x6ED9_EBA1),
                40..60 => (v[1] & v[2] | v[1] & v[3] | v[2] & v[3], 0x8F1B_BCDC),
                _ => (v[1] ^ v[2] ^ v[3], 0xCA62_C1D6_u32),
            };
            let turned = v[0].rotate_left(5).wrapping_add(mixed).wrapping_add(v[4]);
            let next = turned.wrapping_add(constant).wrapping_add(*word);
            v = [next, v[0], v[1].rotate_left(30), v[2], v[3]];
        }
        for (sum, value) in state.iter_mut().zip(v) {
            *sum = sum.wrapping_add(value);
        }
    }
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..group.len()].copy_from_slice(group);
        let bits = number(&three);
        for at in 0..4 {
            let sextet = (bits >> (18 - 6 * at)) as usize & 0x3F;
            text.push(if at <= group.len() { ALPHABET[sextet] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_proof_is_the_one_of_the_rfc() {
        // RFC 6455 §1.3.
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn digests_agree_with_published_ones_around_a_block() {
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |all, b| format!("{all}{b:02x}"));
        let cases = [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            ),
        ];
        for (text, digest) in cases {
            assert_eq!(hex(&sha1(text.as_bytes())), digest);
        }
        assert_eq!(
            ["", "f", "fo", "foo"].map(|s| base64(s.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v"]
        );
    }

    #[test]
    fn a_masked_frame_comes_back_unmasked() {
        for length in [0_usize, 125, 126, 70_000] {
            let payload = vec![7; length];
            let mut bytes = frame(0x81, &payload);
            let data_at = bytes.len() - length;
            bytes[1] |= 0x80;
            bytes.splice(data_at..data_at, [1, 2, 3, 4]);
            for (at, byte) in bytes.iter_mut().skip(data_at + 4).enumerate() {
                *byte ^= [1, 2, 3, 4][at % 4];
            }
            let read = read_frame(&mut Wire::new(&bytes[..], false)).unwrap();
            assert_eq!(read, (0x81, payload));
        }
    }
}
