//! Demonstrating proof of possession: one signed proof a request, checked (RFC 9449 §4).
//!
//! A proof is signed by the key that it carries, so the key proves nothing by itself: what counts is its
//! thumbprint, which tokens are bound to. Whether a proof was used before is for the store to say, under its key
//! and its `jti`: under its key, so that nobody can use up another client's identifiers.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::confirmation::Thumbprint;
use super::error::{TokenError, TokenErrorCode};
use super::unique::Unique;

/// The algorithms of proofs: asymmetric, and those that FAPI 2.0 §5.4.1 allows.
pub const ALGS: [&str; 3] = ["ES256", "EdDSA", "PS256"];
/// The longest proof, bytes; one with an RSA key of 8192 bits fits.
pub const MAX_PROOF: usize = 8 * 1024;
/// How old a proof may be.
pub const MAX_AGE: Duration = Duration::seconds(300);
/// How far ahead of our clock a proof may be: FAPI 2.0 §5.3.2.1 wants 10 s accepted and 60 s refused.
pub const MAX_AHEAD: Duration = Duration::seconds(30);

/// The request that a proof is to be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its method.
    pub method: &'a str,
    /// The endpoint's URLs as we publish them: its own, and its alias for clients with certificates (RFC 8705 §5).
    pub urls: &'a [String],
    /// The access token that is presented with it.
    pub access_token: Option<&'a str>,
    /// Whether a nonce of ours must be in it (RFC 9449 §8).
    pub nonce: NonceRule<'a>,
}

