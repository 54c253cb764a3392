//! A plane of bits, 64 pixels a word, so that one operation decides 64 pixels.
//!
//! Bit `x % 64` of word `x / 64` is pixel x. Around the plane lies a frame of words that are always zero, so that neighbours need no
//! special case.

use std::ops::Range;

use zeroize::Zeroize;

/// Pixels that are on.
#[derive(Clone)]
pub(crate) struct Bits {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Words from one row to the next, with a zero word on either side.
    stride: usize,
    words: Vec<u64>,
}

impl Drop for Bits {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}

impl Bits {
    pub(crate) fn none(width: usize, height: usize) -> Self {
        let stride = width.div_ceil(64) + 2;
        Self {
            width,
            height,
            stride,
            words: vec![0; stride * (height + 2)],
        }
    }

    /// Where the words of a row lie, without the frame.
    fn place(&self, y: usize) -> Range<usize> {
        let start = (y + 1) * self.stride + 1;
        start..start + self.stride - 2
    }

    /// The words of a row.
    pub(crate) fn row(&self, y: usize) -> &[u64] {
        &self.words[self.place(y)]
    }

    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [u64] {
        let place = self.place(y);
        &mut self.words[place]
    }

    /// A row with the zero words of its frame, and the one below; rows count from -1, shifted by one.
    pub(crate) fn framed_row(&self, y_and_one: usize) -> &[u64] {
        &self.words[y_and_one * self.stride..(y_and_one + 1) * self.stride]
    }

    #[cfg(test)]
    pub(crate) fn is_on(&self, x: usize, y: usize) -> bool {
        self.row(y)[x / 64] >> (x % 64) & 1 == 1
    }

    /// Switches pixels of a row on or off.
    pub(crate) fn switch(&mut self, y: usize, pixels: Range<usize>, on: bool) {
        let first = pixels.start / 64;
        let words = first..pixels.end.div_ceil(64).max(first);
        for (word, index) in self.row_mut(y)[words.clone()].iter_mut().zip(words) {
            let from = pixels.start.saturating_sub(index * 64);
            let to = (pixels.end - index * 64).min(64);
            let span = (u64::MAX >> (64 - (to - from))) << from;
            *word = if on { *word | span } else { *word & !span };
        }
    }

    /// The pixels of a row that are on.
    pub(crate) fn pixels(&self, y: usize) -> impl Iterator<Item = usize> {
        self.row(y).iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.checked_sub(1)?;
                Some(index * 64 + bit)
            })
        })
    }

    /// The runs of a row: pixels side by side that are on.
    pub(crate) fn runs(&self, y: usize) -> impl Iterator<Item = Range<usize>> {
        let row = self.row(y);
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = next(row, from, 0)?;
            let end = next(row, start, u64::MAX).unwrap_or(row.len() * 64);
            from = end;
            Some(start..end)
        })
    }
}

/// The first pixel from `from` on whose bit differs from those of `other`, which is all zeros or all ones.
fn next(row: &[u64], from: usize, other: u64) -> Option<usize> {
    let first = row.get(from / 64)?;
    let rest = (first ^ other) & (u64::MAX << (from % 64));
    if rest != 0 {
        return Some(from / 64 * 64 + rest.trailing_zeros() as usize);
    }
    let (index, word) = row
        .iter()
        .enumerate()
        .skip(from / 64 + 1)
        .find(|(_, word)| **word != other)?;
    Some(index * 64 + (word ^ other).trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pixels_and_runs_are_those_that_were_switched_on(
            spans in prop::collection::vec((0usize..200, 1usize..90, any::<bool>()), 0..12),
        ) {
            let mut plain = [false; 200];
            let mut bits = Bits::none(200, 3);
            for (start, length, on) in spans {
                let end = (start + length).min(200);
                plain[start..end].fill(on);
                bits.switch(1, start..end, on);
            }
            let expected: Vec<usize> = (0..200).filter(|&x| plain[x]).collect();
            prop_assert_eq!(bits.pixels(1).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(bits.runs(1).flatten().collect::<Vec<_>>(), expected);
            let runs: Vec<Range<usize>> = bits.runs(1).collect();
            prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert!((0..200).all(|x| bits.is_on(x, 1) == plain[x]));
            prop_assert!(bits.pixels(0).next().is_none() && bits.pixels(2).next().is_none());
        }
    }
}
