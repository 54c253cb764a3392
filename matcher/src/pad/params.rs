//! Every tuned constant of presentation-attack detection, and where it came from.
//!
//! The gate's table ([`RULES`]) and most thresholds are first estimates from the geometry; a few were read
//! from a handful of the simulation's development people, the blink's from photographs of shut eyes. What
//! they reach on other people is not measured (`measured.md`). Times are seconds by the server's clock.

use super::gate::{Cue, Rule};

// The capture.

/// Good frames in a row, and how long they last, before the first prompt.
pub const FRAMING_FRAMES: usize = 4;
/// See [`FRAMING_FRAMES`].
pub const FRAMING_S: f64 = 0.3;
/// Head pose may spread by this while framing, degrees: the neutral pose is its median.
pub const FRAMING_MOST_SPREAD_DEG: f64 = 8.0;
/// Framing may take this long: finding the light and the distance is slow for some.
pub const FRAMING_LIMIT_S: f64 = 40.0;
/// The whole capture may take this long.
pub const CAPTURE_LIMIT_S: f64 = 90.0;
/// Frames that one capture may send; at fifteen a second more than the whole time.
pub const MOST_FRAMES: usize = 1500;
/// The face may be out of sight this long once framing is over.
pub const MOST_ABSENCE_S: f64 = 1.5;
/// Frames that claim another screen than was asked for, once the page has shown it.
pub const MOST_OUT_OF_STEP: usize = 3;
/// A page may take this long to show what it is told.
pub const SHOW_LIMIT_S: f64 = 3.0;

// Answers. Nobody reacts to what he sees within an eighth of a second: simple visual reaction times are
// 0.18 s and more (Woods et al. 2015, Frontiers in Human Neuroscience 9:131); the camera adds its own delay.

/// An answer that comes sooner after its prompt was on the screen was not made to it.
pub const LEAST_REACTION_S: f64 = 0.12;
/// A movement may take this long from its prompt.
pub const MOVEMENT_LIMIT_S: f64 = 4.0;
/// Tries of one challenge.
pub const MOST_TRIES: usize = 2;
// Turns are as the 68 points tell them (`turn`), degrees; of the simulation's development people a turn came
// to 23 and more, a look up to 15 and more, a dot to 10 and more, and at rest they swayed by 5.
/// A turn to a side that counts. What a print before a head, with holes for the eyes, does when it turns
/// looks like 10 to 23 degrees to a side, 10 to 18 upwards, 4 to 11 to a dot.
pub const TURN_DEG: f64 = 18.0;
/// A look up that counts.
pub const LOOK_UP_DEG: f64 = 12.0;
/// Pointing the face at the dot.
pub const FOLLOW_DEG: f64 = 9.0;
/// Up and down the dot draws a head less far than to the sides: what is read is taken this many times. Without it
/// three of forty simulated subjects were refused, whose places below seemed to be those beside.
pub const FOLLOW_UPRIGHT: f64 = 1.3;
/// The head is back, nearer to rest than this.
pub const HOME_DEG: f64 = 6.0;
/// A head that was not back points elsewhere when it is this far from where it pointed last. The dot's places
/// are 90 degrees apart at least; this and the angle of [`LEAST_COSINE`] are less than 135, so that on the
/// way to the next place none between is taken for the answer.
pub const FRESH_DEG: f64 = 60.0;
/// How far off the asked direction a movement may be: its cosine, of 40 degrees. The dot's places are 45
/// degrees apart, so a direction is near two of them at most.
pub const LEAST_COSINE: f64 = 0.766;
/// Eyes are shut when they are less like those at rest than they were while open, by this; and open again
/// when the difference is below the other. Over AT&T photographs with the same pose and light, open eyes are
/// 0.85 to 0.98 like each other, and shut ones 0.29 to 0.77 like open ones; of the simulation's development
/// people open ones at rest are 0.96 and more, and shut ones 0.16 and more below that.
pub const SHUT_DROP: f64 = 0.1;
/// See [`SHUT_DROP`].
pub const OPEN_DROP: f64 = 0.06;
/// Eyes that stay shut for longer than this do not blink: a blink takes a third of a second from the
/// first movement of the lid to the last, and half of that the eye is covered (Caffier et al. 2003).
pub const SHUT_S: f64 = 0.28;
/// The bridge of the nose stays this much like itself in a blink; in those photographs it is 0.88 and more.
pub const BLINK_LEAST_CONTROL: f64 = 0.8;
/// A turned head's eyes are not judged beyond this, degrees.
pub const BLINK_MOST_TURN_DEG: f64 = 10.0;
/// Each colour is on the screen at least this long: less than three changes a second (WCAG 2.2, 2.3.1).
pub const COLOUR_LEAST_S: f64 = 0.36;
/// Frames of each colour.
pub const COLOUR_LEAST_FRAMES: usize = 3;
/// Colours between two challenges, and before a second try.
pub const REST_COLOURS: usize = 2;
/// Colours at the end where those so far were not told as they were shown.
pub const MORE_COLOURS: usize = 4;

