//! Verifying what a client signed: with its published keys, or with its secret (OIDC Core §10.1, RFC 7515 §5.2).
//!
//! The key is looked for by the algorithm that the client may use, so that a public key never becomes the secret of
//! an HMAC (RFC 8725 §3.1). Keys that the token itself brings (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::oidc::client::{JwsAlg, KeyMaterial, KeySet, PublicKey};

/// The header and the claims of a token that a client signed.
pub type ClientJwt = (Map<String, Value>, Map<String, Value>);

/// Why it is not the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientJwsError {
    /// Too long, not a JWS, or not over a JSON object.
    #[error("the token is malformed")]
    Malformed,
    /// It is signed with an algorithm that the client may not use, or not signed.
    #[error("the token's algorithm is not one that the client may use")]
    Algorithm,
    /// It names critical extensions (RFC 7515 §4.1.11).
    #[error("the token has critical extensions")]
    Critical,
    /// No key of the client verifies it.
    #[error("no key of the client verifies the token")]
    Signature,
}

/// Header and claims of a token that the client signed with one of `algs`, or, where `none` is among them, did not
/// sign at all. Its times are for the caller to look at.
///
/// # Errors
/// [`ClientJwsError`].
pub fn verify(
    token: &str,
    algs: &[JwsAlg],
    keys: &KeySet,
    secret: Option<&[u8]>,
) -> Result<ClientJwt, ClientJwsError> {
    if token.len() > MAX_BYTES {
        return Err(ClientJwsError::Malformed);
    }
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ClientJwsError::Malformed);
    };
    let header = object(head)?;
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(ClientJwsError::Critical);
    }
    let alg = header.get("alg").and_then(Value::as_str);
    let alg = JwsAlg::ALL
        .iter()
        .copied()
        .find(|known| Some(known.as_str()) == alg)
        .filter(|alg| algs.contains(alg))
        .ok_or(ClientJwsError::Algorithm)?;
    let kid = match header.get("kid") {
        None => None,
        Some(kid) => Some(kid.as_str().ok_or(ClientJwsError::Malformed)?),
    };
    let verified = match jose(alg) {
        None => signature.is_empty(),
        Some(jose) if alg.is_hmac() => {
            secret.is_some_and(|secret| fits(token, &DecodingKey::from_secret(secret), jose))
        }
        Some(jose) => keys
            .verifying(alg, kid)
            .take(MOST_KEYS)
            .filter_map(decoding)
            .any(|key| fits(token, &key, jose)),
    };
    if !verified {
        return Err(ClientJwsError::Signature);
    }
    Ok((header, object(body)?))
}

fn fits(token: &str, key: &DecodingKey, alg: Algorithm) -> bool {
    let mut validation = Validation::new(alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    jsonwebtoken::decode::<Value>(token, key, &validation).is_ok()
}

fn decoding(key: &PublicKey) -> Option<DecodingKey> {
    match &key.material {
        KeyMaterial::Rsa { n, e } => DecodingKey::from_rsa_components(n, e).ok(),
        KeyMaterial::Ec { x, y, .. } => DecodingKey::from_ec_components(x, y).ok(),
        KeyMaterial::Ed25519 { x } => DecodingKey::from_ed_components(x).ok(),
        KeyMaterial::X25519 { .. } => None,
    }
}

fn jose(alg: JwsAlg) -> Option<Algorithm> {
    Some(match alg {
        JwsAlg::None => return None,
        JwsAlg::Hs256 => Algorithm::HS256,
        JwsAlg::Hs384 => Algorithm::HS384,
        JwsAlg::Hs512 => Algorithm::HS512,
        JwsAlg::Rs256 => Algorithm::RS256,
        JwsAlg::Rs384 => Algorithm::RS384,
        JwsAlg::Rs512 => Algorithm::RS512,
        JwsAlg::Ps256 => Algorithm::PS256,
        JwsAlg::Ps384 => Algorithm::PS384,
        JwsAlg::Ps512 => Algorithm::PS512,
        JwsAlg::Es256 => Algorithm::ES256,
        JwsAlg::Es384 => Algorithm::ES384,
        JwsAlg::EdDsa => Algorithm::EdDSA,
    })
}

fn object(part: &str) -> Result<Map<String, Value>, ClientJwsError> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    let bytes = bytes.map_err(|_| ClientJwsError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| ClientJwsError::Malformed)
}

/// As long as a parameter may be, and more than any client needs.
const MAX_BYTES: usize = 64 << 10;
/// The most keys that are tried where the token names none.
const MOST_KEYS: usize = 8;
