//! `/me/data`: one file with all that is kept.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Entry, HttpError, Needs, enter, frame};
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::headers::{Nonce, html};
use crate::http::pages::me::Download;

/// `GET /me/data`: what the file holds.
pub(super) async fn show(
    State(app): State<Shared>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let visitor = match enter(&app, &browser, Needs::FreshProof, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let nonce = Nonce::new();
    let view = Download {
        frame: frame(&app, &nonce),
        username: visitor.subject.username.clone(),
    };
    Ok(html(StatusCode::OK, &view, &nonce, &[]))
}

/// `POST /me/data`: the file.
pub(super) async fn download(
    State(app): State<Shared>,
    browser: Browser,
) -> Result<Response, HttpError> {
    let visitor = match enter(&app, &browser, Needs::FreshProof, PAGE).await? {
        Entry::In(visitor) => visitor,
        Entry::Out(response) => return Ok(response),
    };
    let data = app.export_own_data(&visitor.owner, app.clock.now()).await?;
    let text = serde_json::to_vec_pretty(&data).map_err(|error| HttpError::internal(&error))?;
    let mut response = (StatusCode::OK, text).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"my-data.json\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

const PAGE: &str = "/me/data";
