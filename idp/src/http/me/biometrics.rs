//! `/me/biometrics/erase`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::home::biometrics;
use super::{Entry, HttpError, Needs, Said, done, enter, frame};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::headers::{Nonce, html};
use crate::http::pages::me::Erase;
use crate::login::policy::is_biometric;
use crate::portal::{suffices, usable};

/// `GET /me/biometrics/erase`: asks whether they are to go.
pub(super) async fn erase(
    State(app): State<Shared>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let visitor = match enter(&app, &browser, Needs::FreshProof, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let held = visitor.credentials.iter();
    let left = usable(&app.store, held.filter(|it| !is_biometric(it.factor))).await?;
    let nonce = Nonce::new();
    let view = Erase {
        frame: frame(&app, &nonce),
        username: visitor.subject.username.clone(),
        biometrics: biometrics(&app, &visitor).await?,
        is_last_way: !suffices(&app.journey.policy(), &left),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// `POST /me/biometrics/erase`.
pub(super) async fn erased(
    State(app): State<Shared>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let visitor = match enter(&app, &browser, Needs::FreshProof, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    app.erase_own_biometrics(&visitor.owner, app.clock.now())
        .await?;
    Ok(done(Said::Erased))
}

const PAGE: &str = "/me/biometrics/erase";
