//! The OpenID Provider as a library: this page is the map of the crate.

pub mod aws;
pub mod clock;
pub mod keys;
pub mod vault;
