//! What scripts of other origins may read (the CORS protocol of WHATWG Fetch §3.3): never with credentials, so that what
//! a browser holds for us counts for nothing, and a script reads no more than its own server could ask for.
//!
//! Documents and keys are public, and the userinfo endpoint asks for a token that the script must have (OIDC Core
//! §5.3): any origin. Where clients call, it is the origin of a redirect URI of the public client that the form names:
//! an application that runs in the browser.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::HttpError;
use super::body::FORM_BYTES;
use crate::app::{App, Shared};
use crate::oidc::client::Client;
use crate::oidc::parameters::Parameters;

/// `OPTIONS`: what a browser asks before it sends a header or a method that a form could not have (Fetch §4.8). It tells
/// nothing; whether the answer itself may be read is another matter.
pub async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(PREFLIGHT);
    response
}

/// Lets any origin read the answer.
pub async fn any(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    open(response.headers_mut(), HeaderValue::from_static("*"));
    response
}

/// Lets the origin of the public client that the form names read the answer, be that a refusal.
pub async fn of_client(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, FORM_BYTES).await else {
        return HttpError::bad_request("body_broken", "The request was cut short.").into_response();
    };
    let may_read = is_of_client(&app, &origin, &body).await;
    let mut response = next.run(Request::from_parts(parts, body.into())).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if may_read {
        open(headers, origin);
    }
    response
}

async fn is_of_client(app: &App, origin: &HeaderValue, form: &[u8]) -> bool {
    let form = Parameters::from_urlencoded(form).ok();
    let Some(id) = form.as_ref().and_then(|form| form.get("client_id")) else {
        return false;
    };
    // Where it cannot be told, the handler says why.
    let client = app.client(id).await.ok().flatten();
    client.is_some_and(|client| is_own(&client, origin))
}

fn is_own(client: &Client, origin: &HeaderValue) -> bool {
    let mut own = client.redirect_uris.iter().filter_map(|uri| uri.origin());
    client.is_public() && own.any(|own| own.as_bytes() == origin.as_bytes())
}

fn open(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
}

/// RFC 9449 §8.2, RFC 6750 §3: what a client acts on.
const READABLE: HeaderValue = HeaderValue::from_static("DPoP-Nonce, WWW-Authenticate, Retry-After");
const PREFLIGHT: [(HeaderName, HeaderValue); 4] = [
    (
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    ),
    (
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST"),
    ),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Authorization, Content-Type, DPoP"),
    ),
    (
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("600"),
    ),
];
