//! The 64 subbands: where each lies in the plane of coefficients, and how the image was split into them.
//!
//! IAFIS-IC-0110, the subband structure of the transform: the image is split in four, the lowest quarter again, three
//! quarters of that into sixteen each, and the lowest of those once more. Subbands lie by rising frequency, so a part that was
//! high-passed, whose spectrum is turned around, has its own halves swapped. Subbands 60 to 63 are never sent.

/// Subbands that are sent.
pub(super) const SENT: usize = 60;

/// A rectangle of coefficients, and whether its spectrum is turned around along x and y.
#[derive(Clone, Copy, Default)]
pub(super) struct Region {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) turned_x: bool,
    pub(super) turned_y: bool,
}

impl Region {
    /// The four parts: lower and higher frequency along x, then the same of the higher along y.
    fn split(self) -> [Self; 4] {
        let (left, right) = halves(self.width, self.turned_x);
        let (top, bottom) = halves(self.height, self.turned_y);
        [(false, false), (true, false), (false, true), (true, true)].map(|(high_x, high_y)| Self {
            x: self.x + if high_x { left } else { 0 },
            y: self.y + if high_y { top } else { 0 },
            width: if high_x { right } else { left },
            height: if high_y { bottom } else { top },
            turned_x: high_x,
            turned_y: high_y,
        })
    }
}

/// The two lengths of a split: the low-passed half holds the odd sample, and lies first unless turned around.
pub(super) fn halves(length: usize, turned: bool) -> (usize, usize) {
    let (low, high) = (length.div_ceil(2), length / 2);
    if turned { (high, low) } else { (low, high) }
}

/// All subbands of an image.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// In the order in which they are sent.
    pub(super) bands: [Region; SENT],
    /// What was split, parents before their parts.
    pub(super) splits: Vec<Region>,
}

impl Layout {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let whole = Region {
            width,
            height,
            ..Region::default()
        };
        let mut splits = vec![whole];
        let mut split = |region: Region| {
            splits.push(region);
            region.split()
        };
        let [low, right, below, _never_sent] = whole.split();
        let [lower, low_right, low_below, diagonal] = split(low);
        let [lowest, sixteen @ ..] = split(lower);
        let [core, rest @ ..] = split(lowest);
        let mut bands: Vec<Region> = Vec::with_capacity(SENT);
        bands.extend(split(core));
        bands.extend(rest);
        for part in sixteen {
            bands.extend(split(part));
        }
        for quarter in [low_right, low_below] {
            for part in split(quarter) {
                bands.extend(split(part));
            }
        }
        bands.push(diagonal);
        for part in [right, below] {
            bands.extend(split(part));
        }
        let mut sent = [Region::default(); SENT];
        sent.iter_mut().zip(bands).for_each(|(to, band)| *to = band);
        Self {
            width,
            height,
            bands: sent,
            splits,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_subbands_tile_all_but_the_highest_quarter(width in 1usize..200, height in 1usize..200) {
            let layout = Layout::new(width, height);
            let mut covered = vec![0u8; width * height];
            for band in &layout.bands {
                for y in band.y..band.y + band.height {
                    for x in band.x..band.x + band.width {
                        covered[y * width + x] += 1;
                    }
                }
            }
            for (index, count) in covered.iter().enumerate() {
                let unsent = index % width >= width.div_ceil(2) && index / width >= height.div_ceil(2);
                prop_assert_eq!(*count, u8::from(!unsent));
            }
        }
    }

    #[test]
    fn there_are_twenty_splits_and_the_parts_of_a_turned_one_are_swapped() {
        let layout = Layout::new(101, 77);
        assert_eq!(layout.splits.len(), 20);
        // 101 splits into 51 and 50; 51 into 26 and 25; that right part, turned, into 12 and 13.
        let twelve = layout.bands[19..23].iter().map(|b| b.width).sum::<usize>();
        assert_eq!(twelve, 2 * 12);
        assert_eq!((layout.bands[51].x, layout.bands[51].y), (26, 20));
    }
}
