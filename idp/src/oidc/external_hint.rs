//! A hint about who is to be asked, signed by another issuer that has already asked for a first factor: the
//! `id_token_hint` of Microsoft Entra's external authentication methods.
//!
//! It arrives already expired by design, so its `exp` says nothing; what counts is that it was issued just now
//! (`iat`), by an issuer and for a tenant that are trusted, for us, and that it was not used before (which the caller
//! sees to). The person is known by tenant and object identifier alone: a name in it can be changed by its holder.

use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use super::signed::{self, NOT_TAKEN};

/// The largest hint, bytes.
pub const MAX_HINT: usize = 16 * 1024;
/// The most keys that are read of a set.
const MOST_KEYS: usize = 64;
/// How far the issuer's clock may be ahead of ours.
const LEEWAY: Duration = Duration::seconds(60);
/// Where the tenant stands in an issuer's pattern.
const TENANT: &str = "{tid}";
/// RFC 7518 §3.3: RSA keys have 2048 bits at least.
const LEAST_MODULUS_BYTES: usize = 256;
/// What an issuer whose keys are published has no need of besides: certificates, and a content that is another JWT
/// (RFC 7515 §4.1.6, RFC 7519 §5.2). Its hints have `typ`, `alg`, `kid` and `x5t`.
const NOT_OF_A_HINT: [&str; 2] = ["x5c", "cty"];

/// An issuer whose hints are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintIssuer {
    /// What clients call it.
    pub name: String,
    /// Its identifier; `{tid}` stands for the tenant.
    pub issuer: String,
    /// Its discovery document; `None` for the one below its identifier.
    pub discovery: Option<String>,
    /// The tenants whose people may come.
    pub tenants: Vec<String>,
    /// Whom its hints may be for.
    pub audiences: Vec<String>,
    /// How old a hint may be.
    pub max_age: Duration,
}

impl HintIssuer {
    /// The identifier of one tenant's issuer.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str) -> String {
        self.issuer.replace(TENANT, tenant)
    }

    /// Where a tenant's discovery document may be, the likeliest first. A family of issuers publishes one document
    /// for all its tenants under `common`.
    #[must_use]
    pub fn discovery_urls(&self, tenant: &str) -> Vec<String> {
        if let Some(url) = &self.discovery {
            return vec![url.replace(TENANT, tenant)];
        }
        let at = |issuer: String| {
            format!(
                "{}/.well-known/openid-configuration",
                issuer.trim_end_matches('/')
            )
        };
        let mut urls = vec![at(self.of_tenant(tenant))];
        if self.issuer.contains(TENANT) {
            urls.push(at(self.of_tenant("common")));
        }
        urls
    }

    /// Whether a discovery document's `issuer` is this one: as such, or as the pattern that documents for all tenants
    /// have.
    #[must_use]
    pub fn is_named(&self, issuer: &str, tenant: &str) -> bool {
        issuer == self.of_tenant(tenant)
            || issuer == self.issuer
            || issuer == self.of_tenant("{tenantid}")
    }

    /// The allowed tenant of that identifier, in lower case, as links have it.
    #[must_use]
    pub fn tenant(&self, claimed: &str) -> Option<String> {
        let well_formed = (1..=64).contains(&claimed.len())
            && claimed
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let allowed = |tenant: &String| tenant.eq_ignore_ascii_case(claimed);
        (well_formed && self.tenants.iter().any(allowed)).then(|| claimed.to_ascii_lowercase())
    }
}

/// Whom a verified hint is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalHint {
    /// The tenant, in lower case.
    pub tenant: String,
    /// The identifier that never changes within the tenant, in lower case.
    pub object: String,
    /// What the issuer calls this person towards us: our answer's `sub`.
    pub sub: String,
    /// When the hint was issued.
    pub issued_at: OffsetDateTime,
    /// The signed text, whose digest says whether it was used before.
    pub signed: String,
}

