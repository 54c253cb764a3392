//! JWTs that others signed: client assertions, JWTs that are grants, software statements, request objects.
//!
//! Nothing in such a token decides how it is verified: the algorithm must be one that the caller allows, the
//! key is one that the caller holds, and headers that would bring a key along or change what is signed are
//! refused (RFC 8725 §3.1, §3.5, §3.10). Work is bounded: the length of the token, and the keys that are tried.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use super::client::{JwsAlg, KeyMaterial, KeySet, PublicKey};
use super::unique::Unique;

/// A compact JWS whose signature has not been looked at: its claims are not to be had yet.
#[derive(Clone)]
pub struct Unverified<'a> {
    /// Its algorithm.
    pub alg: JwsAlg,
    /// The name of its key.
    pub kid: Option<String>,
    /// Its type, lower-case and without `application/` (RFC 7515 §4.1.9).
    pub typ: Option<String>,
    signed: &'a str,
    signature: &'a str,
    claims: Map<String, Value>,
}

/// What verifies it.
pub enum Keys<'a> {
    /// Public keys.
    Public(&'a KeySet),
    /// The secret of an HMAC.
    Secret(&'a [u8]),
}

/// Why a signed JWT is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignedRefusal {
    /// Longer than the bound.
    #[error("the JWT is too long")]
    TooLong,
    /// Not three parts of base64url with JSON objects in them.
    #[error("the JWT cannot be read")]
    Malformed,
    /// Not an algorithm that is allowed here; `none` never is.
    #[error("the JWT's algorithm is not allowed")]
    Algorithm,
    /// A header that brings a key, names one to fetch, or changes what is signed.
    #[error("the JWT has a header that is not taken")]
    Header,
    /// Another kind of JWT.
    #[error("the JWT is of another type")]
    Type,
    /// No key that could have signed it.
    #[error("the JWT's key is unknown")]
    UnknownKey,
    /// No key did sign it.
    #[error("the JWT's signature does not verify")]
    Signature,
    /// Another issuer.
    #[error("the JWT's iss is another")]
    Issuer,
    /// Another subject.
    #[error("the JWT's sub is another")]
    Subject,
    /// For somebody else too, or alone.
    #[error("the JWT's aud is another")]
    Audience,
    /// `exp` is missing or past.
    #[error("the JWT has expired")]
    Expired,
    /// `exp` is further ahead than is kept in mind.
    #[error("the JWT lasts too long")]
    TooLongLived,
    /// `nbf` or `iat` is ahead.
    #[error("the JWT is not valid yet")]
    NotYetValid,
    /// `iat` is missing or longer ago than is taken.
    #[error("the JWT is too old")]
    TooOld,
    /// `jti` is missing, empty or too long.
    #[error("the JWT has no usable jti")]
    Jti,
}

