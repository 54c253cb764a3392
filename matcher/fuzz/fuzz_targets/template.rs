//! Stored templates: an error, or the template that is written as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::fingerprint::template::Template;

fuzz_target!(|data: &[u8]| {
    if let Ok(template) = Template::from_bytes(data) {
        assert!(template.to_bytes() == data);
    }
});
