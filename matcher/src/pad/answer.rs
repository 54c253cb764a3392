//! Whether a challenge was answered: after its prompt, in the right way, and in time.
//!
//! The head's turn is told from its neutral pose, so that nobody need come back to the middle before the
//! next prompt. What the prompt asks for may not be there already when it is shown; a movement the other
//! way, or one that begins before anybody could have seen the prompt, spoils the try.

use super::challenge::{Challenge, Shown, Side, Spot};
use super::eyes::Likeness;
use super::params::{
    BACK_DEG, BACK_LIMIT_S, BLINK_MOST_TURN_DEG, COLOUR_LEAST_FRAMES, COLOUR_LEAST_S,
    COLOURS_LIMIT_S, FOLLOW_DEG, LEAST_COSINE, LEAST_REACTION_S, LOOK_UP_DEG, MOVEMENT_LIMIT_S,
    OPEN_DROP, SHUT_DROP, TURN_DEG, WRONG_COSINE, WRONG_DEG,
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
    /// Another movement was made.
    Wrong,
}

/// What a frame says of the face, for answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gesture {
    /// From the neutral pose, degrees: towards the image's right, and downwards.
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

/// One try of one challenge.
#[derive(Debug, Clone)]
pub(super) struct Try {
    challenge: Challenge,
    /// Which of the challenge's parts is shown: the dot's places, the colours.
    part: usize,
    /// When the page first claimed to show this part.
    since_s: Option<f64>,
    /// Where the head was then.
    from_deg: (f64, f64),
    /// When this part was asked for.
    issued_s: f64,
    frames: usize,
    shut_s: Option<f64>,
    /// The most that the eyes looked like those at rest in this try.
    open: Option<f64>,
}

impl Try {
    pub(super) fn new(challenge: Challenge, issued_s: f64) -> Self {
        Self {
            challenge,
            part: 0,
            since_s: None,
            from_deg: (0.0, 0.0),
            issued_s,
            frames: 0,
            shut_s: None,
            open: None,
        }
    }

    /// What the screen shows for it.
    pub(super) fn shown(&self) -> Shown {
        let mut shown = Shown {
            challenge: Some(self.challenge),
            ..Shown::default()
        };
        match self.challenge {
            Challenge::Follow(path) => shown.dot = path.get(self.part).copied(),
            Challenge::Colours(colours) => shown.colour = colours.get(self.part).copied(),
            Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink => {}
        }
        shown
    }

    /// Whether the head is still where the movement before took it, or already where the prompt would send
    /// it: then the prompt has to wait. Whoever has come to rest elsewhere is not waited for.
    pub(super) fn is_elsewhere(&self, at_s: f64, gesture: &Gesture) -> bool {
        let (yaw, pitch) = gesture.turn_deg;
        let swings = yaw.hypot(pitch) >= BACK_DEG && at_s - self.issued_s < BACK_LIMIT_S;
        self.reach()
            .is_some_and(|reach| swings || reach.holds(gesture.turn_deg))
    }

    /// Whether the time for this part is over, counted from when it was asked for.
    pub(super) fn is_late(&self, at_s: f64) -> bool {
        let limit = match self.challenge {
            Challenge::Colours(_) => COLOURS_LIMIT_S,
            Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink | Challenge::Follow(_) => {
                MOVEMENT_LIMIT_S
            }
        };
        at_s - self.since_s.unwrap_or(self.issued_s) > limit
    }

    /// Takes a frame that was filmed while this part was on the screen.
    pub(super) fn take(&mut self, at_s: f64, gesture: &Gesture) -> Progress {
        let since_s = match self.since_s {
            Some(since_s) => since_s,
            None => {
                self.from_deg = gesture.turn_deg;
                *self.since_s.insert(at_s)
            }
        };
        self.frames += 1;
        let elapsed_s = at_s - since_s;
        match self.challenge {
            Challenge::Turn(_) | Challenge::LookUp => self.movement(elapsed_s, gesture, true),
            Challenge::Follow(path) => {
                let last = self.part + 1 == path.len();
                self.movement(elapsed_s, gesture, last)
            }
            Challenge::Blink => self.blink(at_s, elapsed_s, gesture),
            Challenge::Colours(colours) => {
                if elapsed_s < COLOUR_LEAST_S || self.frames < COLOUR_LEAST_FRAMES {
                    Progress::Waiting
                } else if self.part + 1 == colours.len() {
                    Progress::Answered
                } else {
                    Progress::Next
                }
            }
        }
    }

