//! Whorl: an OpenID Provider whose authentication steps are face and fingerprint comparison, passkeys and
//! anomaly scoring.
//!
//! The map of the crate; `http::router` is the place to begin reading, then `login::step`, `factors`,
//! `tokens::mint`.

pub mod capture;
pub mod clock;
pub mod config;
pub mod factors;
pub mod http;
pub mod login;
pub mod models;
pub mod oidc;
pub mod pool;
pub mod store;
pub mod vault;
