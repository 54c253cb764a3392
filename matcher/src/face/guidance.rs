//! Guidance: the one thing that the person in front of the camera should do next.

use super::observation::Observation;
use super::params::{
    GUIDE_BRIGHTNESS, GUIDE_LEAST_SHARPNESS, GUIDE_MOST_OFFSET, GUIDE_MOST_PITCH_DEG,
    GUIDE_MOST_ROLL_DEG, GUIDE_MOST_YAW_DEG, GUIDE_SIZE,
};

/// What to do; the first that applies, in the order in which people can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guidance {
    /// Nobody is in the frame.
    NoFace,
    /// Somebody else is in the frame, as large.
    OnePersonOnly,
    /// The face is too small.
    ComeCloser,
    /// The face is too large: its surroundings are needed too.
    MoveBack,
    /// The face is off the middle.
    Centre,
    /// The face is dark.
    TurnToLight,
    /// The face is washed out.
    TooBright,
    /// The head is turned or tilted.
    LookStraight,
    /// The face is blurred.
    HoldStill,
    /// Something lies over the eyes or the mouth.
    ShowWholeFace,
    /// Nothing: the frame will do.
    Ready,
}

/// What this frame asks of the person.
#[must_use]
pub fn guidance(seen: &Observation) -> Guidance {
    let (darkest, brightest) = GUIDE_BRIGHTNESS;
    let (smallest, largest) = GUIDE_SIZE;
    if seen.large_faces > 1 {
        Guidance::OnePersonOnly
    } else if seen.size < smallest {
        Guidance::ComeCloser
    } else if seen.size > largest {
        Guidance::MoveBack
    } else if seen.offset.x.abs() > GUIDE_MOST_OFFSET || seen.offset.y.abs() > GUIDE_MOST_OFFSET {
        Guidance::Centre
    } else if seen.appearance.brightness < darkest {
        Guidance::TurnToLight
    } else if seen.appearance.brightness > brightest {
        Guidance::TooBright
    } else if seen.pose.yaw_deg.abs() > GUIDE_MOST_YAW_DEG
        || seen.pose.pitch_deg.abs() > GUIDE_MOST_PITCH_DEG
        || seen.pose.roll_deg.abs() > GUIDE_MOST_ROLL_DEG
    {
        Guidance::LookStraight
    } else if seen.appearance.sharpness < GUIDE_LEAST_SHARPNESS {
        Guidance::HoldStill
    } else if seen.appearance.is_covered() {
        Guidance::ShowWholeFace
    } else {
        Guidance::Ready
    }
}

#[cfg(test)]
mod tests {
    use super::super::detect::Face;
    use super::super::geometry::{Point, Rect};
    use super::super::pose::Pose;
    use super::super::quality::Appearance;
    use super::*;

    fn good() -> Observation {
        let bbox = Rect {
            x: 250.0,
            y: 150.0,
            width: 140.0,
            height: 180.0,
        };
        Observation {
            face: Face {
                bbox,
                score: 0.9,
                landmarks: [bbox.centre(); 5],
                rank: 1.0,
            },
            size: 0.4,
            offset: Point { x: 0.0, y: 0.0 },
            pose: Pose {
                yaw_deg: 0.0,
                pitch_deg: 0.0,
                roll_deg: 0.0,
            },
            appearance: Appearance {
                brightness: 0.5,
                sharpness: 0.5,
                eyes: 0.2,
                mouth: 0.2,
                shade: 0.7,
            },
            quality: 90,
            large_faces: 1,
            eye_aspect: None,
            bona_fide: None,
        }
    }

    #[test]
    fn each_fault_has_its_guidance() {
        let check = |spoil: fn(&mut Observation), expected: Guidance| {
            let mut seen = good();
            spoil(&mut seen);
            assert_eq!(guidance(&seen), expected);
        };
        check(|_| (), Guidance::Ready);
        check(|o| o.large_faces = 2, Guidance::OnePersonOnly);
        check(|o| o.size = 0.1, Guidance::ComeCloser);
        check(|o| o.size = 1.2, Guidance::MoveBack);
        check(|o| o.offset.x = -0.4, Guidance::Centre);
        check(|o| o.offset.y = 0.4, Guidance::Centre);
        check(|o| o.appearance.brightness = 0.05, Guidance::TurnToLight);
        check(|o| o.appearance.brightness = 0.98, Guidance::TooBright);
        check(|o| o.pose.yaw_deg = -40.0, Guidance::LookStraight);
        check(|o| o.pose.pitch_deg = 45.0, Guidance::LookStraight);
        check(|o| o.pose.roll_deg = 45.0, Guidance::LookStraight);
        check(|o| o.appearance.sharpness = 0.0, Guidance::HoldStill);
        check(|o| o.appearance.eyes = 0.01, Guidance::ShowWholeFace);
        check(|o| o.appearance.mouth = 0.01, Guidance::ShowWholeFace);
        check(|o| o.appearance.shade = 0.1, Guidance::ShowWholeFace);
    }

    #[test]
    fn distance_is_asked_for_before_light() {
        let mut seen = good();
        seen.size = 0.1;
        seen.appearance.brightness = 0.0;
        assert_eq!(guidance(&seen), Guidance::ComeCloser);
    }
}
