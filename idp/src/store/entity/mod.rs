//! One entity a table, as the migrations create it; times are milliseconds since the Unix epoch.
//!
//! sea-orm requires `Debug` of a model; rows hold digests, wrapped keys and sealed bytes, never what is under them.

pub mod subject;
pub mod credential;
pub mod recovery_code;
pub mod try_counter;
pub mod biometric_consent;
pub mod attempt;
pub mod session;
pub mod invitation;
pub mod enrolment;
pub mod capture;
pub mod client;
pub mod authorization_grant;
pub mod authorization_code;
pub mod refresh_token;
pub mod revoked_access_token;
pub mod consent;
pub mod deployment;
pub mod signing_key;
pub mod operator;
pub mod operator_token;
pub mod audit_event;
