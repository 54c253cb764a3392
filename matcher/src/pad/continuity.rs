//! Continuity: one face from the first frame to the last.
//!
//! Nobody else as large may be in the frame, the face may not jump to another place, and it may not be
//! gone between two frames. Whether it is the same *person* in the kept frames the templates tell:
//! [`same_person`], which the caller asks once it has extracted them.

use super::params::{CONTINUITY_LEAST_OVERLAP, CONTINUITY_LEAST_SCORE};
use super::trace::Trace;
use crate::face::{Template, compare};

/// The share of frames with another large face, or after which the face was elsewhere; `None` of fewer
/// than two frames.
#[must_use]
pub(super) fn figure(frames: &[Trace]) -> Option<f64> {
    if frames.len() < 2 {
        return None;
    }
    let others = frames.iter().filter(|f| f.another).count();
    let jumps = frames
        .windows(2)
        .filter(|pair| {
            let [a, b] = pair else { return false };
            b.at_s - a.at_s < SHORTLY_S && a.bbox.overlap(&b.bbox) < CONTINUITY_LEAST_OVERLAP
        })
        .count();
    Some((others + jumps) as f64 / frames.len() as f64)
}

/// Whether the templates of a capture's kept frames are of one person: each close enough to the others, on
/// average. `false` for none and for templates of different models; one alone is of one person.
#[must_use]
pub fn same_person(templates: &[Template]) -> bool {
    if templates.len() < 2 {
        return templates.len() == 1;
    }
    templates.iter().enumerate().all(|(i, one)| {
        let others = templates.iter().enumerate().filter(|(j, _)| *j != i);
        let sum: f64 = others.map(|(_, other)| compare(one, other)).sum();
        // Written so that NaN, the score of different models, fails.
        sum / (templates.len() - 1) as f64 >= CONTINUITY_LEAST_SCORE
    })
}

/// Within this time a face stays where it was.
const SHORTLY_S: f64 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::params::EMBEDDING_LENGTH;

    fn template(model: &str, at: usize, tilt: f32) -> Template {
        let mut values = [0.0; EMBEDDING_LENGTH];
        values[at] = 1.0;
        values[at + 1] = tilt;
        Template::normalised(model, &values).expect("has a direction")
    }

    #[test]
    fn one_other_person_among_the_frames_is_found() {
        let same = |templates: &[Template]| same_person(templates);
        let one = || template("a", 0, 0.1);
        assert!(same(&[one(), template("a", 0, 0.5), one()]));
        assert!(!same(&[one(), one(), one(), template("a", 50, 0.0)]));
        assert!(!same(&[one(), template("b", 0, 0.1)]));
        assert!(same(&[one()]) && !same(&[]));
    }
}