/// Whether a proof needs a nonce. One that is there must be ours in any case.
#[derive(Clone, Copy, Debug)]
pub enum NonceRule<'a> {
    /// It may be left out.
    Optional(&'a NonceKey),
    /// It must be there.
    Required(&'a NonceKey),
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Of the key.
    pub jkt: Thumbprint,
    /// Names the proof among those of its key: a second one is the same one (RFC 9449 §11.1).
    pub jti: String,
    /// From when on it is too old anyway.
    pub expires_at: OffsetDateTime,
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DpopRefusal {
    /// There is none, and one is needed.
    #[error("a DPoP proof is needed")]
    Missing,
    /// More than one header (RFC 9449 §4.3, 1).
    #[error("there is more than one DPoP proof")]
    Repeated,
    /// Too long, or no JWS in compact form, or a claim is missing (§4.3, 2 and 3).
    #[error("the DPoP proof is malformed")]
    Malformed,
    /// `typ` is not `dpop+jwt` (§4.3, 4).
    #[error("the DPoP proof is of another type")]
    Type,
    /// `alg` is none, symmetric or not accepted here (§4.3, 5).
    #[error("the DPoP proof's algorithm is not accepted")]
    Algorithm,
    /// `crit` names extensions (RFC 7515 §4.1.11).
    #[error("the DPoP proof has critical extensions")]
    Critical,
    /// `jwk` is missing, not for this algorithm, or has private parts (§4.3, 7).
    #[error("the DPoP proof's key cannot be used")]
    Key,
    /// The signature does not verify (§4.3, 6).
    #[error("the DPoP proof's signature does not verify")]
    Signature,
    /// `htm` is another method (§4.3, 8).
    #[error("the DPoP proof is for another method")]
    Method,
    /// `htu` is another URL (§4.3, 9).
    #[error("the DPoP proof is for another URL")]
    Url,
    /// `iat` is too long ago or ahead (§4.3, 11).
    #[error("the DPoP proof was not made just now")]
    Time,
    /// `ath` is missing or of another access token (§4.3, 12).
    #[error("the DPoP proof is for another access token")]
    TokenHash,
    /// The nonce is missing (§8).
    #[error("the DPoP proof needs a nonce")]
    NonceMissing,
    /// The nonce is not ours, or no longer (§8).
    #[error("the DPoP proof's nonce is not current")]
    NonceInvalid,
    /// It was used before (§11.1).
    #[error("the DPoP proof was used before")]
    Replayed,
    /// It is by another key than what it is used with (§4.3, 12; §10).
    #[error("the DPoP proof is by another key")]
    KeyMismatch,
}

impl DpopRefusal {
    /// Whether the client is to try again with the nonce that goes with the answer.
    pub fn wants_nonce(self) -> bool {
        matches!(self, Self::NonceMissing | Self::NonceInvalid)
    }

    /// The registered code (RFC 9449 §12.2).
    pub fn code(self) -> TokenErrorCode {
        if self.wants_nonce() {
            TokenErrorCode::UseDpopNonce
        } else {
            TokenErrorCode::InvalidDpopProof
        }
    }
}

impl From<DpopRefusal> for TokenError {
    fn from(refusal: DpopRefusal) -> Self {
        let description = if refusal.wants_nonce() {
            "the DPoP proof needs the nonce of the DPoP-Nonce header"
        } else {
            "the DPoP proof is missing, not valid, or not for this request"
        };
        Self::new(refusal.code(), description)
    }
}

/// Checks a proof.
///
/// # Errors
/// Everything of RFC 9449 §4.3 that does not hold.
pub fn verify(
    proof: &str,
    expected: &Expected<'_>,
    now: OffsetDateTime,
) -> Result<Proof, DpopRefusal> {
    if proof.len() > MAX_PROOF {
        return Err(DpopRefusal::Malformed);
    }
    let mut parts = proof.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(DpopRefusal::Malformed);
    };
    let head: Header = part(header)?;
    if head.typ.as_deref() != Some("dpop+jwt") {
        return Err(DpopRefusal::Type);
    }
    if head.crit.is_some() {
        return Err(DpopRefusal::Critical);
    }
    let alg = algorithm(&head.alg).ok_or(DpopRefusal::Algorithm)?;
    let (key, jkt) = key(head.jwk.ok_or(DpopRefusal::Key)?, alg)?;
    let signed_length = header.len() + 1 + payload.len();
    let signed = proof.as_bytes().get(..signed_length).unwrap_or_default();
    if !jsonwebtoken::crypto::verify(signature, signed, &key, alg).unwrap_or(false) {
        return Err(DpopRefusal::Signature);
    }
    let claims: Claims = part(payload)?;
    if claims.htm != expected.method {
        return Err(DpopRefusal::Method);
    }
    if !is_one_of(&claims.htu, expected.urls) {
        return Err(DpopRefusal::Url);
    }
    let made = instant(claims.iat).ok_or(DpopRefusal::Time)?;
    if made > now.saturating_add(MAX_AHEAD) || made < now.saturating_sub(MAX_AGE) {
        return Err(DpopRefusal::Time);
    }
    check_nonce(claims.nonce.as_deref(), expected.nonce, now)?;
    if let Some(token) = expected.access_token {
        let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, token.as_bytes()));
        if claims.ath.as_deref() != Some(hash.as_str()) {
            return Err(DpopRefusal::TokenHash);
        }
    }
    if !(1..=MAX_JTI).contains(&claims.jti.len()) {
        return Err(DpopRefusal::Malformed);
    }
    Ok(Proof {
        jkt,
        jti: claims.jti,
        expires_at: made.saturating_add(MAX_AGE + Duration::seconds(1)),
    })
}

fn check_nonce(
    nonce: Option<&str>,
    rule: NonceRule<'_>,
    now: OffsetDateTime,
) -> Result<(), DpopRefusal> {
    let (NonceRule::Optional(key) | NonceRule::Required(key)) = rule;
    match (nonce, rule) {
        (Some(nonce), _) if key.accepts(nonce, now) => Ok(()),
        (Some(_), _) => Err(DpopRefusal::NonceInvalid),
        (None, NonceRule::Required(_)) => Err(DpopRefusal::NonceMissing),
        (None, NonceRule::Optional(_)) => Ok(()),
    }
}

#[derive(Deserialize)]
struct Header {
    typ: Option<String>,
    alg: String,
    jwk: Option<Map<String, Value>>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: Option<String>,
    nonce: Option<String>,
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DpopRefusal> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| DpopRefusal::Malformed)?;
    // RFC 7515 §4, RFC 7519 §4: no member comes twice.
    let read: Unique = serde_json::from_slice(&bytes).map_err(|_| DpopRefusal::Malformed)?;
    serde_json::from_value(Value::Object(read.0)).map_err(|_| DpopRefusal::Malformed)
}

