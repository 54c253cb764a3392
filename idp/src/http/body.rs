//! Bodies of forms, read whole before anything looks at them.
//!
//! A handler that refuses a request early would leave the body unread, and the connection would end under
//! the client's hands instead of with an answer. So a form is read first, up to its bound; what is beyond
//! it is read and thrown away up to a second bound, and answered 413.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;

use super::HttpError;
use crate::oidc::error::PageError;

/// Reads the body of a form; uploads and frames have bounds of their own and pass by.
pub async fn read_whole(request: Request, next: Next) -> Response {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let streamed = kind.starts_with("multipart/") || kind == "application/vnd.whorl.capture";
    if streamed || matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let (mut form, mut seen) = (Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let Ok(chunk) = chunk else {
            return HttpError::bad_request("body_broken", "The request was cut short.")
                .into_response();
        };
        seen = seen.saturating_add(chunk.len());
        if seen > DRAINED_BYTES {
            break;
        }
        if seen <= FORM_BYTES {
            form.extend_from_slice(&chunk);
        }
    }
    if seen > FORM_BYTES {
        return HttpError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "This request is too large",
            "Send less at once.",
        )
        .into_response();
    }
    next.run(Request::from_parts(parts, Body::from(Bytes::from(form))))
        .await
}

/// Whether a body says that it is a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Whether a posted body may be read as a form: it says that it is one, or there is nothing in it.
///
/// # Errors
/// Where it says something else, or nothing: what is sent as a form all the same was not meant as one.
pub fn form_only(headers: &HeaderMap, body: &[u8]) -> Result<(), PageError> {
    match body.is_empty() || is_form(headers) {
        true => Ok(()),
        false => Err(PageError::Malformed),
    }
}

/// The largest form.
pub const FORM_BYTES: usize = 256 * 1024;
/// How much is read only to be thrown away.
const DRAINED_BYTES: usize = 16 << 20;
