//! ISO/IEC 19794-2 records of both years, as they come and with their length put right; and cards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::fingerprint::interchange::{card, read};
use matcher_fuzz::follow;

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = read(data) {
        follow(&record);
    }
    for version in [b" 20\0", b"030\0"] {
        let mut dressed = b"FMR\0".to_vec();
        dressed.extend(version);
        dressed.extend((data.len() as u32 + 12).to_be_bytes());
        dressed.extend(data);
        if let Ok(record) = read(&dressed) {
            follow(&record);
        }
    }
    for size in [card::Size::Normal, card::Size::Compact] {
        if let Ok(view) = card::read(data, size) {
            let _ = view.to_template();
        }
    }
});
