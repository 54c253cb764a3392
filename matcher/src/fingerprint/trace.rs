//! The intermediate stages by name, for pictures and golden files: what an extraction saw, and what a comparison paired.
//!
//! Each stage hands what it made to a `Trace`. The trace that keeps nothing is `()`: its calls have no body, so the compiler
//! leaves them out and a trace that is off costs nothing. Kept values come from a sample and are wiped when dropped.

use zeroize::Zeroize;

use super::align::{Evidence, align};
use super::bits::Bits;
use super::extract::{Extraction, FingerprintError, extract_traced};
use super::orientation::Orientation;
use super::pair::pair;
use super::params::Params;
use super::plane::{CELL_PX, Plane};
use super::prepared::{Prepared, in_order};
use super::score::score;
use super::segment::Mask;
use super::thin::Binary;
use crate::sample::GreyImage;

/// What a stage made, in the order of the extraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The sample at 500 dpi: 0 black to 255 white.
    Grey,
    /// 1 in cells of the print, 0 outside.
    Segmentation,
    /// Even brightness and contrast, ridges positive.
    Normalised,
    /// Ridge direction a cell, radians from 0 to pi, read from the normalised image; NaN outside the print.
    FirstOrientation,
    /// Pixels from ridge to ridge, a cell.
    RidgePeriod,
    /// The first response of the contextual filter, positive on ridges.
    FirstEnhanced,
    /// Ridge direction a cell, read from the first response; NaN outside the print.
    Orientation,
    /// How far the gradients of a cell agree with that direction, 0 to 1; 0 outside the print.
    Coherence,
    /// The last response of the contextual filter.
    Enhanced,
    /// Quality of a cell, 0 to 1.
    Quality,
    /// 1 on ridges.
    Ridges,
    /// 1 in valleys.
    Valleys,
    /// Ridges, one pixel wide.
    RidgeLines,
    /// Valleys, one pixel wide.
    ValleyLines,
}

impl Stage {
    /// Pixels along a side of one value.
    #[must_use]
    pub fn cell_px(self) -> usize {
        match self {
            Self::Segmentation
            | Self::FirstOrientation
            | Self::RidgePeriod
            | Self::Orientation
            | Self::Coherence
            | Self::Quality => CELL_PX,
            Self::Grey
            | Self::Normalised
            | Self::FirstEnhanced
            | Self::Enhanced
            | Self::Ridges
            | Self::Valleys
            | Self::RidgeLines
            | Self::ValleyLines => 1,
        }
    }

    /// The stage in a file's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Segmentation => "segmentation",
            Self::Normalised => "normalised",
            Self::FirstOrientation => "first-orientation",
            Self::RidgePeriod => "ridge-period",
            Self::FirstEnhanced => "first-enhanced",
            Self::Orientation => "orientation",
            Self::Coherence => "coherence",
            Self::Enhanced => "enhanced",
            Self::Quality => "quality",
            Self::Ridges => "ridges",
            Self::Valleys => "valleys",
            Self::RidgeLines => "ridge-lines",
            Self::ValleyLines => "valley-lines",
        }
    }
}

/// What one stage made, row by row. Wiped when dropped.
pub struct Traced {
    /// Which stage.
    pub stage: Stage,
    /// Values in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values.
    pub values: Vec<f32>,
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

/// [`extract`](super::extract()) with everything that it saw on the way, up to where it failed if it did.
pub fn trace(
    image: &GreyImage,
    dpi: Option<f64>,
    params: &Params,
) -> (Vec<Traced>, Result<Extraction, FingerprintError>) {
    let mut kept = Kept::default();
    let extraction = extract_traced(image, dpi, params, &mut kept);
    (kept.stages, extraction)
}

/// A comparison with the pairs that it rests on.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What [`compare`](super::compare) answers.
    pub score: f64,
    /// What it was made of.
    pub evidence: Evidence,
    /// Minutiae that meet: index in the probe, index in the reference.
    pub pairs: Vec<(usize, usize)>,
    /// Turn that takes the probe onto the reference, radians counter-clockwise.
    pub turn: f32,
    /// Shift after that turn about the origin, px.
    pub shift: (f32, f32),
}

