//! `/me/factors`: a way to sign in is added, changed or taken away.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use serde::Deserialize;
use wire::{CredentialId, FactorKind};

use super::home::{factor_line, title};
use super::{Entry, HttpError, Needs, Said, Visitor, done, enter, frame};
use crate::app::Shared;
use crate::factors::Outcome;
use crate::http::additions;
use crate::http::browser::Browser;
use crate::http::enrol::{challenge_page, typed_answer};
use crate::http::headers::{Nonce, html};
use crate::http::login::form;
use crate::http::pages::enrol::Place;
use crate::http::pages::me::{Add, AddLine, Remove};
use crate::http::speech;
use crate::login::LoginError;
use crate::login::enrolment::EnrolmentPosition;
use crate::portal::{PortalError, suffices, usable};

/// Which factor.
#[derive(Deserialize)]
pub(super) struct Wanted {
    factor: Option<String>,
}

impl Wanted {
    /// One that can be added here.
    fn factor(&self, app: &Shared) -> Result<Option<FactorKind>, HttpError> {
        let Some(text) = &self.factor else {
            return Ok(None);
        };
        let factor: FactorKind = text.parse().map_err(|_| HttpError::not_found())?;
        let is_offered = app.journey.factors.kinds().any(|kind| kind == factor);
        match is_offered && is_added_here(factor) {
            true => Ok(Some(factor)),
            false => Err(HttpError::not_found()),
        }
    }
}

/// `GET /me/factors/add`: what there is, or the page of one.
pub(super) async fn add(
    State(app): State<Shared>,
    Query(wanted): Query<Wanted>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let factor = wanted.factor(&app)?;
    let (needs, page) = match factor {
        Some(factor) => (Needs::Binding, page_of(factor)),
        None => (Needs::Session, ADD.to_owned()),
    };
    let visitor = match enter(&app, &browser, needs, &page).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let Some(factor) = factor else {
        let nonce = Nonce::new();
        let view = Add {
            frame: frame(&app, &nonce),
            username: visitor.subject.username.clone(),
            choices: app.journey.factors.kinds().filter_map(choice).collect(),
        };
        return Ok(html(StatusCode::OK, &view, &nonce, &[]));
    };
    let position = position(&app, &browser, &visitor).await?;
    let begun = app
        .journey
        .enrol_begin(position, factor, app.clock.now())
        .await;
    let (position, challenge) = match begun {
        Err(LoginError::Moved) => return Ok(Redirect::to(&page).into_response()),
        begun => begun?,
    };
    let mut response = challenge_page(&app, &position, challenge, Place::Portal).await?;
    browser.remember(&app, &mut response);
    Ok(response)
}

/// `POST /me/factors/add`: the answer to what that page asked.
pub(super) async fn added(
    State(app): State<Shared>,
    Query(wanted): Query<Wanted>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let factor = wanted.factor(&app)?.ok_or_else(HttpError::not_found)?;
    let page = page_of(factor);
    let visitor = match enter(&app, &browser, Needs::Binding, &page).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let answer = typed_answer(factor, &form(&body)?)?;
    let position = position(&app, &browser, &visitor).await?;
    let now = app.clock.now();
    let finished = Box::pin(app.journey.enrol_finish(position, factor, answer, now)).await;
    match finished {
        Ok(Outcome::Match) => {}
        Ok(Outcome::NoMatch | Outcome::Unusable) | Err(LoginError::Moved) => {
            return Ok(Redirect::to(&page).into_response());
        }
        Err(error) => return Err(error.into()),
    }
    // What was replaced vouches for no other browser any more.
    let held = app.store.credentials(visitor.subject.id).await?;
    let gone = |id: &CredentialId| !held.iter().any(|it| it.id == *id);
    let before = visitor.credentials.iter().map(|it| it.id);
    let replaced: Vec<CredentialId> = before.filter(gone).collect();
    app.end_sessions_by(&visitor.owner, &replaced, now).await?;
    Ok(done(Said::Added))
}

/// `GET /me/factors/{id}/remove`: asks whether it is to go.
pub(super) async fn remove(
    State(app): State<Shared>,
    Path(id): Path<CredentialId>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let page = format!("/me/factors/{id}/remove");
    let visitor = match enter(&app, &browser, Needs::FreshProof, &page).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    // Somebody else's is as unknown as none at all.
    let found = visitor.credentials.iter().find(|held| held.id == id);
    let found = found.ok_or_else(HttpError::not_found)?;
    let others = visitor.credentials.iter().filter(|held| held.id != id);
    let left = usable(&app.store, others).await?;
    let nonce = Nonce::new();
    let view = Remove {
        frame: frame(&app, &nonce),
        username: visitor.subject.username.clone(),
        factor: factor_line(&app, found).await?,
        is_last_way: !suffices(&app.journey.policy(), &left),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// `POST /me/factors/{id}/remove`.
pub(super) async fn removed(
    State(app): State<Shared>,
    Path(id): Path<CredentialId>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let page = format!("/me/factors/{id}/remove");
    let visitor = match enter(&app, &browser, Needs::FreshProof, &page).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let removed = app.remove_own_credential(&visitor.owner, id, app.clock.now());
    match removed.await {
        Ok(()) => Ok(done(Said::Removed)),
        // The page says why it stays.
        Err(PortalError::LastWay) => Ok(Redirect::to(&page).into_response()),
        Err(error) => Err(error.into()),
    }
}

/// The enrolment of this session.
async fn position(
    app: &Shared,
    browser: &Browser,
    visitor: &Visitor,
) -> Result<EnrolmentPosition, HttpError> {
    let (subject, sid) = (visitor.subject.id, visitor.session.sid);
    let now = app.clock.now();
    let own = app
        .journey
        .own_enrolment(subject, sid, &browser.digest, now);
    let mut position = own.await?;
    position.enrolment.address = browser.address;
    Ok(position)
}

fn choice(factor: FactorKind) -> Option<AddLine> {
    let href = match factor {
        // The camera has a page of its own, and asks for more.
        FactorKind::Face => additions::PAGE.to_owned(),
        _ if is_added_here(factor) => page_of(factor),
        _ => return None,
    };
    Some(AddLine {
        kind: factor.as_str().into(),
        title: title(factor),
        hint: speech::language().say(&format!("add-{factor}")),
        href,
    })
}

fn is_added_here(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Passkey
        | FactorKind::Password
        | FactorKind::Totp
        | FactorKind::RecoveryCode => true,
        FactorKind::Face | FactorKind::Fingerprint => false,
    }
}

fn page_of(factor: FactorKind) -> String {
    format!("{ADD}?factor={factor}")
}

const ADD: &str = "/me/factors/add";
