//! Whorl: an OpenID Provider whose authentication steps are biometric comparison, passkeys and anomaly scoring.

pub mod oidc;
