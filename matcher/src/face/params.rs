//! Every tuned constant of the face pipeline, and where it came from.
//!
//! "Development data" are 1,926 grey images of 885 people from LFW and the 248 of 25 people from AT&T.

use super::geometry::Point;

/// Side of the detector's square input, pixels. At 320 it finds a face in every development image.
pub const DETECTOR_SIDE: usize = 320;
/// Detector score below which nothing is called a face; the value of the reference measurement.
pub const DETECTOR_LEAST_SCORE: f64 = 0.6;
/// Two boxes that overlap by more than this (intersection over union) are one face.
pub const DETECTOR_OVERLAP: f64 = 0.3;
/// Share of the image's width from the centre at which a face counts half as much as a central one.
pub const CENTRAL_SHARE: f64 = 0.25;
/// A second face at least this share of the best one's rank makes it unclear whom the image shows.
pub const RIVAL_RANK: f64 = 0.7;
/// A second face with at least this share of the best one's side is counted as a large face.
pub const LARGE_SHARE: f64 = 0.5;
/// Eyes closer than this, pixels, carry too little detail to compare; AT&T's tight crops have 30 to 45.
pub const LEAST_EYE_DISTANCE_PX: f64 = 14.0;

/// Side of the aligned face, pixels.
pub const ALIGNED_SIDE: usize = 112;
/// Where the five points go in the aligned face: the frame that the embedder was trained in.
pub const ALIGNED_POINTS: [Point; 5] = [
    Point {
        x: 38.2946,
        y: 51.6963,
    },
    Point {
        x: 73.5318,
        y: 51.5014,
    },
    Point {
        x: 56.0252,
        y: 71.7366,
    },
    Point {
        x: 41.5493,
        y: 92.3655,
    },
    Point {
        x: 70.7299,
        y: 92.2041,
    },
];
/// Values of a template.
pub const EMBEDDING_LENGTH: usize = 128;

/// Side of the 68-point network's input, pixels.
pub const LANDMARK_SIDE: usize = 112;
/// Points of that network.
pub const LANDMARK_COUNT: usize = 68;

/// Quality: distance between the eyes, pixels, from useless to as good as the embedder can use.
pub const QUALITY_EYE_DISTANCE_PX: (f64, f64) = (8.0, 32.0);
/// Quality: detector score.
pub const QUALITY_DETECTION: (f64, f64) = (0.5, 0.85);
/// Quality: yaw away from the camera, degrees, from lost to harmless.
pub const QUALITY_YAW_DEG: (f64, f64) = (65.0, 15.0);
/// Quality: pitch, degrees, from lost to harmless.
pub const QUALITY_PITCH_DEG: (f64, f64) = (60.0, 20.0);
/// Quality: sharpness (see `quality`).
pub const QUALITY_SHARPNESS: (f64, f64) = (0.0, 0.05);
/// Quality: mean luma, its dark and its bright side.
pub const QUALITY_BRIGHTNESS: ((f64, f64), (f64, f64)) = ((0.02, 0.2), (1.0, 0.85));

/// Guidance: smallest and largest face, as in `Observation::size`.
pub const GUIDE_SIZE: (f64, f64) = (0.22, 0.75);
/// Guidance: farthest from the centre, as a share of the image's side.
pub const GUIDE_MOST_OFFSET: f64 = 0.2;
/// Guidance: darkest and brightest face, mean luma.
pub const GUIDE_BRIGHTNESS: (f64, f64) = (0.15, 0.88);
/// Guidance: farthest turn to a side, degrees.
pub const GUIDE_MOST_YAW_DEG: f64 = 22.0;
/// Guidance: farthest nod, degrees.
pub const GUIDE_MOST_PITCH_DEG: f64 = 25.0;
/// Guidance: farthest lean, degrees.
pub const GUIDE_MOST_ROLL_DEG: f64 = 20.0;
/// Guidance: least sharpness (see `quality`).
pub const GUIDE_LEAST_SHARPNESS: f64 = 0.01;
