//! The tiny face detector: a grid of cells with five anchors each, boxes without points.
//!
//! For a cell and an anchor, as YOLOv2 has it (Redmon and Farhadi 2017): the box's middle is the cell's corner plus
//! the logistic of the first two values, its sides are the anchor's times the exponential of the next two, and the
//! logistic of the fifth is the score. The image is letterboxed into the top left of the input.
//!
//! The network is unsure of a face whose middle lies on the border between two cells. So it looks twice, at two sizes,
//! at which no face lies on a border both times: a face scores the mean of both looks, and its box is theirs.

use super::{Face, Point, Rect, centrality};
use crate::face::params::{
    DETECTOR_OVERLAP, TINY_DETECTOR_ANCHORS, TINY_DETECTOR_LEAST_GLIMPSE,
    TINY_DETECTOR_LEAST_SCORE, TINY_DETECTOR_LOOKS, TINY_DETECTOR_SIDE,
};
use crate::face::resample;
use crate::onnx::{Contract, Network, OnnxError};
use crate::sample::RgbImage;

/// A box in one look, with its score.
#[derive(Clone, Copy)]
struct Glimpse {
    bbox: Rect,
    score: f64,
    look: usize,
}

/// Every box that scores enough; the five points are its centre until somebody finds them.
pub(super) fn candidates(network: &Network, image: &RgbImage) -> Result<Vec<Face>, OnnxError> {
    let longer = image.width.max(image.height) as f64;
    let mut glimpses = Vec::new();
    for (look, side) in TINY_DETECTOR_LOOKS.into_iter().enumerate() {
        let scale = side as f64 / longer;
        let fitted = |length: usize| ((length as f64 * scale) as usize).clamp(1, side);
        let (width, height) = (fitted(image.width), fitted(image.height));
        let small = resample::resize(image, width, height);
        let outputs = network.run(|planes| letterbox(&small, width, planes))?;
        decode(outputs.get(0), look, CELL_PX / scale, &mut glimpses);
    }
    Ok(merge(glimpses, image))
}

/// Boxes that overlap are one face, however many looks saw it.
fn merge(mut glimpses: Vec<Glimpse>, image: &RgbImage) -> Vec<Face> {
    glimpses.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut faces = Vec::new();
    while let Some(best) = glimpses.first().copied() {
        let is_same = |g: &Glimpse| g.bbox.overlap(&best.bbox) > DETECTOR_OVERLAP;
        // The best of each look; a look that saw nothing counts as none.
        let seen = (0..TINY_DETECTOR_LOOKS.len())
            .filter_map(|look| glimpses.iter().find(|g| g.look == look && is_same(g)));
        let seen: Vec<Glimpse> = seen.copied().collect();
        // A box whose sides are nothing overlaps with none, not even itself.
        glimpses.retain(|g| !is_same(g) && g.bbox != best.bbox);
        faces.extend(face(&seen, image));
    }
    faces
}

/// The face of its best boxes, one a look, each weighed by its score; `None` where they score too little.
fn face(seen: &[Glimpse], image: &RgbImage) -> Option<Face> {
    let sum: f64 = seen.iter().map(|g| g.score).sum();
    let mean = |of: fn(&Rect) -> f64| seen.iter().map(|g| of(&g.bbox) * g.score).sum::<f64>() / sum;
    let bbox = Rect {
        x: mean(|b| b.x),
        y: mean(|b| b.y),
        width: mean(|b| b.width),
        height: mean(|b| b.height),
    };
    let (score, middle) = (sum / TINY_DETECTOR_LOOKS.len() as f64, bbox.centre());
    let rank = score * (bbox.width * bbox.height).sqrt() * centrality(middle, image);
    // An exponential can overflow: such a box is no face.
    let is_face = score > TINY_DETECTOR_LEAST_SCORE && rank.is_finite() && rank > 0.0;
    is_face.then_some(Face {
        bbox,
        score,
        landmarks: [middle; 5],
        rank,
    })
}

/// Writes RGB pixels as red, green and blue planes of 0 to 255; the rest stays black.
fn letterbox(small: &[u8], width: usize, planes: &mut [f32]) {
    let area = TINY_DETECTOR_SIDE * TINY_DETECTOR_SIDE;
    for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
        let rows = small.chunks_exact(width * 3);
        for (row, line) in rows.zip(plane.chunks_exact_mut(TINY_DETECTOR_SIDE)) {
            for (pixel, value) in row.chunks_exact(3).zip(line) {
                *value = f32::from(pixel[channel]);
            }
        }
    }
}

