//! The pushed authorization request endpoint (RFC 9126 §2).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;

use super::request_object;
use super::token::{ClientFacing, authenticated, read_form};
use crate::app::Shared;
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::pushed::{self, Pushed};
use crate::random;

/// `POST /par`.
pub async fn post(
    State(app): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ClientFacing> {
    let form = read_form(&headers, &body)?;
    let client = authenticated(&app, &headers, &form).await?;
    let mut form = pushed::request(&form, &client)?;
    if form.get("request").is_some() {
        // RFC 9126 §3: a request object can be pushed like anything else.
        let resolved = request_object::resolve(&app, form, &client).await;
        form = resolved
            .map_err(|_| {
                TokenError::new(
                    TokenErrorCode::TemporarilyUnavailable,
                    "try again in a moment",
                )
            })?
            .map_err(|(error, _)| TokenError::new(error.into(), error.sentence()))?;
    } else if client.requests.signed_required {
        let says = "the client must push a signed request object";
        return Err(TokenError::new(TokenErrorCode::InvalidRequest, says).into());
    }
    let parameters = pushed::accept(&form, &client, &app.provider)?;
    let secret = random::secret();
    app.store
        .push_request(
            &random::digest(secret.expose_secret()),
            client.id.as_str(),
            &parameters,
            app.clock.now() + pushed::LIFETIME,
        )
        .await?;
    let answer = Pushed::new(secret.expose_secret());
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