    /// Goes to the next part.
    pub(super) fn advance(&mut self, at_s: f64) {
        self.part += 1;
        self.since_s = None;
        self.issued_s = at_s;
        self.frames = 0;
    }

    fn movement(&self, elapsed_s: f64, gesture: &Gesture, last: bool) -> Progress {
        let Some(reach) = self.reach() else {
            return Progress::Waiting;
        };
        if reach.holds(gesture.turn_deg) {
            if elapsed_s < LEAST_REACTION_S {
                Progress::Missed(Miss::TooEarly)
            } else if last {
                Progress::Answered
            } else {
                Progress::Next
            }
        } else if reach.is_wrong(self.from_deg, gesture.turn_deg) {
            Progress::Missed(Miss::Wrong)
        } else {
            Progress::Waiting
        }
    }

    fn blink(&mut self, at_s: f64, elapsed_s: f64, gesture: &Gesture) -> Progress {
        let (yaw, pitch) = gesture.turn_deg;
        let still = yaw.hypot(pitch) < BLINK_MOST_TURN_DEG;
        let Some(eyes) = gesture.eyes.filter(|e| still && e.holds()) else {
            return Progress::Waiting;
        };
        let open = self.open.map_or(eyes.eyes, |open| open.max(eyes.eyes));
        self.open = Some(open);
        match self.shut_s {
            // A blink that had begun when the prompt came is nobody's fault: another one is waited for.
            None if eyes.eyes < open - SHUT_DROP && elapsed_s >= LEAST_REACTION_S => {
                self.shut_s = Some(at_s);
                Progress::Waiting
            }
            Some(_) if eyes.eyes > open - OPEN_DROP => Progress::Answered,
            _ => Progress::Waiting,
        }
    }

    /// Where the head has to point; `None` for what is not a movement of the head.
    fn reach(&self) -> Option<Reach> {
        match self.challenge {
            // In the camera's image the person's left is on the right.
            Challenge::Turn(Side::Left) => Some(Reach::new((1.0, 0.0), TURN_DEG)),
            Challenge::Turn(Side::Right) => Some(Reach::new((-1.0, 0.0), TURN_DEG)),
            Challenge::LookUp => Some(Reach::new((0.0, -1.0), LOOK_UP_DEG)),
            Challenge::Follow(path) => path.get(self.part).map(|spot: &Spot| {
                let (x, y) = spot.place();
                Reach::new((-x, y), FOLLOW_DEG)
            }),
            Challenge::Blink | Challenge::Colours(_) => None,
        }
    }
}

/// A direction of the head, and how far.
#[derive(Debug, Clone, Copy)]
struct Reach {
    direction: (f64, f64),
    least_deg: f64,
}

impl Reach {
    fn new(direction: (f64, f64), least_deg: f64) -> Self {
        Self {
            direction,
            least_deg,
        }
    }

    fn along(&self, turn: (f64, f64)) -> f64 {
        turn.0 * self.direction.0 + turn.1 * self.direction.1
    }

    fn holds(&self, turn: (f64, f64)) -> bool {
        let along = self.along(turn);
        along >= self.least_deg && along >= LEAST_COSINE * turn.0.hypot(turn.1)
    }