/// Why a hint is not believed. The client is told `access_denied`; the log says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HintRefusal {
    /// There is none.
    #[error("there is no hint")]
    Missing,
    /// It is no JWS of the length that one may have, or its claims are not those of a hint.
    #[error("the hint is malformed")]
    Malformed,
    /// It is signed with another algorithm than RS256.
    #[error("the hint is not signed with RS256")]
    Algorithm,
    /// It names critical extensions, of which we know none (RFC 7515 §4.1.11).
    #[error("the hint has critical extensions")]
    Critical,
    /// It names no key of its issuer.
    #[error("the hint's key is unknown")]
    UnknownKey,
    /// Its signature does not verify.
    #[error("the hint's signature does not verify")]
    Signature,
    /// It is of an issuer that is not trusted, or not of its tenant's.
    #[error("the hint's issuer is not trusted")]
    Issuer,
    /// Its tenant may not come.
    #[error("the hint's tenant is not allowed")]
    Tenant,
    /// It is for somebody else.
    #[error("the hint is for somebody else")]
    Audience,
    /// It was issued too long ago.
    #[error("the hint is too old")]
    Stale,
    /// It was issued in the future, or is not valid yet.
    #[error("the hint is not valid yet")]
    NotYetValid,
    /// It does not say whom it is about.
    #[error("the hint names nobody")]
    Nobody,
    /// It began a login before.
    #[error("the hint was used before")]
    Replayed,
    /// Nobody here is linked to the account that it names.
    #[error("nobody is linked to the hint's account")]
    NotLinked,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    iat: i64,
    nbf: Option<i64>,
    tid: Option<String>,
    oid: Option<String>,
    sub: Option<String>,
}

/// A hint whose signature was not looked at yet: it says where its keys are, and nothing that is believed.
pub struct Unverified<'a> {
    token: &'a str,
    kid: String,
    /// The tenant that it claims, which is allowed.
    pub tenant: String,
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unverified")
    }
}

/// The keys of a key set that can be read; one of a kind that we do not know does not spoil the others
/// (RFC 7517 §5). `None` where it is no key set.
#[must_use]
pub fn key_set(document: &Value) -> Option<JwkSet> {
    let keys = document.get("keys")?.as_array()?;
    let keys = keys
        .iter()
        .take(MOST_KEYS)
        .filter_map(|key| Jwk::deserialize(key).ok())
        .collect();
    Some(JwkSet { keys })
}

/// Reads as much of a hint as is needed to find its keys. Keys are looked for at trusted issuers of allowed tenants
/// alone: no text of a stranger makes us fetch anything.
///
/// # Errors
/// What is wrong with it before its signature.
pub fn read<'a>(token: &'a str, issuer: &HintIssuer) -> Result<Unverified<'a>, HintRefusal> {
    if token.len() > MAX_HINT {
        return Err(HintRefusal::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        // `none`, and what is not registered (RFC 8725 §3.1).
        jsonwebtoken::errors::ErrorKind::InvalidAlgorithmName => HintRefusal::Algorithm,
        jsonwebtoken::errors::ErrorKind::Json(_) => HintRefusal::Algorithm,
        _ => HintRefusal::Malformed,
    })?;
    if header.crit.is_some() {
        return Err(HintRefusal::Critical);
    }
    if header.alg != Algorithm::RS256 {
        return Err(HintRefusal::Algorithm);
    }
    check_header(token)?;
    let kid = header.kid.ok_or(HintRefusal::UnknownKey)?;
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token)
        .map_err(|_| HintRefusal::Malformed)?;
    let tenant = check_issuer(&claims, issuer)?;
    Ok(Unverified { token, kid, tenant })
}

