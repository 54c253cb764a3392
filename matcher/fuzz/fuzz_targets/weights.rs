//! Weights of the npm package: two bytes of length, a list of that length, then the values. An error, or a network.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::face::convert::{Layout, convert};

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (list, values) = rest.split_at(length);
    for layout in [
        Layout::TinyFaceDetector,
        Layout::FaceLandmark68,
        Layout::FaceRecognition,
    ] {
        let _ = convert(layout, list, values);
    }
});
