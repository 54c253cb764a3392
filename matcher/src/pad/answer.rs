//! Whether a challenge was answered: after its prompt, in the right way, and in time.
//!
//! What was done is read without a look at what was asked: the first thing that a face does after a prompt
//! that could answer any prompt of its kind is its answer, and only then is it held against the challenge. So
//! whatever a film shows, at each prompt it gives one answer, and nothing that comes after can make up for
//! it. A film that goes through all movements answers its first to every prompt.
//!
//! A direction counts once: it answers again when the head was back in between, or points elsewhere. Nobody need
//! come back to the middle before the next prompt.

use std::f64::consts::{FRAC_PI_2, PI};

use super::challenge::{Challenge, Shown, Side};
use super::eyes::Likeness;
use super::params::{
    BLINK_MOST_TURN_DEG, COLOUR_LEAST_FRAMES, COLOUR_LEAST_S, FOLLOW_DEG, FOLLOW_UPRIGHT,
    FRESH_DEG, HOME_DEG, LEAST_COSINE, LEAST_REACTION_S, LOOK_UP_DEG, MOVEMENT_LIMIT_S, OPEN_DROP,
    SHUT_DROP, SHUT_S, TURN_DEG,
};

/// An answered challenge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The number of the challenge in the script.
    pub challenge: usize,
    /// Tries it took.
    pub tries: usize,
    /// From the first prompt on the screen to the answer, seconds.
    pub took_s: f64,
}

/// Why a try of a challenge failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Miss {
    /// The time ran out.
    TooLate,
    /// The answer came before the prompt could have been seen.
    TooEarly,
    /// Something else was done.
    Wrong,
}

/// What a frame says of the face, for answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gesture {
    /// From rest, degrees: towards the image's right, and downwards.
    pub(super) turn_deg: (f64, f64),
    /// How like those at rest the eyes look; `None` where they have no picture.
    pub(super) eyes: Option<Likeness>,
}

/// What became of a try with one more frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not answered yet.
    Waiting,
    /// Answered so far: the next thing is shown.
    Next,
    /// The challenge is answered.
    Answered,
    /// The try failed.
    Missed(Miss),
}

/// What a face does that may be an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    /// It points into this direction, a turn from the image's right through its bottom, -pi to pi.
    Points(f64),
    /// Its eyes are shut, for longer than anybody blinks.
    Shuts,
}

/// Where the head last pointed, and whether it has been back since.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    last: Option<f64>,
}

impl Head {
    /// Takes the next frame.
    pub(super) fn take(&mut self, gesture: &Gesture) {
        let (x, y) = gesture.turn_deg;
        if x.hypot(y) < HOME_DEG {
            self.last = None;
        }
    }

    fn is_new(&self, angle: f64) -> bool {
        self.last
            .is_none_or(|last| between(last, angle).to_degrees() >= FRESH_DEG)
    }
}

/// The colours between two challenges: the head comes back while they are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Stand {
    /// When the page first claimed to show what is to be shown now.
    since_s: Option<f64>,
    frames: usize,
}

impl Stand {
    /// Takes a frame that was filmed while it was on the screen; seconds since the first.
    fn take(&mut self, at_s: f64) -> f64 {
        self.frames += 1;
        at_s - *self.since_s.get_or_insert(at_s)
    }

    /// As [`Self::take`], and whether a colour has been shown for long enough.
    pub(super) fn has_stood(&mut self, at_s: f64) -> bool {
        let elapsed_s = self.take(at_s);
        self.is_enough(elapsed_s)
    }

    fn is_enough(&self, elapsed_s: f64) -> bool {
        elapsed_s >= COLOUR_LEAST_S && self.frames >= COLOUR_LEAST_FRAMES
    }
}

/// One try of one challenge.
#[derive(Debug, Clone)]
pub(super) struct Try {
    challenge: Challenge,
    /// Which of the dot's places is shown.
    part: usize,
    stand: Stand,
    /// When this part was asked for.
    issued_s: f64,
    /// What was done, and how long after the prompt.
    done: Option<(Deed, f64)>,
    shut_s: Option<f64>,
    /// The most that the eyes looked like those at rest in this try.
    open: Option<f64>,
}

