//! `/me/devices`: browsers that were trusted. To forget one only takes something away from whoever sits at it: the session
//! itself is proof enough.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use time::OffsetDateTime;

use super::{Entry, HOME, HttpError, Needs, Said, Visitor, done, enter, moment};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::login::form;
use crate::http::pages::me::BrowserLine;
use crate::http::speech;
use crate::portal::{PortalError, device};
use crate::store::StoreError;

/// `POST /me/devices/forget`.
pub(super) async fn forget(
    State(app): State<Shared>,
    browser: Browser,
    body: Bytes,
) -> Result<Response, HttpError> {
    let form = form(&body)?;
    let visitor = match enter(&app, &browser, Needs::Session, HOME).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let id = form.get("id").unwrap_or_default();
    let id = id.parse().map_err(|_| HttpError::not_found())?;
    let forgotten = app.forget_own_device(&visitor.owner, id, app.clock.now());
    match forgotten.await {
        Ok(()) => Ok(done(Said::Forgotten)),
        Err(PortalError::Unknown) => Ok(done(Said::Nothing)),
        Err(error) => Err(error.into()),
    }
}

/// The browsers of this person that are known again.
pub(super) async fn lines(
    app: &Shared,
    visitor: &Visitor,
    now: OffsetDateTime,
) -> Result<Vec<BrowserLine>, StoreError> {
    let keys = app.store.device_keys_of(visitor.subject.id, now).await?;
    let line = |key: &crate::store::DeviceKey| BrowserLine {
        id: key.id.to_string(),
        device: device(speech::language(), key.user_agent.as_deref()),
        since: moment(key.created_at),
        used: key.last_used_at.map(moment),
        until: moment(key.expires_at),
    };
    Ok(keys.iter().map(line).collect())
}
