//! A key that a browser keeps and cannot hand on (WebCrypto, not extractable): by it a person's browser is known again.
//!
//! It is evidence of where somebody signs in, and never a factor: it proves no person, and no acr is reached by it alone. A page of
//! a login asks once for signatures over a number of its own; a key is made where the person wants that, and kept when the
//! login has been admitted. What is signed names this provider and this attempt (RFC 7515, RFC 7519), so that a signature
//! is worth nothing elsewhere or again.

use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AuditOutcome, SubjectId};

use super::LoginError;
use super::attempt::Attempt;
use super::journey::{Journey, trail};
use super::own_pages::binds;
use crate::factors::{Evidence, Outcome};
use crate::oidc::prompt::Prompt;
use crate::random;
use crate::store::DeviceKey;

/// How browsers are trusted here.
#[derive(Clone, Debug)]
pub struct DeviceRules {
    pub lifetime: Duration,
    /// The most keys of a person.
    pub most: usize,
    /// Whom signatures are for: our origin.
    pub audience: String,
}

/// What an attempt knows of the keys of its browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// What is to be signed; none where it was asked once.
    pub nonce: Option<String>,
    /// Whether a form came back from a page that asked.
    pub is_answered: bool,
    /// Keys that signed it.
    pub shown: Vec<Shown>,
    /// A key to keep when the login is admitted.
    offered: Option<Offered>,
}

/// A key that signed, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub id: Uuid,
    pub subject: SubjectId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Offered {
    thumbprint: String,
    jwk: Value,
}

impl Device {
    /// That of an attempt that begins.
    #[must_use]
    pub fn asked() -> Self {
        Self {
            nonce: Some(random::secret().expose_secret().to_owned()),
            ..Self::default()
        }
    }

    /// The key of this browser that is this person's.
    #[must_use]
    pub fn of(&self, subject: SubjectId) -> Option<Uuid> {
        let mut shown = self.shown.iter();
        shown
            .find(|shown| shown.subject == subject)
            .map(|shown| shown.id)
    }

    /// Drops the key that somebody else wanted kept.
    pub(super) fn forget_offer(&mut self) {
        self.offered = None;
    }
}

/// What a signature has to say.
#[derive(Clone, Copy)]
struct Expected<'a> {
    audience: &'a str,
    attempt: &'a str,
    nonce: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    attempt: String,
    #[serde(default)]
    nonce: String,
}

/// Why a signature shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    #[error("it is no signed token")]
    Malformed,
    #[error("it is a token of another kind")]
    Type,
    #[error("its key is none that a browser makes for this")]
    Key,
    #[error("it is not signed by that key")]
    Signature,
    #[error("it is for another audience")]
    Audience,
    #[error("it is of another attempt")]
    Attempt,
    #[error("it is not over what was asked, or was used before")]
    Nonce,
}

/// Whether a token says what is expected, by this key.
fn verify(token: &str, typ: &str, jwk: &Jwk, expected: Expected<'_>) -> Result<(), DeviceRefusal> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| DeviceRefusal::Malformed)?;
    // RFC 8725 §3.11.
    if header.typ.as_deref() != Some(typ) || header.crit.is_some() {
        return Err(DeviceRefusal::Type);
    }
    let key = DecodingKey::from_jwk(jwk).map_err(|_| DeviceRefusal::Key)?;
    let mut validation = Validation::new(Algorithm::ES256);
    // It ends with the attempt.
    validation.required_spec_claims.clear();
    validation.required_spec_claims.insert("aud".to_owned());
    validation.validate_exp = false;
    validation.set_audience(&[expected.audience]);
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
        .map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature
            | jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => DeviceRefusal::Signature,
            jsonwebtoken::errors::ErrorKind::InvalidAudience
            | jsonwebtoken::errors::ErrorKind::MissingRequiredClaim(_) => DeviceRefusal::Audience,
            _ => DeviceRefusal::Malformed,
        })?
        .claims;
    if claims.attempt != expected.attempt {
        return Err(DeviceRefusal::Attempt);
    }
    if claims.nonce != expected.nonce {
        return Err(DeviceRefusal::Nonce);
    }
    Ok(())
}

