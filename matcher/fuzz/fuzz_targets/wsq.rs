//! WSQ streams: an error, or an image of the size that it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::fingerprint::wsq::decode;
use matcher_fuzz::sample::Limits;

fuzz_target!(|data: &[u8]| {
    // Small, so that an execution is spent on parsing and not on filtering.
    let limits = Limits {
        pixels: 1 << 16,
        side_px: 2_048,
        ..Limits::default()
    };
    if let Ok(wsq) = decode(data, &limits) {
        assert_eq!(wsq.image.pixels.len(), wsq.image.width * wsq.image.height);
        assert!(wsq.image.pixels.len() as u64 <= limits.pixels);
    }
});