/// `cell_px` is the side of a cell in the image.
fn decode(values: &[f32], look: usize, cell_px: f64, glimpses: &mut Vec<Glimpse>) {
    let cells = CELLS * CELLS;
    let anchors = values.chunks_exact(cells * VALUES);
    for (planes, (wide, high)) in anchors.zip(TINY_DETECTOR_ANCHORS) {
        for cell in 0..cells {
            let value = |i: usize| f64::from(planes[i * cells + cell]);
            let score = logistic(value(4));
            let (row, column) = ((cell / CELLS) as f64, (cell % CELLS) as f64);
            let middle = Point {
                x: (column + logistic(value(0))) * cell_px,
                y: (row + logistic(value(1))) * cell_px,
            };
            let (width, height) = (
                value(2).exp() * wide * cell_px,
                value(3).exp() * high * cell_px,
            );
            if score > TINY_DETECTOR_LEAST_GLIMPSE && (width * height).is_finite() {
                let bbox = Rect {
                    x: middle.x - width / 2.0,
                    y: middle.y - height / 2.0,
                    width,
                    height,
                };
                glimpses.push(Glimpse { bbox, score, look });
            }
        }
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Side of a cell in the input, pixels.
const CELL_PX: f64 = 32.0;
/// Cells of a row: what is left of 256 pixels after a convolution without a border and five halvings.
const CELLS: usize = 8;
/// Of an anchor: middle, sides and score.
const VALUES: usize = 5;
pub(super) const CONTRACT: Contract = Contract {
    role: "detector",
    input: [1, 3, TINY_DETECTOR_SIDE, TINY_DETECTOR_SIDE],
    outputs: &[TINY_DETECTOR_ANCHORS.len() * VALUES * CELLS * CELLS],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> RgbImage {
        RgbImage {
            width: 130,
            height: 130,
            pixels: Vec::new(),
        }
    }

    fn glimpse(look: usize, x: f64, score: f64) -> Glimpse {
        let bbox = Rect {
            x,
            y: 40.0,
            width: 50.0,
            height: 50.0,
        };
        Glimpse { bbox, score, look }
    }

    #[test]
    fn a_cell_and_an_anchor_make_a_box() {
        let cells = CELLS * CELLS;
        // A score far below all others, but for one.
        let mut values = vec![-9.0; CONTRACT.outputs[0]];
        let (anchor, row, column) = (1, 6, 4);
        for (i, value) in [0.0, 0.0, 0.0, 2f32.ln(), 3.0].into_iter().enumerate() {
            values[(anchor * VALUES + i) * cells + row * CELLS + column] = value;
        }
        let mut glimpses = Vec::new();
        decode(&values, 1, 10.0, &mut glimpses);
        let [glimpse] = glimpses.as_slice() else {
            panic!("{} boxes", glimpses.len())
        };
        let centre = glimpse.bbox.centre();
        assert!((centre.x - 45.0).abs() < 1e-9 && (centre.y - 65.0).abs() < 1e-9);
        let (wide, high) = TINY_DETECTOR_ANCHORS[anchor];
        assert!((glimpse.bbox.width - wide * 10.0).abs() < 1e-5);
        assert!((glimpse.bbox.height - high * 20.0).abs() < 1e-4);
        assert!((glimpse.score - 0.952_574).abs() < 1e-6 && glimpse.look == 1);
    }

    #[test]
    fn a_face_scores_the_mean_of_both_looks_and_lies_between_its_boxes() {
        let seen = vec![
            glimpse(0, 40.0, 0.9),
            glimpse(0, 42.0, 0.8),
            glimpse(1, 46.0, 0.45),
        ];
        let faces = merge(seen, &image());
        let [face] = faces.as_slice() else {
            panic!("{} faces", faces.len())
        };
        assert!((face.score - 0.675).abs() < 1e-12);
        assert!((face.bbox.x - 42.0).abs() < 1e-9 && face.bbox.width == 50.0);
        assert_eq!(face.landmarks, [face.bbox.centre(); 5]);
    }

    #[test]
    fn what_one_look_alone_saw_must_be_sure() {
        let count = |seen: Vec<Glimpse>| merge(seen, &image()).len();
        assert_eq!(count(vec![glimpse(0, 40.0, 0.55)]), 0);
        assert_eq!(count(vec![glimpse(1, 40.0, 0.95)]), 1);
        // Far from each other, they are two things.
        assert_eq!(
            count(vec![glimpse(0, 0.0, 0.55), glimpse(1, 70.0, 0.55)]),
            0
        );
    }

    #[test]
    fn values_beyond_all_bounds_are_no_faces() {
        for value in [1e30, -1e30, f32::NAN, f32::INFINITY] {
            let mut glimpses = Vec::new();
            decode(&vec![value; CONTRACT.outputs[0]], 0, 10.0, &mut glimpses);
            assert!(merge(glimpses, &image()).is_empty(), "{value}");
        }
        // Sides of nothing, sure as they are.
        let mut values = vec![-1e3; CONTRACT.outputs[0]];
        let cells = CELLS * CELLS;
        values[4 * cells..5 * cells].fill(9.0);
        let mut glimpses = Vec::new();
        decode(&values, 0, 10.0, &mut glimpses);
        assert!(!glimpses.is_empty() && merge(glimpses, &image()).is_empty());
    }
}
