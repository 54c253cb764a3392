//! One entity a table, as the migrations create it; times are milliseconds since the Unix epoch.
//!
//! sea-orm requires `Debug` of a model; rows hold digests, wrapped keys and sealed bytes, never what is under them.

pub mod account_link;
pub mod attempt;
pub mod audit_event;
pub mod authorization_code;
pub mod authorization_grant;
pub mod biometric_consent;
pub mod capture;
pub mod client;
pub mod consent;
pub mod credential;
pub mod decision;
pub mod deployment;
pub mod device_key;
pub mod duplicate_pair;
pub mod duplicate_search;
pub mod enrolment;
pub mod hand_over;
pub mod initial_access_token;
pub mod invitation;
pub mod logout_notice;
pub mod notice;
pub mod operator;
pub mod operator_token;
pub mod own_secret;
pub mod pack_use;
pub mod pending_authorization;
pub mod policy_revision;
pub mod pushed_request;
pub mod recovery_code;
pub mod refresh_token;
pub mod revoked_access_token;
pub mod risk_model;
pub mod risk_profile;
pub mod risk_traffic;
pub mod risk_training;
pub mod sample_digest;
pub mod session;
pub mod signing_key;
pub mod single_use;
pub mod spoken_language;
pub mod subject;
pub mod try_counter;
