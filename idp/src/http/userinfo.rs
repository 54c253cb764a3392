//! The userinfo endpoint (OIDC Core §5.3): a protected resource, with bearer tokens and bound ones.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;

use super::HttpError;
use super::body::is_form;
use super::metadata::ENDPOINTS;
use super::proof::{self, NonceNeed, ProofFault, ProvedRequest};
use super::sent::Sent;
use super::token::profile;
use crate::app::Shared;
use crate::oidc::access_token::AccessToken;
use crate::oidc::bearer::{self, BearerRefusal, Scheme, StepUp};
use crate::oidc::confirmation::{Confirmation, Thumbprint};
use crate::oidc::dpop::{DpopRefusal, Proof};
use crate::oidc::grant::Grant;
use crate::oidc::parameters::Parameters;
use crate::oidc::{claims, scope};
use crate::store::StoreError;
use crate::tokens::Userinfo;

/// `GET` and `POST /userinfo`.
pub async fn respond(
    State(app): State<Shared>,
    method: Method,
    sent: Sent,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, HttpError> {
    let request = Asked {
        method,
        certificate: sent.thumbprint(),
        headers: sent.headers,
        query: query.unwrap_or_default(),
        body,
    };
    let (need, mut response) = match answer(&app, &request).await {
        Ok(response) => (NonceNeed::of(&request.headers), response),
        Err(UserinfoFault::Http(error)) => return Err(error),
        Err(UserinfoFault::Refused(refusal)) => {
            let need = match &refusal {
                BearerRefusal::Dpop(refusal) if refusal.wants_nonce() => NonceNeed::Refused,
                _ => NonceNeed::of(&request.headers),
            };
            (need, refuse(&app, &request, &refusal))
        }
    };
    proof::send_nonce(&app, need, &mut response);
    Ok(response)
}

struct Asked {
    method: Method,
    headers: HeaderMap,
    certificate: Option<Thumbprint>,
    query: String,
    body: Bytes,
}

impl Asked {
    fn authorization(&self) -> Option<&str> {
        let header = self.headers.get(header::AUTHORIZATION);
        header.and_then(|value| value.to_str().ok())
    }
}

enum UserinfoFault {
    Refused(BearerRefusal),
    Http(HttpError),
}

impl From<BearerRefusal> for UserinfoFault {
    fn from(refusal: BearerRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: Into<HttpError>> From<E> for UserinfoFault
where
    E: NotRefusal,
{
    fn from(error: E) -> Self {
        Self::Http(error.into())
    }
}

/// What fails here and is no refusal.
trait NotRefusal {}
impl NotRefusal for HttpError {}
impl NotRefusal for crate::store::StoreError {}
impl NotRefusal for crate::tokens::TokensError {}

async fn answer(app: &Shared, request: &Asked) -> Result<Response, UserinfoFault> {
    // RFC 6750 §2: one method a request, and a body that is a form.
    let posts = request.method == Method::POST && !request.body.is_empty();
    let credentials = request.headers.get_all(header::AUTHORIZATION);
    if credentials.iter().count() > 1 || posts && !is_form(&request.headers) {
        return Err(BearerRefusal::InvalidRequest.into());
    }
    let query = Parameters::from_urlencoded(request.query.as_bytes());
    let posted = (request.method == Method::POST && !request.body.is_empty())
        .then(|| Parameters::from_urlencoded(&request.body));
    let (Ok(query), Ok(posted)) = (query, posted.transpose()) else {
        return Err(BearerRefusal::InvalidRequest.into());
    };
    let presented = bearer::extract(request.authorization(), &query, posted.as_ref())?;
    let token = presented.token.expose_secret();
    let proof = proof_of(app, request, presented.scheme, token)?;
    let proved = Confirmation {
        jkt: proof.as_ref().map(|proof| proof.jkt.clone()),
        // RFC 8705 §3: a bound token is good on a connection with its certificate alone.
        certificate: request.certificate.clone(),
    };
    let now = app.clock.now();
    let verified = app
        .tokens
        .access_token(token, scope::OPENID, &proved, now)
        .await?;
    let (token, grant) = verified?;
    // Only now: what comes with a token that is not good is not worth a row.
    if let Some(proof) = &proof {
        spend(app, proof).await?;
    }
    step_up(app, &token)?;
    let subject = app.store.subject(grant.subject).await?;
    let subject = subject
        .filter(|subject| subject.status == wire::SubjectStatus::Active)
        .ok_or(BearerRefusal::InvalidToken)?;
    let granted: Grant =
        serde_json::from_value(grant.authorization).map_err(|_| StoreError::Unreadable("grant"))?;
    let client = app.client(granted.client_id.as_str()).await?;
    let client = client.ok_or(BearerRefusal::InvalidToken)?;
    let claims = claims::userinfo(profile(&subject), &token.sub, &token.scope, &granted.claims);
    let protected = app.tokens.protect_userinfo(claims, &client, now).await?;
    Ok(match protected {
        Userinfo::Plain(claims) => Json(claims).into_response(),
        // OIDC Core §5.3.2.
        Userinfo::Jwt(jwt) => {
            let kind = [(header::CONTENT_TYPE, "application/jwt")];
            (kind, jwt).into_response()
        }
    })
}

/// With the DPoP scheme a proof must come, for this method, this URL and this token (RFC 9449 §7.1).
fn proof_of(
    app: &Shared,
    request: &Asked,
    scheme: Scheme,
    token: &str,
) -> Result<Option<Proof>, BearerRefusal> {
    if scheme == Scheme::Bearer {
        return Ok(None);
    }
    let proved = ProvedRequest {
        headers: &request.headers,
        method: request.method.as_str(),
        path: ENDPOINTS.userinfo,
        access_token: Some(token),
    };
    let proof = proof::check(app, proved)?;
    Ok(Some(proof.ok_or(DpopRefusal::Missing)?))
}

async fn spend(app: &Shared, proof: &Proof) -> Result<(), UserinfoFault> {
    match proof::spend(app, proof).await {
        Ok(()) => Ok(()),
        Err(ProofFault::Refused(refusal)) => Err(BearerRefusal::from(refusal).into()),
        Err(ProofFault::Store(error)) => Err(error.into()),
    }
}

/// What this resource wants of the authentication behind a token (RFC 9470 §3).
fn step_up(app: &Shared, token: &AccessToken) -> Result<(), BearerRefusal> {
    let wanted = &app.config.userinfo;
    let strong = wanted.acr_values.is_empty()
        || token
            .acr
            .as_ref()
            .is_some_and(|acr| wanted.acr_values.contains(acr));
    let age = token
        .auth_time
        .map(|at| (app.clock.now() - at).whole_seconds());
    let fresh = match wanted.max_age_s {
        None => true,
        Some(most) => age.is_some_and(|age| age <= i64::from(most)),
    };
    if strong && fresh {
        return Ok(());
    }
    Err(BearerRefusal::InsufficientAuthentication(StepUp {
        acr_values: wanted.acr_values.clone(),
        max_age_s: wanted.max_age_s,
    }))
}

fn refuse(app: &Shared, request: &Asked, refusal: &BearerRefusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut body = serde_json::Map::new();
    if let Some(code) = refusal.code() {
        body.insert("error".into(), code.into());
        body.insert("error_description".into(), refusal.sentence().into());
    }
    let mut response = (status, Json(body)).into_response();
    let scheme = bearer::scheme_of(request.authorization());
    for challenge in refusal.www_authenticate(&app.provider.issuer, scheme) {
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response
                .headers_mut()
                .append(header::WWW_AUTHENTICATE, challenge);
        }
    }
    response
}
