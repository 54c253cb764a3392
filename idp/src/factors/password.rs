//! Passwords: Argon2id, on a bounded pool, one a subject.
//!
//! The PHC string in the credential's `public` names its own parameters; when the deployment's have
//! changed, a good login hashes anew (only then is the password at hand). Passwords are compared after
//! NFC, so that a person's two keyboards type the same one (NIST SP 800-63B-4 §3.1.1.2).

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization;
use wire::CredentialId;
use zeroize::Zeroizing;

use super::breached::Breached;
use super::{
    Answer, Ceremony, Challenge, Enrolled, Evidence, Factor, FactorError, FactorKind, Issued,
};
use crate::oidc::amr::Amr;
use crate::pool::Pool;
use crate::random;
use crate::store::{Credential, CredentialChange, NewCredential, Replace, Store, Subject};

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for PasswordCost {
    /// The second of the settings that OWASP's password storage cheat sheet holds equal.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            iterations: 2,
            parallelism: 1,
        }
    }
}

/// The password factor.
pub struct Password {
    store: Store,
    pool: Pool,
    params: Params,
    /// A hash of a password that nobody has, for names that nobody has.
    nobody: Arc<str>,
    /// What nobody may choose.
    breached: Option<Arc<Breached>>,
}

impl Password {
    /// The factor, whose hashes run on `pool`.
    ///
    /// # Errors
    /// Where the cost is none that Argon2 takes.
    pub fn new(store: Store, pool: Pool, cost: PasswordCost) -> Result<Self, FactorError> {
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None)
            .map_err(|error| fault(anyhow::anyhow!("the cost of passwords: {error}")))?;
        let nobody = nobodys(&params);
        Ok(Self {
            store,
            pool,
            params,
            nobody: nobody.into(),
            breached: None,
        })
    }

    /// The factor, with a list of passwords that nobody may choose.
    #[must_use]
    pub fn without(self, breached: Option<Breached>) -> Self {
        Self {
            breached: breached.map(Arc::new),
            ..self
        }
    }

    /// Whether a password is known to whoever guesses. A list that cannot be read is a fault, and no good answer.
    async fn is_breached(&self, password: &Zeroizing<String>) -> Result<bool, FactorError> {
        let Some(list) = self.breached.clone() else {
            return Ok(false);
        };
        let password = password.clone();
        let looked_up = self
            .pool
            .run("password_breached", move || list.contains(&password))
            .await
            .map_err(|e| FactorError::pool(KIND, e))?;
        looked_up.map_err(|error| fault(anyhow::anyhow!("the breached list: {error}")))
    }

    /// Makes `password` the subject's, without judging it: for subjects that a configuration seeds. Nothing is
    /// changed where it is the subject's already.
    ///
    /// # Errors
    /// When the database or the pool fails.
    pub async fn preset(
        &self,
        subject: &Subject,
        password: &str,
        now: OffsetDateTime,
    ) -> Result<(), FactorError> {
        let password = typed(Answer::Text(Zeroizing::new(password.to_owned())))?;
        let credentials = self.store.credentials(subject.id).await?;
        for known in credentials.iter().filter(|c| c.factor == KIND) {
            let phc = known.public.as_ref().and_then(|public| public.get("phc"));
            if let Some(phc) = phc.and_then(Value::as_str)
                && self.is_match(password.clone(), phc.into()).await?
            {
                return Ok(());
            }
        }
        let new = credential(&self.hash(password).await?);
        self.store
            .add_credential(subject.id, new, Replace::SameFactor, now)
            .await?;
        Ok(())
    }

    /// The PHC string of a password that has been judged good enough.
    async fn hash(&self, password: Zeroizing<String>) -> Result<String, FactorError> {
        let params = self.params.clone();
        self.pool
            .run("password_hash", move || hash(&params, &password))
            .await
            .map_err(|e| FactorError::pool(KIND, e))?
    }

    /// Whether the password is that of the PHC string; costs the same whatever the answer.
    async fn is_match(
        &self,
        password: Zeroizing<String>,
        phc: Arc<str>,
    ) -> Result<bool, FactorError> {
        let compare = move || {
            let known = PasswordHash::new(&phc)
                .map_err(|e| fault(anyhow::anyhow!("a stored hash: {e}")))?;
            Ok(Argon2::default()
                .verify_password(password.as_bytes(), &known)
                .is_ok())
        };
        self.pool
            .run("password_compare", compare)
            .await
            .map_err(|e| FactorError::pool(KIND, e))?
    }

    /// Hashes under today's parameters what was hashed under others.
    async fn renew(
        &self,
        known: &Credential,
        phc: &str,
        password: Zeroizing<String>,
    ) -> Result<(), FactorError> {
        let stored = PasswordHash::new(phc)
            .ok()
            .and_then(|hash| Params::try_from(&hash).ok());
        if stored
            .as_ref()
            .is_some_and(|stored| is_same_cost(stored, &self.params))
        {
            return Ok(());
        }
        let public = Some(public(&self.hash(password).await?));
        let change = CredentialChange {
            blob_digest: None,
            public,
            model: None,
        };
        // Whoever loses the race leaves a hash of the same password.
        self.store.change_credential(known, change).await?;
        Ok(())
    }
}

