//! The demonstration: a provider with embedded defaults, an application that delegates login to it, and
//! the same login done by a program.
//!
//! The application is written with the relying-party side of `openidconnect`, an implementation that is
//! not ours, so that what it accepts is accepted elsewhere too.

pub mod relying_party;
pub mod settings;

pub use relying_party::{RelyingParty, Verified};
