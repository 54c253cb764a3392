//! Motion: a head has weight. Between two frames it neither turns nor moves faster than a neck can, and a
//! film that is cut or reordered jumps.

use super::trace::Trace;

/// How fast the head went between frames that follow each other closely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// The fastest turn, degrees a second.
    pub turn_deg_s: f64,
    /// The fastest shift of the face, widths of the face a second.
    pub widths_s: f64,
}

/// The motion of a capture; `None` of fewer than two frames.
#[must_use]
pub(super) fn figures(frames: &[Trace]) -> Option<Motion> {
    let mut fastest = Motion {
        turn_deg_s: 0.0,
        widths_s: 0.0,
    };
    let mut pairs = 0;
    for pair in frames.windows(2) {
        let [a, b] = pair else { continue };
        // While framing the turn is told from the camera, later from the neutral pose.
        if a.challenge.is_none() != b.challenge.is_none() {
            continue;
        }
        // Frames that come in a bunch were not filmed so close to each other.
        let seconds = (b.at_s - a.at_s).max(LEAST_GAP_S);
        let turn = (b.turn_deg.0 - a.turn_deg.0).hypot(b.turn_deg.1 - a.turn_deg.1);
        let shift = a.bbox.centre().distance(b.bbox.centre()) / a.bbox.width.max(1.0);
        fastest.turn_deg_s = fastest.turn_deg_s.max(turn / seconds);
        fastest.widths_s = fastest.widths_s.max(shift / seconds);
        pairs += 1;
    }
    (pairs > 0).then_some(fastest)
}

/// A camera's thirty frames a second and some slack.
const LEAST_GAP_S: f64 = 0.05;
