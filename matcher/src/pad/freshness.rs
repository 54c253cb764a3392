//! Freshness: a camera never films the same picture twice, down to its noise.
//!
//! A frame equal to the one before it is a camera slower than the page, and only ignored; a frame equal to
//! an earlier one was stored. A frame that differs from an earlier one by less than any camera's noise was
//! stored and packed anew.

use std::hash::{DefaultHasher, Hasher};

use zeroize::Zeroizing;

use super::params::{FRESHNESS_LEAST_DIFFERENCE, FRESHNESS_MOST_SAME};
use crate::sample::RgbImage;

/// What a frame is beside those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    /// Not seen before.
    New,
    /// The same as the last one.
    Still,
    /// The same as an earlier one, or nearly so.
    Repeated,
}

/// The frames so far, as digests and a sample of pixels; wiped when dropped.
#[derive(Default)]
pub(super) struct Freshness {
    digests: Vec<u64>,
    samples: Vec<Zeroizing<Vec<u8>>>,
    repeated: usize,
    still: usize,
}

impl Freshness {
    /// Takes the next frame.
    pub(super) fn take(&mut self, image: &RgbImage) -> Novelty {
        let digest = digest(image);
        if self.digests.last() == Some(&digest) {
            self.still += 1;
            return Novelty::Still;
        }
        let sample = sample(image);
        let alike = |earlier: &[u8]| difference(earlier, &sample) < FRESHNESS_LEAST_DIFFERENCE;
        let novelty = if self.samples.last().is_some_and(|last| alike(last)) {
            self.still += 1;
            Novelty::Still
        } else if self.digests.contains(&digest) || self.samples.iter().any(|s| alike(s)) {
            self.repeated += 1;
            Novelty::Repeated
        } else {
            Novelty::New
        };
        self.digests.push(digest);
        self.samples.push(sample);
        novelty
    }

    /// Repeated frames, those equal to the one before among them where they are most of all; 0 is fresh.
    pub(super) fn figure(&self) -> Option<f64> {
        let all = self.digests.len() + self.still;
        if all == 0 {
            return None;
        }
        let still = if self.still as f64 > FRESHNESS_MOST_SAME * all as f64 {
            self.still
        } else {
            0
        };
        Some((self.repeated + still) as f64)
    }
}

/// Not secret and not kept beyond the capture: what matters is that a flipped bit changes it.
fn digest(image: &RgbImage) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_usize(image.width);
    hasher.write(&image.pixels);
    hasher.finish()
}

/// Single pixels' green, spread over the image.
fn sample(image: &RgbImage) -> Zeroizing<Vec<u8>> {
    let mut sample = Zeroizing::new(Vec::with_capacity(ROWS * COLUMNS));
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let x = (2 * column + 1) * image.width / (2 * COLUMNS);
            let y = (2 * row + 1) * image.height / (2 * ROWS);
            sample.push(
                image
                    .pixels
                    .get((y * image.width + x) * 3 + 1)
                    .copied()
                    .unwrap_or(0),
            );
        }
    }
    sample
}

/// Root of the mean squared difference, of 255.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let squares: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
        .sum();
    (squares as f64 / a.len().max(1) as f64).sqrt()
}

const ROWS: usize = 30;
const COLUMNS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32) -> RgbImage {
        let mut state = seed;
        RgbImage {
            width: 160,
            height: 120,
            pixels: (0..160 * 120 * 3)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    120 + (state >> 29) as u8
                })
                .collect(),
        }
    }

    #[test]
    fn a_stored_frame_is_found_again_and_a_slow_camera_forgiven() {
        let mut freshness = Freshness::default();
        assert_eq!(freshness.take(&noise(1)), Novelty::New);
        assert_eq!(freshness.take(&noise(1)), Novelty::Still);
        assert_eq!(freshness.take(&noise(2)), Novelty::New);
        assert_eq!(freshness.figure(), Some(0.0));
        assert_eq!(freshness.take(&noise(1)), Novelty::Repeated);
        assert_eq!(freshness.figure(), Some(1.0));
    }

    #[test]
    fn a_stored_frame_that_was_packed_anew_is_found_again() {
        let mut freshness = Freshness::default();
        freshness.take(&noise(1));
        freshness.take(&noise(2));
        let mut again = noise(1);
        for value in again.pixels.iter_mut().step_by(31) {
            *value += 1;
        }
        assert_eq!(freshness.take(&again), Novelty::Repeated);
    }
}
