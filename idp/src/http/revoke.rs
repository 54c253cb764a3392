//! The revocation endpoint (RFC 7009): a refresh token takes its whole family, an access token itself.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;

use super::sent::Sent;
use super::token::{ClientFacing, authenticated, read_form};
use crate::app::Shared;
use crate::oidc::client::ClientId;
use crate::oidc::revocation::{self, RevocationRequest};
use crate::random;

/// `POST /revoke`. A token that is unknown is as good as revoked (RFC 7009 §2.2).
pub async fn post(
    State(app): State<Shared>,
    sent: Sent,
    body: Bytes,
) -> Result<Response, ClientFacing> {
    let form = read_form(&sent.headers, &body)?;
    let client = authenticated(&app, &sent, &form).await?;
    let request = RevocationRequest::parse(&form)?;
    let now = app.clock.now();
    let token = request.token.expose_secret();
    if let Some((grant, ..)) = app.store.refresh_token(&random::digest(token)).await? {
        if let Some(owner) = ClientId::parse(grant.client.as_str()) {
            revocation::check(&client, &owner)?;
        }
        app.store.revoke_grant(grant.id, now).await?;
    } else if let Some(access) = app.tokens.access_token_to_revoke(token, now).await {
        revocation::check(&client, &access.client_id)?;
        app.store
            .revoke_access_token(&access.jti.0.to_string(), access.exp)
            .await?;
    }
    Ok(StatusCode::OK.into_response())
}
