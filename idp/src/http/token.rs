//! The token endpoint (RFC 6749 §3.2): the client is authenticated, one grant is used, tokens go out.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use wire::AuditOutcome;

use crate::app::Shared;
use crate::login::Trail;
use crate::oidc::claims::Profile;
use crate::oidc::client::Client;
use crate::oidc::client_auth::{self, ClientAuthRefusal, Presented};
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::grants::authorization_code::{self, CodeRecord, CodeRefusal, CodeRequest};
use crate::oidc::grants::refresh_token::{self, RefreshRecord, RefreshRefusal, RefreshRequest};
use crate::oidc::grants::{Issuance, TokenRequest};
use crate::oidc::parameters::Parameters;
use crate::random;
use crate::store::{Redemption, StoreError, Subject};
use crate::tokens::TokensError;
use crate::tokens::mint::Minted;

/// An error of an endpoint that clients call.
pub struct ClientFacing(TokenError);

impl From<TokenError> for ClientFacing {
    fn from(error: TokenError) -> Self {
        Self(error)
    }
}

impl From<CodeRefusal> for ClientFacing {
    fn from(refusal: CodeRefusal) -> Self {
        tracing::info!(%refusal, "code_refused");
        Self(refusal.into())
    }
}

impl From<RefreshRefusal> for ClientFacing {
    fn from(refusal: RefreshRefusal) -> Self {
        tracing::info!(%refusal, "refresh_token_refused");
        Self(refusal.into())
    }
}

impl From<ClientAuthRefusal> for ClientFacing {
    fn from(refusal: ClientAuthRefusal) -> Self {
        tracing::info!(%refusal, "client_refused");
        Self(refusal.into())
    }
}

impl From<StoreError> for ClientFacing {
    fn from(error: StoreError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "database_unavailable"
        );
        Self(unavailable())
    }
}

impl From<TokensError> for ClientFacing {
    fn from(error: TokensError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "token_not_issued");
        if error.is_unavailable() {
            return Self(unavailable());
        }
        Self(TokenError::new(
            TokenErrorCode::ServerError,
            "the token could not be issued",
        ))
    }
}

fn unavailable() -> TokenError {
    TokenError::new(
        TokenErrorCode::TemporarilyUnavailable,
        "try again in a moment",
    )
}

