//! A simulation of people and of attacks before the camera, to measure the liveness of a capture with.
//!
//! Two generators that share only the camera and the room. The *simulated subject* ([`Subject`]) is a head
//! with depth made from one photograph: real parallax, blinks, human reaction times, skin that takes the
//! screen's colour. The *attacks* are what somebody else holds before the camera or
//! feeds in place of it. Both are honest physics kept simple; neither is a person, so rates measured on them
//! are rates of a *simulation* and never an error rate by ISO/IEC 30107-3.
//!
//! Frames are as a camera gives them, not mirrored: the person's left is the image's right. Everything
//! follows from a seed; the photographs are handed in.

mod attack;
mod camera;
mod injected;
mod light;
mod mask;
mod panel;
mod params;
pub mod performer;
mod person;
mod raster;
pub mod rehearsal;
mod space;
mod species;
mod subject;
mod surface;
mod tamper;

pub use params::FRAME;
pub use person::Person;
pub use species::{Cast, Species};
pub use subject::Subject;
pub use tamper::{Tamper, Tampering};

use crate::pad::challenge::Shown;
use crate::sample::RgbImage;

/// Somebody or something before the camera.
pub trait Actor: Send {
    /// The frame that arrives at a time, seconds since the beginning, which must not go back; `shown` is
    /// what the page shows then.
    fn frame(&mut self, at_s: f64, shown: &Shown) -> RgbImage;
}

#[cfg(test)]
mod tests;
