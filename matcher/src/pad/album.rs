//! The album: which frames are worth keeping for the comparison. It holds their numbers; the caller holds
//! their bytes.
//!
//! A verification keeps the best straight frames; an enrolment also the best of each direction that the
//! head turned to. Of each answered challenge one frame is kept, so that the templates can tell whether the
//! person who answered is the person who is compared.

use super::params::{ENROL_LEAST_QUALITY, ENROL_POSE_DEG, KEEP_STRAIGHT};

/// A frame that the caller should still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its number: the first frame taken is 0.
    pub frame: usize,
    /// 0 to 100, as `face::quality` judges.
    pub quality: u8,
    /// Where the head points.
    pub place: Place,
    /// The challenge that was answered in it: it is kept to be held against the others.
    pub answers: Option<usize>,
}

/// Where the head of a kept frame points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// As it did while framing.
    Straight,
    /// Into this quarter: 0 the image's right, 1 down, 2 its left, 3 up.
    Turned(usize),
}

/// The frames kept so far.
#[derive(Debug, Default)]
pub(super) struct Album {
    kept: Vec<Kept>,
}

/// Whether the album keeps a new frame, and which it gives up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Change {
    pub(super) keeps: bool,
    pub(super) drops: Option<usize>,
}

impl Album {
    /// Offers a frame; the turn is from the neutral pose, degrees.
    pub(super) fn offer(&mut self, frame: usize, quality: u8, turn_deg: (f64, f64)) -> Change {
        let place = Place::of(turn_deg);
        let room = match place {
            Place::Straight => KEEP_STRAIGHT,
            Place::Turned(_) if quality < ENROL_LEAST_QUALITY => return Change::default(),
            Place::Turned(_) => 1,
        };
        let new = Kept {
            frame,
            quality,
            place,
            answers: None,
        };
        let alike = || {
            let rivals = |k: &Kept| k.place == place && k.answers.is_none();
            self.kept.iter().enumerate().filter(move |(_, k)| rivals(k))
        };
        let worst = alike()
            .min_by_key(|(_, k)| k.quality)
            .map(|(i, k)| (i, *k))
            .filter(|_| alike().count() >= room);
        match worst {
            None => {
                self.kept.push(new);
                Change {
                    keeps: true,
                    drops: None,
                }
            }
            Some((_, worst)) if worst.quality >= quality => Change::default(),
            Some((i, worst)) => {
                self.kept[i] = new;
                Change {
                    keeps: true,
                    drops: Some(worst.frame),
                }
            }
        }
    }

    /// Keeps the frame in which a challenge was answered.
    pub(super) fn answer(
        &mut self,
        frame: usize,
        quality: u8,
        turn_deg: (f64, f64),
        challenge: usize,
    ) -> Change {
        self.kept.push(Kept {
            frame,
            quality,
            place: Place::of(turn_deg),
            answers: Some(challenge),
        });
        Change {
            keeps: true,
            drops: None,
        }
    }

    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Directions of the head, straight ahead among them, of which a frame good enough to enrol is kept.
    pub(super) fn poses(&self) -> usize {
        let mut places: Vec<Place> = Vec::new();
        for kept in &self.kept {
            if kept.quality >= ENROL_LEAST_QUALITY && !places.contains(&kept.place) {
                places.push(kept.place);
            }
        }
        places.len()
    }
}

impl Place {
    fn of((yaw, pitch): (f64, f64)) -> Self {
        if is_straight((yaw, pitch)) {
            Self::Straight
        } else {
            let quarter = pitch.atan2(yaw) / std::f64::consts::FRAC_PI_2;
            Self::Turned(quarter.round().rem_euclid(4.0) as usize)
        }
    }
}

/// Whether a turn from the neutral pose, degrees, is still a straight look.
pub(super) fn is_straight((yaw, pitch): (f64, f64)) -> bool {
    yaw.hypot(pitch) < ENROL_POSE_DEG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_straight_frame_gives_way() {
        let mut album = Album::default();
        for (frame, quality) in [60, 40, 50].into_iter().enumerate() {
            assert!(album.offer(frame, quality, (1.0, 0.0)).keeps);
        }
        assert_eq!(album.offer(3, 30, (0.0, 0.0)), Change::default());
        let change = album.offer(4, 55, (0.0, 2.0));
        assert_eq!(
            change,
            Change {
                keeps: true,
                drops: Some(1)
            }
        );
    }

    #[test]
    fn each_direction_has_a_place_of_its_own() {
        let mut album = Album::default();
        for (frame, turn) in [
            (0.0, 0.0),
            (12.0, 1.0),
            (-12.0, 0.0),
            (1.0, -9.0),
            (11.0, 3.0),
        ]
        .into_iter()
        .enumerate()
        {
            album.offer(frame, 70, turn);
        }
        assert_eq!((album.poses(), album.kept().len()), (4, 4));
        album.answer(9, 90, (-1.0, 8.0), 1);
        assert_eq!((album.poses(), album.kept().len()), (5, 5));
    }
}
