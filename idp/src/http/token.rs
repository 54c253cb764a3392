//! The token endpoint (RFC 6749 §3.2): the client is authenticated, one grant is used, tokens go out.

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use uuid::Uuid;
use wire::AuditOutcome;

use super::body::is_form;
use super::client_address::WrongGuess;
use super::client_auth;
use super::error::{Noted, note_client};
use super::metadata::ENDPOINTS;
use super::proof::{self, NonceNeed, ProofFault, ProvedRequest};
use super::sent::Sent;
use crate::app::Shared;
use crate::login::Trail;
use crate::oidc::claims::Profile;
use crate::oidc::client::Client;
use crate::oidc::client_auth::{ClientAuthRefusal, Presented};
use crate::oidc::confirmation::Confirmation;
use crate::oidc::dpop::DpopRefusal;
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::grants::authorization_code::CodeRefusal;
use crate::oidc::grants::client_credentials::OwnRefusal;
use crate::oidc::grants::refresh_token::RefreshRefusal;
use crate::oidc::grants::token_exchange::ExchangeRefusal;
use crate::oidc::grants::waiting::WaitingRefusal;
use crate::oidc::grants::{Narrowing, TokenRequest};
use crate::oidc::parameters::Parameters;
use crate::store::{StoreError, Subject};
use crate::tokens::TokensError;

mod code;
mod exchange;
mod issue;
mod own;
mod refresh;
mod waiting;

/// An error of an endpoint that clients call.
pub struct ClientFacing {
    /// What the client is told.
    error: TokenError,
    /// What the log says besides: a refusal of ours, which holds nothing of the request.
    reason: Option<String>,
    /// Where it is not the error's usual one.
    status: Option<StatusCode>,
}

impl ClientFacing {
    fn refused(refusal: impl Display + Into<TokenError>) -> Self {
        let reason = Some(refusal.to_string());
        Self {
            error: refusal.into(),
            reason,
            status: None,
        }
    }

    /// Where an endpoint's own standard wants another status.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// Whether its answer brings a nonce for a DPoP proof.
    pub fn nonce_need(&self, headers: &HeaderMap) -> NonceNeed {
        if self.error.code == TokenErrorCode::UseDpopNonce {
            NonceNeed::Refused
        } else {
            NonceNeed::of(headers)
        }
    }
}

impl From<ProofFault> for ClientFacing {
    fn from(fault: ProofFault) -> Self {
        match fault {
            ProofFault::Refused(refusal) => {
                tracing::info!(%refusal, "proof_refused");
                Self::refused(refusal)
            }
            ProofFault::Store(error) => error.into(),
        }
    }
}

impl From<WaitingRefusal> for ClientFacing {
    fn from(refusal: WaitingRefusal) -> Self {
        tracing::info!(%refusal, "waiting_refused");
        Self::refused(refusal)
    }
}

impl From<ExchangeRefusal> for ClientFacing {
    fn from(refusal: ExchangeRefusal) -> Self {
        tracing::info!(%refusal, "exchange_refused");
        Self::refused(refusal)
    }
}

impl From<OwnRefusal> for ClientFacing {
    fn from(refusal: OwnRefusal) -> Self {
        tracing::info!(%refusal, "own_access_refused");
        Self::refused(refusal)
    }
}

impl From<TokenError> for ClientFacing {
    fn from(error: TokenError) -> Self {
        Self {
            error,
            reason: None,
            status: None,
        }
    }
}

impl From<CodeRefusal> for ClientFacing {
    fn from(refusal: CodeRefusal) -> Self {
        tracing::info!(%refusal, "code_refused");
        Self::refused(refusal)
    }
}

impl From<RefreshRefusal> for ClientFacing {
    fn from(refusal: RefreshRefusal) -> Self {
        tracing::info!(%refusal, "refresh_token_refused");
        Self::refused(refusal)
    }
}

impl From<ClientAuthRefusal> for ClientFacing {
    fn from(refusal: ClientAuthRefusal) -> Self {
        tracing::info!(%refusal, "client_refused");
        Self::refused(refusal)
    }
}

impl From<StoreError> for ClientFacing {
    fn from(error: StoreError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "database_unavailable"
        );
        unavailable().into()
    }
}

impl From<TokensError> for ClientFacing {
    fn from(error: TokensError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "token_not_issued");
        if error.is_unavailable() {
            return unavailable().into();
        }
        TokenError::new(TokenErrorCode::ServerError, "the token could not be issued").into()
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
        let Self {
            error,
            reason,
            status,
        } = self;
        let usual = || StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let status = status.unwrap_or_else(usual);
        let mut response = (status, Json(error.body())).into_response();
        if let Some(challenge) = error.www_authenticate() {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            );
        }
        let is_wrong = [TokenErrorCode::InvalidClient, TokenErrorCode::InvalidGrant];
        if is_wrong.contains(&error.code) {
            response.extensions_mut().insert(WrongGuess);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(Noted {
            code: error.code(),
            reason: reason.unwrap_or_else(|| error.sentence().to_owned()),
        });
        response
    }
}

