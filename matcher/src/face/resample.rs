//! Pixels under a new grid: the antialiased resize before detection, and the warp before the other networks.
//!
//! Both repeat Pillow's arithmetic, because the models' error rates were measured behind it: a triangle
//! filter that widens when it shrinks, in fixed point and rounded between its two passes; and a bilinear
//! look-up at pixel centres, black outside the image.

use zeroize::Zeroizing;

use super::geometry::{Affine, Point};
use crate::sample::RgbImage;

/// 8-bit RGB pixels, row-major, wiped when dropped.
pub(crate) type Pixels = Zeroizing<Vec<u8>>;

/// The whole image at `width` x `height`, with the antialiased triangle filter.
pub(crate) fn resize(image: &RgbImage, width: usize, height: usize) -> Pixels {
    let rows = Taps::new(image.height, height);
    let columns = Taps::new(image.width, width);
    let mut narrow = Zeroizing::new(vec![0u8; width * image.height * 3]);
    for (from, to) in image
        .pixels
        .chunks_exact(image.width * 3)
        .zip(narrow.chunks_exact_mut(width * 3))
    {
        for (column, pixel) in to.chunks_exact_mut(3).enumerate() {
            let (first, weights) = columns.at(column);
            let mut sum = [HALF; 3];
            for (p, weight) in from[first * 3..].chunks_exact(3).zip(weights) {
                for (s, value) in sum.iter_mut().zip(p) {
                    *s += i32::from(*value) * weight;
                }
            }
            for (value, s) in pixel.iter_mut().zip(sum) {
                *value = round(s);
            }
        }
    }
    let stride = width * 3;
    let mut out = Zeroizing::new(vec![0u8; stride * height]);
    let mut sums = Zeroizing::new(vec![0i32; stride]);
    for (row, to) in out.chunks_exact_mut(stride).enumerate() {
        let (first, weights) = rows.at(row);
        sums.fill(HALF);
        for (from, weight) in narrow[first * stride..].chunks_exact(stride).zip(weights) {
            for (s, value) in sums.iter_mut().zip(from) {
                *s += i32::from(*value) * weight;
            }
        }
        for (value, s) in to.iter_mut().zip(sums.iter()) {
            *value = round(*s);
        }
    }
    out
}

/// A `width` x `height` image whose points `map` takes into the source image.
///
/// Where the map shrinks the source to less than half, each pixel averages several look-ups, so that a
/// large photograph does not alias; above that it is one look-up, as the models were measured.
pub(crate) fn warp(image: &RgbImage, map: &Affine, width: usize, height: usize) -> Pixels {
    let taps = ((map.magnification() / 2.0).ceil()).clamp(1.0, MOST_TAPS) as usize;
    warp_with(image, map, width, height, taps)
}

/// As [`warp`], with one bilinear look-up a pixel whatever the scale.
pub(crate) fn warp_plain(image: &RgbImage, map: &Affine, width: usize, height: usize) -> Pixels {
    warp_with(image, map, width, height, 1)
}

fn warp_with(image: &RgbImage, map: &Affine, width: usize, height: usize, taps: usize) -> Pixels {
    let mut out = Zeroizing::new(vec![0u8; width * height * 3]);
    let step = 1.0 / taps as f64;
    let share = (step * step) as f32;
    for (row, line) in out.chunks_exact_mut(width * 3).enumerate() {
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            let mut sum = [0f32; 3];
            for v in 0..taps {
                for u in 0..taps {
                    let at = map.apply(Point {
                        x: column as f64 + (u as f64 + 0.5) * step,
                        y: row as f64 + (v as f64 + 0.5) * step,
                    });
                    for (s, value) in sum.iter_mut().zip(bilinear(image, at)) {
                        *s += value;
                    }
                }
            }
            for (value, s) in pixel.iter_mut().zip(sum) {
                *value = (s * share) as u8;
            }
        }
    }
    out
}

fn bilinear(image: &RgbImage, at: Point) -> [f32; 3] {
    let inside =
        at.x >= 0.0 && at.y >= 0.0 && at.x < image.width as f64 && at.y < image.height as f64;
    if !inside {
        return [0.0; 3];
    }
    let (x, y) = (at.x - 0.5, at.y - 0.5);
    let (dx, dy) = ((x - x.floor()) as f32, (y - y.floor()) as f32);
    // Beyond the outermost pixel centres the edge is repeated; `as` takes -1 to 0.
    let (left, top) = (x.floor() as usize, y.floor() as usize);
    let right = ((x.floor() + 1.0) as usize).min(image.width - 1);
    let bottom = ((y.floor() + 1.0) as usize).min(image.height - 1);
    let pixel = |x: usize, y: usize| {
        let at = (y * image.width + x) * 3;
        &image.pixels[at..at + 3]
    };
    let (nw, ne, sw, se) = (
        pixel(left, top),
        pixel(right, top),
        pixel(left, bottom),
        pixel(right, bottom),
    );
    std::array::from_fn(|c| {
        let north = f32::from(nw[c]) + (f32::from(ne[c]) - f32::from(nw[c])) * dx;
        let south = f32::from(sw[c]) + (f32::from(se[c]) - f32::from(sw[c])) * dx;
        north + (south - north) * dy
    })
}