/// RFC 7519 §2 `NumericDate`: fractions of a second may be there, and count for nothing here.
fn instant(seconds: f64) -> Option<OffsetDateTime> {
    let fits = seconds.abs() < 1e11;
    OffsetDateTime::from_unix_timestamp(fits.then_some(seconds.floor() as i64)?).ok()
}

fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "ES256" => Some(Algorithm::ES256),
        // RFC 9864 §2.2 names the curve; it is the same algorithm.
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        "PS256" => Some(Algorithm::PS256),
        _ => None,
    }
}

/// The public key of the header, which must be one of the algorithm's kind and have no private part.
fn key(jwk: Map<String, Value>, alg: Algorithm) -> Result<(DecodingKey, Thumbprint), DpopRefusal> {
    if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
        return Err(DpopRefusal::Key);
    }
    let is = |name: &str, value: &str| jwk.get(name).and_then(Value::as_str) == Some(value);
    let fits = match alg {
        Algorithm::ES256 => is("kty", "EC") && is("crv", "P-256"),
        Algorithm::EdDSA => is("kty", "OKP") && is("crv", "Ed25519"),
        _ => is("kty", "RSA"),
    };
    // Only what makes up the key: other members are the client's own business, and may be unknown to us.
    let members = jwk
        .into_iter()
        .filter(|(name, _)| PUBLIC.contains(&name.as_str()))
        .collect();
    let jwk: Jwk = serde_json::from_value(Value::Object(members)).map_err(|_| DpopRefusal::Key)?;
    let jkt = jwk
        .thumbprint(ThumbprintHash::SHA256)
        .ok()
        .and_then(|text| Thumbprint::parse(&text));
    match (DecodingKey::from_jwk(&jwk), jkt) {
        (Ok(key), Some(jkt)) if fits => Ok((key, jkt)),
        _ => Err(DpopRefusal::Key),
    }
}

/// RFC 9449 §4.3, 9: without query and fragment, after the normalisations of RFC 3986 §6.2.2 and §6.2.3.
fn is_one_of(htu: &str, ours: &[String]) -> bool {
    let normal = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        let path = normal_escapes(url.path());
        url.set_path(&path);
        Some(url)
    };
    normal(htu).is_some_and(|htu| {
        ours.iter()
            .any(|ours| normal(ours).is_some_and(|ours| ours == htu))
    })
}

/// A path in which only what must be is percent-encoded, in upper case (RFC 3986 §6.2.2.1, §6.2.2.2).
fn normal_escapes(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        normal.push_str(before);
        let byte = escape
            .get(1..3)
            .filter(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = byte else {
            normal.push('%');
            rest = &escape[1..];
            continue;
        };
        match byte {
            b'-' | b'.' | b'_' | b'~' => normal.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => normal.push(char::from(byte)),
            _ => normal.push_str(&format!("%{byte:02X}")),
        }
        rest = &escape[3..];
    }
    normal.push_str(rest);
    normal
}

/// Makes and knows the nonces of RFC 9449 §8: the same on every replica, and kept by none.
pub struct NonceKey(hmac::Key);

impl std::fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NonceKey")
    }
}

impl NonceKey {
    /// From a secret that all replicas have.
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let own = hmac::sign(&root, b"whorl dpop nonce 1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// The nonce to send now.
    pub fn current(&self, now: OffsetDateTime) -> String {
        self.of(step(now))
    }

    /// Whether it is the nonce of this step, of the one before, or of a replica whose clock is a little ahead.
    pub fn accepts(&self, nonce: &str, now: OffsetDateTime) -> bool {
        let at = step(now);
        [at, at - 1, at + 1].into_iter().any(|step| {
            constant_time::verify_slices_are_equal(self.of(step).as_bytes(), nonce.as_bytes())
                .is_ok()
        })
    }

    fn of(&self, step: i64) -> String {
        let tag = hmac::sign(&self.0, &step.to_be_bytes());
        let (half, _) = tag.as_ref().split_at(tag.as_ref().len() / 2);
        URL_SAFE_NO_PAD.encode(half)
    }
}

fn step(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(NONCE_STEP_S)
}

/// How long one nonce is the current one; it is good for up to twice as long.
const NONCE_STEP_S: i64 = 120;
const MAX_JTI: usize = 512;
/// RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const PUBLIC: [&str; 6] = ["kty", "crv", "x", "y", "n", "e"];

#[cfg(test)]
mod tests;
