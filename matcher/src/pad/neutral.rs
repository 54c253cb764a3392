//! The person at rest, as the frames before the first prompt show him; what he does later is told beside it.

use super::super::face::geometry::Point;
use super::super::face::params::LANDMARK_COUNT;
use super::answer::Gesture;
use super::eyes::Eyes;
use super::sight::Sight;
use super::trace::median;
use super::turn::Rest;

/// A good frame before the first prompt.
pub(super) struct Framed {
    pub(super) at_s: f64,
    pub(super) yaw_deg: f64,
    pub(super) pitch_deg: f64,
    eyes: Option<Eyes>,
    points: Option<Box<[Point; LANDMARK_COUNT]>>,
}

/// The person at rest.
#[derive(Debug, Clone)]
pub(super) struct Neutral {
    yaw_deg: f64,
    pitch_deg: f64,
    eyes: Option<Eyes>,
    points: Option<Rest>,
}

impl Framed {
    pub(super) fn of(sight: &Sight, at_s: f64) -> Self {
        let pose = sight.observation.pose;
        Self {
            at_s,
            yaw_deg: pose.yaw_deg,
            pitch_deg: pose.pitch_deg,
            eyes: sight.eyes.clone(),
            points: sight.points.clone(),
        }
    }
}

impl Neutral {
    /// Of good frames in a row that agree; `None` of none.
    pub(super) fn of(framed: &[Framed]) -> Option<Self> {
        let middle = |of: fn(&Framed) -> f64| median(framed.iter().map(of).collect(), 1);
        Some(Self {
            yaw_deg: middle(|f| f.yaw_deg)?,
            pitch_deg: middle(|f| f.pitch_deg)?,
            eyes: Eyes::most_usual(framed.iter().filter_map(|f| f.eyes.as_ref())),
            points: Rest::of(framed.iter().filter_map(|f| f.points.as_deref())),
        })
    }

    /// The face beside the one at rest: by the 68 points where there are, by the detector's five else.
    pub(super) fn gesture(neutral: Option<&Self>, sight: &Sight) -> Gesture {
        let turn = neutral
            .and_then(|n| n.points.as_ref())
            .zip(sight.points.as_ref())
            .and_then(|(rest, points)| rest.turn_deg(points));
        let eyes = neutral.and_then(|n| n.eyes.as_ref());
        Gesture {
            turn_deg: turn.unwrap_or_else(|| Self::five_points_turn_deg(neutral, sight)),
            eyes: sight
                .eyes
                .as_ref()
                .zip(eyes)
                .map(|(now, rest)| now.likeness(rest)),
        }
    }

    /// The turn from rest as the detector's five points tell it: less well, and also of what is flat.
    pub(super) fn five_points_turn_deg(neutral: Option<&Self>, sight: &Sight) -> (f64, f64) {
        let pose = sight.observation.pose;
        let (yaw, pitch) = neutral.map_or((0.0, 0.0), |n| (n.yaw_deg, n.pitch_deg));
        (pose.yaw_deg - yaw, pose.pitch_deg - pitch)
    }
}
