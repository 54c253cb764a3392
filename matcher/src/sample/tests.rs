//! Each format and each way to be broken.

use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Luma, LumaA, Rgb};

use super::*;

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).expect("encodes");
    out.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&DynamicImage::new_rgb8(width, height), ImageFormat::Png)
}

fn grey(bytes: &[u8]) -> GreyImage {
    GreyImage::decode(bytes, &Limits::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn error(bytes: &[u8]) -> Option<SampleError> {
    GreyImage::decode(bytes, &Limits::default()).err()
}

/// A slope from dark to light.
fn slope() -> DynamicImage {
    let image = image::GrayImage::from_fn(40, 30, |x, y| Luma([(x * 4 + y * 2) as u8]));
    DynamicImage::ImageLuma8(image)
}

const FORMATS: [ImageFormat; 5] = [
    ImageFormat::Png,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
    ImageFormat::Jpeg,
];

#[test]
fn every_format_gives_the_same_grey() {
    let expected = slope().into_luma8().into_raw();
    for format in FORMATS {
        let read = grey(&encoded(&slope(), format));
        assert_eq!((read.width, read.height), (40, 30));
        let apart = read
            .pixels
            .iter()
            .zip(&expected)
            .map(|(a, b)| a.abs_diff(*b));
        let most = if format == ImageFormat::Jpeg { 6 } else { 0 };
        assert!(apart.max() <= Some(most), "{format:?}");
    }
    let rgb = RgbImage::decode(&png(7, 5), &Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((rgb.width, rgb.height, rgb.pixels.len()), (7, 5, 105));
}

#[test]
fn sixteen_bits_colour_and_transparency_become_grey() {
    let wide = image::ImageBuffer::from_pixel(3, 2, Luma([0x8080u16]));
    let wide = DynamicImage::ImageLuma16(wide);
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm] {
        assert_eq!(
            grey(&encoded(&wide, format)).pixels,
            [0x80; 6],
            "{format:?}"
        );
    }
    // A photograph's colours: green is lighter than red, red lighter than blue.
    let mut photograph = image::RgbImage::new(3, 1);
    for (x, colour) in [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
        .into_iter()
        .enumerate()
    {
        photograph.put_pixel(x as u32, 0, Rgb(colour));
    }
    let photograph = DynamicImage::ImageRgb8(photograph);
    let pixels = grey(&encoded(&photograph, ImageFormat::Png)).pixels.clone();
    assert!(pixels[1] > pixels[0] && pixels[0] > pixels[2], "{pixels:?}");
    // What is transparent is white, whatever colour hides there.
    let mut glass = image::GrayAlphaImage::from_pixel(2, 1, LumaA([0, 0]));
    glass.put_pixel(1, 0, LumaA([100, 255]));
    let glass = DynamicImage::ImageLumaA8(glass);
    let bytes = encoded(&glass, ImageFormat::Png);
    assert_eq!(grey(&bytes).pixels, [255, 100]);
    let rgb = RgbImage::decode(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(rgb.pixels, [255, 255, 255, 100, 100, 100]);
}

#[test]
fn a_palette_is_its_colours() {
    // BMP of 2x2 pixels, 8 bits each, two colours: 0 is white, 1 is grey 0x40.
    let mut bytes =
        b"BM\0\0\0\0\0\0\0\0\x3e\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x08\0".to_vec();
    bytes.extend([0; 16]);
    bytes.extend([2, 0, 0, 0, 2, 0, 0, 0]);
    bytes.extend([255, 255, 255, 0, 0x40, 0x40, 0x40, 0]);
    bytes.extend([1, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(grey(&bytes).pixels, [255, 0x40, 0x40, 255]);
}

#[test]
fn the_smallest_image_is_one_pixel() {
    for format in FORMATS {
        let one = DynamicImage::ImageLuma8(image::GrayImage::from_pixel(1, 1, Luma([9])));
        let read = grey(&encoded(&one, format));
        assert_eq!((read.width, read.height), (1, 1), "{format:?}");
    }
    assert!(matches!(
        GreyImage::from_raw(&[], 0, 7, &Limits::default()),
        Err(SampleError::NoPixels)
    ));
    assert!(error(b"P5\n0 0\n255\n").is_some());
}

#[test]
fn raw_pixels_must_fill_their_size() {
    let raw =
        |bytes: &[u8], width, height| GreyImage::from_raw(bytes, width, height, &Limits::default());
    assert_eq!(
        raw(&[1, 2, 3, 4, 5, 6], 3, 2)
            .map(|i| i.pixels.clone())
            .ok(),
        Some(vec![1, 2, 3, 4, 5, 6])
    );
    for (width, height) in [(3, 3), (2, 2)] {
        assert!(matches!(
            raw(&[0; 6], width, height),
            Err(SampleError::RawLength { bytes: 6, .. })
        ));
    }
    assert!(matches!(
        raw(&[0; 6], 60_000, 60_000),
        Err(SampleError::TooManyPixels { .. })
    ));
}

#[test]
fn a_file_cut_short_is_damaged() {
    for format in FORMATS {
        let good = encoded(&slope(), format);
        for cut in [good.len() / 4, good.len() / 2, good.len() * 3 / 4] {
            let read = GreyImage::decode(&good[..cut], &Limits::default());
            assert!(
                matches!(read, Err(SampleError::Damaged | SampleError::UnknownFormat)),
                "{format:?} cut to {cut}: {:?}",
                read.err()
            );
        }
    }
}

#[test]
fn bad_bytes_get_a_typed_error() {
    let good = png(64, 64);
    let small = Limits {
        side_px: 32,
        ..Limits::default()
    };
    let tiny = Limits {
        encoded_bytes: 10,
        ..Limits::default()
    };
    assert!(matches!(error(b""), Some(SampleError::UnknownFormat)));
    assert!(matches!(
        error(b"GIF89a.."),
        Some(SampleError::UnknownFormat)
    ));
    assert!(matches!(
        error(b"\xff\xa0\xff\xa1"),
        Some(SampleError::Wsq(WsqError::Missing(_)))
    ));
    assert!(matches!(
        GreyImage::decode(&good, &small),
        Err(SampleError::TooManyPixels { .. })
    ));
    for bytes in [&good[..], b"\xff\xa0 more than ten bytes"] {
        assert!(matches!(
            GreyImage::decode(bytes, &tiny),
            Err(SampleError::TooManyBytes { .. })
        ));
    }
}

/// Headers that claim far more pixels than a file of their size should cost.
#[test]
fn a_decompression_bomb_is_refused_before_it_is_unpacked() {
    let side = 60_000u32;
    // PNG: the size of a small one rewritten, with its check sum.
    let claiming = |side: u32| {
        let mut header = png(64, 64);
        header[16..20].copy_from_slice(&side.to_be_bytes());
        header[20..24].copy_from_slice(&side.to_be_bytes());
        let sum = crc(&header[12..29]);
        header[29..33].copy_from_slice(&sum.to_be_bytes());
        header
    };
    let header = claiming(side);
    let colour = RgbImage::decode(&claiming(20_000), &Limits::default());
    assert!(matches!(
        colour.err(),
        Some(SampleError::TooManyPixels { width: 20_000, .. })
    ));
    let mut bitmap = encoded(&slope(), ImageFormat::Bmp);
    bitmap[18..22].copy_from_slice(&side.to_le_bytes());
    bitmap[22..26].copy_from_slice(&side.to_le_bytes());
    let pnm = format!("P5\n{side} {side}\n255\n").into_bytes();
    // WSQ: a frame of 60,000 a side behind the start.
    let mut wsq = b"\xff\xa0\xff\xa2\0\x11\0\xff".to_vec();
    wsq.extend([0xea, 0x60, 0xea, 0x60, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
    for (name, bytes) in [("png", header), ("bmp", bitmap), ("pnm", pnm), ("wsq", wsq)] {
        let refused = error(&bytes);
        assert!(
            matches!(
                refused,
                Some(SampleError::TooManyPixels {
                    width: 60_000,
                    height: 60_000,
                    ..
                })
            ),
            "{name}: {refused:?}"
        );
    }
    // Within the size, but of one grey: two hundred times smaller packed, and no more memory than its pixels.
    let flat = vec![0u8; 4_000 * 4_000];
    let mut packed = Vec::new();
    PngEncoder::new(&mut packed)
        .write_image(&flat, 4_000, 4_000, ExtendedColorType::L8)
        .expect("encodes");
    assert!(packed.len() < flat.len() / 100);
    assert_eq!(grey(&packed).pixels.len(), flat.len());
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

/// A JPEG file with an orientation in its EXIF segment, as phones write it.
fn oriented(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let jpeg = encoded(image, ImageFormat::Jpeg);
    let mut exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

#[test]
fn a_phone_held_sideways_gives_an_upright_image() {
    let turned = |orientation| {
        let bytes = oriented(&slope(), orientation);
        RgbImage::decode(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{e}"))
    };
    for (orientation, expected) in [
        (1, slope()),
        (2, slope().fliph()),
        (3, slope().rotate180()),
        (6, slope().rotate90()),
        (8, slope().rotate270()),
        // No orientation at all.
        (99, slope()),
    ] {
        let (read, expected) = (turned(orientation), expected.into_rgb8());
        let size = (read.width as u32, read.height as u32);
        assert_eq!(size, expected.dimensions(), "{orientation}");
        let apart = read.pixels.iter().zip(expected.as_raw());
        let most = apart.map(|(a, b)| a.abs_diff(*b)).max();
        assert!(most <= Some(6), "{orientation}: {most:?}");
    }
}

/// A baseline JPEG of 8x8 pixels in four inks, of one colour: ITU-T T.81, and Adobe's segment that says how the
/// inks are meant (inverted).
fn four_inks(inks: [u8; 4]) -> Vec<u8> {
    let mut out = b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0\xff\xdb\0\x43\0".to_vec();
    out.extend([1; 64]);
    out.extend(b"\xff\xc0\0\x14\x08\0\x08\0\x08\x04");
    (1..5).for_each(|ink| out.extend([ink, 0x11, 0]));
    // Steps of ten and eleven bits: codes 00 and 01. No other coefficient: code 0.
    out.extend(b"\xff\xc4\0\x15\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\x0b");
    out.extend(b"\xff\xc4\0\x14\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    out.extend(b"\xff\xda\0\x0e\x04\x01\0\x02\0\x03\0\x04\0\0\x3f\0");
    let mut bits = String::new();
    for ink in inks {
        let level = (i32::from(ink) - 128) * 8;
        bits += &match level {
            512..1024 => format!("00{level:010b}0"),
            -2047..=-1024 => format!("01{:011b}0", level + 2047),
            other => panic!("{other} is not written here"),
        };
    }
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    for byte in bits.as_bytes().chunks(8) {
        let value = byte.iter().fold(0, |v, b| v << 1 | (b - b'0'));
        out.push(value);
        if value == 0xff {
            out.push(0);
        }
    }
    out.extend(b"\xff\xd9");
    out
}

#[test]
fn the_inks_of_a_printer_become_colours() {
    // Inverted: 255 is no ink, 0 is all of it.
    for (inks, expected) in [
        ([255, 0, 0, 255], [255, 0, 0]),
        ([0, 255, 0, 255], [0, 255, 0]),
        ([0, 0, 255, 255], [0, 0, 255]),
        ([255, 255, 255, 255], [255, 255, 255]),
        ([255, 255, 255, 0], [0, 0, 0]),
    ] {
        let read = RgbImage::decode(&four_inks(inks), &Limits::default());
        let read = read.unwrap_or_else(|e| panic!("{inks:?}: {e}"));
        assert_eq!((read.width, read.height), (8, 8));
        let apart = read.pixels[..3].iter().zip(expected);
        let most = apart.map(|(a, b)| a.abs_diff(b)).max();
        assert!(most <= Some(6), "{inks:?}: {:?}", &read.pixels[..3]);
    }
}
