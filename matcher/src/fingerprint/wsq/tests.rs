//! The decoder against the small encoder, against damage, and against another decoder where one is at hand.

use proptest::prelude::*;

use super::encode::encode;
use super::segments::marker;
use super::{WsqError, decode};
use crate::sample::{GreyImage, Limits};

/// Ridges at a slant, fading to the right.
fn picture(width: usize, height: usize) -> GreyImage {
    let pixel = |i: usize| {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        let ridge = (0.5 * x + 0.4 * y).cos() * (110.0 - 50.0 * x / width as f32);
        (128.0 + ridge) as u8
    };
    GreyImage {
        width,
        height,
        pixels: (0..width * height).map(pixel).collect(),
    }
}

fn farthest(a: &GreyImage, b: &GreyImage) -> u8 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let apart = a.pixels.iter().zip(&b.pixels).map(|(a, b)| a.abs_diff(*b));
    apart.max().unwrap_or(0)
}

fn error(bytes: &[u8]) -> Option<WsqError> {
    decode(bytes, &Limits::default()).err()
}

#[test]
fn an_image_comes_back_as_closely_as_its_bins_are_wide() {
    for (width, height) in [(64, 64), (97, 83), (160, 41)] {
        let image = picture(width, height);
        for (bin, most) in [(1, 8), (8, 24)] {
            let wsq = decode(&encode(&image, bin), &Limits::default()).expect("decodes");
            let apart = farthest(&image, &wsq.image);
            assert!(apart <= most, "{width}x{height}, bins of {bin}: {apart}");
            assert_eq!(wsq.ppi, Some(500));
        }
    }
}

#[test]
fn a_small_stream_has_known_bytes_and_pixels() {
    let image = GreyImage {
        width: 4,
        height: 2,
        pixels: vec![100, 104, 108, 112, 102, 106, 110, 114],
    };
    let bytes = encode(&image, 1);
    let data = &bytes[bytes.len() - GOLDEN_TAIL.len()..];
    assert_eq!(data, GOLDEN_TAIL, "{data:02x?}");
    let read = decode(&bytes, &Limits::default()).expect("decodes").image;
    assert_eq!(read.pixels, GOLDEN_PIXELS);
}

/// The three blocks with their data, and the end.
const GOLDEN_TAIL: &[u8] = &[
    0x00, 0x67, 0x02, 0xa9, 0xff, 0xa3, 0x00, 0x03, 0x00, 0xf0, 0xff, 0xa3, 0x00, 0x03, 0x00, 0xb6,
    0xb7, 0xb7, 0xff, 0xa1,
];
/// Pixels of the small stream.
const GOLDEN_PIXELS: [u8; 8] = [100, 104, 108, 112, 102, 106, 110, 114];

/// Holds the decoder to another one's pixels: a folder of `NAME.wsq` and `NAME.pgm` named by `WHORL_WSQ_PAIRS`. PyPI's `wsq` makes them:
/// `Image.open("a.png").convert("L").save("a.wsq")`, then `Image.open("a.wsq").save("a.pgm")`.
#[test]
#[ignore = "needs a folder of streams that another decoder has decoded"]
fn the_pixels_are_those_of_another_decoder() {
    let folder = std::env::var_os("WHORL_WSQ_PAIRS").expect("WHORL_WSQ_PAIRS names a folder");
    let (mut files, mut pixels, mut unlike, mut most) = (0, 0usize, 0usize, 0);
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "wsq") {
            continue;
        }
        let ours = std::fs::read(&path).expect("reads");
        let ours =
            decode(&ours, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let other = std::fs::read(path.with_extension("pgm")).expect("reads");
        let other = GreyImage::decode(&other, &Limits::default()).expect("decodes");
        most = most.max(farthest(&ours.image, &other));
        let pairs = ours.image.pixels.iter().zip(&other.pixels);
        unlike += pairs.filter(|(a, b)| a != b).count();
        pixels += other.pixels.len();
        files += 1;
    }
    println!("{files} files, {pixels} pixels: {unlike} differ, at most by {most}");
    // The tolerance of the FBI's certification: no pixel by more than one grey, and few at all.
    assert!(files > 0 && most <= 1 && unlike * 1_000 <= pixels);
}

#[test]
fn single_pixels_and_lines_decode() {
    for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5)] {
        let image = GreyImage {
            width,
            height,
            pixels: vec![77; width * height],
        };
        let read = decode(&encode(&image, 1), &Limits::default()).expect("decodes");
        assert!(farthest(&image, &read.image) <= 3, "{width}x{height}");
    }
}