impl IntoResponse for ClientFacing {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(self.0.body())).into_response();
        if let Some(challenge) = self.0.www_authenticate() {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// `POST /token`.
pub async fn post(State(app): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let (grant, outcome) = match respond(&app, &headers, &body).await {
        Ok((grant, response)) => (grant, Ok(response)),
        Err(error) => ("unknown", Err(error)),
    };
    app.metrics
        .token_request(grant, if outcome.is_ok() { "issued" } else { "refused" });
    outcome.unwrap_or_else(IntoResponse::into_response)
}

async fn respond(
    app: &Shared,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(&'static str, Response), ClientFacing> {
    let form = read_form(headers, body)?;
    let client = authenticated(app, headers, &form).await?;
    let request = TokenRequest::parse(&form)?;
    let grant = request.grant_type().as_str();
    let response = match request {
        TokenRequest::AuthorizationCode(request) => redeem(app, &client, &request).await?,
        TokenRequest::RefreshToken(request) => refresh(app, &client, &request).await?,
    };
    Ok((grant, response))
}

/// Reads the body of an endpoint that clients call.
pub fn read_form(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, ClientFacing> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let says = "the body must be application/x-www-form-urlencoded";
        return Err(TokenError::new(TokenErrorCode::InvalidRequest, says).into());
    }
    Ok(Parameters::from_urlencoded(body).map_err(TokenError::from)?)
}

/// The authenticated client of a request.
pub async fn authenticated(
    app: &Shared,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Client, ClientFacing> {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .map(|v| v.to_str().unwrap_or("?"));
    let presented = Presented::parse(authorization, form)?;
    let id = presented.client_id().as_str().to_owned();
    let client = match app.clients.get(&id).await {
        Some(client) => Some(client),
        None => app
            .store
            .client(&id)
            .await?
            .map(|registered| registered.client),
    };
    let known = client_auth::authenticate(client.as_ref(), &presented);
    if let Err(refusal) = known {
        let mut event = trail(None, &id).event("client.refused", AuditOutcome::Refused);
        event.detail.insert("reason".into(), refusal.to_string());
        app.store.append_event(event, app.clock.now()).await?;
        return Err(refusal.into());
    }
    client.ok_or_else(|| ClientAuthRefusal::ClientUnknown.into())
}

async fn redeem(
    app: &Shared,
    client: &Client,
    request: &CodeRequest,
) -> Result<Response, ClientFacing> {
    let now = app.clock.now();
    let digest = random::digest(request.code.expose_secret());
    let known = app.store.code_record(&digest).await?;
    let (record, redeemed) = known.ok_or(CodeRefusal::Unknown)?;
    let record: CodeRecord = read(record, "code")?;
    // A replay by the rightful client revokes what the first redemption gave, also after the code's end
    // (RFC 6749 §4.1.2, §10.5).
    if let Some(grant) = redeemed.filter(|_| record.grant.client_id == client.id) {
        revoke_family(app, grant, client, "code_replayed").await?;
        return Err(CodeRefusal::Replayed.into());
    }
    // The request is checked before the code is spent: another client's mistake does not cost it.
    let issuance = authorization_code::check(&record, request, client, now)?;
    match app.store.redeem_code(&digest, now).await? {
        Redemption::First { .. } => {}
        Redemption::Replayed(grant) => {
            revoke_family(app, grant, client, "code_replayed").await?;
            return Err(CodeRefusal::Replayed.into());
        }
        Redemption::Unknown => return Err(CodeRefusal::Unknown.into()),
    }
    issue(app, client, issuance, None).await
}

async fn refresh(
    app: &Shared,
    client: &Client,
    request: &RefreshRequest,
) -> Result<Response, ClientFacing> {
    let now = app.clock.now();
    let digest = random::digest(request.refresh_token.expose_secret());
    let (grant, record, rotated) = app
        .store
        .refresh_token(&digest)
        .await?
        .ok_or(RefreshRefusal::Unknown)?;
    if grant.revoked_at.is_some() {
        return Err(RefreshRefusal::Unknown.into());
    }
    let mut record: RefreshRecord = read(record, "refresh token")?;
    record.spent_at = rotated.then_some(now);
    let issuance = match refresh_token::check(&record, request, client, now) {
        Ok(issuance) => issuance,
        Err(refusal) => {
            if refusal.revokes_grant() {
                revoke_family(app, grant.id, client, "refresh_token_reused").await?;
            }
            return Err(refusal.into());
        }
    };
    issue(app, client, issuance, Some(&request.refresh_token)).await
}

async fn issue(
    app: &Shared,
    client: &Client,
    issuance: Issuance,
    presented: Option<&SecretString>,
) -> Result<Response, ClientFacing> {
    let now = app.clock.now();
    let subject = app
        .store
        .subject(wire::SubjectId(issuance.grant.subject.0))
        .await?;
    // Suspended or erased since: nothing more is given.
    let subject = subject
        .filter(|s| s.status == wire::SubjectStatus::Active)
        .ok_or(CodeRefusal::Unknown)?;
    let grant = issuance.grant.id.0;
    let response = match app
        .tokens
        .mint(&issuance, client, profile(&subject), presented, now)
        .await?
    {
        Minted::Response(response) => response,
        Minted::RefreshReused => {
            revoke_family(app, grant, client, "refresh_token_reused").await?;
            return Err(RefreshRefusal::Replayed.into());
        }
    };
    let issued =
        trail(Some(subject.id), client.id.as_str()).event("token.issued", AuditOutcome::Success);
    app.store.append_event(issued, now).await?;
    let body = response.body().expose_secret().to_owned();
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::PRAGMA, "no-cache"),
    ];
    Ok((headers, body).into_response())
}

/// Somebody else has what this client has: everything of the grant is revoked (RFC 9700 §4.14.2).
async fn revoke_family(
    app: &Shared,
    grant: Uuid,
    client: &Client,
    why: &'static str,
) -> Result<(), ClientFacing> {
    let now = app.clock.now();
    app.store.revoke_grant(grant, now).await?;
    let mut event = trail(None, client.id.as_str()).event("grant.revoked", AuditOutcome::Refused);
    event.detail.insert("reason".into(), why.into());
    app.store.append_event(event, now).await?;
    Ok(())
}

/// What the claims are made of.
pub fn profile(subject: &Subject) -> Profile {
    Profile {
        preferred_username: Some(subject.username.clone()),
        name: Some(subject.display_name.clone()).filter(|name| !name.is_empty()),
        email: subject.email.clone(),
        email_verified: subject.email_verified,
        ..Profile::default()
    }
}

fn read<T: serde::de::DeserializeOwned>(
    record: serde_json::Value,
    what: &'static str,
) -> Result<T, ClientFacing> {
    serde_json::from_value(record).map_err(|_| StoreError::Unreadable(what).into())
}

fn trail(subject: Option<wire::SubjectId>, client: &str) -> Trail {
    Trail {
        subject,
        client: Some(wire::ClientId(client.to_owned())),
        attempt: None,
    }
}