impl Explanation {
    /// Where a place of the probe comes to lie on the reference, before the skin's stretch is taken out.
    #[must_use]
    pub fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.turn.sin_cos();
        (
            cos * x + sin * y + self.shift.0,
            cos * y - sin * x + self.shift.1,
        )
    }

    /// The place of the probe that comes to lie at a place of the reference.
    #[must_use]
    pub fn place_back(&self, x: f32, y: f32) -> (f32, f32) {
        let (sin, cos) = self.turn.sin_cos();
        let (x, y) = (x - self.shift.0, y - self.shift.1);
        (cos * x - sin * y, cos * y + sin * x)
    }
}

/// [`compare`](super::compare) with its reasons.
#[must_use]
pub fn explain(probe: &Prepared, reference: &Prepared, params: &Params) -> Explanation {
    let (a, b) = in_order(probe, reference);
    let is_swapped = !std::ptr::eq(a, probe);
    let mut met = Met::default();
    let pairs = pair(a, b, &params.mcc, &params.pair);
    let evidence = align(a, b, &pairs, params, &mut met);
    let mut out = Explanation {
        score: score(&evidence, &params.score),
        evidence,
        pairs: met.pairs,
        turn: met.turn,
        shift: met.shift,
    };
    if is_swapped {
        // The way back: turn the other way, and undo the shift there.
        let (sin, cos) = out.turn.sin_cos();
        let (x, y) = out.shift;
        out.shift = (-(cos * x - sin * y), -(cos * y + sin * x));
        out.turn = -out.turn;
        out.pairs.iter_mut().for_each(|(i, j)| (*i, *j) = (*j, *i));
    }
    out
}

/// Extracts, calling `ended` as each stage ends: for measuring where the time goes.
///
/// # Errors
/// As [`extract`](super::extract).
pub fn observe(
    image: &GreyImage,
    dpi: Option<f64>,
    params: &Params,
    ended: impl FnMut(Stage),
) -> Result<Extraction, FingerprintError> {
    extract_traced(image, dpi, params, &mut Observer(ended))
}

/// Hears of stages, and looks at none.
struct Observer<F>(F);

impl<F: FnMut(Stage)> Trace for Observer<F> {
    fn plane(&mut self, stage: Stage, _plane: &Plane) {
        self.0(stage);
    }

    fn mask(&mut self, _mask: &Mask) {
        self.0(Stage::Segmentation);
    }

    fn field(&mut self, stage: Stage, _field: &Orientation, _mask: &Mask) {
        self.0(stage);
    }

    fn binary(&mut self, stage: Stage, _binary: &Binary) {
        self.0(stage);
    }

    fn bits(&mut self, stage: Stage, _bits: &Bits) {
        self.0(stage);
    }
}

/// Listens to an extraction.
pub(crate) trait Trace {
    fn plane(&mut self, _stage: Stage, _plane: &Plane) {}
    fn mask(&mut self, _mask: &Mask) {}
    fn field(&mut self, _stage: Stage, _field: &Orientation, _mask: &Mask) {}
    fn binary(&mut self, _stage: Stage, _binary: &Binary) {}
    fn bits(&mut self, _stage: Stage, _bits: &Bits) {}
}

/// Listens to a comparison: the turn (cosine, sine) and shift that were found, and each minutia's partner where it has one.
pub(crate) trait TraceMeeting {
    fn met(
        &mut self,
        _turn: (f32, f32),
        _shift: (f32, f32),
        _pairs: impl Iterator<Item = (usize, usize)>,
    ) {
    }
}

impl Trace for () {}
impl TraceMeeting for () {}

#[derive(Default)]
struct Kept {
    stages: Vec<Traced>,
}

impl Kept {
    fn keep(&mut self, stage: Stage, width: usize, values: Vec<f32>) {
        self.stages.push(Traced {
            stage,
            width,
            height: values.len() / width.max(1),
            values,
        });
    }
}

impl Trace for Kept {
    fn plane(&mut self, stage: Stage, plane: &Plane) {
        self.keep(stage, plane.width, plane.values.clone());
    }

    fn mask(&mut self, mask: &Mask) {
        let values = mask
            .inside
            .iter()
            .map(|&inside| f32::from(u8::from(inside)));
        self.keep(Stage::Segmentation, mask.columns, values.collect());
    }

