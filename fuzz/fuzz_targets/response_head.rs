//! Response heads to each method that changes their meaning: see `roundel_fuzz::laws::response_head`.
#![no_main]

use roundel_http::Method;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for method in [Method::Get, Method::Head, Method::Connect] {
        let _ = roundel_fuzz::laws::response_head(bytes, method);
    }
});