/// The key that a browser offers, by which the offer is signed.
fn offered(token: &str, expected: Expected<'_>) -> Result<Offered, DeviceRefusal> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| DeviceRefusal::Malformed)?;
    let jwk = header.jwk.ok_or(DeviceRefusal::Key)?;
    let text = serde_json::to_value(&jwk).map_err(|_| DeviceRefusal::Key)?;
    let member = |name: &str| text.get(name).and_then(Value::as_str);
    // Of P-256 alone, and of it nothing but the point.
    let (Some("EC"), Some("P-256"), Some(x), Some(y)) =
        (member("kty"), member("crv"), member("x"), member("y"))
    else {
        return Err(DeviceRefusal::Key);
    };
    let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let jwk = Jwk::deserialize(&public).map_err(|_| DeviceRefusal::Key)?;
    verify(token, OFFER, &jwk, expected)?;
    Ok(Offered {
        thumbprint: jwk
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| DeviceRefusal::Key)?,
        jwk: public,
    })
}

impl Journey {
    /// Takes what a page of an attempt says of its browser's keys: signatures, asked for once, and a key to keep. What does
    /// not hold shows nothing, and nobody is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look_at_device(
        &self,
        attempt: &mut Attempt,
        signed: Option<&str>,
        offer: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let Some(rules) = &self.devices else {
            return Ok(());
        };
        attempt.device.is_answered = true;
        let id = attempt.id.to_string();
        let expected = |nonce| Expected {
            audience: &rules.audience,
            attempt: &id,
            nonce,
        };
        let short = |text: &&str| !text.is_empty() && text.len() <= MOST_TEXT;
        if let Some(offer) = offer.filter(short) {
            match offered(offer, expected("")) {
                Ok(offered) => attempt.device.offered = Some(offered),
                Err(refusal) => {
                    tracing::info!(attempt = %attempt.id, %refusal, "device_key_refused")
                }
            }
        }
        let Some(signed) = signed.filter(short) else {
            return Ok(());
        };
        // Asked for once: whatever comes now, nothing is taken later.
        let nonce = attempt.device.nonce.take().unwrap_or_default();
        let tokens: Vec<(&str, String)> = signed
            .split_whitespace()
            .take(MOST_KEYS)
            .filter_map(|token| Some((token, jsonwebtoken::decode_header(token).ok()?.kid?)))
            .collect();
        let thumbprints: Vec<&str> = tokens.iter().map(|(_, kid)| kid.as_str()).collect();
        for key in self.store.device_keys(&thumbprints, now).await? {
            let Some((token, _)) = tokens.iter().find(|(_, kid)| *kid == key.thumbprint) else {
                continue;
            };
            let read = Jwk::deserialize(&key.jwk).map_err(|_| DeviceRefusal::Key);
            let held = read.and_then(|jwk| match nonce.is_empty() {
                true => Err(DeviceRefusal::Nonce),
                false => verify(token, PROOF, &jwk, expected(&nonce)),
            });
            match held {
                Ok(()) => attempt.device.shown.push(Shown {
                    id: key.id,
                    subject: key.subject,
                }),
                Err(refusal) => {
                    tracing::info!(attempt = %attempt.id, key = %key.id, %refusal, "device_not_known");
                }
            }
        }
        Ok(())
    }

    /// Whether the browser is to be asked for its key by a page of its own, before anything is made of what its session
    /// vouches for: where the policy looks at keys, and the person has one. A copied cookie is not trusted for it.
    pub(super) async fn must_recognise(
        &self,
        attempt: &Attempt,
        now: OffsetDateTime,
    ) -> Result<bool, LoginError> {
        let is_asked = self.devices.is_some()
            && self.policy().looks_at_devices()
            && !attempt.device.is_answered
            && !attempt.evidence.is_empty()
            && !attempt.request.prompt.contains(Prompt::None);
        match attempt.subject().filter(|_| is_asked) {
            Some(subject) => Ok(!self.store.device_keys_of(subject, now).await?.is_empty()),
            None => Ok(false),
        }
    }

    /// Takes the answer of the page that asks for nothing but the browser's key.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where the attempt has moved on.
    pub async fn recognise(
        &self,
        mut attempt: Attempt,
        signed: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        self.look_at_device(&mut attempt, signed, None, now).await?;
        self.put(attempt).await
    }

    /// After an admitted login: keeps the key that the person wanted kept, where more than a password was proved just now,
    /// and answers it; notes the use of the one that was
    /// shown.
    pub(super) async fn keep_device(
        &self,
        attempt: &Attempt,
        subject: SubjectId,
        now: OffsetDateTime,
    ) -> Result<Option<Uuid>, LoginError> {
        let Some(rules) = &self.devices else {
            return Ok(None);
        };
        if let Some(id) = attempt.device.of(subject) {
            self.store.use_device_key(id, now).await?;
        }
        // Whoever has learnt a password alone makes no browser trusted.
        let is_bound = |e: &Evidence| {
            e.outcome == Outcome::Match && binds(e.factor) && e.at >= attempt.began_at
        };
        let is_bound = attempt.evidence.iter().any(is_bound);
        let Some(offered) = attempt.device.offered.as_ref().filter(|_| is_bound) else {
            return Ok(None);
        };
        let key = DeviceKey {
            id: Uuid::now_v7(),
            thumbprint: offered.thumbprint.clone(),
            subject,
            jwk: offered.jwk.clone(),
            user_agent: attempt.seen.user_agent.clone(),
            created_at: now,
            last_used_at: None,
            expires_at: now + rules.lifetime,
        };
        if !self.store.add_device_key(&key, rules.most).await? {
            return Ok(None);
        }
        let mut event = trail(attempt).event("device.trusted", AuditOutcome::Success);
        event.detail.insert("device".into(), key.id.to_string());
        self.store.append_event(event, now).await?;
        Ok(Some(key.id))
    }
}

