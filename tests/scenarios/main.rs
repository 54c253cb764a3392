//! The scenarios, by who it is about: each runs the real binary, most of them with either backend.

mod chart;
mod ground;
