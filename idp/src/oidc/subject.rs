//! Who a token is about: the subject's own identifier, and the `sub` that a client sees
//! (OIDC Core §8).

use std::fmt;

use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::client::ClientId;
use super::grant::SessionId;

/// The subject, as this provider knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectId(pub Uuid);

impl SubjectId {
    /// The `sub` of the public subject type: the same for every client (OIDC Core §8).
    pub fn public(self) -> SubjectIdentifier {
        SubjectIdentifier(self.0.hyphenated().to_string())
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// The secret from which the names that one sector alone knows are made. Whoever has it can link them; it is not
/// printed.
pub struct PairwiseKey(hmac::Key);

impl PairwiseKey {
    /// The key of these random bytes.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The `sub` of the pairwise subject type (OIDC Core §8.1): the same for every client of a sector, and telling
    /// clients of two sectors nothing about each other.
    pub fn identifier(&self, sector: &str, subject: SubjectId) -> SubjectIdentifier {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(b"whorl pairwise 1\0");
        // The sector is a host name, and so has no NUL in it.
        mac.update(sector.as_bytes());
        mac.update(&[0]);
        mac.update(subject.0.as_bytes());
        SubjectIdentifier(URL_SAFE_NO_PAD.encode(mac.sign()))
    }

    /// The `sid` of a session for the clients of a sector: one that every client saw would link for two sectors what
    /// their `sub`s do not (OIDC Core §8.1, §17.3; Back-Channel Logout §2.1 leaves open what it looks like). It is the
    /// session's own under a cipher of one block whose key is the sector's, so that it needs no place to be kept in:
    /// [`Self::session_behind`] turns it back.
    pub fn session(&self, sector: &str, session: SessionId) -> SessionId {
        let mut block = session.0.into_bytes();
        self.of_sector(sector)
            .and_then(EncryptingKey::ecb)
            .and_then(|cipher| cipher.less_safe_encrypt(&mut block, EncryptionContext::None))
            .expect("invariant: a key of 256 bits encrypts one block");
        SessionId(Uuid::from_bytes(block))
    }

    /// The session that a sector's clients call so. Every name is that of some session; whether there is such a one is
    /// for the caller to look up.
    pub fn session_behind(&self, sector: &str, named: SessionId) -> SessionId {
        let mut block = named.0.into_bytes();
        self.of_sector(sector)
            .and_then(DecryptingKey::ecb)
            .and_then(|cipher| {
                let opened = cipher.decrypt(&mut block, DecryptionContext::None);
                opened.map(|_| ())
            })
            .expect("invariant: a key of 256 bits decrypts one block");
        SessionId(Uuid::from_bytes(block))
    }

    fn of_sector(&self, sector: &str) -> Result<UnboundCipherKey, Unspecified> {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(b"whorl pairwise sid 1\0");
        mac.update(sector.as_bytes());
        UnboundCipherKey::new(&AES_256, mac.sign().as_ref())
    }
}

/// A `sub` value: at most 255 ASCII characters, compared as it stands (OIDC Core §2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectIdentifier(String);

impl SubjectIdentifier {
    /// Reads a `sub`.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The `sub` of a client that acts for itself (RFC 9068 §2.2); a space, which a `sub` cannot have, is escaped.
    pub fn of_client(client: &ClientId) -> Self {
        Self(client.as_str().replace(' ', "%20"))
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject that this is the public identifier of, if it is one.
    pub fn public_subject(&self) -> Option<SubjectId> {
        let id = SubjectId(Uuid::try_parse(&self.0).ok()?);
        // `try_parse` also reads other spellings, and a `sub` has exactly one.
        (id.public() == *self).then_some(id)
    }
}

impl fmt::Display for SubjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SubjectIdentifier {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a subject identifier")
    }
}

impl From<SubjectIdentifier> for String {
    fn from(subject: SubjectIdentifier) -> Self {
        subject.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pairwise_subject_is_one_in_a_sector_and_another_in_another() {
        let key = PairwiseKey::new(&[7; 32]);
        let (alice, bob) = (SubjectId(Uuid::from_u128(1)), SubjectId(Uuid::from_u128(2)));
        let here = key.identifier("app.example", alice);
        assert_eq!(here, key.identifier("app.example", alice));
        assert_eq!(SubjectIdentifier::parse(here.as_str()), Some(here.clone()));
        assert_eq!(here.public_subject(), None);
        for other in [
            key.identifier("other.example", alice),
            key.identifier("app.example", bob),
            PairwiseKey::new(&[8; 32]).identifier("app.example", alice),
            alice.public(),
        ] {
            assert_ne!(here, other);
        }
    }

    proptest! {
        #[test]
        fn a_session_has_a_name_of_its_own_in_each_sector_and_is_found_by_it(
            secret in any::<[u8; 32]>(),
            session in any::<u128>(),
            (here, there) in ("[a-z]{1,20}", "[A-Z]{1,20}"),
        ) {
            let (key, session) = (PairwiseKey::new(&secret), SessionId(Uuid::from_u128(session)));
            let named = key.session(&here, session);
            prop_assert_eq!(named, key.session(&here, session));
            prop_assert_eq!(key.session_behind(&here, named), session);
            for other in [
                session,
                key.session(&there, session),
                PairwiseKey::new(&[8; 32]).session(&here, session),
                key.session(&here, SessionId(Uuid::from_u128(7))),
            ] {
                prop_assert_ne!(named, other);
            }
            prop_assert_ne!(key.session_behind(&there, named), session);
        }
    }

    #[test]
    fn a_public_subject_has_one_spelling() {
        let id = SubjectId(Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0));
        let sub = id.public();
        assert_eq!(sub.as_str(), "12345678-9abc-def0-1234-56789abcdef0");
        assert_eq!(sub.public_subject(), Some(id));
        let other = SubjectIdentifier::parse("123456789ABCDEF0123456789ABCDEF0").unwrap();
        assert_eq!(other.public_subject(), None);
    }
}