#[async_trait]
impl Factor for Password {
    fn kind(&self) -> FactorKind {
        KIND
    }

    async fn enrol_begin(&self, _: Ceremony<'_>) -> Result<Issued, FactorError> {
        Ok(Issued {
            challenge: Challenge::Password,
            remember: Value::Null,
        })
    }

    async fn enrol_finish(
        &self,
        ceremony: Ceremony<'_>,
        _: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError> {
        let password = typed(answer)?;
        judge(&password, ceremony.subject).map_err(|advice| FactorError::Refused(advice.into()))?;
        if self.is_breached(&password).await? {
            return Err(FactorError::Refused(BREACHED.into()));
        }
        Ok(Enrolled {
            credential: credential(&self.hash(password).await?),
            several: false,
        })
    }

    async fn challenge(&self, _: Ceremony<'_>) -> Result<Issued, FactorError> {
        Ok(Issued {
            challenge: Challenge::Password,
            remember: Value::Null,
        })
    }

    async fn verify(
        &self,
        ceremony: Ceremony<'_>,
        _: Value,
        answer: Answer,
    ) -> Result<Evidence, FactorError> {
        let Some(known) = ceremony.of(KIND).next() else {
            return self.verify_nobody(answer, ceremony.now).await;
        };
        let password = typed(answer)?;
        let phc: Arc<str> = known
            .public
            .as_ref()
            .and_then(|public| public.get("phc"))
            .and_then(Value::as_str)
            .ok_or_else(|| fault(anyhow::anyhow!("a credential without its hash")))?
            .into();
        if !self.is_match(password.clone(), phc.clone()).await? {
            return Ok(Evidence::no_match(KIND, ceremony.now));
        }
        self.renew(known, &phc, password).await?;
        self.store
            .use_credential(known.id, None, ceremony.now)
            .await?;
        Ok(Evidence::matched(KIND, [Amr::Pwd], known.id, ceremony.now))
    }

    async fn verify_nobody(
        &self,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<Evidence, FactorError> {
        self.is_match(typed(answer)?, self.nobody.clone()).await?;
        Ok(Evidence::no_match(KIND, now))
    }
}

fn hash(params: &Params, password: &str) -> Result<String, FactorError> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| fault(anyhow::anyhow!("argon2: {error}")))
}

/// A hash that no password has: comparing with it costs what comparing with any other does, and making it nothing.
fn nobodys(params: &Params) -> String {
    let (mut salt, mut output) = ([0; 16], [0; Params::DEFAULT_OUTPUT_LEN]);
    random::fill(&mut salt);
    random::fill(&mut output);
    format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output)
    )
}

fn is_same_cost(a: &Params, b: &Params) -> bool {
    (a.m_cost(), a.t_cost(), a.p_cost()) == (b.m_cost(), b.t_cost(), b.p_cost())
}

fn credential(phc: &str) -> NewCredential {
    NewCredential {
        id: CredentialId(uuid::Uuid::now_v7()),
        factor: KIND,
        label: String::new(),
        model: None,
        blob_digest: None,
        sealed: None,
        public: Some(public(phc)),
        counter: 0,
        recovery: Vec::new(),
    }
}

