//! Request objects at the authorization endpoint and the pushed request endpoint: fetched, opened, verified, and put
//! together with the parameters around them (OIDC Core §6, RFC 9101).

use secrecy::ExposeSecret as _;

use super::HttpError;
use super::client_auth::{self, Claims};
use crate::app::Shared;
use crate::oidc::client::{Client, JwsAlg};
use crate::oidc::error::AuthorizationError;
use crate::oidc::fapi;
use crate::oidc::parameters::Parameters;
use crate::oidc::request_object;
use crate::oidc::signed::Unverified;

/// The parameters of a request, with what its object says in place of the object.
///
/// # Errors
/// The inner error is the client's; the outer one a part of ours that is down.
pub async fn resolve(
    app: &Shared,
    parameters: Parameters,
    client: &Client,
) -> Result<Result<Parameters, (AuthorizationError, Parameters)>, HttpError> {
    let by_value = parameters.secret("request");
    let by_reference = parameters.get("request_uri").map(str::to_owned);
    let token = match (by_value, by_reference) {
        (None, None) => {
            let fine = !client.requests.signed_required;
            return Ok(match fine {
                true => Ok(parameters),
                // RFC 9101 §10.5.
                false => Err((AuthorizationError::InvalidRequest, parameters)),
            });
        }
        // OIDC Core §6.1, §6.2: not both.
        (Some(_), Some(_)) => return Ok(Err((AuthorizationError::InvalidRequest, parameters))),
        (Some(token), None) => token,
        (None, Some(uri)) => match fetch(app, &uri, client).await {
            Some(token) => token.into(),
            None => return Ok(Err((AuthorizationError::InvalidRequestUri, parameters))),
        },
    };
    let Some((typ, claims)) = read(app, token.expose_secret(), client).await? else {
        return Ok(Err((AuthorizationError::InvalidRequestObject, parameters)));
    };
    let merged = request_object::merge(
        &parameters,
        typ.as_deref(),
        &claims,
        client,
        &app.provider.issuer,
        app.clock.now(),
    );
    Ok(merged.map_err(|refusal| {
        tracing::info!(client = %client.id, %refusal, "request_object_refused");
        (AuthorizationError::InvalidRequestObject, parameters)
    }))
}

/// What a registered reference names (OIDC Core §6.2, RFC 9101 §5.2); nothing else is ever fetched (§10.4).
async fn fetch(app: &Shared, uri: &str, client: &Client) -> Option<String> {
    // A fragment is the hash of what is there, so that a cache knows when it changed; it is not sent.
    let bare = |uri: &str| uri.split('#').next().unwrap_or_default().to_owned();
    let wanted = bare(uri);
    let registered = client.requests.uris.iter();
    if !registered
        .map(|it| bare(it.as_str()))
        .any(|it| it == wanted)
    {
        tracing::info!(client = %client.id, "request_uri_not_registered");
        return None;
    }
    let accept = "application/oauth-authz-req+jwt, application/jwt, */*;q=0.1";
    match app.outbound.get(&wanted, accept).await {
        Ok(bytes) => {
            let text = String::from_utf8(bytes.to_vec()).ok()?;
            Some(text.trim().to_owned())
        }
        Err(error) => {
            tracing::info!(client = %client.id, %error, "request_object_not_fetched");
            None
        }
    }
}

/// The type and the claims of an object that this client signed.
async fn read(
    app: &Shared,
    token: &str,
    client: &Client,
) -> Result<Option<(Option<String>, Claims)>, HttpError> {
    let settings = &client.requests;
    let mut opened = None;
    // RFC 9101 §6.1: encrypted ones have five parts, and another JWT in them.
    if token.split('.').count() == 5 {
        let Ok(inner) = app.tokens.encryption.decrypt(token) else {
            return Ok(None);
        };
        let fits = settings.object_encryption.is_none_or(|encryption| {
            encryption.alg.as_str() == inner.alg && encryption.enc.as_str() == inner.enc
        });
        let Some(text) = String::from_utf8(inner.plaintext.to_vec())
            .ok()
            .filter(|_| fits)
        else {
            return Ok(None);
        };
        opened = Some(text);
    } else if settings.object_encryption.is_some() {
        // OIDC Dynamic Client Registration §2 `request_object_encryption_alg`: it declared that it encrypts.
        return Ok(None);
    }
    let read = match Unverified::parse(opened.as_deref().unwrap_or(token)) {
        Ok(read) => read,
        Err(refusal) => {
            tracing::info!(client = %client.id, %refusal, "request_object_refused");
            return Ok(None);
        }
    };
    let typ = read.typ.clone();
    let algs: Vec<JwsAlg> = match settings.object_alg {
        // RFC 9101 §10.5.
        Some(JwsAlg::None) if settings.signed_required => Vec::new(),
        Some(alg) => vec![alg],
        None if fapi::limits_algs(client) => fapi::signing_algs(client).to_vec(),
        // OIDC Dynamic Client Registration §2 `request_object_signing_alg`: any that is announced, where none was
        // registered. Unsigned ones are taken from a client that registered `none` alone (RFC 8725 §3.2).
        None => JwsAlg::ASYMMETRIC
            .iter()
            .chain(client.sealed_secret.iter().flat_map(|_| JwsAlg::HMAC))
            .copied()
            .collect(),
    };
    Ok(
        match client_auth::said_by(app, client, read, &algs).await? {
            Ok(claims) => Some((typ, claims)),
            Err(refusal) => {
                tracing::info!(client = %client.id, %refusal, "request_object_refused");
                None
            }
        },
    )
}
