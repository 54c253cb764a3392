//! Presentation-attack detection: is it the person, or a picture of him held up to the camera?
//!
//! ```text
//! frame -> pipeline -> Sight -> Watch::take -> Step (what to show, what to say, what to keep)
//!                                     \-> Watch::verdict -> Verdict (a cue a file, joined by the gate)
//! ```
//!
//! [`Watch`] follows one capture: it frames the face, plays the [`Script`] and judges each answer. The
//! cues look at all that was seen. Each answers a figure, or nothing where the capture does not hold what
//! it looks at: no cue may guess. They gate a decision and never add to a comparison score. Everything is
//! pure: the time is an argument, and nothing is random.
//!
//! Frames are as the camera films them, not mirrored: the person's left is on the image's right.
//!
//! What it reaches on the simulation, and what it cannot do: `measured.md`.

pub mod album;
pub mod answer;
pub mod challenge;
mod continuity;
mod depth;
pub mod eyes;
mod freshness;
pub mod gate;
pub mod minifasnet;
pub mod moire;
mod motion;
mod neutral;
pub mod params;
mod planar;
mod reflection;
pub mod sharpness;
pub mod sight;
mod surroundings;
mod texture;
mod trace;
mod turn;
pub mod watch;

pub use album::{Kept, Place};
pub use answer::{Answer, Miss};
pub use challenge::{Challenge, Colour, Script, Shown, Side, Spot};
pub use continuity::same_person;
pub use gate::{Cue, CueResult, Refusal, Rule, Verdict};
pub use sight::Sight;
pub use watch::{Look, Phase, Purpose, Step, Watch};
