//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use wire::AuditOutcome;

use super::body::form_only;
use super::browser::{Browser, CrossSite, clear_session};
use super::headers::{Nonce, beyond, html, html_with_frames};
use super::pages::Frame;
use super::pages::general::{Farewell, LogoutConfirm, SignedOut};
use super::{HttpError, speech};
use crate::app::Shared;
use crate::login::Trail;
use crate::login::session::LiveSession;
use crate::oidc::error::PageError;
use crate::oidc::logout::{AfterLogout, CurrentSession, LogoutDecision, LogoutRequest};
use crate::oidc::parameters::Parameters;
use crate::oidc::subject::SubjectId;
use crate::words::Language;

/// `GET /end_session`.
pub async fn get(
    State(app): State<Shared>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    respond(
        &app,
        browser,
        query.unwrap_or_default().as_bytes(),
        Asked::ByClient,
    )
    .await
}

/// `POST /end_session`: from a client, or from our own page that asked.
pub async fn post(
    State(app): State<Shared>,
    browser: CrossSite,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, HttpError> {
    // RP-Initiated Logout 1.0 §2: what is posted is a serialised form.
    form_only(&headers, &body)?;
    respond(&app, browser.0, &body, Asked::ByClient).await
}

/// `POST /end_session/confirm`: our own page, so the person said yes; its origin is checked.
pub async fn confirm(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    respond(&app, browser, &body, Asked::ByPerson).await
}

#[derive(PartialEq, Eq)]
enum Asked {
    ByClient,
    ByPerson,
}

async fn respond(
    app: &Shared,
    browser: Browser,
    encoded: &[u8],
    asked: Asked,
) -> Result<Response, HttpError> {
    let parameters = Parameters::from_urlencoded(encoded).map_err(PageError::from)?;
    let request = LogoutRequest::parse(&parameters)?;
    let hint = match &request.id_token_hint {
        Some(hint) => {
            app.tokens
                .id_token_hint(hint.as_str(), app.clock.now())
                .await
        }
        None => None,
    };
    let named = hint
        .as_ref()
        .map(|hint| &hint.aud)
        .or(request.client_id.as_ref());
    let client = match named {
        Some(id) => app.client(id.as_str()).await?,
        None => None,
    };
    let session = browser.session(app).await?;
    let current = session.as_ref().map(|session| {
        let subject = SubjectId(session.subject.0);
        let sid = crate::oidc::grant::SessionId(session.sid.0);
        let (sid, sub) = match &client {
            Some(client) => (
                app.tokens.sid_of(sid, client),
                app.tokens.sub_of(subject, client),
            ),
            None => (sid, subject.public()),
        };
        CurrentSession { sid, sub }
    });
    let language = speech::language_for(request.ui_locales.as_deref());
    match request.decide(hint.as_ref(), client.as_deref(), current.as_ref())? {
        LogoutDecision::Direct(after) => end(app, session, after, language).await,
        LogoutDecision::Confirm(after) if asked == Asked::ByPerson => {
            end(app, session, after, language).await
        }
        LogoutDecision::Confirm(after) => {
            ask(app, session.as_ref(), &parameters, &after, language).await
        }
    }
}

async fn end(
    app: &Shared,
    session: Option<LiveSession>,
    after: AfterLogout,
    language: Language,
) -> Result<Response, HttpError> {
    let mut frames = Vec::new();
    if let Some(session) = session {
        let now = app.clock.now();
        frames = app.end_session(session.sid, now).await?;
        let trail = Trail {
            subject: Some(session.subject),
            client: None,
            attempt: None,
            address: None,
        };
        app.store
            .append_event(trail.event("session.ended", AuditOutcome::Success), now)
            .await?;
    }
    let mut response = match after {
        // Front-Channel Logout §3: the clients' frames first, then on.
        after if !frames.is_empty() => farewell(app, &frames, after, language),
        AfterLogout::Redirect(to) => Redirect::to(&to).into_response(),
        AfterLogout::Page => {
            let nonce = Nonce::new();
            let frame = Frame {
                demo: app.config.demo.enabled,
                language,
                ..Frame::new(nonce.text())
            };
            html(StatusCode::OK, &SignedOut { frame }, &nonce, &[])
        }
    };
    clear_session(app, &mut response);
    Ok(response)
}

fn farewell(app: &Shared, frames: &[url::Url], after: AfterLogout, language: Language) -> Response {
    let nonce = Nonce::new();
    let view = Farewell {
        frame: Frame {
            demo: app.config.demo.enabled,
            language,
            ..Frame::new(nonce.text())
        },
        frames: frames.iter().map(url::Url::to_string).collect(),
        next: match after {
            AfterLogout::Redirect(to) => Some(to),
            AfterLogout::Page => None,
        },
    };
    let origins: Vec<String> = frames
        .iter()
        .map(|frame| frame.origin().ascii_serialization())
        .collect();
    html_with_frames(&view, &nonce, &origins)
}

async fn ask(
    app: &Shared,
    session: Option<&LiveSession>,
    parameters: &Parameters,
    after: &AfterLogout,
    language: Language,
) -> Result<Response, HttpError> {
    let subject = match session {
        Some(session) => app.store.subject(session.subject).await?,
        None => None,
    };
    let names = [
        "id_token_hint",
        "client_id",
        "post_logout_redirect_uri",
        "state",
        "ui_locales",
        "logout_hint",
    ];
    let fields = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), parameters.get(name)?.to_owned())));
    let nonce = Nonce::new();
    let view = LogoutConfirm {
        frame: Frame {
            demo: app.config.demo.enabled,
            language,
            ..Frame::new(nonce.text())
        },
        username: subject.map(|s| s.username),
        fields: fields.collect(),
    };
    // Where the answer to the form goes on to: what the client registered, and nowhere where that is not followed.
    let target = match after {
        AfterLogout::Redirect(to) => url::Url::parse(to).ok(),
        AfterLogout::Page => None,
    };
    let targets = target.as_ref().map(beyond).unwrap_or_default();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    Ok(html(StatusCode::OK, &view, &nonce, &targets))
}