impl Unverified<'_> {
    /// Whether the key set has the key that the hint names.
    #[must_use]
    pub fn has_key(&self, keys: &JwkSet) -> bool {
        self.key(keys).is_some()
    }

    /// Verifies the hint by its issuer's keys.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(
        &self,
        keys: &JwkSet,
        issuer: &HintIssuer,
        now: OffsetDateTime,
    ) -> Result<ExternalHint, HintRefusal> {
        let key = self.key(keys).ok_or(HintRefusal::UnknownKey)?;
        let key = DecodingKey::from_jwk(key).map_err(|_| HintRefusal::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        // Below, with our own clock and rules.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(self.token, &key, &validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => HintRefusal::Signature,
                jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => HintRefusal::Algorithm,
                _ => HintRefusal::Malformed,
            })?
            .claims;
        let tenant = check_issuer(&claims, issuer)?;
        // RFC 7519 §4.1.3: one text or a list of them.
        let is_for_us = |aud: &Value| {
            aud.as_str()
                .is_some_and(|aud| issuer.audiences.iter().any(|ours| ours == aud))
        };
        let addressed = match &claims.aud {
            Value::Array(all) => all.iter().any(is_for_us),
            one => is_for_us(one),
        };
        if !addressed {
            return Err(HintRefusal::Audience);
        }
        let issued_at =
            OffsetDateTime::from_unix_timestamp(claims.iat).map_err(|_| HintRefusal::Malformed)?;
        // Beyond these the arithmetic below could not overflow; RFC 7519 §4.1.5 and §4.1.6.
        if issued_at > now + LEEWAY {
            return Err(HintRefusal::NotYetValid);
        }
        if now - issued_at > issuer.max_age {
            return Err(HintRefusal::Stale);
        }
        if claims
            .nbf
            .is_some_and(|nbf| nbf > (now + LEEWAY).unix_timestamp())
        {
            return Err(HintRefusal::NotYetValid);
        }
        let text = |claim: Option<String>| {
            claim.filter(|text| (1..=255).contains(&text.len()) && !text.contains(char::is_control))
        };
        Ok(ExternalHint {
            tenant,
            object: text(claims.oid)
                .ok_or(HintRefusal::Nobody)?
                .to_ascii_lowercase(),
            sub: text(claims.sub).ok_or(HintRefusal::Nobody)?,
            issued_at,
            signed: self
                .token
                .rsplit_once('.')
                .map_or(self.token, |(signed, _)| signed)
                .to_owned(),
        })
    }

    /// The key of that identifier, if it is one for RS256 signatures (RFC 7517 §4).
    fn key<'k>(&self, keys: &'k JwkSet) -> Option<&'k Jwk> {
        keys.keys.iter().find(|key| {
            let signs = !matches!(
                key.common.public_key_use,
                Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))
            );
            let rs256 = matches!(key.common.key_algorithm, None | Some(KeyAlgorithm::RS256));
            let strong = match &key.algorithm {
                AlgorithmParameters::RSA(rsa) => {
                    // Base64url: four characters for three bytes.
                    rsa.n.len() * 3 / 4 >= LEAST_MODULUS_BYTES
                }
                _ => false,
            };
            key.common.key_id.as_deref() == Some(self.kid.as_str()) && signs && rs256 && strong
        })
    }
}

/// RFC 8725 §3.5, §3.10: a header that brings a key, names one to fetch, or changes what is signed is no hint's, whoever
/// signed it.
fn check_header(token: &str) -> Result<(), HintRefusal> {
    let (header, _) = token.split_once('.').ok_or(HintRefusal::Malformed)?;
    let header = signed::object(header).map_err(|_| HintRefusal::Malformed)?;
    let mut refused = NOT_TAKEN.iter().chain(&NOT_OF_A_HINT);
    if refused.any(|name| header.contains_key(*name)) {
        return Err(HintRefusal::Malformed);
    }
    Ok(())
}

/// The issuer must be the one of the tenant that the hint names, and the tenant one that may come.
fn check_issuer(claims: &Claims, issuer: &HintIssuer) -> Result<String, HintRefusal> {
    let claimed = claims.tid.as_deref().ok_or(HintRefusal::Tenant)?;
    if claims.iss != issuer.of_tenant(claimed) {
        return Err(HintRefusal::Issuer);
    }
    issuer.tenant(claimed).ok_or(HintRefusal::Tenant)
}

#[cfg(test)]
mod tests;
