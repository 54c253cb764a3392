//! Showing that a request comes from its client: what the pure check needs is brought here, and what may be
//! used once is used (RFC 7523 §3).

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::metadata::ENDPOINTS;
use super::sent::Sent;
use super::token::ClientFacing;
use crate::app::App;
use crate::oidc::client::{Client, JwsAlg, KeySet, TokenEndpointAuthMethod};
use crate::oidc::client_auth::{self, ClientAuthRefusal, Presented, Proof};
use crate::oidc::client_certificate::{self, CertificateProof};
use crate::oidc::signed::{Keys, SignedRefusal, Unverified};
use crate::store::SingleUse;
use crate::tokens::TokensError;

/// Whether the client that was found (or was not) is the one that presents itself. The inner refusal is for
/// the audit; the outer one is that something here is down.
pub async fn prove(
    app: &App,
    client: Option<&Client>,
    presented: &Presented,
) -> Result<Result<(), ClientAuthRefusal>, ClientFacing> {
    let now = app.clock.now();
    let is_assertion = matches!(presented, Presented::Assertion { .. });
    let method = client.map(|client| client.auth_method);
    let (mut keys, mut secret) = (Arc::<KeySet>::default(), None);
    if let Some(client) = client.filter(|_| is_assertion) {
        match client.auth_method {
            TokenEndpointAuthMethod::PrivateKeyJwt => {
                let Ok(found) = app.key_sets.of(&client.keys, now).await else {
                    return Ok(Err(ClientAuthRefusal::KeysUnavailable));
                };
                keys = found;
            }
            TokenEndpointAuthMethod::ClientSecretJwt => {
                secret = app.tokens.secret_of(client).await?;
            }
            TokenEndpointAuthMethod::None
            | TokenEndpointAuthMethod::ClientSecretBasic
            | TokenEndpointAuthMethod::ClientSecretPost
            | TokenEndpointAuthMethod::TlsClientAuth
            | TokenEndpointAuthMethod::SelfSignedTlsClientAuth => {}
        }
    }
    let audiences: Vec<String> = match is_assertion {
        true => [app.provider.issuer.as_str().to_owned()]
            .into_iter()
            .chain(
                ENDPOINTS
                    .taking_assertions()
                    .flat_map(|path| app.provider.urls(path)),
            )
            .collect(),
        false => Vec::new(),
    };
    let (issuer, audiences) = (app.provider.issuer.as_str(), audiences.as_slice());
    let by = match &secret {
        Some(secret) => Keys::Secret(secret),
        None => Keys::Public(&keys),
    };
    let mut known =
        client_auth::authenticate(client, presented, &proof(by, issuer, audiences, now));
    let is_key_fault = matches!(
        known,
        Err(ClientAuthRefusal::Assertion(
            SignedRefusal::UnknownKey | SignedRefusal::Signature
        ))
    );
    // The client may have turned its keys since (OIDC Core §10.1.1).
    if let Some(client) =
        client.filter(|_| is_key_fault && method == Some(TokenEndpointAuthMethod::PrivateKeyJwt))
        && let Some(newer) = app.key_sets.again(&client.keys, now).await
    {
        known = client_auth::authenticate(
            Some(client),
            presented,
            &proof(Keys::Public(&newer), issuer, audiences, now),
        );
    }
    let known = match known {
        Ok(known) => known,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(once) = known.once {
        let owner = known.client.id.as_str();
        let kind = SingleUse::ClientAssertion;
        if !app
            .store
            .use_once(kind, owner, &once.jti, once.until)
            .await?
        {
            return Ok(Err(ClientAuthRefusal::AssertionReplayed));
        }
    }
    Ok(Ok(()))
}

/// Whether the connection's certificate shows that the request comes from this client (RFC 8705 §2).
pub async fn by_certificate(
    app: &App,
    client: &Client,
    presented: &Presented,
    sent: &Sent,
) -> Result<(), ClientAuthRefusal> {
    let (now, shown) = (app.clock.now(), sent.certificate.as_ref());
    let needs_keys = client.auth_method == TokenEndpointAuthMethod::SelfSignedTlsClientAuth;
    // Only for who shows a certificate: nobody else has anything fetched.
    let mut keys = match shown {
        Some(_) if needs_keys => app
            .key_sets
            .of(&client.keys, now)
            .await
            .map_err(|_| ClientAuthRefusal::CertificatesUnavailable)?,
        _ => Arc::default(),
    };
    let judge = |keys: &KeySet| {
        let proof = CertificateProof {
            certificate: shown.map(|chain| &chain.certificate),
            is_vouched_for: !needs_keys
                && shown.is_some_and(|chain| app.authorities.vouch_for(chain, now)),
            keys,
        };
        client_certificate::authenticate(client, presented, proof)
    };
    let judged = judge(&keys);
    if needs_keys && judged == Err(ClientAuthRefusal::CertificateMismatch) {
        // RFC 8705 §2.2.2: the client may have a new certificate since.
        if let Some(newer) = app.key_sets.again(&client.keys, now).await {
            keys = newer;
            return judge(&keys);
        }
    }
    judged
}

fn proof<'a>(
    keys: Keys<'a>,
    issuer: &'a str,
    audiences: &'a [String],
    now: time::OffsetDateTime,
) -> Proof<'a> {
    Proof {
        keys,
        issuer,
        audiences,
        now,
    }
}

/// The claims of a JWT that this client signed with one of `algs`: with a key of its set, which may have changed since
/// (OIDC Core §10.1.1), or with its secret; or, where `none` is among them, did not sign at all.
///
/// # Errors
/// The inner refusal is the client's; the outer one that something here is down.
pub async fn said_by(
    app: &App,
    client: &Client,
    read: Unverified<'_>,
    algs: &[JwsAlg],
) -> Result<Result<Claims, SignedRefusal>, TokensError> {
    if read.alg == JwsAlg::None {
        return Ok(match algs.contains(&JwsAlg::None) {
            true => read.unsigned(),
            false => Err(SignedRefusal::Algorithm),
        });
    }
    if read.alg.is_hmac() {
        let secret = app.tokens.secret_of(client).await?;
        let secret = secret.as_deref().map(Vec::as_slice).unwrap_or_default();
        return Ok(read.verify(&Keys::Secret(secret), algs));
    }
    let now = app.clock.now();
    let Ok(keys) = app.key_sets.of(&client.keys, now).await else {
        return Ok(Err(SignedRefusal::UnknownKey));
    };
    let first = read.clone().verify(&Keys::Public(&keys), algs);
    if let Err(SignedRefusal::UnknownKey | SignedRefusal::Signature) = first
        && let Some(newer) = app.key_sets.again(&client.keys, now).await
    {
        return Ok(read.verify(&Keys::Public(&newer), algs));
    }
    Ok(first)
}

/// What a JWT says.
pub type Claims = serde_json::Map<String, serde_json::Value>;

/// Whether a bearer token is one of the configured ones, in constant time over digests.
pub fn is_configured_token(app: &App, token: &secrecy::SecretString) -> bool {
    use crate::oidc::client::SecretDigest;
    let presented = SecretDigest::of(token);
    let tokens = &app.config.registration.initial_access_tokens;
    tokens
        .iter()
        .filter(|known| !known.expose_secret().is_empty())
        .fold(false, |found, known| {
            SecretDigest::of(known).ct_eq(&presented) | found
        })
}
