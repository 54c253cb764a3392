//! Bad pictures over the wire, as a file and as a signed frame: a clear answer, soon, in little memory, and the next good
//! picture is taken as ever.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::multipart;
use serde_json::Value;
use tests::{
    capture_line::{Said, Signer},
    need,
    stand_in::jpeg,
};

use crate::captures::{DEMONSTRATION, Street};

/// What is no picture of anybody.
fn bad(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let gif = b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01L\0;";
    vec![
        ("text", b"<!doctype html><title>No picture</title>".to_vec()),
        ("gif", gif.to_vec()),
        ("png of 20,000 claimed", png(20_000, 1)),
        ("png of 20,000 in one colour", png(20_000, 20_000)),
        // Before its first pixel: of a longer half the rest is read as grey.
        ("a jpeg cut short", good[..good.len() / 2].to_vec()),
        ("cmyk", cmyk(640, 480)),
        ("one pixel", baseline(1, 1, 3)),
        ("a jpeg of 65,000 a side", baseline(65_000, 65_000, 1)),
        ("empty", Vec::new()),
        ("13 MB", [good, &vec![0; 13 << 20]].concat()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_picture_gets_an_answer_and_the_next_good_one_is_taken() {
    let street = need!(Street::lay(DEMONSTRATION).await);
    let good = jpeg(&street.photo()).expect("a picture");
    let server = &street.scene.server;
    let before_kib = server.resident_kib().expect("is told");
    let _page = street.enrol_page().await;
    for (name, bytes) in bad(&good) {
        let began = Instant::now();
        let (status, to) = upload(&street, bytes.clone()).await;
        let took = began.elapsed();
        println!("{name}: {status} {to:?} after {took:?}");
        assert!(took < SOON, "{name} takes {took:?}");
        assert!(matches!(status, 303 | 400 | 413), "{name}: {status}");
        assert_ne!(to.as_deref(), Some("/enrol"), "{name} is no face");

        // One enrolment opens the camera no more than a few times.
        let is_filmed = [
            "text",
            "png of 20,000 in one colour",
            "a jpeg cut short",
            "cmyk",
            "13 MB",
        ];
        if !is_filmed.contains(&name) {
            continue;
        }
        let capture = street.enrol_page().await;
        let mut line = street.line(&street.person, &capture).await;
        line.begin().await.expect("an answer");
        let frame = line.signer.frame(&bytes, 0);
        let began = Instant::now();
        let said = line.ask(frame).await;
        let took = began.elapsed();
        assert!(took < SOON, "{name} takes {took:?}");
        match said {
            // It can be read, and shows nobody.
            Ok(Said::Answer(answer)) => {
                assert!(matches!(name, "cmyk" | "one pixel"), "{name}: {answer}");
                assert_eq!(answer["guidance"], "no_face", "{name}");
            }
            Ok(Said::Closed(code)) => {
                assert!(matches!(code, 1009 | 4400 | 4422), "{name}: {code}");
            }
            // Where a large message still comes in, the connection may end before its word is heard.
            Err(error) => assert_eq!(name, "13 MB", "{error:#}"),
        }
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

    // The same enrolment goes on: with a picture that a phone took on its side.
    let _page = street.enrol_page().await;
    let (status, to) = upload(&street, street.on_its_side()).await;
    assert_eq!((status, to.as_deref()), (303, Some("/enrol")), "taken");
    street.finish_enrolment().await;
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

impl Street {
    /// The photograph of who enrols, turned, with the word of EXIF that turns it back (orientation 6).
    fn on_its_side(&self) -> Vec<u8> {
        let photo = self.photo();
        let (width, height) = (photo.height, photo.width);
        let mut turned = matcher::sample::RgbImage {
            width,
            height,
            pixels: vec![0; photo.pixels.len()],
        };
        for y in 0..height {
            for x in 0..width {
                // A quarter turn to the left.
                let from = 3 * (x * photo.width + (photo.width - 1 - y));
                let to = 3 * (y * width + x);
                turned.pixels[to..to + 3].copy_from_slice(&photo.pixels[from..from + 3]);
            }
        }
        let jpeg = jpeg(&turned).expect("a picture");
        let mut exif =
            b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([6, 0, 0, 0, 0, 0, 0, 0]);
        [&jpeg[..2], &exif, &jpeg[2..]].concat()
    }
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

/// The parts of a JPEG before its frame: steps of one, and two tables with one code of one bit each (ITU-T T.81, annex B).
fn before() -> Vec<u8> {
    let table = |class: u8| {
        let mut table = vec![0xff, 0xc4, 0, 20, class, 1];
        table.extend([0; 16]);
        table
    };
    let steps = [&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat();
    [&[0xff, 0xd8][..], &steps, &table(0x00), &table(0x10)].concat()
}

fn frame((width, height): (u16, u16), components: u8) -> Vec<u8> {
    let [h, w] = [height.to_be_bytes(), width.to_be_bytes()];
    let mut frame = vec![0xff, 0xc0, 0, 8 + 3 * components, 8];
    frame.extend([h[0], h[1], w[0], w[1], components]);
    frame.extend((1..=components).flat_map(|id| [id, 0x11, 0]));
    frame
}

fn scan(components: u8, data: usize) -> Vec<u8> {
    let mut scan = vec![0xff, 0xda, 0, 6 + 2 * components, components];
    scan.extend((1..=components).flat_map(|id| [id, 0]));
    scan.extend([0, 63, 0]);
    scan.resize(scan.len() + data, 0);
    scan
}

/// A JPEG of one grey: in each block the difference of nothing and the end, a bit each.
fn baseline(width: u16, height: u16, components: u8) -> Vec<u8> {
    let size = (width, height);
    let blocks = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    let data = blocks.min(MOST_BLOCKS) * usize::from(components);
    let scan = scan(components, data.div_ceil(4));
    [&before()[..], &frame(size, components), &scan, &END].concat()
}

/// Four colours, as a printer has them (Adobe's segment APP14 says that they are no transformed ones).
fn cmyk(width: u16, height: u16) -> Vec<u8> {
    let jpeg = baseline(width, height, 4);
    let adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0";
    [&jpeg[..2], adobe, &jpeg[2..]].concat()
}

const END: [u8; 2] = [0xff, 0xd9];
/// A file that says more than it holds.
const MOST_BLOCKS: usize = 100_000;
/// Frames that are posted at once, so to say.
const FLOOD: usize = 200;
const SOON: Duration = Duration::from_secs(5);
/// Memory that the server may have taken for good, KiB.
const MOST_KIB: u64 = 64 << 10;
