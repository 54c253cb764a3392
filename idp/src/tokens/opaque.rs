//! Opaque access tokens: the claims under a key that only this provider has, so that none needs a row.
//!
//! A token is the hour in which it was made, a random nonce and the claims under AES-256-GCM. Each hour has a
//! key of its own, derived from the deployment's secret: random nonces are then good for 2^32 tokens an hour
//! (NIST SP 800-38D §8.3). What is revoked is looked up as for a JWT.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::oidc::access_token::AccessToken;

/// Seals and opens opaque access tokens. It holds a key, and is not printed.
pub struct OpaqueTokens(hmac::Key);

impl OpaqueTokens {
    /// From a secret that all replicas have.
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let own = hmac::sign(&root, b"whorl opaque access tokens 1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// The token of these claims.
    ///
    /// # Panics
    /// When the operating system has no randomness, where going on would be worse.
    pub fn seal(&self, claims: &AccessToken) -> SecretString {
        let hour = hour_of(claims.iat);
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).expect("invariant: the operating system gives random bytes");
        let mut sealed = serde_json::to_vec(claims).expect("invariant: claims are plain JSON");
        self.key(hour)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(hour),
                &mut sealed,
            )
            .expect("invariant: claims are shorter than what GCM seals");
        let mut token = Vec::with_capacity(HEAD + sealed.len());
        token.extend_from_slice(&hour);
        token.extend_from_slice(&nonce);
        token.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(token).into()
    }

    /// The claims of a token that this provider made; whether they still hold is another question.
    pub fn open(&self, token: &str) -> Option<AccessToken> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (head, sealed) = bytes.split_at_mut_checked(HEAD)?;
        let (hour, nonce) = head.split_at(HOUR);
        let hour: [u8; HOUR] = hour.try_into().ok()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let claims = self
            .key(hour)
            .open_in_place(nonce, Aad::from(hour), sealed)
            .ok()?;
        serde_json::from_slice(claims).ok()
    }

    fn key(&self, hour: [u8; HOUR]) -> LessSafeKey {
        let key = hmac::sign(&self.0, &hour);
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref())
            .expect("invariant: HMAC-SHA-256 gives as many bytes as AES-256 takes");
        LessSafeKey::new(key)
    }
}

fn hour_of(at: OffsetDateTime) -> [u8; HOUR] {
    let hours = at.unix_timestamp().div_euclid(3600);
    u32::try_from(hours).unwrap_or(0).to_be_bytes()
}

const HOUR: usize = 4;
const HEAD: usize = HOUR + NONCE_LEN;
/// As long as a value of a form may be.
const MAX_TOKEN: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use uuid::Uuid;

    use super::*;
    use crate::oidc::access_token::{AccessTokenId, OwnAccess};
    use crate::oidc::client::ClientId;
    use crate::oidc::grant::Validity;
    use crate::oidc::provider::Issuer;
    use crate::store::tests::NOW;

    fn claims() -> AccessToken {
        let own = OwnAccess {
            client_id: ClientId::parse("app").expect("an id"),
            scopes: crate::oidc::scope::Scopes::default(),
            resources: std::collections::BTreeSet::new(),
            confirmation: crate::oidc::confirmation::Confirmation::default(),
            details: crate::oidc::authorization_details::AuthorizationDetails::default(),
        };
        let validity = Validity {
            issued_at: NOW,
            lifetime: time::Duration::minutes(10),
        };
        let issuer = Issuer::parse("https://id.example").expect("an issuer");
        AccessToken::for_client(&issuer, own, AccessTokenId(Uuid::nil()), validity)
    }

    #[test]
    fn only_what_was_sealed_here_opens() {
        let (ours, theirs) = (OpaqueTokens::new(&[1; 32]), OpaqueTokens::new(&[2; 32]));
        let claims = AccessToken {
            iat: NOW.replace_nanosecond(0).expect("whole seconds"),
            exp: NOW.replace_nanosecond(0).expect("whole seconds"),
            ..claims()
        };
        let token = ours.seal(&claims);
        let token = token.expose_secret();
        assert_ne!(ours.seal(&claims).expose_secret(), token);
        assert_eq!(ours.open(token), Some(claims));
        assert_eq!(theirs.open(token), None);
        assert!(!token.contains('.'), "not mistaken for a JWT");
        for at in 0..token.len() {
            let mut changed = token.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            // The last character of base64 has bits that say nothing; they must be zero.
            assert_eq!(ours.open(&changed), None, "byte {at}");
            assert_eq!(ours.open(&token[..at]), None, "cut at {at}");
        }
        assert_eq!(ours.open(&"A".repeat(MAX_TOKEN + 1)), None);
    }
}
