//! The introspection endpoint (RFC 7662), plain or signed (RFC 9701).

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::sent::Sent;
use super::token::{ClientFacing, authenticated, read_form};
use crate::app::Shared;
use crate::oidc::client::Client;
use crate::oidc::grants::refresh_token::RefreshRecord;
use crate::oidc::introspection::{self, IntrospectionRequest, SignedIntrospection};
use crate::random;
use crate::store::StoreError;
use crate::tokens::verify::Standing;

/// `POST /introspect`.
pub async fn post(
    State(app): State<Shared>,
    sent: Sent,
    body: Bytes,
) -> Result<Response, ClientFacing> {
    let form = read_form(&sent.headers, &body)?;
    let client = authenticated(&app, &sent, &form).await?;
    introspection::check_client(&client)?;
    let request = IntrospectionRequest::parse(&form)?;
    let token = request.token.expose_secret();
    let said = match access_token(&app, &client, token).await? {
        Some(said) => said,
        None => refresh_token(&app, &client, token)
            .await?
            .unwrap_or_else(introspection::inactive),
    };
    let wants_signed = sent
        .headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains(introspection::MEDIA_TYPE));
    let registered = client.introspection;
    if wants_signed || registered.signed.is_some() || registered.encrypted.is_some() {
        return signed(&app, &client, said).await;
    }
    Ok(Json(said).into_response())
}

async fn access_token(
    app: &Shared,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, ClientFacing> {
    let Some(claims) = app.tokens.own_access_token(token, app.clock.now()).await else {
        return Ok(None);
    };
    // RFC 7662 §2.2: whoever may not know learns nothing more than of a token that does not exist.
    if !introspection::may_know(client, &claims, &app.provider.resources) {
        return Ok(None);
    }
    let grant = match app.tokens.standing(&claims).await? {
        Standing::Good(grant) => grant,
        Standing::Revoked => return Ok(None),
    };
    if let Some(grant) = grant {
        let subject = app.store.subject(grant.subject).await?;
        if !subject.is_some_and(|subject| subject.status == wire::SubjectStatus::Active) {
            return Ok(None);
        }
    }
    Ok(Some(introspection::active(&claims)))
}

async fn refresh_token(
    app: &Shared,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, ClientFacing> {
    let found = app.store.refresh_token(&random::digest(token)).await?;
    let Some((grant, record, spent)) = found else {
        return Ok(None);
    };
    let record: RefreshRecord =
        serde_json::from_value(record).map_err(|_| StoreError::Unreadable("refresh token"))?;
    let good = grant.revoked_at.is_none() && !spent && app.clock.now() < record.expires_at;
    if !good || record.grant.client_id != client.id {
        return Ok(None);
    }
    let sub = app.tokens.sub_of(record.grant.subject, client);
    let issuer = &app.provider.issuer;
    Ok(Some(introspection::active_refresh(&record, &sub, issuer)))
}

/// RFC 9701 §5: as the client registered it, or the usual one (§6).
async fn signed(
    app: &Shared,
    client: &Client,
    said: Map<String, Value>,
) -> Result<Response, ClientFacing> {
    let registered = client.introspection;
    let alg = registered.signed;
    let alg = alg.unwrap_or_else(|| app.tokens.usual_alg(client));
    let claims = SignedIntrospection {
        iss: app.provider.issuer.clone(),
        aud: client.id.clone(),
        iat: app.clock.now(),
        token_introspection: said,
    };
    let tokens = &app.tokens;
    let signed = tokens.sign_for(client, alg, introspection::TYP, &claims);
    let signed = signed.await?;
    // RFC 9701 §6: signed first, then encrypted.
    let token = match registered.encrypted {
        Some(encryption) => {
            let sealed = tokens.encrypt_for(client, encryption, &signed, claims.iat);
            sealed.await?
        }
        None => signed,
    };
    let kind = [(header::CONTENT_TYPE, introspection::MEDIA_TYPE)];
    Ok((kind, token).into_response())
}