    /// Both from the neutral pose and from where the head was when the prompt came, so that coming back
    /// from the last challenge is not held against anybody.
    fn is_wrong(&self, from: (f64, f64), turn: (f64, f64)) -> bool {
        let moved = (turn.0 - from.0, turn.1 - from.1);
        [turn, moved].iter().all(|t| {
            let far = t.0.hypot(t.1);
            far >= WRONG_DEG && self.along(*t) < WRONG_COSINE * far
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::challenge::Colour;
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

    /// The first thing other than waiting that frames at these times and yaws lead to.
    fn outcome(challenge: Challenge, frames: &[(f64, f64, f64, f64)]) -> Progress {
        let mut asked = Try::new(challenge, 0.0);
        for (at_s, yaw, pitch, eyes) in frames {
            let progress = asked.take(*at_s, &gesture(*yaw, *pitch, *eyes));
            if progress != Progress::Waiting {
                return progress;
            }
        }
        Progress::Waiting
    }

    #[test]
    fn a_turn_counts_to_its_side_only() {
        let left = Challenge::Turn(Side::Left);
        let check = |yaw: f64, pitch: f64, expected: Progress| {
            let frames = [(0.0, 0.0, 0.0, 1.0), (0.5, yaw, pitch, 1.0)];
            assert_eq!(outcome(left, &frames), expected, "{yaw} {pitch}");
        };
        check(20.0, 3.0, Progress::Answered);
        check(8.0, 0.0, Progress::Waiting);
        check(15.0, 25.0, Progress::Waiting);
        check(-20.0, 0.0, Progress::Missed(Miss::Wrong));
    }

    #[test]
    fn what_comes_before_anybody_could_react_spoils_the_try() {
        let frames = [(1.0, 0.0, 0.0, 1.0), (1.08, 20.0, 0.0, 1.0)];
        let left = Challenge::Turn(Side::Left);
        assert_eq!(outcome(left, &frames), Progress::Missed(Miss::TooEarly));
    }

    #[test]
    fn coming_back_from_the_other_side_is_not_wrong() {
        let frames = [
            (0.0, -25.0, 0.0, 1.0),
            (0.2, -15.0, 0.0, 1.0),
            (0.6, 16.0, 0.0, 1.0),
        ];
        assert_eq!(
            outcome(Challenge::Turn(Side::Left), &frames),
            Progress::Answered
        );
    }

    #[test]
    fn a_blink_is_shut_and_open_again() {
        let open = (0.0, 0.0, 0.0, 1.0);
        let shut = (0.4, 0.0, 0.0, 0.4);
        let again = (0.6, 0.0, 0.0, 0.95);
        assert_eq!(outcome(Challenge::Blink, &[open, shut]), Progress::Waiting);
        assert_eq!(
            outcome(Challenge::Blink, &[open, shut, again]),
            Progress::Answered
        );
        let too_soon = (0.05, 0.0, 0.0, 0.4);
        assert_eq!(
            outcome(Challenge::Blink, &[open, too_soon, again]),
            Progress::Waiting
        );
    }

    #[test]
    fn the_dot_is_followed_as_the_person_sees_it() {
        let mut asked = Try::new(Challenge::Follow([Spot::Right, Spot::Up]), 0.0);
        assert_eq!(asked.take(0.0, &gesture(0.0, 0.0, 1.0)), Progress::Waiting);
        // The person's right is the image's left.
        assert_eq!(asked.take(0.4, &gesture(-9.0, 1.0, 1.0)), Progress::Next);
        asked.advance(0.4);
        assert_eq!(asked.shown().dot, Some(Spot::Up));
        assert_eq!(asked.take(0.5, &gesture(-9.0, 0.0, 1.0)), Progress::Waiting);
        assert_eq!(
            asked.take(0.9, &gesture(0.0, -8.0, 1.0)),
            Progress::Answered
        );
    }

    #[test]
    fn colours_change_less_than_three_times_a_second() {
        let colours = [Colour::Blue, Colour::White, Colour::Dark, Colour::Green];
        let mut asked = Try::new(Challenge::Colours(colours), 0.0);
        let (mut at_s, mut changes) = (0.0, vec![0.0]);
        loop {
            match asked.take(at_s, &gesture(0.0, 0.0, 1.0)) {
                Progress::Next => {
                    asked.advance(at_s);
                    changes.push(at_s);
                }
                Progress::Answered => break,
                _ => {}
            }
            at_s += 0.033;
        }
        assert_eq!(changes.len(), 4);
        assert!(changes.windows(2).all(|w| w[1] - w[0] > 1.0 / 3.0));
        assert_eq!(asked.shown().colour, Some(Colour::Green));
    }
}
