//! The pages of the demonstration application, a relying party with a look of its own.

use askama::Template;

use super::Frame;

/// Before signing in.
#[derive(Template)]
#[template(path = "demo/home.html")]
pub struct DemoHome {
    pub frame: Frame,
    /// Where the sign-in starts, at the application.
    pub sign_in: String,
    /// Where somebody new registers: `POST` with `username`.
    pub register: String,
    pub issuer: String,
}

/// After signing in: what the application now knows.
#[derive(Template)]
#[template(path = "demo/claims.html")]
pub struct DemoClaims {
    pub frame: Frame,
    pub id_token: Vec<Claim>,
    pub userinfo: Vec<Claim>,
    /// Where signing out starts, at the application (`GET`).
    pub sign_out: String,
}

/// One claim as the application received it, and what it means where that is known (else empty).
#[derive(Clone, Debug)]
pub struct Claim {
    pub name: String,
    pub value: String,
    pub meaning: String,
}
