//! Pure biometrics: pixels in, templates and scores out.
//!
//! Nothing here is asynchronous, reads a clock, opens a socket or knows a database: model bytes and
//! image bytes are handed in, and what comes back is a value. So every stage can be pinned by a golden
//! file, and a faster version held against the plain one.
#![warn(missing_docs)]

pub mod anomaly;
pub mod face;
pub mod fingerprint;
pub mod fusion;
pub mod onnx;
pub mod pad;
pub mod sample;
pub mod score;
mod simd;
pub mod simulation;
