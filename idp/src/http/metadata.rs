//! What relying parties read before they come: the discovery document and the keys. Public, to any origin.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{MatchedPath, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;

use super::HttpError;
use crate::app::Shared;
use crate::keys::Ring;
use crate::keys::encryption::EncryptionKeys;
use crate::oidc::acr::Acr;
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

/// Documents as they are sent, so that they are not written anew for everybody who reads them.
#[derive(Default)]
pub struct WrittenDocuments {
    /// It follows from the configuration, and from the policy's acrs.
    discovery: RwLock<Option<(Arc<[Acr]>, Bytes)>>,
    keys: RwLock<Option<WrittenKeys>>,
}

/// The key set as of one second, and what it was made of.
struct WrittenKeys {
    ring: Arc<Ring>,
    encryption: Arc<EncryptionKeys>,
    second: i64,
    document: Bytes,
}

/// `GET /.well-known/openid-configuration` (OIDC Discovery §4, RFC 8414).
pub async fn discovery(State(app): State<Shared>) -> Result<Response, HttpError> {
    let acrs = app.provider.acrs.now();
    let kept = app.written.discovery.read();
    let kept = kept
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .and_then(|(of, written)| Arc::ptr_eq(of, &acrs).then(|| written.clone()));
    if let Some(written) = kept {
        return Ok(public(json(written)));
    }
    let written = written_discovery(&app)?;
    let kept = app.written.discovery.write();
    *kept.unwrap_or_else(PoisonError::into_inner) = Some((acrs, written.clone()));
    Ok(public(json(written)))
}

fn written_discovery(app: &Shared) -> Result<Bytes, HttpError> {
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
    Ok(document.to_string().into())
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
    let (ring, now) = (app.tokens.keyring.ring(), app.clock.now());
    let encryption = app.tokens.encryption.keys();
    let second = now.unix_timestamp();
    let kept = app.written.keys.read();
    let kept = kept
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .and_then(|kept| {
            // The set depends on the time too: a retired key is published up to its end.
            let is_current = Arc::ptr_eq(&kept.ring, &ring)
                && Arc::ptr_eq(&kept.encryption, &encryption)
                && kept.second == second;
            is_current.then(|| kept.document.clone())
        });
    if let Some(document) = kept {
        return public(json(document));
    }
    let signing = ring.jwks(now);
    let signing = signing
        .keys
        .into_iter()
        .filter_map(|key| serde_json::to_value(key).ok());
    let keys: Vec<_> = signing.chain(encryption.jwks().cloned()).collect();
    let document = Bytes::from(serde_json::json!({ "keys": keys }).to_string());
    let written = WrittenKeys {
        ring,
        encryption,
        second,
        document: document.clone(),
    };
    let kept = app.written.keys.write();
    *kept.unwrap_or_else(PoisonError::into_inner) = Some(written);
    public(json(document))
}

fn json(document: Bytes) -> impl IntoResponse {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], document)
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
