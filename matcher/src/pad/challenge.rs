//! What a capture asks of a person: a script, drawn anew for each capture.
//!
//! Three challenges in an order that is drawn: two movements, and a dot that is followed to two places. Between
//! two of them, and behind the dot, the screen takes colours. A film of an earlier login answers an earlier
//! script, so every script that a capture asks is one of [`Script::COUNT`], all equally likely, and a film of
//! anything at all answers at most one in [`Script::FILM`] of them (`watch/film.rs` shows it). Drawing is
//! arithmetic: the caller brings the random number.
//!
//! Two that follow each other ask for directions a quarter of the circle apart, so that nobody has to come
//! back to the middle for the second. The screen changes its colour at most three times a second, and is never a saturated
//! red (WCAG 2.2, 2.3.1); all colours are light enough for dark signs on them.

use std::sync::LazyLock;

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
    /// sRGB 250, 60, 250.
    Magenta,
    /// sRGB 255, 255, 255.
    White,
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
    /// Shut both eyes for longer than anybody blinks.
    Blink,
    /// Point the face at the dot, at one place and then at the other.
    Follow([Spot; 2]),
}

/// The challenges of one capture in their order, and the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Script {
    challenges: [Challenge; 3],
    colours: [Colour; MOST_COLOURS],
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
        Self::Magenta,
        Self::White,
    ];

    /// The colour of the screen, sRGB.
    #[must_use]
    pub fn srgb(self) -> [u8; 3] {
        match self {
            Self::Blue => [40, 80, 255],
            Self::Green => [30, 220, 60],
            Self::Cyan => [0, 220, 230],
            Self::Yellow => [250, 220, 30],
            Self::Magenta => [250, 60, 250],
            Self::White => [255, 255, 255],
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

    /// Where the head points that points at it: x to the image's right, y down.
    #[must_use]
    pub fn direction(self) -> (f64, f64) {
        let (x, y) = self.place();
        (-x, y)
    }

    /// Where it is: x towards the person's right, y down, on the unit circle.
    #[must_use]
    pub fn place(self) -> (f64, f64) {
        let turn = std::f64::consts::TAU * f64::from(self as u8) / Self::ALL.len() as f64;
        (turn.sin(), -turn.cos())
    }
}

impl Challenge {
    /// Where it first points the head, x to the image's right and y down: `None` for what does not.
    fn first(self) -> Option<(f64, f64)> {
        match self {
            // In the camera's image the person's left is on the right.
            Self::Turn(Side::Left) => Some((1.0, 0.0)),
            Self::Turn(Side::Right) => Some((-1.0, 0.0)),
            Self::LookUp => Some((0.0, -1.0)),
            Self::Blink => None,
            Self::Follow([spot, _]) => Some(spot.direction()),
        }
    }

    /// Where it last pointed the head.
    fn last(self) -> Option<(f64, f64)> {
        match self {
            Self::Follow([_, spot]) => Some(spot.direction()),
            other => other.first(),
        }
    }
}

impl Script {
    /// How many scripts there are, as far as a capture without a second try shows them.
    pub const COUNT: u64 = HEADS * COLOURS;
    /// At most one script in so many is answered by a film: of each order of challenges one pair of
    /// movements, four paths of the dot (a direction is near two places at most) and one row of colours;
    /// and what second tries add to that, each of which shows new colours.
    pub const FILM: u64 = COUNT_OF_FILM;

    /// The script that a random number stands for; numbers beyond all scripts begin again, so a number
    /// of 64 bits is as good as even.
    #[must_use]
    pub fn draw(random: u64) -> Self {
        let mut rest = random;
        let mut pick = |choices: u64| {
            let picked = rest % choices;
            rest /= choices;
            picked as usize
        };
        let challenges = ORDERS[pick(HEADS)];
        let mut at = pick(6);
        let colours = std::array::from_fn(|i| {
            if i > 0 {
                at = (at + 1 + pick(5)) % Colour::ALL.len();
            }
            Colour::ALL[at]
        });
        Self {
            challenges,
            colours,
        }
    }

    /// These challenges, and these colours first.
    #[cfg(test)]
    pub(super) fn with_colours(&self, colours: &[Colour]) -> Self {
        let mut script = *self;
        script.colours[..colours.len()].copy_from_slice(colours);
        script
    }

    /// The challenges, in their order.
    #[must_use]
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }

    /// The colours in the order in which they are shown, those for second tries among them.
    #[must_use]
    pub fn colours(&self) -> &[Colour] {
        &self.colours
    }
}

