//! Whorl: an OpenID Provider whose authentication steps are face and fingerprint comparison, passkeys and
//! anomaly scoring.
//!
//! Reading order for a newcomer: [`http::router`] (every route), [`login::step`] (what comes next),
//! [`factors`] (the plug-in seam), [`tokens::mint`], and the crate `matcher`.

pub mod app;
pub mod aws;
pub mod capture;
pub mod cli;
pub mod client_certificates;
pub mod clients;
pub mod clock;
pub mod config;
pub mod database_file;
pub mod demo;
pub mod encryption_ring;
pub mod factors;
pub mod hint_keys;
pub mod http;
pub mod keys;
pub mod login;
pub mod metrics;
pub mod models;
pub mod notices;
pub mod oidc;
pub mod outbound;
pub mod own_keys;
pub mod places;
pub mod policies;
pub mod pool;
pub mod portal;
pub mod random;
pub mod seed;
pub mod sign_out;
pub mod store;
pub mod telemetry;
pub mod tend;
pub mod tokens;
pub mod vault;
pub mod words;