/// Mirrors an image from left to right.
pub(crate) fn mirror(pixels: &[u8], width: usize) -> Pixels {
    let mut out = Zeroizing::new(Vec::with_capacity(pixels.len()));
    for row in pixels.chunks_exact(width * 3) {
        for pixel in row.chunks_exact(3).rev() {
            out.extend_from_slice(pixel);
        }
    }
    out
}

/// The filter weights of one axis: for each target position the first source position and its weights.
struct Taps {
    spans: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

impl Taps {
    fn new(source: usize, target: usize) -> Self {
        let scale = source as f64 / target as f64;
        let stretch = scale.max(1.0);
        let mut taps = Self {
            spans: Vec::with_capacity(target),
            weights: Vec::new(),
        };
        for position in 0..target {
            let centre = (position as f64 + 0.5) * scale;
            let first = ((centre - stretch + 0.5).max(0.0)) as usize;
            let end = ((centre + stretch + 0.5) as usize).min(source);
            let raw =
                (first..end).map(|p| (1.0 - ((p as f64 - centre + 0.5) / stretch).abs()).max(0.0));
            let total: f64 = raw.clone().sum();
            taps.spans.push((first, taps.weights.len()));
            taps.weights
                .extend(raw.map(|w| (w / total * f64::from(ONE)).round() as i32));
        }
        taps.spans.push((0, taps.weights.len()));
        taps
    }

    fn at(&self, position: usize) -> (usize, &[i32]) {
        let (first, from) = self.spans[position];
        (first, &self.weights[from..self.spans[position + 1].1])
    }
}

fn round(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

/// 255 times a weight of one, with 22 fraction bits, just fits 32 bits.
const FRACTION_BITS: u32 = 22;
const ONE: i32 = 1 << FRACTION_BITS;
const HALF: i32 = 1 << (FRACTION_BITS - 1);
/// Look-ups a side of a pixel at most: beyond, the source is so large that its detector input is coarser.
const MOST_TAPS: f64 = 8.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(width: usize, height: usize, value: impl Fn(usize, usize) -> u8) -> RgbImage {
        let at = |i: usize| value(i / 3 % width, i / 3 / width);
        RgbImage {
            width,
            height,
            pixels: (0..width * height * 3).map(at).collect(),
        }
    }

    proptest! {
        #[test]
        fn a_flat_image_stays_flat(
            w in 1usize..70, h in 1usize..70, to_w in 1usize..70, to_h in 1usize..70, value: u8,
        ) {
            let out = resize(&image(w, h, |_, _| value), to_w, to_h);
            prop_assert_eq!(out.len(), to_w * to_h * 3);
            prop_assert!(out.iter().all(|v| v.abs_diff(value) <= 1));
        }

        #[test]
        fn any_map_stays_inside_the_image(v in proptest::array::uniform6(-1e4..1e4f64), w in 1usize..9, h in 1usize..9) {
            let map = Affine { a: v[0], b: v[1], c: v[2], d: v[3], e: v[4], f: v[5] };
            prop_assert_eq!(warp(&image(w, h, |x, _| x as u8), &map, 5, 5).len(), 75);
        }
    }

    #[test]
    fn halving_a_ramp_gives_the_ramp() {
        let out = resize(&image(64, 4, |x, _| (x * 4) as u8), 32, 2);
        for (x, pixel) in out.chunks_exact(3).take(32).enumerate().skip(1).take(30) {
            assert_eq!(pixel[0], (x * 8 + 2) as u8);
        }
    }

    #[test]
    fn the_identity_warp_copies() {
        let source = image(9, 7, |x, y| (x * 20 + y) as u8);
        let map = Affine::stretch(Point { x: 0.0, y: 0.0 }, 1.0, 1.0);
        assert_eq!(*warp(&source, &map, 9, 7), source.pixels);
    }

    #[test]
    fn mirroring_twice_is_nothing() {
        let source = image(5, 3, |x, y| (x * 40 + y) as u8);
        assert_eq!(*mirror(&mirror(&source.pixels, 5), 5), source.pixels);
        assert_eq!(mirror(&source.pixels, 5)[0], 160);
    }
}
