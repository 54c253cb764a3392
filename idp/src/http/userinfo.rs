//! The userinfo endpoint (OIDC Core §5.3).

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use secrecy::ExposeSecret;

use super::HttpError;
use super::token::profile;
use crate::app::Shared;
use crate::oidc::bearer::{self, BearerRefusal};
use crate::oidc::parameters::Parameters;
use crate::oidc::{claims, scope};

/// `GET` and `POST /userinfo`.
pub async fn respond(
    State(app): State<Shared>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, HttpError> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let query = Parameters::from_urlencoded(query.unwrap_or_default().as_bytes());
    let posted = (method == Method::POST && !body.is_empty()).then(|| Parameters::from_urlencoded(&body));
    let (Ok(query), Ok(posted)) = (query, posted.transpose()) else {
        return Ok(refuse(&app, BearerRefusal::InvalidRequest));
    };
    let token = match bearer::extract(authorization, &query, posted.as_ref()) {
        Ok(token) => token,
        Err(refusal) => return Ok(refuse(&app, refusal)),
    };
    let verified = app.tokens.access_token(token.expose_secret(), scope::OPENID, app.clock.now()).await?;
    let (token, grant) = match verified {
        Ok(verified) => verified,
        Err(refusal) => return Ok(refuse(&app, refusal)),
    };
    let subject = app.store.subject(grant.subject).await?;
    let Some(subject) = subject.filter(|s| s.status == wire::SubjectStatus::Active) else {
        return Ok(refuse(&app, BearerRefusal::InvalidToken));
    };
    Ok(Json(claims::userinfo(profile(&subject), &token.sub, &token.scope)).into_response())
}

fn refuse(app: &Shared, refusal: BearerRefusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut body = serde_json::Map::new();
    if let Some(code) = refusal.code() {
        body.insert("error".into(), code.into());
        body.insert("error_description".into(), refusal.sentence().into());
    }
    let mut response = (status, Json(body)).into_response();
    if let Ok(challenge) = HeaderValue::from_str(&refusal.www_authenticate(&app.provider.issuer)) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