#[test]
fn each_fault_has_its_error() {
    let image = picture(32, 32);
    let good = encode(&image, 4);
    let at = |marker: u16| {
        let wanted = marker.to_be_bytes();
        (0..good.len())
            .find(|&i| good[i..].starts_with(&wanted))
            .expect("is there")
    };
    let with = |changes: &[(usize, u8)]| {
        let mut bytes = good.clone();
        changes.iter().for_each(|&(at, value)| bytes[at] = value);
        error(&bytes)
    };
    let without = |marker: u16| {
        let from = at(marker);
        let length = usize::from(u16::from_be_bytes([good[from + 2], good[from + 3]]));
        let mut bytes = good.clone();
        bytes.drain(from..from + 2 + length);
        error(&bytes)
    };
    assert_eq!(error(&good), None);
    assert_eq!(error(b""), Some(WsqError::NotWsq));
    assert_eq!(error(b"\xff\xd8\xff\xe0"), Some(WsqError::NotWsq));
    assert_eq!(error(&good[..2]), Some(WsqError::Truncated));
    assert_eq!(error(&good[..good.len() - 2]), Some(WsqError::Truncated));
    for needed in [
        marker::FRAME,
        marker::TRANSFORM,
        marker::QUANTISATION,
        marker::HUFFMAN,
    ] {
        assert_eq!(without(needed), Some(WsqError::Missing(needed)));
    }
    let frame = at(marker::FRAME);
    assert_eq!(
        with(&[(frame + 6, 0), (frame + 7, 0)]),
        Some(WsqError::Size {
            width: 32,
            height: 0
        })
    );
    assert_eq!(
        with(&[(frame + 6, 0xff), (frame + 8, 0xff)]),
        Some(WsqError::Size {
            width: 0xff20,
            height: 0xff20
        })
    );
    assert_eq!(with(&[(frame + 7, 33)]), Some(WsqError::CoefficientCount));
    assert_eq!(with(&[(frame + 7, 31)]), Some(WsqError::CoefficientCount));
    assert_eq!(
        with(&[(frame + 3, 16)]),
        Some(WsqError::SegmentLength(marker::FRAME))
    );
    assert_eq!(
        with(&[(frame + 3, 1)]),
        Some(WsqError::SegmentLength(marker::FRAME))
    );
    assert_eq!(
        with(&[(frame + 1, 0xc0)]),
        Some(WsqError::UnexpectedMarker(0xffc0))
    );
    let transform = at(marker::TRANSFORM);
    assert_eq!(with(&[(transform + 4, 8)]), Some(WsqError::Filters));
    assert_eq!(with(&[(transform + 7, 0)]), Some(WsqError::Filters));
    let huffman = at(marker::HUFFMAN);
    assert_eq!(with(&[(huffman + 4, 8)]), Some(WsqError::HuffmanTable));
    assert_eq!(
        with(&[(huffman + 5, 3)]),
        Some(WsqError::SegmentLength(marker::HUFFMAN))
    );
    let block = at(marker::BLOCK);
    assert_eq!(
        with(&[(block + 4, 1)]),
        Some(WsqError::Missing(marker::HUFFMAN))
    );
    // Code 254 of eight bits is the one that the table has not.
    assert_eq!(with(&[(block + 5, 254)]), Some(WsqError::UnknownCode));
    let mut empty = good[..block].to_vec();
    empty.extend(marker::END.to_be_bytes());
    assert_eq!(error(&empty), Some(WsqError::Missing(marker::BLOCK)));
}

#[test]
fn a_small_file_cannot_claim_a_large_image() {
    let mut bytes = encode(&picture(32, 32), 4);
    let frame = (0..bytes.len())
        .find(|&i| bytes[i..].starts_with(&marker::FRAME.to_be_bytes()))
        .expect("is there");
    bytes[frame + 6..frame + 10].copy_from_slice(&[0x40, 0, 0x40, 0]);
    assert_eq!(
        error(&bytes),
        Some(WsqError::Size {
            width: 0x4000,
            height: 0x4000
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn noise_comes_back(width in 1usize..40, height in 1usize..40, seed in any::<u32>()) {
        let mut state = seed;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The highest subbands are not sent, so what comes back is smooth: as is this.
            110 + (state >> 30) as u8
        };
        let image = GreyImage { width, height, pixels: (0..width * height).map(|_| noise()).collect() };
        let read = decode(&encode(&image, 1), &Limits::default()).expect("decodes").image;
        prop_assert!(farthest(&image, &read) <= 6);
    }

    #[test]
    fn damage_is_an_error_or_an_image(at in 0usize..1400, value in any::<u8>(), cut in 0usize..1400) {
        let mut bytes = encode(&picture(31, 29), 6);
        let length = bytes.len();
        bytes[at % length] = value;
        if let Ok(wsq) = decode(&bytes, &Limits::default()) {
            prop_assert_eq!(wsq.image.pixels.len(), wsq.image.width * wsq.image.height);
        }
        prop_assert!(decode(&bytes[..cut % length], &Limits::default()).is_err());
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 2..300)) {
        bytes[..2].copy_from_slice(&marker::START.to_be_bytes());
        let small = Limits { pixels: 1 << 16, ..Limits::default() };
        prop_assert!(decode(&bytes, &small).is_err());
    }
}
