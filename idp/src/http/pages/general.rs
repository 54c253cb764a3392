//! The pages outside a login or an enrolment: errors, signing out, the front page, `form_post`.

use askama::Template;

use super::Frame;

/// Any refusal that is not told to a client.
#[derive(Template)]
#[template(path = "general/error.html")]
pub struct ErrorPage {
    pub frame: Frame,
    pub status: u16,
    pub title: String,
    /// What the person can do.
    pub advice: String,
    /// The registered error code, for support.
    pub code: String,
    pub request_id: String,
    /// In how many seconds to try again.
    pub retry_after: Option<u64>,
}

/// The session is over.
#[derive(Template)]
#[template(path = "general/signed_out.html")]
pub struct SignedOut {
    pub frame: Frame,
}

/// The session is over, and frames of the applications that took part in it hear of that
/// (Front-Channel Logout §3); then on to `next`.
#[derive(Template)]
#[template(path = "general/farewell.html")]
pub struct Farewell {
    pub frame: Frame,
    pub frames: Vec<String>,
    pub next: Option<String>,
}

/// Asks before a session is ended: `POST /end_session` with `fields` as they came.
#[derive(Template)]
#[template(path = "general/logout_confirm.html")]
pub struct LogoutConfirm {
    pub frame: Frame,
    pub username: Option<String>,
    pub fields: Vec<(String, String)>,
}

/// The session frame: answers messages of the pages around it, and shows nothing.
#[derive(Template)]
#[template(path = "general/check_session.html")]
pub struct CheckSession {
    pub frame: Frame,
    /// The name of the cookie that changes with the session.
    pub cookie: String,
}

/// What this server is.
#[derive(Template)]
#[template(path = "general/home.html")]
pub struct Home {
    pub frame: Frame,
    pub issuer: String,
    /// The demonstration application's address, where it runs.
    pub demo_app: Option<String>,
}

/// Hands an authorization response to the client by a form (OAuth 2.0 Form Post Response Mode §2).
#[derive(Template)]
#[template(path = "general/form_post.html")]
pub struct FormPost {
    pub frame: Frame,
    /// The redirect URI.
    pub action: String,
    pub fields: Vec<(String, String)>,
}
