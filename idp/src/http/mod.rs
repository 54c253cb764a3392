//! HTTP, and only here: parse, call one function, render.
//!
//! [`router`] holds every route in one table; then a file an endpoint. A handler's `?` ends in exactly one
//! [`error::HttpError`], which a layer turns into a page with the request's id.

mod additions;
pub mod admin;
pub mod assets;
mod authorize;
mod backchannel;
mod body;
mod browser;
mod capture;
mod check_session;
mod client_address;
mod client_auth;
mod connections;
mod cross_origin;
mod demonstration;
mod device;
mod enrol;
mod errand;
mod error;
mod external;
mod hand_over;
mod headers;
mod health;
mod home;
mod introspect;
mod login;
mod login_pages;
mod logout;
mod me;
mod metadata;
pub mod pages;
mod par;
mod phone;
mod proof;
mod register;
mod request_object;
mod requests;
mod revoke;
pub mod router;
mod samples;
mod sent;
pub mod serve;
mod speech;
mod tls;
mod token;
mod userinfo;

pub use client_address::Guesses;
pub use demonstration::{Demonstration, invite as demonstration_invite};
pub use error::HttpError;
pub use metadata::WrittenDocuments;
