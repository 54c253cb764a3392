//! The console from outside: what its update does (`update`), what its screens show (`screens`), what its client sends
//! and understands (`api`).
// Helpers of tests: what fails here is the test.
#![allow(clippy::unwrap_used)]

mod api;
mod policy;
mod sample;
mod screens;
mod update;