impl<'a> Unverified<'a> {
    /// Reads a compact JWS.
    ///
    /// # Errors
    /// When it cannot be read, or its header has what is not taken.
    pub fn parse(token: &'a str) -> Result<Self, SignedRefusal> {
        if token.len() > MAX_BYTES {
            return Err(SignedRefusal::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(SignedRefusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(SignedRefusal::Malformed)?;
        let (header, claims) = (object(header)?, object(claims)?);
        // RFC 8725 §3.5 and RFC 7515 §4.1.11: keys come from where the caller has them, and we know no
        // critical extension; RFC 7797 and compression would change what is signed.
        if NOT_TAKEN.iter().any(|name| header.contains_key(*name)) {
            return Err(SignedRefusal::Header);
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= 256 => Ok(Some(text.clone())),
            Some(_) => Err(SignedRefusal::Malformed),
        };
        let alg = text("alg")?.ok_or(SignedRefusal::Malformed)?;
        let typ = text("typ")?.map(|typ| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
        });
        Ok(Self {
            alg: super::client::Registered::named(&alg).ok_or(SignedRefusal::Algorithm)?,
            kid: text("kid")?,
            typ,
            signed,
            signature,
            claims,
        })
    }

    /// A claim before the signature was looked at: to find the key by, and for nothing else.
    pub fn unverified_text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// The claims of a JWT that says that it is not signed, and is not (RFC 7519 §6): for those who may send such a one.
    ///
    /// # Errors
    /// When it says that it is signed, or has a signature all the same.
    pub fn unsigned(self) -> Result<Map<String, Value>, SignedRefusal> {
        match self.alg {
            JwsAlg::None if self.signature.is_empty() => Ok(self.claims),
            JwsAlg::None => Err(SignedRefusal::Signature),
            _ => Err(SignedRefusal::Algorithm),
        }
    }

    /// The claims, once the signature is one of these keys' under one of these algorithms.
    ///
    /// # Errors
    /// [`SignedRefusal::UnknownKey`] where no key could have signed it, which newer keys may mend.
    pub fn verify(
        self,
        keys: &Keys<'_>,
        allowed: &[JwsAlg],
    ) -> Result<Map<String, Value>, SignedRefusal> {
        if !allowed.contains(&self.alg) {
            return Err(SignedRefusal::Algorithm);
        }
        let algorithm = jose(self.alg).ok_or(SignedRefusal::Algorithm)?;
        let is_by = |key: &DecodingKey| {
            crypto::verify(self.signature, self.signed.as_bytes(), key, algorithm).unwrap_or(false)
        };
        match keys {
            // RFC 8725 §3.1: a secret verifies HMACs alone, and a public key never one.
            Keys::Secret(secret) if self.alg.is_hmac() && !secret.is_empty() => {
                is_by(&DecodingKey::from_secret(secret))
                    .then_some(self.claims)
                    .ok_or(SignedRefusal::Signature)
            }
            Keys::Public(set) if self.alg.is_asymmetric() => {
                let mut candidates = set.verifying(self.alg, self.kid.as_deref()).peekable();
                if candidates.peek().is_none() {
                    return Err(SignedRefusal::UnknownKey);
                }
                candidates
                    .take(MOST_KEYS)
                    .filter_map(decoding_key)
                    .any(|key| is_by(&key))
                    .then_some(self.claims)
                    .ok_or(SignedRefusal::Signature)
            }
            Keys::Secret(_) | Keys::Public(_) => Err(SignedRefusal::Algorithm),
        }
    }
}

/// What the claims of a JWT must say.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// Its `iss`.
    pub issuer: &'a str,
    /// Its `sub`, where it must be this one.
    pub subject: Option<&'a str>,
    /// Who it must be for.
    pub audience: AudienceRule<'a>,
    /// How far ahead `exp` may be: as long its `jti` has to be kept.
    pub longest: Duration,
    /// How long ago `iat` may be; where this is set, `iat` must be there.
    pub oldest: Option<Duration>,
    /// Whether it is used once, and so must have a `jti`.
    pub needs_jti: bool,
}

/// Who a JWT must be for.
#[derive(Clone, Copy, Debug)]
pub enum AudienceRule<'a> {
    /// `aud` is this text, and not a list (FAPI 2.0 §5.3.2.1).
    Exactly(&'a str),
    /// `aud` names this one, alone or among others (OIDC Core §6.1).
    Among(&'a str),
    /// Everybody that `aud` names is one of these, so that it is of no use elsewhere.
    Within(&'a [String]),
}

/// The identifier of a JWT that is used once, and until when it has to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// Its `jti`.
    pub jti: String,
    /// When the JWT ends, leeway included.
    pub until: OffsetDateTime,
}

/// Holds verified claims to what they must say (RFC 7519 §4.1, RFC 7523 §3).
///
/// # Errors
/// The first claim that says something else.
pub fn check_claims(
    claims: &Map<String, Value>,
    expected: &Expectations<'_>,
    now: OffsetDateTime,
) -> Result<Option<Once>, SignedRefusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(SignedRefusal::Issuer);
    }
    if expected.subject.is_some_and(|sub| text("sub") != Some(sub)) {
        return Err(SignedRefusal::Subject);
    }
    if !is_for(claims.get("aud"), expected.audience) {
        return Err(SignedRefusal::Audience);
    }
    let until = check_times(claims, expected, now)?;
    match text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len())) {
        Some(jti) => Ok(Some(Once {
            jti: jti.to_owned(),
            until,
        })),
        None if expected.needs_jti || claims.contains_key("jti") => Err(SignedRefusal::Jti),
        None => Ok(None),
    }
}

