//! Logins that end with a page of ours, and not with an answer to a client: somebody waits elsewhere for what the
//! person says.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use time::Duration;
use wire::AuditOutcome;

use super::browser::{self, Browser};
use super::headers::{Nonce, html};
use super::pages::Frame;
use super::pages::elsewhere::Answered;
use super::{HttpError, additions, backchannel, client_address, login, speech};
use crate::app::Shared;
use crate::login::Trail;
use crate::login::attempt::Attempt;
use crate::login::finish::Admitted;
use crate::oidc::client::Client;
use crate::oidc::error::AuthorizationError;
use crate::oidc::request::{AuthorizationRequest, Errand};

/// Begins a login of our own.
pub async fn begin(
    app: &Shared,
    browser: &Browser,
    request: AuthorizationRequest,
    client: &Client,
) -> Result<Response, HttpError> {
    client_address::count(app, &app.begun, browser.address)?;
    let session = browser.session(app).await?;
    let hinted = request.hinted_subject;
    let session = session.filter(|s| hinted.is_none_or(|hinted| hinted.0 == s.subject.0));
    let begun = app
        .journey
        .begin(
            request,
            client,
            &browser.digest,
            session.as_ref(),
            app.clock.now(),
        )
        .await?;
    let mut response = match begun {
        Ok(attempt) => login::advance(app, browser, attempt, login::Shown::Redirect).await?,
        Err(error) => refused(app, error),
    };
    browser.remember(app, &mut response);
    Ok(response)
}

/// Hands what the person allowed to whoever waits for it.
pub async fn admitted(
    app: &Shared,
    errand: &Errand,
    admitted: &Admitted,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let mut response = match errand {
        Errand::Requests => Redirect::to(REQUESTS).into_response(),
        Errand::AddFactor { .. } => Redirect::to(additions::PAGE).into_response(),
        Errand::Portal { page, .. } => Redirect::to(page).into_response(),
        Errand::Device { digest } | Errand::Backchannel { digest } => {
            let grant = admitted.grant.id.0;
            let in_time = app.store.decide_pending(digest, Some(grant), now).await?;
            if in_time {
                note(app, admitted).await?;
            } else {
                // Answered before, or too late: nobody fetches what was just granted.
                app.store.revoke_grant(grant, now).await?;
            }
            match (errand, in_time) {
                (Errand::Backchannel { .. }, true) => {
                    backchannel::notify(app, digest).await;
                    ended(
                        app,
                        "Approved",
                        "The application goes on. You can close this page.",
                    )
                }
                (_, true) => ended(
                    app,
                    "Your device is connected",
                    "Go back to your device: it goes on by itself. You can close this page.",
                ),
                (_, false) => ended(
                    app,
                    "This took too long",
                    "It was answered already, or nobody waits any more. Start again where you began.",
                ),
            }
        }
    };
    if let Some(cookie) = &admitted.cookie {
        browser::set_session(app, &mut response, cookie);
        speech::adopt(app, &mut response, admitted.subject.id).await?;
    }
    Ok(response)
}

/// The person, or the policy, said no.
pub async fn denied(
    app: &Shared,
    errand: &Errand,
    attempt: &Attempt,
    error: AuthorizationError,
) -> Result<Response, HttpError> {
    app.journey.deny(attempt, error, app.clock.now()).await?;
    if let (Errand::Device { digest }, AuthorizationError::AccessDenied) = (errand, error) {
        app.store
            .decide_pending(digest, None, app.clock.now())
            .await?;
    }
    let stays = stays_signed_in(app, attempt).await?;
    Ok(match (errand, error) {
        (Errand::Requests, AuthorizationError::AccessDenied) if stays => {
            ended(app, "Nobody was answered", AS_BEFORE)
        }
        (Errand::Portal { .. } | Errand::AddFactor { .. }, AuthorizationError::AccessDenied)
            if stays =>
        {
            ended(app, "Nothing was changed", AS_BEFORE)
        }
        (Errand::Requests, AuthorizationError::AccessDenied) => ended(
            app,
            "You are not signed in",
            "Requests to you are shown once you are. Nobody was answered.",
        ),
        (Errand::Portal { .. }, AuthorizationError::AccessDenied) => ended(
            app,
            "You are not signed in",
            "Your account is shown once you are. Nothing was changed.",
        ),
        (Errand::AddFactor { .. }, AuthorizationError::UnmetAuthenticationRequirements) => {
            ended(app, additions::NEEDED, additions::NONE)
        }
        _ => refused(app, error),
    })
}

/// Whether the session that one more proof was asked of goes on: whoever goes away loses nothing.
async fn stays_signed_in(app: &Shared, attempt: &Attempt) -> Result<bool, HttpError> {
    let (Some(sid), Some(subject)) = (attempt.session, attempt.subject()) else {
        return Ok(false);
    };
    let now = app.clock.now();
    Ok(app.store.is_session_live(sid, subject, now).await?)
}

fn refused(app: &Shared, error: AuthorizationError) -> Response {
    let text = match error {
        AuthorizationError::AccessDenied => "You said no. You can close this page.",
        other => other.sentence(),
    };
    ended(app, "Nothing was allowed", text)
}

/// A page with nothing more to do.
pub fn ended(app: &Shared, title: &str, text: &str) -> Response {
    let nonce = Nonce::new();
    let view = Answered {
        frame: Frame {
            demo: app.config.demo.enabled,
            ..Frame::new(nonce.text())
        },
        title: speech::language().reword(title),
        text: speech::language().reword(text),
    };
    html(StatusCode::OK, &view, &nonce, &[])
}

async fn note(app: &Shared, admitted: &Admitted) -> Result<(), HttpError> {
    let trail = Trail {
        subject: Some(admitted.subject.id),
        client: Some(wire::ClientId(admitted.grant.client_id.to_string())),
        attempt: Some(admitted.attempt.id),
        address: None,
    };
    let event = trail.event("waiting.approved", AuditOutcome::Success);
    app.store.append_event(event, app.clock.now()).await?;
    Ok(())
}

/// How long ago, in words.
pub fn ago(since: Duration) -> String {
    let language = speech::language();
    match since.whole_seconds() {
        ..=59 => language.say("ago-now"),
        60..=119 => language.say("ago-minute"),
        seconds => language.say_of("ago-minutes", "count", (seconds / 60).to_string()),
    }
}

const AS_BEFORE: &str = "You are signed in as before. You can close this page.";

/// Where a person sees who waits for them.
pub const REQUESTS: &str = "/me/requests";
