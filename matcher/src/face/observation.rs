//! An observation: what one frame shows of the person, without who it is.

use super::detect::Face;
use super::geometry::Point;
use super::params::LARGE_SHARE;
use super::pose::Pose;
use super::quality::Appearance;
use crate::sample::RgbImage;

/// Facts about a frame and its best face, for guidance, for challenges and for the gates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The best ranked face.
    pub face: Face,
    /// The longer side of its box, as a share of the shorter side of the image.
    pub size: f64,
    /// From the image's centre to the box's, as shares of the image's width and height.
    pub offset: Point,
    /// Where the head points.
    pub pose: Pose,
    /// How the face is lit and how sharp it is.
    pub appearance: Appearance,
    /// 0 to 100, as [`super::quality::quality`] judges.
    pub quality: u8,
    /// Faces about as large as the best one, itself included.
    pub large_faces: usize,
    /// Mean aspect ratio of the eyes' openings, about 0.3 open and below 0.2 shut; `None` without the
    /// 68-point model.
    pub eye_aspect: Option<f64>,
    /// Probability that no screen or print is held up; `None` without the models, or when the face fills
    /// the frame so far that they would judge without the surroundings that they need.
    pub bona_fide: Option<f32>,
}

/// The facts that follow from the boxes alone.
pub(super) struct Framing {
    pub(super) size: f64,
    pub(super) offset: Point,
    pub(super) large_faces: usize,
}

impl Framing {
    pub(super) fn of(image: &RgbImage, best: &Face, faces: &[Face]) -> Self {
        let (width, height) = (image.width as f64, image.height as f64);
        let centre = best.bbox.centre();
        let least_area = best.bbox.area() * LARGE_SHARE * LARGE_SHARE;
        Self {
            size: best.bbox.width.max(best.bbox.height) / width.min(height),
            offset: Point {
                x: centre.x / width - 0.5,
                y: centre.y / height - 0.5,
            },
            large_faces: faces.iter().filter(|f| f.bbox.area() >= least_area).count(),
        }
    }
}