fn public(phc: &str) -> Value {
    json!({ "phc": phc })
}

/// The password as it is compared: NFC. Longer ones than any enrolled are not worth a hash.
fn typed(answer: Answer) -> Result<Zeroizing<String>, FactorError> {
    let Answer::Text(text) = answer else {
        return Err(FactorError::Malformed("a password is text"));
    };
    if text.is_empty() || text.len() > MOST_BYTES {
        return Err(FactorError::Malformed("a password of no possible length"));
    }
    // Normalised into room for all of it, so that no copy is left behind by a growing buffer.
    let mut normal = Zeroizing::new(String::with_capacity(text.len() * NFC_GROWTH));
    normal.extend(text.nfc());
    Ok(normal)
}

const BREACHED: &str = "That password was found in a breach elsewhere, and is tried by whoever guesses. Choose something else.";

/// Whether a password may be chosen; the text is for its holder.
fn judge(password: &str, subject: &Subject) -> Result<(), &'static str> {
    let length = password.chars().count();
    if length < LEAST_CHARACTERS {
        return Err(
            "Choose at least 8 characters. Four or five words in a row are strong and easy to remember.",
        );
    }
    if length > MOST_CHARACTERS {
        return Err("Choose at most 1024 characters.");
    }
    let folded = Zeroizing::new(password.to_lowercase());
    let first = folded.chars().next();
    if folded.chars().all(|c| Some(c) == first) {
        return Err("One character over and over is guessed at once. Choose something else.");
    }
    let email = subject.email.as_deref().unwrap_or_default().to_lowercase();
    let names = [
        subject.username.to_lowercase(),
        subject.display_name.to_lowercase(),
        email.split('@').next().unwrap_or_default().to_owned(),
        email,
    ];
    // With or without digits behind it.
    let stem = folded.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    let is_name = |name: &String| !name.is_empty() && (name == stem || name == &*folded);
    if names.iter().any(is_name) {
        return Err("Your own name or address is guessed at once. Choose something else.");
    }
    if GUESSED_FIRST.contains(&stem) || GUESSED_FIRST.contains(&folded.as_str()) {
        return Err("That is one of the passwords that are guessed first. Choose something else.");
    }
    Ok(())
}

fn fault(error: anyhow::Error) -> FactorError {
    FactorError::Internal(KIND, error)
}

