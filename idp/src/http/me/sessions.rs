//! Sessions ended, and what applications were allowed withdrawn. Both only take something away from whoever holds it:
//! the session itself is proof enough.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;

use super::{Entry, HOME, HttpError, Needs, Said, done, enter};
use crate::app::Shared;
use crate::http::backchannel;
use crate::http::browser::Browser;
use crate::http::login::form;
use crate::portal::{PortalError, Refused};

/// `POST /me/sessions/end`: one session, or with `sid=others` all but this one.
pub(super) async fn end(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let visitor = match enter(&app, &browser, Needs::Session, HOME).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let now = app.clock.now();
    let ended = match form.get("sid").unwrap_or_default() {
        "others" => {
            let refused = app.end_other_sessions(&visitor.owner, now).await?;
            tell_refused(&app, refused).await;
            Ok(())
        }
        sid => {
            let sid = sid.parse().map_err(|_| HttpError::not_found())?;
            app.end_own_session(&visitor.owner, sid, now).await
        }
    };
    said(ended, Said::Ended)
}

/// `POST /me/applications/withdraw`.
pub(super) async fn withdraw(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let visitor = match enter(&app, &browser, Needs::Session, HOME).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let client = form.get("client").unwrap_or_default();
    let withdrawn = app.withdraw_own_consent(&visitor.owner, client, app.clock.now());
    said(withdrawn.await, Said::Withdrawn)
}

/// The clients of what was refused hear of it (CIBA Core §10.2).
pub(super) async fn tell_refused(app: &Shared, refused: Refused) {
    for digest in refused {
        backchannel::notify(app, &digest).await;
    }
}

/// What was gone already, or was never there, is as the person wants it.
fn said(changed: Result<(), PortalError>, said: Said) -> Result<Response, HttpError> {
    match changed {
        Ok(()) => Ok(done(said)),
        Err(PortalError::Unknown) => Ok(done(Said::Nothing)),
        Err(error) => Err(error.into()),
    }
}
