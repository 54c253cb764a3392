//! The page at the root, and the assets that every page uses.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::headers::{Nonce, html};
use super::pages::Frame;
use super::pages::general::Home;
use super::{HttpError, assets};
use crate::app::Shared;

/// `GET /`.
pub async fn home(State(app): State<Shared>) -> Response {
    let nonce = Nonce::new();
    let view = Home {
        frame: Frame { demo: app.config.demo.enabled, ..Frame::new(nonce.text()) },
        issuer: app.config.issuer_text(),
        demo_app: app.demo_application(),
    };
    html(StatusCode::OK, &view, &nonce, &[])
}

/// The version that a page names an asset by.
#[derive(Deserialize)]
pub struct Version {
    v: Option<String>,
}

/// `GET /assets/{name}`.
pub async fn asset(
    Path(name): Path<String>,
    Query(version): Query<Version>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let asset = assets::find(&name).ok_or_else(HttpError::not_found)?;
    let cached = headers.get(header::IF_NONE_MATCH).is_some_and(|etag| etag.as_bytes() == asset.etag.as_bytes());
    let mut response = if cached { StatusCode::NOT_MODIFIED.into_response() } else { asset.bytes.into_response() };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(asset.cache_control(version.v.as_deref())));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        out.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Anything else.
pub async fn nothing() -> HttpError {
    HttpError::not_found()
}