/// What the two kinds of token call themselves.
const PROOF: &str = "whorl-device+jwt";
const OFFER: &str = "whorl-device-offer+jwt";
/// Keys of a browser that are looked at: people who share it, and logins that came to nothing.
const MOST_KEYS: usize = 16;
const MOST_TEXT: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const EXPECTED: Expected<'_> = Expected {
        audience: "https://id.example",
        attempt: "one",
        nonce: "a number",
    };

    fn key() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")
    }

    fn public(key: &EcdsaKeyPair) -> Value {
        let point = key.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })
    }

    fn token(key: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("signs"));
        format!("{signed}.{signature}")
    }

    fn claims() -> Value {
        json!({ "aud": "https://id.example", "attempt": "one", "nonce": "a number" })
    }

    #[test]
    fn each_wrong_thing_in_a_signature_is_refused() {
        let (ours, other) = (key(), key());
        let header = json!({ "alg": "ES256", "typ": PROOF, "kid": "k" });
        let jwk = Jwk::deserialize(&public(&ours)).expect("a key");
        let check = |token: &str| verify(token, PROOF, &jwk, EXPECTED);
        let changed = |name: &str, value: &str| {
            let mut claims = claims();
            claims[name] = value.into();
            token(&ours, &header, &claims)
        };
        assert_eq!(check(&token(&ours, &header, &claims())), Ok(()));
        let mut unaddressed = claims();
        unaddressed.as_object_mut().expect("claims").remove("aud");
        let offer = json!({ "alg": "ES256", "typ": OFFER });
        let critical = json!({ "alg": "ES256", "typ": PROOF, "crit": ["exp"] });
        let hmac = json!({ "alg": "HS256", "typ": PROOF });
        for (wrong, refusal) in [
            ("a.b".to_owned(), DeviceRefusal::Malformed),
            (token(&ours, &offer, &claims()), DeviceRefusal::Type),
            (token(&ours, &critical, &claims()), DeviceRefusal::Type),
            (token(&ours, &hmac, &claims()), DeviceRefusal::Signature),
            (token(&other, &header, &claims()), DeviceRefusal::Signature),
            (
                changed("aud", "https://evil.example"),
                DeviceRefusal::Audience,
            ),
            (token(&ours, &header, &unaddressed), DeviceRefusal::Audience),
            (changed("attempt", "two"), DeviceRefusal::Attempt),
            (changed("nonce", "another"), DeviceRefusal::Nonce),
        ] {
            assert_eq!(check(&wrong), Err(refusal), "{wrong}");
        }
    }

    #[test]
    fn an_offer_is_signed_by_the_key_in_it_and_of_it_the_point_alone_is_kept() {
        let (ours, other) = (key(), key());
        let expected = Expected {
            nonce: "",
            ..EXPECTED
        };
        let claims = json!({ "aud": "https://id.example", "attempt": "one" });
        let offer = |jwk: Value, key: &EcdsaKeyPair| {
            let header = json!({ "alg": "ES256", "typ": OFFER, "jwk": jwk });
            offered(&token(key, &header, &claims), expected)
        };
        let mut more = public(&ours);
        more["kid"] = "a name".into();
        let kept = offer(more, &ours).expect("taken");
        assert_eq!(kept.jwk, public(&ours));
        assert_eq!(kept.thumbprint.len(), 43);
        assert_eq!(offer(public(&other), &ours), Err(DeviceRefusal::Signature));
        let symmetric = json!({ "kty": "oct", "k": "AAAA" });
        assert_eq!(offer(symmetric, &ours), Err(DeviceRefusal::Key));
        let header = json!({ "alg": "ES256", "typ": OFFER });
        let bare = offered(&token(&ours, &header, &claims), expected);
        assert_eq!(bare, Err(DeviceRefusal::Key));
    }
}
