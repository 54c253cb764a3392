//! What a capture asks of a person: a script, drawn anew for each capture.
//!
//! A film of an earlier login answers an earlier script. A script therefore has more than twenty bits of
//! choice ([`Script::COUNT`] are equally likely), and each element is something that a whole head in a
//! room does and a flat picture does badly: turn, blink, follow a dot with the face, and reflect the
//! colours that the screen takes. Drawing is arithmetic: the caller brings the random number.
//!
//! The screen changes its colour at most three times a second, and is never a saturated red
//! (WCAG 2.2, 2.3.1).

/// A side, as the person has it: the left is where the left hand is, and in a mirrored preview the image's
/// left too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The person's left.
    Left,
    /// The person's right.
    Right,
}

/// A colour of the whole screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    /// sRGB 40, 80, 255.
    Blue,
    /// sRGB 30, 220, 60.
    Green,
    /// sRGB 0, 220, 230.
    Cyan,
    /// sRGB 250, 220, 30.
    Yellow,
    /// sRGB 255, 255, 255.
    White,
    /// sRGB 8, 8, 12.
    Dark,
}

/// A place of the dot on a circle around the middle of the screen, as the person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spot {
    /// Above.
    Up,
    /// Above, towards the person's right.
    UpRight,
    /// Towards the person's right.
    Right,
    /// Below, towards the person's right.
    DownRight,
    /// Below.
    Down,
    /// Below, towards the person's left.
    DownLeft,
    /// Towards the person's left.
    Left,
    /// Above, towards the person's left.
    UpLeft,
}

/// One thing that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Challenge {
    /// Turn the head to a side, and back.
    Turn(Side),
    /// Look up with the whole head, and back.
    LookUp,
    /// Shut both eyes and open them again.
    Blink,
    /// Point the face at the dot, at one place and then at the other.
    Follow([Spot; 2]),
    /// Do nothing while the screen takes these colours.
    Colours([Colour; 4]),
}

/// The challenges of one capture, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Script {
    challenges: [Challenge; 4],
}

/// What the screen shows at one moment: all that a person, or an attacker, can react to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// What is asked now; `None` while the face is being framed and between challenges.
    pub challenge: Option<Challenge>,
    /// The screen's colour; `None` is the page as it usually is.
    pub colour: Option<Colour>,
    /// Where the dot is.
    pub dot: Option<Spot>,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Left, Self::Right];
}

impl Colour {
    /// All that are shown.
    pub const ALL: [Self; 6] = [
        Self::Blue,
        Self::Green,
        Self::Cyan,
        Self::Yellow,
        Self::White,
        Self::Dark,
    ];

    /// The colour of the screen, sRGB.
    #[must_use]
    pub fn srgb(self) -> [u8; 3] {
        match self {
            Self::Blue => [40, 80, 255],
            Self::Green => [30, 220, 60],
            Self::Cyan => [0, 220, 230],
            Self::Yellow => [250, 220, 30],
            Self::White => [255, 255, 255],
            Self::Dark => [8, 8, 12],
        }
    }
}

impl Spot {
    /// All, clockwise as the person sees them.
    pub const ALL: [Self; 8] = [
        Self::Up,
        Self::UpRight,
        Self::Right,
        Self::DownRight,
        Self::Down,
        Self::DownLeft,
        Self::Left,
        Self::UpLeft,
    ];

    /// Where it is: x towards the person's right, y down, on the unit circle.
    #[must_use]
    pub fn place(self) -> (f64, f64) {
        let turn = std::f64::consts::TAU * f64::from(self as u8) / Self::ALL.len() as f64;
        (turn.sin(), -turn.cos())
    }
}

impl Script {
    /// How many scripts there are.
    pub const COUNT: u64 = MOVEMENTS * COLOURS * PATHS * ORDERS;

    /// The script that a random number stands for; numbers beyond [`Self::COUNT`] begin again, so a number
    /// of 64 bits is as good as even.
    #[must_use]
    pub fn draw(random: u64) -> Self {
        let mut rest = random % Self::COUNT;
        let mut pick = |choices: u64| {
            let picked = rest % choices;
            rest /= choices;
            picked as usize
        };
        let movements = distinct_pair(
            [
                Challenge::Turn(Side::Left),
                Challenge::Turn(Side::Right),
                Challenge::LookUp,
                Challenge::Blink,
            ],
            pick(MOVEMENTS),
        );
        let colours = {
            let mut at = pick(6);
            [0, 1, 2, 3].map(|i| {
                if i > 0 {
                    at = (at + 1 + pick(5)) % Colour::ALL.len();
                }
                Colour::ALL[at]
            })
        };
        let path = {
            let from = pick(8);
            // At least a quarter of the circle further, so that the second place is told from the first.
            let to = (from + 2 + pick(5)) % Spot::ALL.len();
            [Spot::ALL[from], Spot::ALL[to]]
        };
        let (colours_at, path_at) = {
            let (a, b) = (pick(4), pick(3));
            (a, if b < a { b } else { b + 1 })
        };
        let mut movements = movements.into_iter();
        let challenges = [0, 1, 2, 3].map(|i| {
            if i == colours_at {
                Challenge::Colours(colours)
            } else if i == path_at {
                Challenge::Follow(path)
            } else {
                movements
                    .next()
                    .expect("invariant: two places of four are left for two movements")
            }
        });
        Self { challenges }
    }

    /// The challenges, in their order.
    #[must_use]
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }
}

/// The ordered pair number `index` of different members.
fn distinct_pair<T: Copy>(of: [T; 4], index: usize) -> [T; 2] {
    let (first, second) = (index % 4, index / 4 % 3);
    let second = if second < first { second } else { second + 1 };
    [of[first], of[second]]
}

/// Ordered pairs of different movements.
const MOVEMENTS: u64 = 4 * 3;
/// Four colours, none like the one before.
const COLOURS: u64 = 6 * 5 * 5 * 5;
/// A place, and one of the five at least a quarter of the circle away.
const PATHS: u64 = 8 * 5;
/// Where the colours and the dot come between the movements.
const ORDERS: u64 = 4 * 3;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_script_has_more_than_twenty_bits_of_choice() {
        assert!((Script::COUNT as f64).log2() > 20.0);
        // No two numbers stand for the same script: all of them, so that the bits are counted and not hoped for.
        let all: HashSet<Script> = (0..Script::COUNT).map(Script::draw).collect();
        assert_eq!(all.len() as u64, Script::COUNT);
    }

    #[test]
    fn every_script_can_be_answered_and_shown() {
        for random in (0..Script::COUNT).step_by(97) {
            let script = Script::draw(random);
            for challenge in script.challenges() {
                match challenge {
                    Challenge::Colours(colours) => {
                        assert!(colours.windows(2).all(|pair| pair[0] != pair[1]));
                    }
                    Challenge::Follow([a, b]) => {
                        let ((ax, ay), (bx, by)) = (a.place(), b.place());
                        assert!(ax * bx + ay * by < 0.01, "{a:?} and {b:?} are too near");
                    }
                    Challenge::Turn(_) | Challenge::LookUp | Challenge::Blink => {}
                }
            }
            let different: HashSet<_> = script.challenges().iter().collect();
            assert_eq!(different.len(), 4);
        }
    }

    #[test]
    fn no_colour_is_a_saturated_red() {
        for colour in Colour::ALL {
            let [r, g, b] = colour.srgb().map(f64::from);
            assert!(r / (r + g + b) < 0.8, "{colour:?}");
        }
    }
}
