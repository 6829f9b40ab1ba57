//! Request heads: see `roundel_fuzz::laws::request_head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = roundel_fuzz::laws::request_head(bytes);
});