/// Every order of challenges in which no two that follow each other point the head the same way.
static ORDERS: LazyLock<Vec<[Challenge; 3]>> = LazyLock::new(|| {
    let movements = [
        Challenge::Turn(Side::Left),
        Challenge::Turn(Side::Right),
        Challenge::LookUp,
        Challenge::Blink,
    ];
    let mut orders = Vec::new();
    for first in movements {
        for second in movements {
            for from in Spot::ALL {
                for to in Spot::ALL {
                    let follow = Challenge::Follow([from, to]);
                    orders.extend([
                        [follow, first, second],
                        [first, follow, second],
                        [first, second, follow],
                    ]);
                    // The second place is told from the first, and the second movement is another one.
                    if first == second || !apart(Some(from.direction()), Some(to.direction())) {
                        orders.truncate(orders.len() - 3);
                    }
                }
            }
        }
    }
    orders.retain(|order| {
        order
            .windows(2)
            .all(|pair| apart(pair[0].last(), pair[1].first()))
    });
    orders
});

/// Whether two directions are at least a quarter of the circle apart.
fn apart(one: Option<(f64, f64)>, other: Option<(f64, f64)>) -> bool {
    one.zip(other)
        .is_none_or(|((ax, ay), (bx, by))| ax * bx + ay * by < 0.01)
}

/// Orders of challenges; a test counts them.
const HEADS: u64 = 942;
/// The colours that every capture shows: two before the second challenge, two before the third, one for each
/// place of the dot; none like the one before.
const COLOURS: u64 = 6 * 5 * 5 * 5 * 5 * 5;
/// See [`Script::FILM`]: twelve of the orders (three places of the dot's challenge, four paths) and one row of
/// colours; and a third more. A row that was told wrong goes on to ten colours, of which one may be wrong: 51 of
/// 6 * 5^9, a twelfth of one in 6 * 5^5. A second try of a movement shows two colours more, a twenty-fifth,
/// twice; of the dot three, or four and then one may be wrong: less than a tenth.
const COUNT_OF_FILM: u64 = HEADS / 12 * COLOURS * 3 / 4;
/// Colours of a capture in which every challenge takes two tries: six, for each second try two and the
/// dot's, and four more at the end.
const MOST_COLOURS: usize = 18;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_script_has_more_than_twenty_bits_of_choice() {
        assert!((Script::COUNT as f64).log2() > 24.0);
        assert!((Script::FILM as f64).log2() > 20.0);
        // No two numbers stand for the same script: the orders are the last digit, the colours the others.
        let orders: HashSet<_> = (0..HEADS).map(|n| Script::draw(n).challenges).collect();
        assert_eq!((orders.len() as u64, ORDERS.len() as u64), (HEADS, HEADS));
        let colours = |n: u64| Script::draw(n * HEADS).colours[..6].to_vec();
        let rows: HashSet<_> = (0..COLOURS).map(colours).collect();
        assert_eq!(rows.len() as u64, COLOURS);
        let (a, b) = (Script::draw(5), Script::draw(5 + HEADS * 77));
        assert!(a.challenges == b.challenges && a.colours != b.colours);
    }

    #[test]
    fn every_script_can_be_answered_and_shown() {
        for random in 0..HEADS {
            let script = Script::draw(random * 7919);
            assert!(script.colours.windows(2).all(|pair| pair[0] != pair[1]));
            for pair in script.challenges().windows(2) {
                assert!(apart(pair[0].last(), pair[1].first()), "{pair:?}");
            }
            for challenge in script.challenges() {
                if let Challenge::Follow([a, b]) = challenge {
                    let ((ax, ay), (bx, by)) = (a.place(), b.place());
                    assert!(ax * bx + ay * by < 0.01, "{a:?} and {b:?} are too near");
                }
            }
            let different: HashSet<_> = script.challenges().iter().collect();
            assert_eq!(different.len(), 3);
        }
    }

    #[test]
    fn no_colour_is_a_saturated_red() {
        for colour in Colour::ALL {
            let [r, g, b] = colour.srgb().map(f64::from);
            assert!(r / (r + g + b) < 0.8, "{colour:?}");
            assert!(r.max(g).max(b) > 200.0, "{colour:?} lights nothing");
        }
    }
}