// What is kept.

/// Frames kept for the comparison.
pub const KEEP_STRAIGHT: usize = 3;
/// A straight look whose eyes are less like those at rest is not kept: they are shut.
pub const KEEP_LEAST_EYES: f64 = 0.85;
/// Quality below which a frame is not kept to enrol from.
pub const ENROL_LEAST_QUALITY: u8 = 35;
/// Poses are different from here on, degrees.
pub const ENROL_POSE_DEG: f64 = 6.0;
/// Good frames of different pose that an enrolment takes.
pub const ENROL_LEAST_POSES: usize = 3;

// Cues.

/// Frames that the passive networks must have judged, and how far the head may be turned in them.
pub const TEXTURE_LEAST_FRAMES: usize = 3;
/// See [`TEXTURE_LEAST_FRAMES`].
pub const TEXTURE_MOST_TURN_DEG: f64 = 10.0;
/// A colour's first frames, before screen and camera have settled: a webcam's picture is 0.05 to 0.14 s old.
pub const REFLECTION_SETTLED_S: f64 = 0.15;
/// Turned frames, and how far they are turned.
pub const DEPTH_LEAST_FRAMES: usize = 2;
/// See [`DEPTH_LEAST_FRAMES`].
pub const DEPTH_LEAST_TURN_DEG: f64 = 6.0;
/// Turned frames, and how far by the 68 points, from which on nose and mouth are held against the whole.
pub const WHOLE_LEAST_FRAMES: usize = 3;
/// See [`WHOLE_LEAST_FRAMES`].
pub const WHOLE_LEAST_TURN_DEG: f64 = 8.0;
/// Time between the frames that are compared.
pub const SURROUNDINGS_GAP_S: f64 = 0.15;
/// Shift of the face between them, pixels of the small copy.
pub const SURROUNDINGS_LEAST_SHIFT: f64 = 1.5;
/// Summed mean errors below which the background had no texture or the face did not move.
pub const SURROUNDINGS_LEAST_ERROR: f64 = 6.0;
/// Frequencies searched for moire, cycles a pixel.
pub const MOIRE_BAND: (f64, f64) = (0.12, 0.5);
/// Distance between the eyes, pixels.
pub const MOIRE_LEAST_FACE_PX: f64 = 40.0;
/// Two frames nearer than this, of 255, are one; a camera's noise is one or more.
pub const FRESHNESS_LEAST_DIFFERENCE: f64 = 0.3;
/// Share of frames equal to the one before that a slow camera explains.
pub const FRESHNESS_MOST_SAME: f64 = 0.7;
/// Overlap of the face's box with itself a moment later.
pub const CONTINUITY_LEAST_OVERLAP: f64 = 0.2;
/// Cosine of a kept frame's template with the others' mean.
pub const CONTINUITY_LEAST_SCORE: f64 = 0.35;

// The gate.

/// How each cue's figure is read.
pub const RULES: [Rule; 13] = [
    rule(Cue::Texture, (0.02, 0.5, 2.0)),
    // Every colour has to be told right: one that is not is as good as another film.
    Rule {
        must: true,
        ..rule(Cue::Colours, (0.999, 1.0, 1.0))
    },
    rule(Cue::Reflection, (0.015, 0.05, 10.0)),
    Rule {
        must: true,
        // Of 99 captures of development people who turned none was below 0.67.
        ..rule(Cue::Depth, (0.6, 0.6, 4.0))
    },
    // It refuses, and says nothing else. Of 59 captures of development people who turned none was below 0.77; of ten
    // prints with holes for the eyes six were below 0.71.
    rule(Cue::Whole, (0.72, 1.0, 1e-3)),
    rule(Cue::Surroundings, (0.7, 0.0, -2.0)),
    rule(Cue::Moire, (3.0, 1.6, -2.0)),
    rule(Cue::Sharpness, (0.002, 0.01, 10.0)),
    rule(Cue::Freshness, (0.5, 0.0, -1.0)),
    rule(Cue::Turning, (900.0, 300.0, -0.005)),
    rule(Cue::Shifting, (12.0, 4.0, -0.3)),
    rule(Cue::Continuity, (0.2, 0.0, -5.0)),
    rule(Cue::Tries, (3.5, 0.5, -0.5)),
];
/// Most evidence of one cue, either way.
pub const MOST_EVIDENCE: f64 = 2.0;
/// The sum of the evidence that a person reaches.
pub const LEAST_SUM: f64 = 0.0;

/// A rule from the figure that refuses, the one that is no evidence, and the evidence a unit.
const fn rule(cue: Cue, (refuse, even, slope): (f64, f64, f64)) -> Rule {
    Rule {
        cue,
        refuse,
        even,
        slope,
        must: false,
    }
}
