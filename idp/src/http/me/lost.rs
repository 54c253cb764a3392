//! `/me/lost`: whoever lost a device takes away at once what it could do. It takes what the removal of a factor takes: a proof of the
//! last minutes, and another way to sign in that is left.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use serde::Deserialize;
use url::form_urlencoded;
use uuid::Uuid;
use wire::{CredentialId, SessionId};

use super::home::{factor_line, sessions};
use super::sessions::tell_refused;
use super::{Entry, HttpError, Needs, Said, Visitor, done, enter, frame};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::headers::{Nonce, html};
use crate::http::pages::Problem;
use crate::http::pages::me::Lost as View;
use crate::http::speech;
use crate::oidc::error::PageError;
use crate::oidc::parameters::ParameterError;
use crate::portal::{Lost, OURSELVES, PortalError, is_on_a_device};
use crate::store::StoreError;

/// Why the page is shown again.
#[derive(Deserialize)]
pub(super) struct Again {
    why: Option<String>,
}

impl Again {
    fn problem(&self) -> Option<Problem> {
        let key = match self.why.as_deref()? {
            NOTHING => "lost-none",
            LAST => "lost-last",
            _ => return None,
        };
        let language = speech::language();
        Some(Problem {
            title: language.say(&format!("{key}-title")),
            advice: language.say(key),
        })
    }
}

/// `GET /me/lost`: what a device could have.
pub(super) async fn ask(
    State(app): State<Shared>,
    Query(again): Query<Again>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let visitor = match enter(&app, &browser, Needs::FreshProof, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let now = app.clock.now();
    let mut factors = Vec::new();
    for held in &visitor.credentials {
        if is_on_a_device(held.factor) {
            factors.push(factor_line(&app, held).await?);
        }
    }
    let mut sessions = sessions(&app, &visitor, now).await?;
    sessions.retain(|session| !session.is_this);
    sessions.truncate(MOST_TICKS / 2);
    let nonce = Nonce::new();
    let mut frame = frame(&app, &nonce);
    frame.problem = again.problem();
    let view = View {
        frame,
        username: visitor.subject.username.clone(),
        factors,
        browsers: super::devices::lines(&app, &visitor, now).await?,
        sessions,
        applications: may_go_on(&app, &visitor).await?,
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// Whether any application has a grant.
async fn may_go_on(app: &Shared, visitor: &Visitor) -> Result<bool, StoreError> {
    let granted = app.store.clients_of_subject(visitor.subject.id).await?;
    Ok(granted.iter().any(|(client, _)| client != OURSELVES))
}

/// `POST /me/lost`: a field for each thing that is lost, named by what it is and which.
pub(super) async fn lost(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let lost = ticked(&body)?;
    let visitor = match enter(&app, &browser, Needs::FreshProof, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let again = |why: &str| Redirect::to(&format!("{PAGE}?why={why}")).into_response();
    if lost.is_empty() {
        return Ok(again(NOTHING));
    }
    match app.lose(&visitor.owner, &lost, app.clock.now()).await {
        Ok((0, _)) => Ok(done(Said::Nothing)),
        Ok((_, refused)) => {
            tell_refused(&app, refused).await;
            Ok(done(Said::Lost))
        }
        // The page says why it stays.
        Err(PortalError::LastWay) => Ok(again(LAST)),
        Err(error) => Err(error.into()),
    }
}

/// What was ticked; a name that is none of the page's says nothing. There may be more of them than a request of a client
/// may have parameters: whoever has been here for years has many browsers.
fn ticked(body: &[u8]) -> Result<Lost, HttpError> {
    let mut lost = Lost::default();
    for (count, (name, _)) in form_urlencoded::parse(body).enumerate() {
        if count >= MOST_TICKS {
            return Err(PageError::from(ParameterError::TooLarge).into());
        }
        if name == "applications" {
            lost.applications = true;
        }
        match name.split_once('-') {
            Some(("factor", id)) => lost.credentials.extend(id.parse::<CredentialId>()),
            Some(("browser", id)) => lost.browsers.extend(id.parse::<Uuid>()),
            Some(("session", id)) => lost.sessions.extend(id.parse::<SessionId>()),
            _ => {}
        }
    }
    Ok(lost)
}

/// Each takes some fifty bytes of the body.
const MOST_TICKS: usize = 1_000;
const PAGE: &str = "/me/lost";
const NOTHING: &str = "nothing";
const LAST: &str = "last";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ticked_is_read_by_kind_and_what_is_no_name_of_ours_is_left_out() {
        let id = "018f0000-0000-7000-8000-000000000000";
        let uuid: Uuid = id.parse().expect("an identifier");
        let read = |body: &str| ticked(body.as_bytes()).expect("a form");
        for body in [
            "",
            "factor-=lost",
            "factor-x=lost",
            "factor=lost",
            "other-018f=lost",
        ] {
            assert!(read(body).is_empty(), "{body}");
        }
        let all = read(&format!(
            "factor-{id}=lost&browser-{id}=lost&session-{id}=lost&x=y"
        ));
        assert_eq!(all.credentials, [CredentialId(uuid)].into());
        assert_eq!(all.browsers, [uuid].into());
        assert_eq!(all.sessions, [SessionId(uuid)].into());
    }

    #[test]
    fn as_many_as_the_page_has_may_be_ticked_and_no_more() {
        let of = |count: usize| {
            let names = (0..count).map(|n| format!("session-{}=lost", Uuid::from_u128(n as u128)));
            let body = names.collect::<Vec<_>>().join("&");
            ticked(body.as_bytes()).map(|lost| lost.sessions.len()).ok()
        };
        assert_eq!([of(65), of(MOST_TICKS)], [Some(65), Some(MOST_TICKS)]);
        assert_eq!(of(MOST_TICKS + 1), None);
    }
}
