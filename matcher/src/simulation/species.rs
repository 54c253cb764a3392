//! The species of attack.

use std::sync::Arc;

use super::Actor;
use super::attack::Held;
use super::injected::{Animated, Fed, Frozen, Masked};
use super::person::Person;
use super::subject::Subject;
use super::tamper::{Tampered, Tampering};

/// One way to pretend to be somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Species {
    /// A flat print in the hand.
    FlatPrint,
    /// A print bent into a cylinder and waved.
    BentPrint,
    /// A photograph on a screen.
    ScreenPhoto,
    /// A print with holes, the attacker's eyes behind them.
    CutOutEyes,
    /// A film of an earlier success on a screen.
    ReplayOnScreen,
    /// A film of an earlier success fed by a virtual camera.
    ReplayFed,
    /// A print, and beside it somebody who answers.
    TwoPeople,
    /// One frame for ever.
    FrozenFrame,
    /// A still whose face software warps as a plane.
    WarpedStill,
    /// A still that only blinks.
    BlinkingPuppet,
    /// An honest capture, its frames out of order.
    Reordered,
    /// An honest capture, frames sent again.
    Repeated,
}

/// Who plays.
#[derive(Clone)]
pub struct Cast {
    /// Whose face is presented.
    pub victim: Arc<Person>,
    /// Who presents it.
    pub attacker: Arc<Person>,
}

impl Species {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::FlatPrint,
        Self::BentPrint,
        Self::ScreenPhoto,
        Self::CutOutEyes,
        Self::ReplayOnScreen,
        Self::ReplayFed,
        Self::TwoPeople,
        Self::FrozenFrame,
        Self::WarpedStill,
        Self::BlinkingPuppet,
        Self::Reordered,
        Self::Repeated,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FlatPrint => "flat-print",
            Self::BentPrint => "bent-print",
            Self::ScreenPhoto => "screen-photo",
            Self::CutOutEyes => "cut-out-eyes",
            Self::ReplayOnScreen => "replay-on-screen",
            Self::ReplayFed => "replay-fed",
            Self::TwoPeople => "two-people",
            Self::FrozenFrame => "frozen-frame",
            Self::WarpedStill => "warped-still",
            Self::BlinkingPuppet => "blinking-puppet",
            Self::Reordered => "reordered",
            Self::Repeated => "repeated",
        }
    }

    /// The attack of one session; the seed draws everything that is left to chance.
    #[must_use]
    pub fn stage(self, cast: &Cast, seed: u64) -> Box<dyn Actor> {
        let (victim, attacker) = (&cast.victim, &cast.attacker);
        let tampered = |kind| {
            Box::new(Tampered::new(
                Subject::new(victim.clone(), seed),
                kind,
                seed,
            ))
        };
        match self {
            Self::FlatPrint => Box::new(Held::print(victim, attacker, seed)),
            Self::BentPrint => Box::new(Held::bent_print(victim, attacker, seed)),
            Self::ScreenPhoto => Box::new(Held::screen(victim, attacker, seed)),
            Self::CutOutEyes => Box::new(Masked::new(victim, attacker, seed)),
            Self::ReplayOnScreen => Box::new(Held::film(victim, attacker, seed)),
            Self::ReplayFed => Box::new(Fed::new(victim, seed)),
            Self::TwoPeople => Box::new(Held::accompanied(victim, attacker, seed)),
            Self::FrozenFrame => Box::new(Frozen::new(victim, seed)),
            Self::WarpedStill => Box::new(Animated::warped(victim, seed)),
            Self::BlinkingPuppet => Box::new(Animated::puppet(victim, seed)),
            Self::Reordered => tampered(Tampering::Reorder),
            Self::Repeated => tampered(Tampering::Repeat),
        }
    }
}
