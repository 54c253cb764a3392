//! A small WSQ encoder, for tests alone: one bin width for all subbands and a code of eight bits for every symbol.
//!
//! The transform is written from its definition (the samples around a place times the taps of the analysis filter), not as the
//! inverse of the decoder's, so that each checks the other.

use super::bands::{Layout, halves};
use super::huffman::symbol;
use super::segments::marker;
use super::wavelet::mirror;
use crate::sample::GreyImage;

/// The 9/7 analysis filters of IAFIS-IC-0110, middle first.
pub(super) const LOW: [f64; 5] = [
    0.852_698_679_009_403_4,
    0.377_402_855_612_653_8,
    -0.110_624_404_418_423_4,
    -0.023_849_465_019_380_0,
    0.037_828_455_506_995_46,
];
pub(super) const HIGH: [f64; 4] = [
    0.788_485_616_405_664_4,
    -0.418_092_273_222_212_2,
    -0.040_689_417_609_558_44,
    0.064_538_882_628_938_45,
];

/// A stream of an image; `bin` is the width of all bins, in grey levels of coefficients.
pub(super) fn encode(image: &GreyImage, bin: u16) -> Vec<u8> {
    let layout = Layout::new(image.width, image.height);
    let (shift, scale) = (127u16, 1u16);
    let mut plane: Vec<f64> = image
        .pixels
        .iter()
        .map(|p| f64::from(*p) - f64::from(shift))
        .collect();
    analyse(&mut plane, &layout);
    let mut out = marker::START.to_be_bytes().to_vec();
    segment(&mut out, marker::COMMENT, b"NIST_COM 2\nPPI 500\n");
    let mut transform = vec![9, 7];
    for tap in LOW.iter().chain(&HIGH) {
        transform.extend([u8::from(*tap < 0.0), 9]);
        transform.extend(((tap.abs() * 1e9).round() as u32).to_be_bytes());
    }
    segment(&mut out, marker::TRANSFORM, &transform);
    let scaled = |value: u16| [0, value.to_be_bytes()[0], value.to_be_bytes()[1]];
    let mut quantisation = vec![2];
    quantisation.extend(44u16.to_be_bytes());
    for index in 0..64 {
        // The fourth-highest subbands are never sent; nor, here, is the last of the others.
        let bin = if index < 59 { bin } else { 0 };
        quantisation.extend(scaled(bin));
        quantisation.extend(scaled(bin));
    }
    segment(&mut out, marker::QUANTISATION, &quantisation);
    let mut frame = vec![0, 255];
    frame.extend((image.height as u16).to_be_bytes());
    frame.extend((image.width as u16).to_be_bytes());
    frame.extend(scaled(shift));
    frame.extend(scaled(scale));
    frame.extend([0, 0, 0]);
    segment(&mut out, marker::FRAME, &frame);
    let mut huffman = vec![0];
    huffman.extend([0, 0, 0, 0, 0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0]);
    huffman.extend(1..=254);
    segment(&mut out, marker::HUFFMAN, &huffman);
    for bands in [0..19, 19..52, 52..59] {
        segment(&mut out, marker::BLOCK, &[0]);
        let values = bands.flat_map(|index| {
            let band = layout.bands[index];
            let (plane, width) = (&plane, image.width);
            (band.y..band.y + band.height).flat_map(move |y| {
                (band.x..band.x + band.width).map(move |x| quantised(plane[y * width + x], bin))
            })
        });
        data(&mut out, values);
    }
    out.extend(marker::END.to_be_bytes());
    out
}

pub(super) fn segment(out: &mut Vec<u8>, marker: u16, content: &[u8]) {
    out.extend(marker.to_be_bytes());
    out.extend((content.len() as u16 + 2).to_be_bytes());
    out.extend(content);
}

/// The zero bin is as wide as the others: half of it to each side.
fn quantised(value: f64, bin: u16) -> i32 {
    let bin = f64::from(bin);
    let beyond = (value.abs() - bin / 2.0) / bin;
    if beyond <= 0.0 {
        return 0;
    }
    (value.signum() * (beyond.floor() + 1.0)) as i32
}

/// The codes of runs and values: with codes of eight bits, a symbol's code is the symbol less one.
fn data(out: &mut Vec<u8>, values: impl Iterator<Item = i32>) {
    let mut bytes = Vec::new();
    let mut run = 0u32;
    let flush = |bytes: &mut Vec<u8>, run: &mut u32| {
        match *run {
            0 => {}
            1..=100 => bytes.push(*run as u8 - 1),
            101..=255 => bytes.extend([symbol::RUN_8 - 1, *run as u8]),
            _ => {
                bytes.push(symbol::RUN_16 - 1);
                bytes.extend((*run as u16).to_be_bytes());
            }
        }
        *run = 0;
    };
    for value in values {
        if value == 0 {
            run += 1;
            if run == u32::from(u16::MAX) {
                flush(&mut bytes, &mut run);
            }
            continue;
        }
        flush(&mut bytes, &mut run);
        match value {
            -73..=74 => bytes.push((value + symbol::VALUE_ZERO - 1) as u8),
            75..=255 => bytes.extend([symbol::POSITIVE_8 - 1, value as u8]),
            -255..=-74 => bytes.extend([symbol::NEGATIVE_8 - 1, value.unsigned_abs() as u8]),
            _ => {
                let symbol = if value > 0 {
                    symbol::POSITIVE_16
                } else {
                    symbol::NEGATIVE_16
                };
                bytes.push(symbol - 1);
                bytes.extend((value.unsigned_abs() as u16).to_be_bytes());
            }
        }
    }
    flush(&mut bytes, &mut run);
    for byte in bytes {
        out.push(byte);
        if byte == 0xff {
            out.push(0);
        }
    }
}

fn analyse(plane: &mut [f64], layout: &Layout) {
    let stride = layout.width;
    for region in &layout.splits {
        for y in region.y..region.y + region.height {
            let line: Vec<f64> = (0..region.width)
                .map(|x| plane[y * stride + region.x + x])
                .collect();
            for (x, value) in split(&line, region.turned_x).into_iter().enumerate() {
                plane[y * stride + region.x + x] = value;
            }
        }
        for x in region.x..region.x + region.width {
            let line: Vec<f64> = (0..region.height)
                .map(|y| plane[(region.y + y) * stride + x])
                .collect();
            for (y, value) in split(&line, region.turned_y).into_iter().enumerate() {
                plane[(region.y + y) * stride + x] = value;
            }
        }
    }
}

fn split(line: &[f64], turned: bool) -> Vec<f64> {
    let filtered = |from: usize, half: &[f64]| -> Vec<f64> {
        (from..line.len())
            .step_by(2)
            .map(|place| {
                let reach = half.len() as isize - 1;
                (-reach..=reach)
                    .map(|d| half[d.unsigned_abs()] * line[mirror(place as isize + d, line.len())])
                    .sum()
            })
            .collect()
    };
    let (low, high) = (filtered(0, &LOW), filtered(1, &HIGH));
    assert_eq!(
        halves(line.len(), false),
        (low.len(), high.len()),
        "the parts' lengths"
    );
    if turned {
        [high, low].concat()
    } else {
        [low, high].concat()
    }
}
