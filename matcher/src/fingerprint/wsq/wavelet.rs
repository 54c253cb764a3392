//! The wavelet transform, undone: each split's four parts become the region that they were split from.
//!
//! Samples of the low-passed part stand at even places and those of the high-passed part at odd ones, mirrored at both ends without
//! repeating the end (whole-sample symmetry, which filters of odd length keep); every second tap of one filter
//! then meets every second of the other (IAFIS-IC-0110, the inverse transform). The synthesis filters are the sent analysis filters
//! exchanged, every second tap negated.

use super::WsqError;
use super::bands::{Layout, halves};

/// Most taps on one side of a filter's middle.
const MOST_REACH: usize = 15;
/// No tap of a wavelet is larger; beyond this, numbers would overflow.
const LARGEST_TAP: f32 = 4.0;
/// Columns that are filtered together.
const STRIP: usize = 32;

/// The synthesis filters as two kernels over interleaved samples: one centred at even places, one at odd.
pub(super) struct Filters {
    reach: usize,
    even: Vec<f32>,
    odd: Vec<f32>,
}

impl Filters {
    /// From the halves of the analysis filters, middle first.
    pub(super) fn from_analysis(low: &[f32], high: &[f32]) -> Result<Self, WsqError> {
        let reach = low.len().max(high.len()).saturating_sub(1);
        let is_sane = |taps: &[f32]| taps.iter().all(|tap| tap.abs() <= LARGEST_TAP);
        if reach > MOST_REACH || !is_sane(low) || !is_sane(high) {
            return Err(WsqError::Filters);
        }
        let alternate = |taps: &[f32], offset: usize| {
            let tap = taps.get(offset).copied().unwrap_or(0.0);
            if offset.is_multiple_of(2) { tap } else { -tap }
        };
        // At a distance from an even place stand low samples where the distance is even.
        let kernel = |even_from: &[f32], odd_from: &[f32]| {
            (0..=2 * reach)
                .map(|i| {
                    let offset = i.abs_diff(reach);
                    alternate(
                        if offset.is_multiple_of(2) {
                            even_from
                        } else {
                            odd_from
                        },
                        offset,
                    )
                })
                .collect()
        };
        Ok(Self {
            reach,
            even: kernel(high, low),
            odd: kernel(low, high),
        })
    }
}

/// Turns the plane of coefficients into the image, in place.
pub(super) fn synthesise(plane: &mut [f32], layout: &Layout, filters: &Filters) {
    let stride = layout.width;
    let mut strip = Vec::new();
    for region in layout.splits.iter().rev() {
        // Along y, a strip of columns at a time, so that memory is read in rows.
        let line = Line::new(region.height, region.turned_y, filters.reach);
        for from in (0..region.width).step_by(STRIP) {
            let width = STRIP.min(region.width - from);
            let start = region.y * stride + region.x + from;
            strip.clear();
            for y in 0..region.height {
                strip.extend_from_slice(&plane[start + y * stride..][..width]);
            }
            for y in 0..region.height {
                let mut out = [0f32; STRIP];
                line.each_tap(y, filters, |source, tap| {
                    let row = &strip[source * width..][..width];
                    for (out, v) in out.iter_mut().zip(row) {
                        *out += tap * v;
                    }
                });
                plane[start + y * stride..][..width].copy_from_slice(&out[..width]);
            }
        }
        let line = Line::new(region.width, region.turned_x, filters.reach);
        for y in region.y..region.y + region.height {
            let row = &mut plane[y * stride + region.x..][..region.width];
            strip.clear();
            strip.extend(line.sources.iter().map(|s| s.map_or(0.0, |s| row[s])));
            for (x, out) in row.iter_mut().enumerate() {
                let kernel = if x.is_multiple_of(2) {
                    &filters.even
                } else {
                    &filters.odd
                };
                *out = strip[x..].iter().zip(kernel).map(|(v, tap)| v * tap).sum();
            }
        }
    }
}

/// Where the samples of a line come from: interleaved, mirrored, `reach` more at both ends.
struct Line {
    sources: Vec<Option<usize>>,
}

impl Line {
    fn new(length: usize, turned: bool, reach: usize) -> Self {
        let (first, _) = halves(length, turned);
        let (low_from, high_from) = if turned { (first, 0) } else { (0, first) };
        let source = |place: isize| {
            let mirrored = mirror(place, length);
            let half = mirrored / 2;
            let is_low = mirrored.is_multiple_of(2);
            // One sample alone is constant: its high-passed part is zero everywhere.
            let is_absent = length == 1 && place % 2 != 0;
            (!is_absent).then_some(if is_low {
                low_from + half
            } else {
                high_from + half
            })
        };
        let margin = reach as isize;
        let sources = if length == 0 {
            Vec::new()
        } else {
            (-margin..length as isize + margin).map(source).collect()
        };
        Self { sources }
    }

    /// Calls `with` for every sample that a place is made of, and its tap.
    fn each_tap(&self, place: usize, filters: &Filters, mut with: impl FnMut(usize, f32)) {
        let kernel = if place.is_multiple_of(2) {
            &filters.even
        } else {
            &filters.odd
        };
        for (source, tap) in self.sources[place..].iter().zip(kernel) {
            if let Some(source) = source {
                with(*source, *tap);
            }
        }
    }
}

/// A place beyond either end, mirrored into the line.
pub(super) fn mirror(place: isize, length: usize) -> usize {
    let period = 2 * (length as isize - 1);
    if period <= 0 {
        return 0;
    }
    let folded = place.rem_euclid(period);
    folded.min(period - folded) as usize
}
