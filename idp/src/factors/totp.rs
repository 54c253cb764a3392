//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, thirty seconds, one step either way.
//!
//! The shared secret is sealed under the subject's data key and never remembered in the clear: what an
//! enrolment remembers is the sealed secret that the credential will hold. A step that was used is the
//! credential's counter, and only goes up (RFC 6238 §5.2).

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use totp_rs::{Builder, Totp as Generator};
use wire::{CredentialId, SubjectId};
use zeroize::Zeroizing;

use super::{
    Answer, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind, Issued,
    recall, remember, subject_key,
};
use crate::oidc::amr::Amr;
use crate::store::{Credential, NewCredential, Replace, Store, Subject};
use crate::vault::{InlineBinding, KeyOwner, Vault, VaultError, WrappedKey};

/// The factor of one-time passwords.
pub struct Totp {
    store: Store,
    vault: Arc<Vault>,
    /// What an authenticator app lists the password under.
    issuer: String,
}

/// What an enrolment remembers.
#[derive(Serialize, Deserialize)]
struct Begun {
    credential: CredentialId,
    sealed: String,
}

impl Totp {
    /// The factor; `issuer` is the name that authenticator apps show.
    #[must_use]
    pub fn new(store: Store, vault: Arc<Vault>, issuer: &str) -> Self {
        // A colon separates issuer and account in the URI.
        Self {
            store,
            vault,
            issuer: issuer.replace(':', " "),
        }
    }

    /// Makes `secret` the subject's, for subjects that a configuration seeds. Nothing is changed where it is
    /// the subject's already, so that a password that was used stays used.
    ///
    /// # Errors
    /// When the database or the vault fails.
    pub async fn preset(
        &self,
        subject: &Subject,
        secret: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), FactorError> {
        let key = subject_key::claim(&self.store, &self.vault, subject)
            .await
            .map_err(|e| e.of(KIND))?;
        let credentials = self.store.credentials(subject.id).await?;
        for known in credentials.iter().filter(|c| c.factor == KIND) {
            let (name, sealed) = (known.id.0.to_string(), known.sealed.as_deref());
            let opened = self
                .vault
                .open_inline(&key, &binding(subject, &name), sealed.unwrap_or_default())
                .await;
            if opened.is_ok_and(|opened| opened.as_slice() == secret) {
                return Ok(());
            }
        }
        let id = CredentialId(uuid::Uuid::now_v7());
        let name = id.0.to_string();
        let sealed = self
            .vault
            .seal_inline(&key, &binding(subject, &name), secret)
            .await
            .map_err(|e| FactorError::vault(KIND, e))?;
        self.store
            .add_credential(
                subject.id,
                credential(id, sealed, 0),
                Replace::SameFactor,
                now,
            )
            .await?;
        Ok(())
    }

    async fn open(
        &self,
        subject: &Subject,
        id: CredentialId,
        sealed: &[u8],
    ) -> Result<Generator, VaultError> {
        let key = subject_key::existing(subject).ok_or(VaultError::WrongContext)?;
        let name = id.0.to_string();
        let secret = self
            .vault
            .open_inline(&key, &binding(subject, &name), sealed)
            .await?;
        Ok(self.generator(&secret, &subject.username))
    }

    fn generator(&self, secret: &[u8], account: &str) -> Generator {
        Builder::new()
            .with_secret(secret)
            .with_account_name(account.replace(':', " "))
            .with_issuer(Some(self.issuer.as_str()))
            .build_noncompliant()
    }
}

#[async_trait]
impl Factor for Totp {
    fn kind(&self) -> FactorKind {
        KIND
    }