/// When the JWT ends, leeway included.
fn check_times(
    claims: &Map<String, Value>,
    expected: &Expectations<'_>,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, SignedRefusal> {
    let instant = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|seconds| seconds.abs() < 1e11)
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds as i64).ok())
            .map(Some)
            .ok_or(SignedRefusal::Malformed),
    };
    let expires = instant("exp")?.ok_or(SignedRefusal::Expired)?;
    if now >= expires + PAST_LEEWAY {
        return Err(SignedRefusal::Expired);
    }
    if expires > now + expected.longest {
        return Err(SignedRefusal::TooLongLived);
    }
    let (begins, issued) = (instant("nbf")?, instant("iat")?);
    // FAPI 2.0 §5.3.2.1: 10 seconds ahead are taken, 60 are not.
    if [begins, issued]
        .into_iter()
        .flatten()
        .any(|at| at > now + FUTURE_LEEWAY)
    {
        return Err(SignedRefusal::NotYetValid);
    }
    if let Some(oldest) = expected.oldest
        && issued.is_none_or(|issued| issued + oldest < now)
    {
        return Err(SignedRefusal::TooOld);
    }
    Ok(expires + PAST_LEEWAY)
}

fn is_for(aud: Option<&Value>, rule: AudienceRule<'_>) -> bool {
    match (aud, rule) {
        (Some(Value::String(one)), AudienceRule::Exactly(issuer) | AudienceRule::Among(issuer)) => {
            one == issuer
        }
        (Some(Value::Array(many)), AudienceRule::Among(issuer)) => {
            many.iter().any(|it| it.as_str() == Some(issuer))
        }
        (Some(Value::String(one)), AudienceRule::Within(ours)) => ours.contains(one),
        (Some(Value::Array(many)), AudienceRule::Within(ours)) => {
            let is_ours = |it: &Value| it.as_str().is_some_and(|it| ours.iter().any(|o| o == it));
            !many.is_empty() && many.iter().all(is_ours)
        }
        (_, AudienceRule::Exactly(_) | AudienceRule::Among(_) | AudienceRule::Within(_)) => false,
    }
}

/// A part of a compact JWS.
pub(super) fn object(part: &str) -> Result<Map<String, Value>, SignedRefusal> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| SignedRefusal::Malformed)?;
    // RFC 7515 §4: names of header members, and by RFC 7519 §4 those of claims, are unique.
    let read = serde_json::from_slice::<Unique>(&bytes);
    read.map(|members| members.0)
        .map_err(|_| SignedRefusal::Malformed)
}

fn decoding_key(key: &PublicKey) -> Option<DecodingKey> {
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

/// Members of a header that bring a key, name one to fetch, or change what is signed.
pub(super) const NOT_TAKEN: [&str; 6] = ["crit", "jku", "x5u", "jwk", "b64", "zip"];
/// As long as a parameter may be: a request object with claims and certificates fits.
const MAX_BYTES: usize = 64 << 10;
/// The most keys that are tried where the token names none.
const MOST_KEYS: usize = 8;
const MAX_JTI: usize = 512;
/// How far a client's clock may be behind, and ahead.
const PAST_LEEWAY: Duration = Duration::seconds(5);
const FUTURE_LEEWAY: Duration = Duration::seconds(30);

#[cfg(test)]
mod tests;