impl Try {
    pub(super) fn new(challenge: Challenge, issued_s: f64) -> Self {
        Self {
            challenge,
            part: 0,
            stand: Stand::default(),
            issued_s,
            done: None,
            shut_s: None,
            open: None,
        }
    }

    /// What the screen shows for it, but for the colour behind a dot.
    pub(super) fn shown(&self) -> Shown {
        let dot = match self.challenge {
            Challenge::Follow(path) => path.get(self.part).copied(),
            Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink => None,
        };
        Shown {
            challenge: Some(self.challenge),
            colour: None,
            dot,
        }
    }

    /// Whether the time for this part is over, counted from when it was asked for.
    pub(super) fn is_late(&self, at_s: f64) -> bool {
        self.done.is_none() && at_s - self.stand.since_s.unwrap_or(self.issued_s) > MOVEMENT_LIMIT_S
    }

    /// Takes a frame that was filmed while this part was on the screen.
    pub(super) fn take(&mut self, at_s: f64, gesture: &Gesture, head: &mut Head) -> Progress {
        let elapsed_s = self.stand.take(at_s);
        if self.done.is_none()
            && let Some(deed) = self.deed(at_s, elapsed_s, gesture, head)
        {
            self.done = Some((deed, elapsed_s));
            if let Deed::Points(angle) = deed {
                head.last = Some(angle);
            }
        }
        let Some((deed, after_s)) = self.done else {
            return Progress::Waiting;
        };
        let is_dot = matches!(self.challenge, Challenge::Follow(_));
        if after_s < LEAST_REACTION_S {
            Progress::Missed(Miss::TooEarly)
        } else if !self.is_asked(deed) {
            Progress::Missed(Miss::Wrong)
        } else if is_dot && !self.stand.is_enough(elapsed_s) {
            // The colour behind the dot has to be seen as well.
            Progress::Waiting
        } else if is_dot && self.part == 0 {
            Progress::Next
        } else {
            Progress::Answered
        }
    }

    /// Goes to the next part.
    pub(super) fn advance(&mut self, at_s: f64) {
        *self = Self {
            part: self.part + 1,
            ..Self::new(self.challenge, at_s)
        };
    }

    /// What this frame shows to be done. It depends on the challenge's kind, and on nothing else of it.
    fn deed(&mut self, at_s: f64, elapsed_s: f64, gesture: &Gesture, head: &Head) -> Option<Deed> {
        let (x, y) = match self.challenge {
            Challenge::Follow(_) => (gesture.turn_deg.0, FOLLOW_UPRIGHT * gesture.turn_deg.1),
            Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink => gesture.turn_deg,
        };
        let (far, angle) = (x.hypot(y), y.atan2(x));
        let points = match self.challenge {
            Challenge::Follow(_) => far >= FOLLOW_DEG,
            Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink => {
                // The regions of the three movements have nothing in common.
                MOVEMENTS.iter().any(|(towards, least_deg)| {
                    is_near(angle, *towards) && far * between(angle, *towards).cos() >= *least_deg
                })
            }
        };
        if points && head.is_new(angle) {
            return Some(Deed::Points(angle));
        }
        match self.challenge {
            Challenge::Follow(_) => None,
            Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink => {
                self.shuts(at_s, elapsed_s, gesture).then_some(Deed::Shuts)
            }
        }
    }

    /// Whether the eyes have been shut, at rest, for longer than anybody blinks.
    fn shuts(&mut self, at_s: f64, elapsed_s: f64, gesture: &Gesture) -> bool {
        let (x, y) = gesture.turn_deg;
        let still = x.hypot(y) < BLINK_MOST_TURN_DEG;
        let Some(eyes) = gesture.eyes.filter(|e| still && e.holds()) else {
            return false;
        };
        let open = self.open.map_or(eyes.eyes, |open| open.max(eyes.eyes));
        self.open = Some(open);
        if eyes.eyes > open - OPEN_DROP {
            self.shut_s = None;
        } else if eyes.eyes < open - SHUT_DROP && elapsed_s >= LEAST_REACTION_S {
            let since_s = *self.shut_s.get_or_insert(at_s);
            return at_s - since_s >= SHUT_S;
        }
        false
    }