const KIND: FactorKind = FactorKind::Password;
/// NIST SP 800-63B-4 §3.1.1.2 for a password beside another factor.
const LEAST_CHARACTERS: usize = 8;
const MOST_CHARACTERS: usize = 1024;
/// The longest text that can be such a password.
const MOST_BYTES: usize = MOST_CHARACTERS * 4;
/// No text grows more than this under NFC, in UTF-8 (Unicode Standard Annex 15, table of expansion factors).
const NFC_GROWTH: usize = 3;
/// What every guesser tries before anything else, stems without trailing digits included. Not a breach
/// list: that is a service of its own.
const GUESSED_FIRST: [&str; 16] = [
    "12345678",
    "123456789",
    "1234567890",
    "87654321",
    "password",
    "passw0rd",
    "passwort",
    "qwertyui",
    "qwertyuiop",
    "qwertz",
    "qwertzui",
    "iloveyou",
    "letmein",
    "welcome",
    "administrator",
    "changeme",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{NOW, store, subject};

    #[tokio::test]
    async fn what_may_be_chosen_is_told_plainly() {
        let (_folder, store) = store().await;
        let ada = subject(&store, "ada.lovelace").await;
        for (password, reason) in [
            ("short", "at least 8"),
            ("aaaaaaaaaaaa", "over and over"),
            ("Ada.Lovelace1815", "own name"),
            ("Password123!", "guessed first"),
            ("12345678", "guessed first"),
            (&"a ".repeat(600), "at most 1024"),
        ] {
            let refused = judge(password, &ada).expect_err(password);
            assert!(refused.contains(reason), "{password}: {refused}");
        }
        for password in ["correct horse battery", "ユニコードの合言葉", "b7#kq0-z"] {
            assert_eq!(judge(password, &ada), Ok(()), "{password}");
        }
    }

    #[test]
    fn nobodys_hash_costs_what_others_do_and_matches_nothing() {
        let params = Params::new(64, 2, 1, None).expect("a cost");
        let (one, other) = (nobodys(&params), nobodys(&params));
        assert_ne!(one, other);
        let read = PasswordHash::new(&one).expect("a PHC string");
        let stored = Params::try_from(&read).expect("its cost");
        assert!(is_same_cost(&stored, &params));
        let real = hash(&params, "correct horse battery").expect("hashes");
        assert_eq!(real.len(), one.len(), "{real} {one}");
        for password in ["", "correct horse battery"] {
            let compared = Argon2::default().verify_password(password.as_bytes(), &read);
            assert!(matches!(
                compared,
                Err(argon2::password_hash::Error::PasswordInvalid)
            ));
        }
    }

    #[tokio::test]
    async fn a_good_login_renews_a_hash_of_another_cost() {
        let (_folder, store) = store().await;
        let ada = subject(&store, "ada").await;
        let pool = Pool::new(crate::pool::PoolSize {
            workers: 2,
            queue: 8,
        });
        let cheap = PasswordCost {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
        };
        let dear = PasswordCost {
            memory_kib: 128,
            ..cheap
        };
        let old = Password::new(store.clone(), pool.clone(), cheap).expect("a cost");
        let new = Password::new(store.clone(), pool, dear).expect("a cost");
        // Composed at enrolment, decomposed at the login.
        let text = |t: &str| Answer::Text(Zeroizing::new(t.to_owned()));
        let ceremony = Ceremony {
            subject: &ada,
            credentials: &[],
            now: NOW,
        };
        let enrolled = old
            .enrol_finish(ceremony, Value::Null, text("caf\u{e9} au lait"))
            .await
            .expect("enrols");
        store
            .add_credential(
                ada.id,
                enrolled.credential,
                crate::store::Replace::SameFactor,
                NOW,
            )
            .await
            .expect("kept");
        let before = store.credentials(ada.id).await.expect("read");
        let ceremony = Ceremony {
            credentials: &before,
            ..ceremony
        };
        let evidence = new
            .verify(ceremony, Value::Null, text("cafe\u{301} au lait"))
            .await
            .expect("judged");
        assert_eq!(evidence.outcome, crate::factors::Outcome::Match);
        let after = store.credentials(ada.id).await.expect("read");
        let phc = |all: &[Credential]| {
            all[0]
                .public
                .as_ref()
                .map(ToString::to_string)
                .expect("a hash")
        };
        assert!(phc(&before).contains("m=64,") && phc(&after).contains("m=128,"));
    }

    #[tokio::test]
    async fn a_password_of_a_breach_is_refused() {
        let (folder, store) = store().await;
        let ada = subject(&store, "ada").await;
        let pool = Pool::new(crate::pool::PoolSize {
            workers: 2,
            queue: 8,
        });
        let cheap = PasswordCost {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
        };
        let known = "breached long ago";
        let legacy = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
        let digest = aws_lc_rs::digest::digest(legacy, known.as_bytes());
        let file = folder.path().join("breached.txt");
        let line = format!("{}:7\r\n", hex::encode_upper(digest.as_ref()));
        std::fs::write(&file, line).expect("writes");
        let list = Breached::open(&file).expect("a list");
        let factor = Password::new(store.clone(), pool, cheap).expect("a cost");
        let factor = factor.without(Some(list));
        let ceremony = Ceremony {
            subject: &ada,
            credentials: &[],
            now: NOW,
        };
        let text = |t: &str| Answer::Text(Zeroizing::new(t.to_owned()));
        let refused = factor
            .enrol_finish(ceremony, Value::Null, text(known))
            .await;
        assert!(matches!(refused, Err(FactorError::Refused(advice)) if advice == BREACHED));
        let other = text("never seen by anybody");
        let taken = factor.enrol_finish(ceremony, Value::Null, other).await;
        assert!(taken.is_ok());
        // A list that is cut short meanwhile gives no good answers.
        std::fs::write(&file, "not a list any more, whatever it was before").expect("writes");
        let fault = factor
            .enrol_finish(ceremony, Value::Null, text(known))
            .await;
        assert!(matches!(fault, Err(FactorError::Internal(..))));
    }
}