    async fn enrol_begin(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError> {
        let subject = ceremony.subject;
        let credential = CredentialId(uuid::Uuid::now_v7());
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        aws_lc_rs::rand::fill(secret.as_mut_slice())
            .map_err(|_| FactorError::Internal(KIND, anyhow::anyhow!("no random bytes")))?;
        let key = subject_key::claim(&self.store, &self.vault, subject)
            .await
            .map_err(|e| e.of(KIND))?;
        let name = credential.0.to_string();
        let sealed = self
            .vault
            .seal_inline(&key, &binding(subject, &name), secret.as_slice())
            .await
            .map_err(|e| FactorError::vault(KIND, e))?;
        let provisioning = self
            .generator(secret.as_slice(), &subject.username)
            .to_url()
            .map_err(|e| FactorError::Internal(KIND, e.into()))?;
        Ok(Issued {
            challenge: Challenge::Totp {
                provisioning: Some(provisioning),
            },
            remember: remember(&Begun {
                credential,
                sealed: hex::encode(sealed),
            }),
        })
    }

    async fn enrol_finish(
        &self,
        ceremony: Ceremony<'_>,
        remembered: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError> {
        let code = typed(answer)?;
        let begun: Begun = recall(remembered)?;
        let sealed = hex::decode(&begun.sealed).map_err(|_| FOREIGN)?;
        // The subject may have been read before its key was made.
        let subject = self
            .store
            .subject(ceremony.subject.id)
            .await?
            .ok_or(FOREIGN)?;
        let generator = match self.open(&subject, begun.credential, &sealed).await {
            Ok(generator) => generator,
            Err(error) if error.is_unavailable() => return Err(FactorError::Vault(error)),
            // Sealed for somebody else, or for another enrolment.
            Err(_) => return Err(FOREIGN),
        };
        let step = step(&generator, &code, &ceremony)
            .ok_or_else(|| FactorError::Refused(MISSED.into()))?;
        Ok(Enrolled {
            // The password that proved the enrolment is spent.
            credential: credential(begun.credential, sealed, step),
            several: false,
        })
    }

    async fn challenge(&self, _: Ceremony<'_>) -> Result<Issued, FactorError> {
        Ok(Issued {
            challenge: Challenge::Totp { provisioning: None },
            remember: Value::Null,
        })
    }

    async fn reseal(
        &self,
        held: &Credential,
        old: &WrappedKey,
        new: &WrappedKey,
    ) -> Result<Option<Vec<u8>>, FactorError> {
        let name = held.id.0.to_string();
        let binding = binding_of(held.subject, &name);
        let sealed = held.sealed.as_deref().unwrap_or_default();
        let secret = self.vault.open_inline(old, &binding, sealed).await;
        let secret = secret.map_err(|e| FactorError::vault(KIND, e))?;
        let sealed = self.vault.seal_inline(new, &binding, &secret).await;
        sealed.map(Some).map_err(|e| FactorError::vault(KIND, e))
    }

    async fn verify(
        &self,
        ceremony: Ceremony<'_>,
        _: Value,
        answer: Answer,
    ) -> Result<Evidence, FactorError> {
        let code = typed(answer)?;
        for known in ceremony.of(KIND) {
            let sealed = known.sealed.as_deref().unwrap_or_default();
            let generator = self
                .open(ceremony.subject, known.id, sealed)
                .await
                .map_err(|e| FactorError::vault(KIND, e))?;
            let Some(step) = step(&generator, &code, &ceremony) else {
                continue;
            };
            if self
                .store
                .use_credential(known.id, Some(step), ceremony.now)
                .await?
            {
                return Ok(Evidence::matched(KIND, [Amr::Otp], known.id, ceremony.now));
            }
        }
        Ok(Evidence::no_match(KIND, ceremony.now))
    }
}

fn credential(id: CredentialId, sealed: Vec<u8>, counter: i64) -> NewCredential {
    NewCredential {
        id,
        factor: KIND,
        label: String::new(),
        model: None,
        blob_digest: None,
        sealed: Some(sealed),
        public: None,
        counter,
        recovery: Vec::new(),
    }
}

/// The step of which the code is; every step of the window is computed whatever the code.
fn step(generator: &Generator, code: &str, ceremony: &Ceremony<'_>) -> Option<i64> {
    let seconds = u64::try_from(ceremony.now.unix_timestamp()).ok()?;
    i64::try_from(generator.check(code, seconds)?).ok()
}

/// Six digits, however they were grouped.
fn typed(answer: Answer) -> Result<Zeroizing<String>, FactorError> {
    let Answer::Text(text) = answer else {
        return Err(FactorError::Malformed("a one-time password is text"));
    };
    if text.len() > MOST_TYPED_BYTES {
        return Err(FactorError::Malformed("a one-time password has six digits"));
    }
    let digits: Zeroizing<String> = Zeroizing::new(
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect(),
    );
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FactorError::Malformed("a one-time password has six digits"));
    }
    Ok(digits)
}

fn binding<'a>(subject: &Subject, id: &'a str) -> InlineBinding<'a> {
    binding_of(subject.id, id)
}

fn binding_of(subject: SubjectId, id: &str) -> InlineBinding<'_> {
    InlineBinding {
        owner: KeyOwner::Subject(subject.0),
        purpose: "totp",
        id,
    }
}

const KIND: FactorKind = FactorKind::Totp;
/// RFC 4226 §4 R6 recommends 160 bits.
const SECRET_BYTES: usize = 20;
const MOST_TYPED_BYTES: usize = 32;
const FOREIGN: FactorError = FactorError::Malformed("this enrolment was begun elsewhere");
const MISSED: &str = "That is not the code of the moment. Wait for the next one and type it; if it is refused too, \
                      set the clock of your device to automatic.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{NOW, subject};

    #[tokio::test]
    async fn a_password_is_that_of_rfc_6238() {
        // Appendix B, SHA-1: the last six of the eight digits.
        let generator = Builder::new()
            .with_secret(*b"12345678901234567890")
            .build()
            .expect("a generator");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(generator.generate(seconds).to_string(), code);
        }
    }

    #[tokio::test]
    async fn the_uri_names_issuer_and_account_and_the_secret_is_not_remembered() {
        let place = super::super::tests::Place::new().await;
        let factor = Totp::new(place.store.clone(), place.vault.clone(), "Whorl: a test");
        let ada = subject(&place.store, "ada").await;
        let issued = factor
            .enrol_begin(Ceremony {
                subject: &ada,
                credentials: &[],
                now: NOW,
            })
            .await
            .expect("begins");
        let Challenge::Totp {
            provisioning: Some(uri),
        } = issued.challenge
        else {
            panic!("a URI")
        };
        let parsed = Generator::from_url(&uri).expect("a URI");
        assert_eq!(
            (parsed.issuer(), parsed.account_name()),
            (Some("Whorl  a test"), "ada")
        );
        let secret: &[u8] = parsed.secret().as_ref();
        assert_eq!(secret.len(), 20);
        let remembered = issued.remember.to_string();
        assert!(
            !remembered.contains(&hex::encode(secret))
                && !remembered.contains(&parsed.secret().to_base32())
        );
    }
}
