//! Chunked bodies: see `roundel_fuzz::laws::chunked_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = roundel_fuzz::laws::chunked_body(bytes);
});
