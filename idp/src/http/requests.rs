//! `/me/requests`: which clients wait for the signed-in person, and the answer to each (CIBA Core §8).

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use time::OffsetDateTime;
use wire::AuditOutcome;

use super::browser::Browser;
use super::headers::{Nonce, html};
use super::login_pages::{detail_block, scope_line};
use super::pages::elsewhere::{Request, Requests};
use super::pages::{Frame, Problem};
use super::{HttpError, backchannel, errand, login, speech};
use crate::app::Shared;
use crate::login::Trail;
use crate::login::session::LiveSession;
use crate::oidc::acr::AcrRequest;
use crate::oidc::authorization_details::AuthorizationDetails;
use crate::oidc::backchannel::Asked;
use crate::oidc::client::{Client, ClientId};
use crate::oidc::error::PageError;
use crate::oidc::request::{AuthorizationRequest, Errand, Question};
use crate::oidc::scope::{self, Scopes};
use crate::oidc::subject::SubjectId;
use crate::store::{PendingRow, StoreError};

/// `GET /me/requests`: whoever is not signed in does that first.
pub async fn list(State(app): State<Shared>, browser: Browser) -> Result<Response, HttpError> {
    match browser.session(&app).await? {
        Some(session) => show(&app, &session, None).await,
        None => sign_in(&app, &browser).await,
    }
}

/// `POST /me/requests/{id}`.
pub async fn answer(
    State(app): State<Shared>,
    Path(id): Path<String>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = login::form(&body)?;
    let Some(session) = browser.session(&app).await? else {
        return sign_in(&app, &browser).await;
    };
    let now = app.clock.now();
    // Somebody else's request is as unknown as none at all.
    let row = app.store.waiting(&id, now).await?;
    let Some(row) = row.filter(|row| row.subject == Some(session.subject)) else {
        return show(&app, &session, Some(&GONE)).await;
    };
    let asked = asked_of(&row)?;
    match form.get("decision") {
        Some("deny") => {
            if app.store.decide_pending(&row.digest, None, now).await? {
                note(&app, &session, &row, now).await?;
                backchannel::notify(&app, &row.digest).await;
            }
            Ok(errand::ended(
                &app,
                "Denied",
                "The application was told that you said no. If you did not begin this, somebody else knows your name there.",
            ))
        }
        Some("approve") => {
            let typed = form.get("number").map(str::trim);
            let number = asked.matching_number.to_string();
            if app.config.ciba.matching_number && typed != Some(number.as_str()) {
                return show(&app, &session, Some(&NUMBER)).await;
            }
            approve(&app, &browser, &session, &row, asked).await
        }
        _ => Err(HttpError::bad_request(
            "decision_missing",
            "Choose to approve or to deny.",
        )),
    }
}

/// On with what the requested assurance needs; a proof of the last minutes counts.
async fn approve(
    app: &Shared,
    browser: &Browser,
    session: &LiveSession,
    row: &PendingRow,
    asked: Asked,
) -> Result<Response, HttpError> {
    let client = app
        .client(row.client.0.as_str())
        .await?
        .ok_or(PageError::ClientUnknown)?;
    let request = AuthorizationRequest::of_our_own(Question {
        client_id: asked.client_id,
        scopes: asked.scopes,
        resources: asked.resources,
        details: asked.details,
        acr: asked.acr,
        max_age: Some(FRESH_S),
        subject: Some(SubjectId(session.subject.0)),
        errand: Errand::Backchannel {
            digest: row.digest.clone(),
        },
        page: app.provider.issuer.endpoint(errand::REQUESTS),
    });
    errand::begin(app, browser, request, &client).await
}

async fn show(
    app: &Shared,
    session: &LiveSession,
    problem: Option<&(&str, &str)>,
) -> Result<Response, HttpError> {
    let now = app.clock.now();
    let subject = app.store.subject(session.subject).await?;
    let rows = app.store.waiting_for(session.subject, now).await?;
    let ids: Vec<String> = rows.iter().map(|row| row.client.0.clone()).collect();
    let names = app.store.client_names(&ids).await?;
    let mut requests = Vec::new();
    for row in &rows {
        let asked = asked_of(row)?;
        let name = names.get(&row.client.0).cloned();
        let left = (row.expires_at - now).whole_seconds();
        requests.push(Request {
            id: row.digest.clone(),
            client: name.unwrap_or_else(|| row.client.0.clone()),
            message: asked.binding_message,
            number: asked.matching_number.to_string(),
            place: asked
                .place
                .unwrap_or_else(|| speech::language().say("place-unknown")),
            asked: errand::ago(now - row.created_at),
            remaining: speech::language().say_of("seconds-left", "count", left.to_string()),
            scopes: asked.scopes.iter().map(scope_line).collect(),
            details: app
                .provider
                .detail_types
                .lines(&asked.details)
                .into_iter()
                .map(detail_block)
                .collect(),
        });
    }
    let nonce = Nonce::new();
    let status = match problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let view = Requests {
        frame: Frame {
            demo: app.config.demo.enabled,
            problem: problem.map(|(title, advice)| Problem {
                title: speech::language().reword(title),
                advice: speech::language().reword(advice),
            }),
            ..Frame::new(nonce.text())
        },
        username: subject.map(|subject| subject.username).unwrap_or_default(),
        requests,
        number_typed: app.config.ciba.matching_number,
    };
    Ok(html(status, &view, &nonce, &[]))
}

async fn sign_in(app: &Shared, browser: &Browser) -> Result<Response, HttpError> {
    let id = ClientId::parse("whorl").expect("invariant: plain letters are an identifier");
    let mut ourselves = Client::new(id.clone());
    ourselves.name = speech::language().say("requests-title");
    ourselves.trusted = true;
    let request = AuthorizationRequest::of_our_own(Question {
        client_id: id,
        scopes: Scopes::parse(scope::OPENID).unwrap_or_default(),
        resources: BTreeSet::new(),
        details: AuthorizationDetails::default(),
        acr: AcrRequest::Any,
        max_age: None,
        subject: None,
        errand: Errand::Requests,
        page: app.provider.issuer.endpoint(errand::REQUESTS),
    });
    errand::begin(app, browser, request, &ourselves).await
}

fn asked_of(row: &PendingRow) -> Result<Asked, HttpError> {
    let read = serde_json::from_value(row.record.clone());
    Ok(read.map_err(|_| StoreError::Unreadable("backchannel request"))?)
}

async fn note(
    app: &Shared,
    session: &LiveSession,
    row: &PendingRow,
    now: OffsetDateTime,
) -> Result<(), HttpError> {
    let trail = Trail {
        subject: Some(session.subject),
        client: Some(row.client.clone()),
        attempt: None,
        address: None,
    };
    let event = trail.event("backchannel.denied", AuditOutcome::Refused);
    app.store.append_event(event, now).await?;
    Ok(())
}

/// A proof of so many seconds ago counts for an approval.
const FRESH_S: u32 = 300;
const GONE: (&str, &str) = (
    "Nobody waits for this any more",
    "It was answered already, or it took too long.",
);
const NUMBER: (&str, &str) = (
    "The number is another one",
    "Type the number that you see where you began. If you see none, deny.",
);
