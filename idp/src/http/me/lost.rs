//! `/me/lost`: whoever lost a device takes away at once what it could do. It takes what the removal of a factor takes: a proof of the
//! last minutes, and another way to sign in that is left.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use serde::Deserialize;
use uuid::Uuid;
use wire::{CredentialId, SessionId};

use super::home::{factor_line, sessions};
use super::{Entry, HttpError, Needs, Said, done, enter, frame};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::headers::{Nonce, html};
use crate::http::login::form;
use crate::http::pages::Problem;
use crate::http::pages::me::Lost as View;
use crate::http::speech;
use crate::oidc::parameters::Parameters;
use crate::portal::{Lost, PortalError, is_on_a_device};

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
    let nonce = Nonce::new();
    let mut frame = frame(&app, &nonce);
    frame.problem = again.problem();
    let view = View {
        frame,
        username: visitor.subject.username.clone(),
        factors,
        browsers: super::devices::lines(&app, &visitor, now).await?,
        sessions,
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// `POST /me/lost`: a field for each thing that is lost, named by what it is and which.
pub(super) async fn lost(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let lost = ticked(&form(&body)?);
    let visitor = match enter(&app, &browser, Needs::FreshProof, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let again = |why: &str| Redirect::to(&format!("{PAGE}?why={why}")).into_response();
    if lost.is_empty() {
        return Ok(again(NOTHING));
    }
    match app.lose(&visitor.owner, &lost, app.clock.now()).await {
        Ok(0) => Ok(done(Said::Nothing)),
        Ok(_) => Ok(done(Said::Lost)),
        // The page says why it stays.
        Err(PortalError::LastWay) => Ok(again(LAST)),
        Err(error) => Err(error.into()),
    }
}

/// What was ticked; a name that is none of the page's says nothing.
fn ticked(form: &Parameters) -> Lost {
    let mut lost = Lost::default();
    for (name, _) in form.iter() {
        match name.split_once('-') {
            Some(("factor", id)) => lost.credentials.extend(id.parse::<CredentialId>()),
            Some(("browser", id)) => lost.browsers.extend(id.parse::<Uuid>()),
            Some(("session", id)) => lost.sessions.extend(id.parse::<SessionId>()),
            _ => {}
        }
    }
    lost
}

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
        let read = |body: &str| ticked(&form(body.as_bytes()).expect("a form"));
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
}
