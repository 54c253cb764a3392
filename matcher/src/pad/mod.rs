//! Presentation-attack detection: is it the person, or a picture of him held up to the camera?
//!
//! A file a cue. A cue answers the probability that the presentation is bona fide (ISO/IEC 30107-3), or
//! nothing where the sample does not hold what it looks at: no cue may guess. Cues gate a decision and
//! never add to a comparison score; beside them stand the challenges that the capture asks of the person.

pub mod challenge;
pub mod minifasnet;