    fn is_asked(&self, deed: Deed) -> bool {
        let towards = match self.challenge {
            Challenge::Blink => return deed == Deed::Shuts,
            // In the camera's image the person's left is on the right.
            Challenge::Turn(Side::Left) => LEFT,
            Challenge::Turn(Side::Right) => RIGHT,
            Challenge::LookUp => UP,
            Challenge::Follow(path) => match path.get(self.part) {
                Some(spot) => {
                    let (x, y) = spot.direction();
                    y.atan2(x)
                }
                None => return false,
            },
        };
        matches!(deed, Deed::Points(angle) if is_near(angle, towards))
    }
}

/// Whether a direction is taken for another: of the dot's places, two at most.
fn is_near(angle: f64, towards: f64) -> bool {
    between(angle, towards).cos() >= LEAST_COSINE
}

/// The angle between two directions, 0 to pi.
fn between(one: f64, other: f64) -> f64 {
    ((one - other + PI).rem_euclid(2.0 * PI) - PI).abs()
}

const LEFT: f64 = 0.0;
const RIGHT: f64 = PI;
const UP: f64 = -FRAC_PI_2;
/// The movements of the head, and how far each goes at least.
const MOVEMENTS: [(f64, f64); 3] = [(LEFT, TURN_DEG), (RIGHT, TURN_DEG), (UP, LOOK_UP_DEG)];

#[cfg(test)]
mod tests {
    use super::super::challenge::Spot;
    use super::*;

    fn gesture(yaw: f64, pitch: f64, eyes: f64) -> Gesture {
        Gesture {
            turn_deg: (yaw, pitch),
            eyes: Some(Likeness {
                eyes,
                control: 0.95,
            }),
        }
    }

    /// The first thing other than waiting that frames at these times, yaws, pitches and eyes lead to.
    fn outcome(challenge: Challenge, frames: &[(f64, f64, f64, f64)]) -> Progress {
        let mut asked = Try::new(challenge, 0.0);
        let mut head = Head::default();
        for (at_s, yaw, pitch, eyes) in frames {
            let gesture = gesture(*yaw, *pitch, *eyes);
            head.take(&gesture);
            let progress = asked.take(*at_s, &gesture, &mut head);
            if progress != Progress::Waiting {
                return progress;
            }
        }
        Progress::Waiting
    }

    const LEFT_TURN: Challenge = Challenge::Turn(Side::Left);

    #[test]
    fn a_turn_counts_to_its_side_only() {
        let check = |yaw: f64, pitch: f64, expected: Progress| {
            let frames = [(0.0, 0.0, 0.0, 1.0), (0.5, yaw, pitch, 1.0)];
            assert_eq!(outcome(LEFT_TURN, &frames), expected, "{yaw} {pitch}");
        };
        check(22.0, 3.0, Progress::Answered);
        check(10.0, 0.0, Progress::Waiting);
        // Down is asked for by no movement.
        check(15.0, 25.0, Progress::Waiting);
        check(-22.0, 0.0, Progress::Missed(Miss::Wrong));
        check(0.0, -20.0, Progress::Missed(Miss::Wrong));
    }

    #[test]
    fn the_first_deed_is_the_answer_and_none_after_it() {
        let frames = [
            (0.0, 0.0, 0.0, 1.0),
            (0.5, 0.0, -20.0, 1.0),
            (0.7, 0.0, 0.0, 1.0),
            (1.2, 22.0, 0.0, 1.0),
        ];
        assert_eq!(outcome(LEFT_TURN, &frames), Progress::Missed(Miss::Wrong));
        assert_eq!(outcome(Challenge::LookUp, &frames), Progress::Answered);
    }

