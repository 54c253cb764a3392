//! Bad pictures over the wire, as a file and as a signed frame: a clear answer, soon, in little memory, and the next good
//! picture is taken as ever.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::multipart;
use serde_json::Value;
use tests::{
    capture_line::{Said, Signer},
    need,
};

use crate::captures::{DEMONSTRATION, Street};

/// What is no picture of anybody.
fn bad() -> Vec<(&'static str, Vec<u8>)> {
    let gif = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01L\0;";
    vec![
        ("text", b"<!doctype html><title>No picture</title>".to_vec()),
        ("gif", gif.to_vec()),
        ("png of 20,000 claimed", png(20_000, 1)),
        ("png of 20,000 in one colour", png(20_000, 20_000)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_picture_gets_an_answer_and_the_next_good_one_is_taken() {
    let street = need!(Street::lay(DEMONSTRATION).await);
    let server = &street.scene.server;
    let before_kib = server.resident_kib().expect("is told");
    for (name, bytes) in bad() {
        let _page = street.enrol_page().await;
        let began = Instant::now();
        let (status, to) = upload(&street, bytes.clone()).await;
        let took = began.elapsed();
        println!("{name}: {status} {to:?} after {took:?}");
        assert!(took < SOON, "{name} takes {took:?}");
        assert_eq!(status, 303, "{name}");
        assert_ne!(to.as_deref(), Some("/enrol"), "{name} is no face");

        let capture = street.enrol_page().await;
        let mut line = street.line(&street.person, &capture).await;
        line.begin().await.expect("an answer");
        let frame = line.signer.frame(&bytes, 0);
        let began = Instant::now();
        let said = line.ask(frame).await.expect("a word");
        println!("{name}: {said:?} after {:?}", began.elapsed());
        assert!(began.elapsed() < SOON, "{name}: {:?}", began.elapsed());
        assert_eq!(said, Said::Closed(4422), "{name}");
    }
    let grown_kib = server
        .resident_kib()
        .expect("is told")
        .saturating_sub(before_kib);
    println!("{grown_kib} KiB more");
    assert!(grown_kib < MOST_KIB, "{grown_kib} KiB more");
    assert!(!server.log().contains("panicked"), "{}", server.log());
    let ready = reqwest::get(server.url("/readyz"))
        .await
        .expect("an answer");
    assert!(ready.status().is_success(), "{}", ready.status());

    // The same enrolment goes on.
    street.enrol_photo().await;
}

/// Many frames at a time by POST: each gets an answer, none of them holds memory, and a capture after that is like any.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_posted_frames_is_answered_frame_by_frame() {
    let street = need!(Street::lay(DEMONSTRATION).await);
    let mut camera = street.sits(1);
    let good = camera.jpeg(&Value::Null).expect("a picture");
    let capture = street.enrol_page().await;
    let mut signer = Signer::new(&capture.nonce);
    let hello = signer.hello();
    assert_eq!(
        street.post(&street.person, &capture, hello).await.status(),
        200
    );
    let before_kib = street.scene.server.resident_kib().expect("is told");
    let frames: Vec<_> = (0..FLOOD).map(|_| signer.frame(&good, 0)).collect();
    let began = Instant::now();
    let answers = stream::iter(frames)
        .map(|frame| street.post(&street.person, &capture, frame))
        .buffer_unordered(64);
    let statuses: Vec<u16> = answers
        .map(|answer| answer.status().as_u16())
        .collect()
        .await;
    let grown_kib = street.scene.server.resident_kib().expect("is told");
    let grown_kib = grown_kib.saturating_sub(before_kib);
    let of = |status: u16| statuses.iter().filter(|s| **s == status).count();
    println!(
        "{} looked at or put off, {} refused, in {:?}, {grown_kib} KiB more",
        of(200),
        of(400) + of(410),
        began.elapsed()
    );
    assert_eq!(of(200) + of(400) + of(410), FLOOD, "{statuses:?}");
    assert!(of(400) + of(410) > 0, "out of order");
    assert!(grown_kib < MOST_KIB, "{grown_kib} KiB more");
    let capture = street.enrol_page().await;
    let mut line = street.line(&street.person, &capture).await;
    line.begin().await.expect("as ever");
}

/// Sends a file to the enrolment's form: the status, and where it leads.
async fn upload(street: &Street, bytes: Vec<u8>) -> (u16, Option<String>) {
    let form = multipart::Form::new();
    let form = form.part("sample", multipart::Part::bytes(bytes).file_name("me.jpg"));
    let upload = street.scene.server.url("/enrol/face/upload");
    let request = street.person.http().post(upload);
    let request = request.header("origin", &street.scene.server.issuer);
    let answer = request.multipart(form).send().await.expect("an answer");
    let to = answer.headers().get("location");
    let to = to.and_then(|to| to.to_str().ok()).map(str::to_owned);
    (answer.status().as_u16(), to)
}

/// A PNG of one bit a pixel, `side` a side as its header says, with so many black rows (ISO/IEC 15948).
fn png(side: u32, rows: usize) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [&kind[..], data].concat();
        let length = u32::try_from(data.len()).expect("a length").to_be_bytes();
        [&length[..], &body, &crc(&body).to_be_bytes()].concat()
    };
    let header = [
        &side.to_be_bytes()[..],
        &side.to_be_bytes(),
        &[1, 0, 0, 0, 0],
    ]
    .concat();
    let row = usize::try_from(side).expect("a side").div_ceil(8) + 1;
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &zeros(row * rows)),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// So many zeros, packed (RFC 1950, and RFC 1951 §3.2.6): one literal, and then the one before again, 258 at a time.
fn zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, with fixed codes.
    bits.put(0b011, 3);
    bits.put_code(0b0011_0000, 8);
    for _ in 0..(count - 1) / 258 {
        // Length 258 is symbol 285, and a distance of one is symbol 0.
        bits.put_code(0b1100_0101, 8);
        bits.put_code(0, 5);
    }
    for _ in 0..(count - 1) % 258 {
        bits.put_code(0b0011_0000, 8);
    }
    bits.put_code(0, 7);
    let sum = u32::try_from(count % 65_521).expect("a sum") << 16 | 1;
    [&[0x78, 0x01], &bits.bytes[..], &sum.to_be_bytes()].concat()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// From the lowest bit on.
    fn put(&mut self, value: u32, length: u32) {
        for n in 0..length {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = u8::try_from(value >> n & 1).expect("a bit");
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (self.used % 8);
            }
            self.used += 1;
        }
    }

    /// A code, from its highest bit on.
    fn put_code(&mut self, code: u32, length: u32) {
        for n in (0..length).rev() {
            self.put(code >> n & 1, 1);
        }
    }
}

/// PNG's check sum (ISO 3309), bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let carry = if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
            sum >> 1 ^ carry
        })
    })
}

/// Frames that are posted at once, so to say.
const FLOOD: usize = 200;
const SOON: Duration = Duration::from_secs(5);
/// Memory that the server may have taken for good, KiB.
const MOST_KIB: u64 = 64 << 10;
