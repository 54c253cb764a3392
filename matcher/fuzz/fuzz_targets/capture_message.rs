//! A capture's messages: an error, or what accounts for every byte that came.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matcher_fuzz::capture_message::{
    Frame, Hello, KEY, Message, SIGNATURE, frame_statement, hello_statement, parse,
};

fuzz_target!(|data: &[u8]| {
    let written = match parse(data) {
        Err(_) => return,
        Ok(Message::Hello(Hello { key, signature })) => {
            assert!(hello_statement("nonce", key).ends_with(key));
            [&[1, 1][..], key, signature].concat()
        }
        Ok(Message::Frame(frame)) => {
            let Frame {
                sequence,
                captured_us,
                cue,
                signature,
                jpeg,
            } = frame;
            assert!(sequence > 0 && jpeg.starts_with(&[0xff, 0xd8]));
            assert!(frame_statement("nonce", &[0; 32], &frame, &[7; 32]).ends_with(&[7; 32]));
            let length = u32::try_from(jpeg.len()).expect("bounded").to_be_bytes();
            [
                &[1, 2][..],
                &sequence.to_be_bytes(),
                &captured_us.to_be_bytes(),
                &cue.to_be_bytes(),
                &length,
                signature,
                jpeg,
            ]
            .concat()
        }
    };
    assert!(written == data && data.len() > SIGNATURE.min(KEY));
});
