//! The pushed authorization request endpoint (RFC 9126 §2).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;

use super::metadata::ENDPOINTS;
use super::proof::{self, NonceNeed, ProofFault, ProvedRequest};
use super::request_object;
use super::sent::Sent;
use super::token::{ClientFacing, authenticated, read_form};
use crate::app::Shared;
use crate::oidc::dpop::DpopRefusal;
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::pushed::{self, Pushed};
use crate::random;

/// `POST /par`.
pub async fn post(State(app): State<Shared>, sent: Sent, body: Bytes) -> Response {
    let outcome = push(&app, &sent, &body).await;
    let need = match &outcome {
        Err(error) => error.nonce_need(&sent.headers),
        Ok(_) => NonceNeed::of(&sent.headers),
    };
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    proof::send_nonce(&app, need, &mut response);
    response
}

async fn push(app: &Shared, sent: &Sent, body: &[u8]) -> Result<Response, ClientFacing> {
    let form = read_form(&sent.headers, body)?;
    let client = authenticated(app, sent, &form).await?;
    let request = ProvedRequest {
        headers: &sent.headers,
        method: "POST",
        path: ENDPOINTS.pushed_authorization_request,
        access_token: None,
    };
    let proved = proof::dpop(app, request).await?;
    let mut form = pushed::request(&form, &client)?;
    if form.get("request").is_some() {
        // RFC 9126 §3: a request object can be pushed like anything else.
        let object = pushed::object_alone(&form)?;
        let resolved = request_object::resolve(app, object, &client).await;
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
    let mut parameters = pushed::accept(&form, &client, &app.provider)?;
    if let Some(jkt) = proved.jkt {
        // RFC 9449 §10.1: a proof that comes with the request names the key as `dpop_jkt` does, and both name one.
        let named = parameters.iter().find(|(name, _)| name == "dpop_jkt");
        match named.map(|(_, named)| named == jkt.as_str()) {
            Some(true) => {}
            Some(false) => return Err(ProofFault::from(DpopRefusal::KeyMismatch).into()),
            None => parameters.push(("dpop_jkt".into(), jkt.as_str().to_owned())),
        }
    }
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
