//! What relying parties read before they come: the discovery document and the keys. Public, to any origin.

use axum::extract::{MatchedPath, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Json, Response};

use super::HttpError;
use crate::app::Shared;
use crate::oidc::discovery::{Endpoints, metadata};
use crate::oidc::resource::USERINFO;
use crate::oidc::token_metadata;

/// Where the endpoints are, below the issuer.
pub const ENDPOINTS: Endpoints = Endpoints {
    authorization: "/authorize",
    token: "/token",
    userinfo: "/userinfo",
    jwks: "/jwks",
    revocation: "/revoke",
    registration: "/register",
    end_session: "/end_session",
    pushed_authorization_request: "/par",
};

/// `GET /.well-known/openid-configuration` (OIDC Discovery §4, RFC 8414).
pub async fn discovery(State(app): State<Shared>) -> Result<Response, HttpError> {
    let document =
        metadata(&app.provider, &ENDPOINTS).map_err(|error| HttpError::internal(&error))?;
    let mut document =
        serde_json::to_value(&document).map_err(|error| HttpError::internal(&error))?;
    if app.config.session.check_session {
        // OIDC Session Management §3.3.
        document["check_session_iframe"] = app.provider.issuer.endpoint("/check_session").into();
    }
    if app.config.registration.client_id_documents {
        document["client_id_metadata_document_supported"] = true.into();
    }
    Ok(public(Json(document)))
}

/// `GET /.well-known/oauth-protected-resource` and its like for userinfo (RFC 9728 §3.1).
pub async fn protected_resource(State(app): State<Shared>, path: MatchedPath) -> Response {
    let resource = if path.as_str().ends_with(USERINFO) {
        USERINFO
    } else {
        ""
    };
    let issuer = &app.provider.issuer;
    public(Json(token_metadata::protected_resource(issuer, resource)))
}

/// `GET /jwks` (RFC 7517 §5).
pub async fn jwks(State(app): State<Shared>) -> Response {
    let signing = app.tokens.keyring.ring().jwks(app.clock.now());
    let signing = signing
        .keys
        .into_iter()
        .filter_map(|key| serde_json::to_value(key).ok());
    let keys: Vec<_> = signing
        .chain(app.tokens.encryption.jwks().cloned())
        .collect();
    public(Json(serde_json::json!({ "keys": keys })))
}

fn public(body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    response
}
