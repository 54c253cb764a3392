//! Signing and verifying our own tokens as compact JWS (RFC 7515), through whatever holds the key.
//!
//! The signature comes from a [`Signer`], which may be a key service, so the three parts are put together
//! here. Verification is jsonwebtoken's, told explicitly what it may accept: the algorithm is the key's
//! own, never the header's word (RFC 8725 §3.1), and type, issuer and audience are always named (§3.8 to
//! §3.11), so that one kind of token never passes for another.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Header, Validation, errors::ErrorKind};
use serde::{Serialize, de::DeserializeOwned};
use time::{Duration, OffsetDateTime};

use super::{KeyError, Ring, Signer, SigningAlg};

/// Signs `claims` as a token of type `typ` (such as `JWT` or `at+jwt`).
///
/// # Errors
/// [`SignError::Key`], of which [`KeyError::is_unavailable`] tells whether to try later.
pub async fn sign_claims(
    signer: &dyn Signer,
    typ: &str,
    claims: &impl Serialize,
) -> Result<String, SignError> {
    let mut header = Header::new(signer.alg().jose());
    header.typ = Some(typ.to_owned());
    header.kid = Some(signer.kid().as_str().to_owned());
    let mut token = encoded(&header)?;
    token.push('.');
    token.push_str(&encoded(claims)?);
    let signature = signer.sign(token.as_bytes()).await?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// Why a token was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The claims have no JSON form.
    #[error("the claims cannot be encoded")]
    Claims(#[from] serde_json::Error),
}

/// What a token must be to be accepted. Nothing is implied.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The `typ` of its header.
    pub typ: &'a str,
    /// Its `iss`.
    pub issuer: &'a str,
    /// Who it must be for.
    pub audience: Audience<'a>,
    /// The algorithms that this kind of token may be signed with.
    pub algs: &'a [SigningAlg],
    /// What its times must say.
    pub lifetime: Lifetime,
}

/// Who a token must be for.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// Its `aud` names at least one of these.
    OneOf(&'a [&'a str]),
    /// It has an `aud`, which the caller looks at: an ID token given back as a hint.
    Any,
}

/// What the times of a token must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// `exp` is there and ahead, `nbf` is past, give or take the leeway.
    Current {
        /// How far clocks may disagree.
        leeway: Duration,
    },
    /// It may have expired: an ID token given back as a hint (RP-Initiated Logout §2).
    EvenExpired,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is longer than any that we sign.
    #[error("the token is too long")]
    TooLong,
    /// It is not a JWS, or its claims are not those asked for.
    #[error("the token is malformed")]
    Malformed,
    /// Its algorithm is not one of those expected, or not its key's.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// It is another kind of token.
    #[error("the token's type is not the one expected")]
    Type,
    /// It names critical extensions, of which we know none (RFC 7515 §4.1.11).
    #[error("the token has critical extensions")]
    Critical,
    /// It names no key, or one that is unknown or expired.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// Its signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
    /// It is another issuer's.
    #[error("the token's issuer is not the one expected")]
    Issuer,
    /// It is for somebody else.
    #[error("the token's audience is not the one expected")]
    Audience,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// The claims of one of our own tokens, verified against the keys that count at `now`.
///
/// # Errors
/// Everything that is not as `expected` says.
pub fn verify<T: DeserializeOwned>(
    token: &str,
    ring: &Ring,
    expected: &Expected<'_>,
    now: OffsetDateTime,
) -> Result<T, VerifyError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(VerifyError::TooLong);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(error.kind()))?;
    if header.crit.is_some() {
        return Err(VerifyError::Critical);
    }
    if header.typ.as_deref() != Some(expected.typ) {
        return Err(VerifyError::Type);
    }
    let key = header
        .kid
        .as_deref()
        .and_then(|kid| ring.verifying_key(kid, now))
        .ok_or(VerifyError::UnknownKey)?;
    if !expected.algs.contains(&key.alg) {
        return Err(VerifyError::Algorithm);
    }
    let claims =
        jsonwebtoken::decode::<serde_json::Value>(token, key.key, &validation(key.alg, expected))
            .map_err(|error| refusal(error.kind()))?
            .claims;
    check_times(&claims, expected.lifetime, now)?;
    serde_json::from_value(claims).map_err(|_| VerifyError::Malformed)
}

fn validation(alg: SigningAlg, expected: &Expected<'_>) -> Validation {
    let mut validation = Validation::new(alg.jose());
    validation.set_required_spec_claims(&["iss", "aud"]);
    validation.set_issuer(&[expected.issuer]);
    match expected.audience {
        Audience::OneOf(accepted) => validation.set_audience(accepted),
        Audience::Any => validation.validate_aud = false,
    }
    // Against our `now`, below, and not against the machine's clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

/// RFC 7519 §4.1.4 and §4.1.5.
fn check_times(
    claims: &serde_json::Value,
    lifetime: Lifetime,
    now: OffsetDateTime,
) -> Result<(), VerifyError> {
    let Lifetime::Current { leeway } = lifetime else {
        return Ok(());
    };
    let instant = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|seconds| seconds.is_finite())
            .map(Some)
            .ok_or(VerifyError::Malformed),
    };
    let now = now.unix_timestamp() as f64;
    let leeway = leeway.as_seconds_f64();
    let expires = instant("exp")?.ok_or(VerifyError::Malformed)?;
    if now >= expires + leeway {
        return Err(VerifyError::Expired);
    }
    if instant("nbf")?.is_some_and(|begins| now + leeway < begins) {
        return Err(VerifyError::NotYetValid);
    }
    Ok(())
}

fn refusal(kind: &ErrorKind) -> VerifyError {
    match kind {
        ErrorKind::InvalidSignature => VerifyError::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => VerifyError::Algorithm,
        ErrorKind::InvalidIssuer => VerifyError::Issuer,
        ErrorKind::InvalidAudience => VerifyError::Audience,
        ErrorKind::MissingRequiredClaim(name) if name == "iss" => VerifyError::Issuer,
        ErrorKind::MissingRequiredClaim(name) if name == "aud" => VerifyError::Audience,
        _ => VerifyError::Malformed,
    }
}

fn encoded(part: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(part)?))
}

/// Several times the longest token that we sign.
const MAX_TOKEN_BYTES: usize = 32 << 10;
