//! Images of every format: an error, or as many pixels as the size says, within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::sample::{GreyImage, Limits, RgbImage};

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        encoded_bytes: 1 << 20,
        pixels: 1 << 16,
        side_px: 2_048,
    };
    if let Ok(image) = GreyImage::decode(data, &limits) {
        assert_eq!(image.pixels.len(), image.width * image.height);
        assert!(image.pixels.len() as u64 <= limits.pixels);
    }
    if let Ok(image) = RgbImage::decode(data, &limits) {
        assert_eq!(image.pixels.len(), 3 * image.width * image.height);
    }
});
