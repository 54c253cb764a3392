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
/// Eyes closer than this, pixels, carry too little detail to compare. Of AT&T's faces with 10 to 14 pixels,
/// most still compare at a false match rate of 1e-3.
pub const LEAST_EYE_DISTANCE_PX: f64 = 8.0;

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
/// Values of a template of the recommended embedder.
pub const EMBEDDING_LENGTH: usize = 128;

/// Side of the tiny face detector's square input, pixels. At the package's usual 416, of 499 portraits of the
/// development data it misses 9 and finds something else in 2.
pub const TINY_DETECTOR_SIDE: usize = 256;
/// Longer side of the image in each of its looks, pixels. What falls on the border of a cell in one look does not in
/// the other: the first look alone misses 9 of those portraits at a score of 0.3, both together none, and the worst
/// hundredth scores 0.43, 0.47, and 0.51 as the mean.
pub const TINY_DETECTOR_LOOKS: [usize; 2] = [256, 208];
/// Its score, as the mean of the looks, below which nothing is called a face: where one look alone is quite sure.
pub const TINY_DETECTOR_LEAST_SCORE: f64 = 0.3;
/// Score of a box in one look below which it counts as not seen there.
pub const TINY_DETECTOR_LEAST_GLIMPSE: f64 = 0.1;
/// Its anchors, in cells: width and height of the face that each was trained for. The package's own.
pub const TINY_DETECTOR_ANCHORS: [(f64, f64); 5] = [
    (1.603231, 2.094468),
    (6.041143, 7.080126),
    (2.882459, 3.518061),
    (4.266906, 5.178857),
    (9.041765, 10.66308),
];
/// Most faces of an image whose 68 points are looked for, where the detector has none of its own: the best ranked.
pub const MOST_POINTED_FACES: usize = 4;

/// Side of the 150-pixel embedder's input.
pub const DLIB_SIDE: usize = 150;
/// Its cut: the mean distance from eyes to mouth is this share of the side, ...
pub const DLIB_EYE_TO_MOUTH: f64 = 0.45;
/// ... and the middle of eyes and mouth lies here.
pub const DLIB_MIDDLE: (f64, f64) = (0.5, 0.43);
/// Side of the 160-pixel embedder's input.
pub const FACENET_SIDE: usize = 160;
/// Its cut: the box's longer side times this.
pub const FACENET_MARGIN: f64 = 1.2;

/// Side of the 68-point network's input, pixels.
pub const LANDMARK_SIDE: usize = 112;
/// Points of that network.
pub const LANDMARK_COUNT: usize = 68;

/// A point of the detector and of the 68 farther apart than this share of the face's longer side: the networks
/// speak of different faces, and the detector is right.
pub const REFINED_MOST_APART: f64 = 0.25;

// Quality. Each ramp ends where, on the development pairs, the false non-match rate at a false match rate
// of 1e-3 stops falling: it is 16 % in the tenth with the lowest detector score and 1.4 % in the next, 10 %
// in the least sharp tenth and 1 % above the median, 9 % beyond 36 degrees of yaw, 6 % below 0.42 of luma.

/// Distance between the eyes, pixels, from useless to as good as the embedder can use.
pub const QUALITY_EYE_DISTANCE_PX: (f64, f64) = (6.0, 32.0);
/// Detector score.
pub const QUALITY_DETECTION: (f64, f64) = (0.8, 0.92);
/// Yaw away from the camera, degrees, from lost to harmless.
pub const QUALITY_YAW_DEG: (f64, f64) = (70.0, 30.0);
/// Pitch, degrees, from lost to harmless.
pub const QUALITY_PITCH_DEG: (f64, f64) = (60.0, 20.0);
/// Sharpness, as `Appearance` measures it.
pub const QUALITY_SHARPNESS: (f64, f64) = (0.0, 0.12);
/// Mean luma, its dark and its bright side.
pub const QUALITY_BRIGHTNESS: ((f64, f64), (f64, f64)) = ((0.1, 0.42), (1.0, 0.85));

// Guidance. Of LFW's portraits, none is darker than 0.22, one in a hundred less sharp than 0.038, and one in
// ten turned by more than 27 degrees: what is asked for here, people in front of a camera can give.

/// Smallest and largest face, as in `Observation::size`. A face of the largest size still leaves the
/// surroundings that presentation-attack detection needs.
pub const GUIDE_SIZE: (f64, f64) = (0.22, 0.65);
/// Farthest from the centre, as a share of the image's side.
pub const GUIDE_MOST_OFFSET: f64 = 0.2;
/// Darkest and brightest face, mean luma.
pub const GUIDE_BRIGHTNESS: (f64, f64) = (0.2, 0.85);
/// Farthest turn to a side, degrees.
pub const GUIDE_MOST_YAW_DEG: f64 = 25.0;
/// Farthest nod, degrees.
pub const GUIDE_MOST_PITCH_DEG: f64 = 22.0;
/// Farthest lean, degrees.
pub const GUIDE_MOST_ROLL_DEG: f64 = 20.0;
/// Least sharpness, as `Appearance` measures it.
pub const GUIDE_LEAST_SHARPNESS: f64 = 0.025;
// Covered faces. Read from 638 portraits of every other person of LFW: beside a profile, the three below are three people in dark glasses.
// Of the 632 portraits of the others two are below, both of people in dark glasses. Drawn over some of the portraits, a mask is told in 217
// of 220, dark glasses in 94 of 111, a grey bar over the eyes in 80 of 109.

/// Contrast of an eye or of the mouth below which something lies over it, as `Appearance` measures it; of whole faces 0.077 and more.
pub const COVERED_CONTRAST: f64 = 0.07;
/// Light of the eyes beside that of the cheeks below which they are behind dark glasses; of whole faces 0.284 and more.
pub const COVERED_SHADE: f64 = 0.27;