    fn field(&mut self, stage: Stage, field: &Orientation, mask: &Mask) {
        let angle = |index: usize| {
            if mask.inside[index] {
                field
                    .angle(index % mask.columns, index / mask.columns)
                    .rem_euclid(std::f32::consts::PI)
            } else {
                f32::NAN
            }
        };
        let angles = (0..mask.inside.len()).map(angle).collect();
        self.keep(stage, mask.columns, angles);
        if stage == Stage::Orientation {
            // Outside the print it is that of rounding errors.
            let inside = field.coherence.values.iter().zip(&mask.inside);
            let values = inside.map(|(&v, &inside)| if inside { v } else { 0.0 });
            self.keep(Stage::Coherence, mask.columns, values.collect());
        }
    }

    fn bits(&mut self, stage: Stage, bits: &Bits) {
        let mut values = vec![0.0; bits.width * bits.height];
        for y in 0..bits.height {
            for x in bits.pixels(y) {
                values[y * bits.width + x] = 1.0;
            }
        }
        self.keep(stage, bits.width, values);
    }

    fn binary(&mut self, stage: Stage, binary: &Binary) {
        let values = binary.on.iter().map(|&on| f32::from(u8::from(on)));
        self.keep(stage, binary.width, values.collect());
    }
}

#[derive(Default)]
struct Met {
    turn: f32,
    shift: (f32, f32),
    pairs: Vec<(usize, usize)>,
}

impl TraceMeeting for Met {
    fn met(
        &mut self,
        (cos, sin): (f32, f32),
        shift: (f32, f32),
        pairs: impl Iterator<Item = (usize, usize)>,
    ) {
        self.turn = sin.atan2(cos);
        self.shift = shift;
        self.pairs = pairs.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::synthetic::Print;
    use crate::fingerprint::{compare, extract};

    #[test]
    fn a_trace_names_every_stage_once_and_changes_nothing() {
        let params = Params::default();
        let image = Print::new(4).draw();
        let plain = extract(&image, Some(500.0), &params).expect("a clear print");
        let (stages, traced) = trace(&image, Some(500.0), &params);
        let traced = traced.expect("a clear print");
        assert_eq!(plain.template.to_bytes(), traced.template.to_bytes());
        let names: Vec<Stage> = stages.iter().map(|s| s.stage).collect();
        assert_eq!(names.len(), 14);
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
        for stage in &stages {
            let cell = stage.stage.cell_px();
            assert_eq!(stage.values.len(), stage.width * stage.height);
            assert_eq!(
                (stage.width, stage.height),
                (image.width.div_ceil(cell), image.height.div_ceil(cell)),
                "{:?}",
                stage.stage
            );
        }
    }

    #[test]
    fn an_explanation_finds_the_turn_and_the_shift_both_ways() {
        let params = Params::default();
        let moved = Print {
            turn: 0.4,
            shift: (9.0, -6.0),
            ..Print::new(2)
        };
        let [still, moved] = [Print::new(2), moved].map(|print| {
            let extraction = extract(&print.draw(), Some(500.0), &params).expect("a clear print");
            let prepared = Prepared::new(&extraction.template, &params);
            (extraction.template, prepared)
        });
        for (a, b) in [(&still, &moved), (&moved, &still)] {
            let why = explain(&a.1, &b.1, &params);
            assert_eq!(why.score, compare(&a.1, &b.1, &params));
            assert!(why.pairs.len() > 10, "{}", why.pairs.len());
            assert!((why.turn.abs() - 0.4).abs() < 0.05, "{}", why.turn);
            for (i, j) in &why.pairs {
                let (m, n) = (a.0.minutiae()[*i], b.0.minutiae()[*j]);
                let (x, y) = why.place(m.x_px(), m.y_px());
                assert!((x - n.x_px()).hypot(y - n.y_px()) < 25.0);
                let back = why.place_back(x, y);
                assert!((back.0 - m.x_px()).hypot(back.1 - m.y_px()) < 0.01);
            }
        }
    }

    #[test]
    fn a_refused_sample_shows_what_was_seen_of_it() {
        let blank = GreyImage {
            width: 200,
            height: 200,
            pixels: vec![200; 40_000],
        };
        let (stages, extraction) = trace(&blank, Some(500.0), &Params::default());
        assert_eq!(extraction.err(), Some(FingerprintError::NoRidges));
        let names: Vec<Stage> = stages.iter().map(|s| s.stage).collect();
        assert_eq!(names, [Stage::Grey, Stage::Segmentation]);
    }
}