/// `POST /token`.
pub async fn post(State(app): State<Shared>, sent: Sent, body: Bytes) -> Response {
    let headers = &sent.headers;
    let (grant, outcome) = match respond(&app, &sent, &body).await {
        Ok((grant, response)) => (grant, Ok(response)),
        Err(error) => ("unknown", Err(error)),
    };
    app.metrics
        .token_request(grant, if outcome.is_ok() { "issued" } else { "refused" });
    let need = match &outcome {
        Err(error) => error.nonce_need(headers),
        Ok(_) => NonceNeed::of(headers),
    };
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    proof::send_nonce(&app, need, &mut response);
    response
}

/// A token request whose client is authenticated, and what it proved.
struct Authenticated {
    client: Arc<Client>,
    /// What the new tokens are bound to.
    proved: Confirmation,
    /// What the request could use a bound token with.
    shown: Confirmation,
    asked: Narrowing,
}

async fn respond(
    app: &Shared,
    sent: &Sent,
    body: &[u8],
) -> Result<(&'static str, Response), ClientFacing> {
    let form = read_form(&sent.headers, body)?;
    let client = authenticated(app, sent, &form).await?;
    let request = TokenRequest::parse(&form)?;
    let asked = Narrowing::parse(&form)?;
    let proved = proved(app, sent, &client).await?;
    let by = Authenticated {
        asked,
        shown: Confirmation {
            certificate: sent.thumbprint(),
            ..proved.clone()
        },
        proved,
        client,
    };
    let grant = request.grant_type().as_str();
    let response = match request {
        TokenRequest::AuthorizationCode(request) => code::redeem(app, &by, &request).await?,
        TokenRequest::RefreshToken(request) => refresh::refresh(app, &by, &request).await?,
        TokenRequest::ClientCredentials(request) => own::issue(app, by, &request).await?,
        TokenRequest::Waiting(request) => waiting::fetch(app, &by, &request).await?,
        TokenRequest::Exchange(request) => exchange::exchange(app, &by, &request).await?,
    };
    Ok((grant, response))
}

/// What the request proves, as much as the client registered that its tokens are bound to.
async fn proved(app: &Shared, sent: &Sent, client: &Client) -> Result<Confirmation, ClientFacing> {
    let request = ProvedRequest {
        headers: &sent.headers,
        method: "POST",
        path: ENDPOINTS.token,
        access_token: None,
    };
    let mut proved = proof::dpop(app, request).await?;
    // RFC 9449 §5.2: a client that registered so has no tokens without a proof.
    if client.binding.dpop && proved.jkt.is_none() {
        return Err(ProofFault::from(DpopRefusal::Missing).into());
    }
    // RFC 8705 §3.4: and none without a certificate, where it registered that. Another client may have come with
    // one for its own reasons; its tokens are not bound to it.
    if client.binding.tls_certificate {
        proved.certificate = sent.thumbprint();
        if proved.certificate.is_none() {
            let says = "a TLS client certificate is needed";
            return Err(TokenError::new(TokenErrorCode::InvalidRequest, says).into());
        }
    }
    Ok(proved)
}

/// Reads the body of an endpoint that clients call.
pub fn read_form(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, ClientFacing> {
    if !is_form(headers) {
        let says = "the body must be application/x-www-form-urlencoded";
        return Err(TokenError::new(TokenErrorCode::InvalidRequest, says).into());
    }
    Ok(Parameters::from_urlencoded(body).map_err(TokenError::from)?)
}

/// The authenticated client of a request.
pub async fn authenticated(
    app: &Shared,
    sent: &Sent,
    form: &Parameters,
) -> Result<Arc<Client>, ClientFacing> {
    let mut authorization = sent.headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (authorization.next(), authorization.next());
    if second.is_some() {
        // RFC 6749 §2.3: one method a request.
        return Err(ClientAuthRefusal::SeveralMethods.into());
    }
    let authorization = first.map(|v| v.to_str().unwrap_or("?"));
    let presented = Presented::parse(authorization, form)?;
    note_client(presented.client_id());
    let id = presented.client_id().as_str().to_owned();
    let client = app.client(&id).await?;
    let known = match &client {
        Some(client) if client.auth_method.is_tls() => {
            client_auth::by_certificate(app, client, &presented, sent).await
        }
        _ => client_auth::prove(app, client.as_deref(), &presented).await?,
    };
    if let Err(refusal) = known {
        let mut event = trail(None, &id).event("client.refused", AuditOutcome::Refused);
        event.detail.insert("reason".into(), refusal.to_string());
        app.store.append_event(event, app.clock.now()).await?;
        return Err(refusal.into());
    }
    client.ok_or_else(|| ClientAuthRefusal::ClientUnknown.into())
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
        ..subject.claims.clone()
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
        address: None,
    }
}