    #[test]
    fn what_comes_before_anybody_could_react_spoils_the_try() {
        let frames = [(1.0, 0.0, 0.0, 1.0), (1.08, 22.0, 0.0, 1.0)];
        assert_eq!(
            outcome(LEFT_TURN, &frames),
            Progress::Missed(Miss::TooEarly)
        );
    }

    #[test]
    fn a_direction_counts_again_once_the_head_was_back_or_points_elsewhere() {
        let mut head = Head { last: Some(RIGHT) };
        let mut try_one = |frames: &[(f64, f64)]| {
            let mut asked = Try::new(LEFT_TURN, 0.0);
            let mut last = Progress::Waiting;
            for (at_s, yaw) in frames {
                let gesture = gesture(*yaw, 0.0, 1.0);
                head.take(&gesture);
                last = asked.take(*at_s, &gesture, &mut head);
            }
            last
        };
        // Still where the last answer took it, then over to the other side.
        assert_eq!(
            try_one(&[(0.0, -30.0), (0.3, -20.0), (0.6, 21.0)]),
            Progress::Answered
        );
        assert_eq!(try_one(&[(0.0, 25.0), (0.5, 28.0)]), Progress::Waiting);
        assert_eq!(
            try_one(&[(0.0, 25.0), (0.5, 2.0), (0.9, 25.0)]),
            Progress::Answered
        );
    }

    #[test]
    fn shut_eyes_count_when_they_stay_shut_and_a_blink_is_nothing() {
        let frame = |at_s: f64, eyes: f64| (at_s, 0.0, 0.0, eyes);
        let shut: Vec<_> = (0..10)
            .map(|i| frame(0.1 * f64::from(i), if i < 4 { 0.98 } else { 0.8 }))
            .collect();
        assert_eq!(outcome(Challenge::Blink, &shut), Progress::Answered);
        assert_eq!(outcome(LEFT_TURN, &shut), Progress::Missed(Miss::Wrong));
        let blinks: Vec<_> = (0..30)
            .map(|i| frame(0.1 * f64::from(i), if i % 5 < 2 { 0.7 } else { 0.98 }))
            .collect();
        assert_eq!(outcome(Challenge::Blink, &blinks), Progress::Waiting);
        let turned: Vec<_> = shut.iter().map(|f| (f.0, 12.0, 0.0, f.3)).collect();
        assert_eq!(outcome(Challenge::Blink, &turned), Progress::Waiting);
    }

    #[test]
    fn the_dot_is_followed_as_the_person_sees_it() {
        let mut asked = Try::new(Challenge::Follow([Spot::Right, Spot::Up]), 0.0);
        let mut head = Head::default();
        let mut take = |asked: &mut Try, at_s: f64, yaw: f64, pitch: f64| {
            let gesture = gesture(yaw, pitch, 1.0);
            head.take(&gesture);
            asked.take(at_s, &gesture, &mut head)
        };
        for at_s in [0.0, 0.1, 0.2, 0.3] {
            assert_eq!(take(&mut asked, at_s, 0.0, 0.0), Progress::Waiting);
        }
        // The person's right is the image's left.
        assert_eq!(take(&mut asked, 0.4, -12.0, 1.0), Progress::Next);
        asked.advance(0.4);
        assert_eq!(asked.shown().dot, Some(Spot::Up));
        assert_eq!(take(&mut asked, 0.5, -12.0, 0.0), Progress::Waiting);
        assert_eq!(take(&mut asked, 0.7, -8.0, -6.0), Progress::Waiting);
        assert_eq!(take(&mut asked, 0.9, -2.0, -10.0), Progress::Answered);
    }

    #[test]
    fn no_direction_answers_more_than_two_places_of_the_dot() {
        for degrees in -180..180 {
            let angle = f64::from(degrees).to_radians();
            let near = |spot: &&Spot| {
                let (x, y) = spot.direction();
                is_near(angle, y.atan2(x))
            };
            assert!((1..=2).contains(&Spot::ALL.iter().filter(near).count()));
            let movements = MOVEMENTS.iter().filter(|(m, _)| is_near(angle, *m));
            assert!(movements.count() <= 1);
        }
    }
}
