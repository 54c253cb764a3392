//! ANSI INCITS 378 records of both years, as they come and with their length put right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::fingerprint::interchange::read;
use matcher_fuzz::follow;

fuzz_target!(|data: &[u8]| {
    let length = data.len() as u32;
    let short = [b"FMR\0 20\0".to_vec(), ((length + 10) as u16).to_be_bytes().to_vec()].concat();
    let long = [b"FMR\0 20\0\0\0".to_vec(), (length + 14).to_be_bytes().to_vec()].concat();
    let newer = [b"FMR\x00030\0".to_vec(), (length + 12).to_be_bytes().to_vec()].concat();
    for mut dressed in [Vec::new(), short, long, newer] {
        dressed.extend(data);
        if let Ok(record) = read(&dressed) {
            follow(&record);
        }
    }
});
