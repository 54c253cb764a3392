//! Quantised values back into coefficients, each put where its subband lies.
//!
//! IAFIS-IC-0110, decoding by scalar dequantisation: a value of zero is zero; any other is the middle (by the sent centre `C`) of
//! its bin of width `Q`, beyond half the zero bin `Z`. A subband with `Q` of zero was not sent.

use super::WsqError;
use super::bands::{Layout, Region, SENT};
use super::segments::Quantisation;

/// A subband as it is received.
struct Band {
    region: Region,
    bin: f32,
    half_zero_bin: f32,
}

/// Takes the values of all subbands in order and fills the plane of coefficients.
pub(super) struct Sink {
    layout: Layout,
    plane: Vec<f32>,
    bands: std::vec::IntoIter<Band>,
    current: Option<Band>,
    /// Values of the current subband taken.
    offset: usize,
    centre: f32,
}

impl Sink {
    pub(super) fn new(layout: Layout, quantisation: &Quantisation) -> Self {
        let sent: Vec<Band> = (0..SENT)
            .map(|index| Band {
                region: layout.bands[index],
                bin: quantisation.bins[index].0,
                half_zero_bin: quantisation.bins[index].1 / 2.0,
            })
            .filter(|band| band.bin > 0.0 && band.region.width * band.region.height > 0)
            .collect();
        let mut bands = sent.into_iter();
        let current = bands.next();
        Self {
            plane: vec![0.0; layout.width * layout.height],
            layout,
            bands,
            current,
            offset: 0,
            centre: quantisation.centre,
        }
    }

    /// A run of zeros: the plane holds them already.
    pub(super) fn zeros(&mut self, count: u32) -> Result<(), WsqError> {
        let mut left = count as usize;
        while left > 0 {
            let band = self.current.as_ref().ok_or(WsqError::CoefficientCount)?;
            let step = left.min(band.region.width * band.region.height - self.offset);
            left -= step;
            self.advance(step);
        }
        Ok(())
    }

    pub(super) fn value(&mut self, value: i32) -> Result<(), WsqError> {
        let band = self.current.as_ref().ok_or(WsqError::CoefficientCount)?;
        let Region { x, y, width: w, .. } = band.region;
        let place = (y + self.offset / w) * self.layout.width + x + self.offset % w;
        let magnitude = (value.unsigned_abs() as f32 - self.centre) * band.bin + band.half_zero_bin;
        self.plane[place] = match value.signum() {
            0 => 0.0,
            sign => sign as f32 * magnitude,
        };
        self.advance(1);
        Ok(())
    }

    fn advance(&mut self, step: usize) {
        self.offset += step;
        let is_full = |band: &Band| band.region.width * band.region.height <= self.offset;
        if self.current.as_ref().is_some_and(is_full) {
            self.current = self.bands.next();
            self.offset = 0;
        }
    }

    /// The plane, when every value of every subband was taken.
    pub(super) fn finish(self) -> Result<(Layout, Vec<f32>), WsqError> {
        match self.current {
            None => Ok((self.layout, self.plane)),
            Some(_) => Err(WsqError::CoefficientCount),
        }
    }
}
