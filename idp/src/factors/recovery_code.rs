//! Recovery codes: ten of 80 bits, shown once, each good once.
//!
//! Of so long a random code a plain digest gives nothing away. What an enrolment remembers, and what the
//! store keeps, are the digests; the codes themselves exist on the page and on paper.

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use wire::{CredentialId, SubjectId};
use zeroize::Zeroizing;

use super::{Answer, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind, Issued, recall, remember};
use crate::oidc::amr::Amr;
use crate::store::{NewCredential, Recovery, Store};

/// The factor of recovery codes.
pub struct RecoveryCode {
    store: Store,
}

/// What an enrolment remembers.
#[derive(Serialize, Deserialize)]
struct Begun {
    subject: SubjectId,
    credential: CredentialId,
    digests: Vec<String>,
}

impl RecoveryCode {
    /// The factor.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Factor for RecoveryCode {
    fn kind(&self) -> FactorKind {
        KIND
    }

    async fn enrol_begin(&self, ceremony: Ceremony<'_>) -> Result<Issued, FactorError> {
        let credential = CredentialId(uuid::Uuid::now_v7());
        let fresh = (0..CODES).map(|_| code()).collect::<Result<Vec<_>, _>>()?;
        let digests = fresh.iter().filter_map(|code| normalise(code)).map(|c| digest(credential, &c).0).collect();
        Ok(Issued {
            challenge: Challenge::RecoveryCode { fresh },
            remember: remember(&Begun { subject: ceremony.subject.id, credential, digests }),
        })
    }

    /// The answer, any text, says that the codes were kept.
    async fn enrol_finish(
        &self,
        ceremony: Ceremony<'_>,
        remembered: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError> {
        let Answer::Text(_) = answer else {
            return Err(FactorError::Malformed("the codes are confirmed with text"));
        };
        let begun: Begun = recall(remembered)?;
        if begun.subject != ceremony.subject.id || begun.digests.len() != CODES {
            return Err(FactorError::Malformed("this enrolment was begun elsewhere"));
        }
        let credential = NewCredential {
            id: begun.credential,
            factor: KIND,
            label: String::new(),
            model: None,
            blob_digest: None,
            sealed: None,
            public: None,
            counter: 0,
            recovery: begun.digests.into_iter().map(Recovery).collect(),
        };
        Ok(Enrolled { credential, several: false })
    }

    async fn challenge(&self, _: Ceremony<'_>) -> Result<Issued, FactorError> {
        Ok(Issued { challenge: Challenge::RecoveryCode { fresh: Vec::new() }, remember: Value::Null })
    }

    async fn verify(&self, ceremony: Ceremony<'_>, _: Value, answer: Answer) -> Result<Evidence, FactorError> {
        let code = typed(answer)?;
        for known in ceremony.of(KIND) {
            if self.store.spend_recovery_code(known.id, &digest(known.id, &code), ceremony.now).await? {
                self.store.use_credential(known.id, None, ceremony.now).await?;
                // A look-up secret is something that the subject holds (NIST SP 800-63B-4 §3.1.2).
                return Ok(Evidence::matched(KIND, [Amr::Otp], known.id, ceremony.now));
            }
        }
        Ok(Evidence::no_match(KIND, ceremony.now))
    }

    async fn verify_nobody(&self, answer: Answer, now: OffsetDateTime) -> Result<Evidence, FactorError> {
        let nobodys = CredentialId(uuid::Uuid::nil());
        self.store.spend_recovery_code(nobodys, &digest(nobodys, &typed(answer)?), now).await?;
        Ok(Evidence::no_match(KIND, now))
    }
}

/// A fresh code, grouped for reading: `7XK2-M9QT-04BD-RZ8H`.
fn code() -> Result<String, FactorError> {
    let mut random = Zeroizing::new([0; CODE_BYTES]);
    aws_lc_rs::rand::fill(random.as_mut_slice())
        .map_err(|_| FactorError::Internal(KIND, anyhow::anyhow!("no random bytes")))?;
    let bits = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    let mut text = String::with_capacity(SYMBOLS + SYMBOLS / GROUP);
    for index in 0..SYMBOLS {
        if index > 0 && index % GROUP == 0 {
            text.push('-');
        }
        let symbol = (bits >> (5 * (SYMBOLS - 1 - index))) as usize % ALPHABET.len();
        text.push(char::from(ALPHABET[symbol]));
    }
    Ok(text)
}

/// A code as it was meant: without case, blanks and hyphens, and with the letters that look like digits
/// read as these.
fn normalise(typed: &str) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::with_capacity(SYMBOLS));
    for c in typed.chars().filter(|c| !c.is_whitespace() && !"-\u{2010}\u{2011}\u{2013}".contains(*c)) {
        let meant = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if out.len() == SYMBOLS || !u8::try_from(meant).is_ok_and(|byte| ALPHABET.contains(&byte)) {
            return None;
        }
        out.push(meant);
    }
    (out.len() == SYMBOLS).then_some(out)
}

fn typed(answer: Answer) -> Result<Zeroizing<String>, FactorError> {
    let Answer::Text(text) = answer else {
        return Err(FactorError::Malformed("a recovery code is text"));
    };
    let text = (text.len() <= MOST_TYPED_BYTES).then_some(text);
    text.and_then(|text| normalise(&text)).ok_or(FactorError::Malformed("a recovery code has sixteen characters"))
}

/// The digest under which a code of this credential is kept.
fn digest(credential: CredentialId, code: &str) -> Recovery {
    let mut context = Context::new(&SHA256);
    context.update(b"whorl recovery code 1");
    context.update(credential.0.as_bytes());
    context.update(code.as_bytes());
    Recovery(hex::encode(context.finish()))
}

const KIND: FactorKind = FactorKind::RecoveryCode;
const CODES: usize = 10;
/// 80 bits: more than can be guessed over a network, or at all from a digest.
const CODE_BYTES: usize = 10;
const SYMBOLS: usize = CODE_BYTES * 8 / 5;
const GROUP: usize = 4;
const MOST_TYPED_BYTES: usize = 128;
/// Crockford's base 32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_was_copied() {
        let written = "7XK2-M9QT-04BD-1Z81";
        let meant = normalise(written).expect("a code");
        for copied in ["7xk2m9qt04bd1z81", " 7XK2 M9QT O4BD IZ8L ", "7XK2\u{2013}M9QT-o4bd-lz8i"] {
            assert_eq!(normalise(copied), Some(meant.clone()), "{copied}");
        }
        for other in ["", "7XK2-M9QT-04BD-1Z8", "7XK2-M9QT-04BD-1Z811", "7XK2-M9QT-04BD-1Z8U", "７XK2-M9QT-04BD-1Z81"] {
            assert_eq!(normalise(other), None, "{other}");
        }
    }

    #[test]
    fn codes_differ_and_use_the_whole_alphabet() {
        let codes: Vec<String> = (0..200).map(|_| code().expect("random")).collect();
        assert!(codes.iter().all(|c| c.len() == 19 && normalise(c).is_some()));
        let distinct: std::collections::HashSet<&String> = codes.iter().collect();
        assert_eq!(distinct.len(), codes.len());
        assert!(ALPHABET.iter().all(|s| codes.iter().any(|c| c.contains(char::from(*s)))));
    }
}
