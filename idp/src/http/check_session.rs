//! The session frame (OpenID Connect Session Management 1.0 §3.2), where an operator turns it on.
//!
//! The page is made to be framed by anybody, holds nothing, and reads one cookie that opens nothing: a digest of the
//! session's, which only says that the session has changed when it has.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::HttpError;
use super::headers::{Framable, Nonce, html};
use super::pages::Frame;
use super::pages::general::CheckSession;
use crate::app::Shared;
use crate::random;

/// `GET /check_session`.
pub async fn frame(State(app): State<Shared>) -> Result<Response, HttpError> {
    if !app.config.session.check_session {
        return Err(HttpError::not_found());
    }
    let nonce = Nonce::new();
    let view = CheckSession {
        frame: Frame::new(nonce.text()),
        cookie: super::browser::state_cookie_name(&app),
    };
    let mut response = html(StatusCode::OK, &view, &nonce, &[]);
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{}'; base-uri 'none'; form-action 'none'",
        nonce.text()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.extensions_mut().insert(Framable);
    Ok(response)
}

/// The browser state of a session, from the digest of its cookie: whoever reads it learns nothing that opens anything.
pub fn browser_state(cookie_digest: &str) -> String {
    random::digest(&format!("whorl browser state 1 {cookie_digest}"))
}
