//! `/me/face`: a signed-in person adds a face. Without a passkey or an authenticator app proved just before, the
//! page asks for that first; from there on the pages are those of an enrolment.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use wire::FactorKind;

use super::browser::Browser;
use super::headers::{Nonce, html};
use super::pages::Frame;
use super::pages::elsewhere::AddFactor;
use super::{HttpError, errand, speech};
use crate::app::Shared;
use crate::login::LoginError;
use crate::login::addition;
use crate::login::own_pages::FRESH;
use crate::login::session::LiveSession;
use crate::oidc::acr::AcrRequest;
use crate::oidc::authorization_details::AuthorizationDetails;
use crate::oidc::client::{Client, ClientId};
use crate::oidc::request::{AuthorizationRequest, Errand, Question};
use crate::oidc::scope::{self, Scopes};

/// `GET /me/face`.
pub async fn show(State(app): State<Shared>, browser: Browser) -> Result<Response, HttpError> {
    match fresh(&app, &browser).await? {
        Some(session) => page(&app, &session, FACTOR).await,
        None => prove(&app, &browser, FACTOR).await,
    }
}

/// `POST /me/face`.
pub async fn begin(State(app): State<Shared>, browser: Browser) -> Result<Response, HttpError> {
    let factor = FACTOR;
    let Some(session) = fresh(&app, &browser).await? else {
        return prove(&app, &browser, factor).await;
    };
    let now = app.clock.now();
    let begun = app
        .journey
        .begin_addition(&session, factor, &browser.digest, now)
        .await;
    let mut response = match begun {
        Ok(()) => Redirect::to(&format!("/enrol/{factor}")).into_response(),
        // The session ended, or the proof grew old, between two looks at it.
        Err(LoginError::Gone) => prove(&app, &browser, factor).await?,
        Err(error) => return Err(error.into()),
    };
    browser.remember(&app, &mut response);
    Ok(response)
}

/// The session, where a possession factor was proved in it just before.
async fn fresh(app: &Shared, browser: &Browser) -> Result<Option<LiveSession>, HttpError> {
    let Some(session) = browser.session(app).await? else {
        return Ok(None);
    };
    let credentials = app.store.credentials(session.subject).await?;
    let is_fresh = addition::is_fresh(&session, &credentials, app.clock.now());
    Ok(is_fresh.then_some(session))
}

async fn page(
    app: &Shared,
    session: &LiveSession,
    factor: FactorKind,
) -> Result<Response, HttpError> {
    // Where the factor is off there is nothing to begin.
    app.journey
        .factors
        .factor(factor)
        .map_err(LoginError::from)?;
    let subject = app.store.subject(session.subject).await?;
    let subject = subject.ok_or(LoginError::Gone)?;
    let credentials = app.store.credentials(subject.id).await?;
    let known = credentials.iter().rfind(|c| c.factor == factor);
    let nonce = Nonce::new();
    let view = AddFactor {
        frame: Frame {
            demo: app.config.demo.enabled,
            ..Frame::new(nonce.text())
        },
        username: subject.username,
        since: known.map(|c| speech::language().date_time(c.created_at)),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// Asks for a passkey or an authenticator app, and comes back here.
async fn prove(app: &Shared, browser: &Browser, factor: FactorKind) -> Result<Response, HttpError> {
    let acrs = addition::acrs(&app.journey.policy());
    if acrs.is_empty() {
        return Ok(errand::ended(app, NEEDED, NEVER));
    }
    let id = ClientId::parse("whorl").expect("invariant: plain letters are an identifier");
    let mut ourselves = Client::new(id.clone());
    ourselves.name = speech::language().say("me-title");
    ourselves.trusted = true;
    let request = AuthorizationRequest::of_our_own(Question {
        client_id: id,
        scopes: Scopes::parse(scope::OPENID).unwrap_or_default(),
        resources: BTreeSet::new(),
        details: AuthorizationDetails::default(),
        acr: AcrRequest::Essential(acrs),
        max_age: u32::try_from(FRESH.whole_seconds()).ok(),
        subject: None,
        errand: Errand::AddFactor { factor },
        page: app.provider.issuer.endpoint(PAGE),
    });
    errand::begin(app, browser, request, &ourselves).await
}

/// The address.
pub const PAGE: &str = "/me/face";
/// What can be added by a page of its own.
const FACTOR: FactorKind = FactorKind::Face;
/// What is told where no such factor is set up.
pub const NEEDED: &str = "A passkey or an authenticator app is needed";
/// What is told to who has none.
pub const NONE: &str = "Only with one of them can anything be added to your account, and you have none set up here. Ask whoever \
                        runs your application for an invitation.";
const NEVER: &str = "Only with one of them can anything be added to an account, and nobody signs in with them here. Ask \
                     whoever runs your application for an invitation.";
