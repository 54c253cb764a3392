//! Stored face templates: an error, or the template that is written as it was read and can be averaged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::face::template::Template;

fuzz_target!(|data: &[u8]| {
    if let Ok(template) = Template::from_bytes(data) {
        assert!(template.to_bytes().as_slice() == data);
        let again = Template::from_bytes(data).expect("is read again");
        let mean = Template::mean(&[template, again]).expect("one model");
        assert!(mean.values().iter().all(|v| v.is_finite()));
    }
});
